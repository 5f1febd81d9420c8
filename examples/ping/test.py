# Each of four machines on one VLAN has its own address and reaches every other by name.
team = [primer, worker1, worker2, worker3]

start_all()

with subtest("every machine has its name and its addresses"):
    for number, machine in enumerate(team, start=1):
        t.assertEqual(machine.succeed("hostname").strip(), machine.name)
        addresses = machine.succeed("ip addr show dev eth1")
        t.assertIn(f" 192.168.1.{number}/24 ", addresses)
        t.assertIn(f" 2001:db8:1::{number}/64 ", addresses)

passed = 0
with subtest("every machine reaches every other by name"):
    for machine in team:
        for other in team:
            if machine is not other:
                machine.succeed(f"ping -c 1 -W 5 {other.name}")
                passed += 1

print(f"{passed} of {len(team) * (len(team) - 1)} pings passed")
