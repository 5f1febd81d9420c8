# Results of commands, commands in the background, and commands on all machines at once.

all_machines.start()

with subtest("run returns a result, also for a command that fails"):
    result = server.run("echo out; echo err >&2; exit 3")
    assert not result.ok and result.status == 3 and result.signal is None
    assert (result.stdout, result.stderr) == ("out\n", "err\n")
    assert server.run("kill -KILL $$").signal == 9
    assert server.run("sleep 60", timeout=0.5).timed_out

with subtest("a command has input"):
    assert server.run("tr a-z A-Z", stdin="hello\n").check().stdout == "HELLO\n"
    # Bytes are passed unchanged.
    every_byte = bytes(range(256))
    assert server.run("cat", stdin=every_byte).stdout_bytes == every_byte

with subtest("a server runs in the background while its client sends requests"):
    with server.spawn("nc -l -p 7777", stdin=True) as listener:
        server.wait_until_succeeds("netstat -ltn | grep -q ':7777 '")
        with client.spawn("nc server 7777", stdin=True) as talker:
            talker.write("how are you?\n")
            assert next(listener) == "how are you?"
            listener.write("fine\n")
            assert next(talker) == "fine"

with subtest("lines can be read as they are written"):
    counter = client.spawn("for i in 1 2 3; do echo $i; done; echo done >&2")
    assert [int(line) for line in counter] == [1, 2, 3]
    assert counter.wait().check().stderr == "done\n"

with subtest("a command on all machines at once"):
    names = all_machines.succeed("hostname")
    assert names == {"client": "client\n", "server": "server\n"}
    all_machines.wait_for_file("/etc/hosts")
    statuses = all_machines.run("test $(hostname) = server")
    assert [name for name, each in statuses.items() if each.ok] == ["server"]
    all_machines.without(server).fail("test $(hostname) = server")
    all_machines.each(lambda each: each.succeed(f"test $(hostname) = {each.name}"))

with subtest("the log shows the lines of a command as they come"):
    client.succeed("for i in 1 2 3; do echo step $i; done", stream=True)
