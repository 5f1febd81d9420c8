# Each of four machines on one VLAN has its own address and reaches every other by name.
all_nodes = [primer, worker1, worker2, worker3]

start_all()

with subtest("every machine has its name and its addresses"):
    for number, machine in enumerate(all_nodes, start=1):
        t.assertEqual(machine.succeed("hostname").strip(), machine.name)
        addresses = machine.succeed("ip addr show dev eth1")
        t.assertIn(f" 192.168.1.{number}/24 ", addresses)
        t.assertIn(f" 2001:db8:1::{number}/64 ", addresses)

passed = 0
with subtest("every machine reaches every other by name"):
    for machine in all_nodes:
        for other in all_nodes:
            if machine is not other:
                machine.succeed(f"ping -c 1 -W 5 {other.name}")
                passed += 1

print(f"{passed} of {len(all_nodes) * (len(all_nodes) - 1)} pings passed")
