# Files on the disk survive an orderly shutdown, a power failure, and a reboot by Ctrl-Alt-Delete.


def boots():
    """How many boots are recorded on the disk, including this one."""
    machine.succeed("echo boot >> /root/boots && sync")
    return int(machine.succeed("wc -l < /root/boots"))


with subtest("shutdown"):
    machine.start()
    machine.wait_for_unit("multi-user.target")
    t.assertEqual(boots(), 1)
    # The guest writes it to the disk when it shuts down.
    machine.succeed("echo kept > /root/not-synchronised")
    machine.shutdown()

with subtest("crash"):
    machine.start()
    t.assertEqual(boots(), 2)
    t.assertEqual(machine.succeed("cat /root/not-synchronised"), "kept\n")
    machine.crash()

with subtest("reboot"):
    machine.start(allow_reboot=True)
    t.assertEqual(boots(), 3)
    machine.reboot()
    t.assertEqual(boots(), 4)
