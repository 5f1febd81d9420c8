# Containers start in a second and share the host's kernel; on the network they are like virtual machines.
# They need root on this host.
start_all()

with subtest("containers have systemd, a name and addresses"):
    for number, container in ((2, other), (3, web)):
        container.wait_for_unit("multi-user.target")
        t.assertEqual(container.succeed("hostname").strip(), container.name)
        vlan = 2 if container is other else 1
        t.assertIn(f" 192.168.{vlan}.{number}/24 ", container.succeed("ip addr show dev eth1"))

with subtest("virtual machines and containers reach each other by name"):
    client.wait_until_succeeds("ping -c 1 -W 5 web", timeout=60)
    client.wait_until_succeeds("ping -c 1 -W 5 other", timeout=60)
    web.succeed("ping -c 1 -W 5 client")

with subtest("VLANs are separate"):
    web.fail("ping -c 1 -W 1 192.168.2.2")

with subtest("a service in a container"):
    web.succeed("systemd-run -u page --collect sh -c 'while :; do echo hello | nc -N -l 80; done'")
    web.wait_for_open_port(80)
    t.assertEqual(client.succeed("nc -d web 80"), "hello\n")
    web.shutdown()
    client.fail("ping -c 1 -W 1 web")
