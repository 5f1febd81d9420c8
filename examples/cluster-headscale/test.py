# Four nodes register with a control server and reach each other through WireGuard. The script does not
# depend on the distribution: all differences are in the definitions of the machines.
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

all_nodes = [primer, worker1, worker2, worker3]
workers = all_nodes[1:]
seconds = {}


@contextmanager
def phase(name):
    """A subtest whose duration is in the table at the end."""
    began = time.monotonic()
    with subtest(name):
        yield
    seconds[name] = time.monotonic() - began


def in_parallel(action, machines):
    """Runs `action` on all machines in parallel; the results, in order."""
    with ThreadPoolExecutor(len(machines)) as threads:
        return list(threads.map(action, machines))


def register(machine):
    """Registers the machine with the key."""
    machine.wait_for_unit("tailscaled.service")
    machine.succeed(
        f"tailscale up --login-server={login_server} --auth-key={key} "
        f"--hostname={machine.name} --accept-dns=false --netfilter-mode=off --timeout=180s"
    )


def show_journal(machine):
    """Prints the last messages of the machine's daemons."""
    print(f"--- {machine.name}")
    print(machine.execute("journalctl --no-pager -n 40 -u headscale -u tailscaled")[1])


def reach_all(machine):
    """Pings every other node through the mesh, without a relay; returns their number."""
    others = [other for other in all_nodes if other is not machine]
    for other in others:
        pong = machine.succeed(
            f"tailscale ping -c 20 --timeout=20s --until-direct=true {other.name}"
        )
        t.assertNotIn("DERP", pong.splitlines()[-1])
    return len(others)


try:
    with phase("the control server runs"):
        primer.start()
        primer.wait_for_unit("headscale.service")
        primer.wait_for_open_port(8080)

    with phase("a user and a key are created"):
        primer.succeed("headscale users create lab")
        (user,) = json.loads(primer.succeed("headscale users list -o json"))
        key = primer.succeed(
            f"headscale preauthkeys create --user {user['id']} --reusable --expiration 24h"
        ).strip()

    with phase("the workers start, and all nodes register"):
        start_all()
        # From another machine: on the primer itself its name may have a loopback address.
        address = worker1.succeed("getent ahostsv4 primer").split()[0]
        login_server = f"http://{address}:8080"
        in_parallel(register, all_nodes)

    with phase("the control server knows all nodes, and they are online"):
        nodes = json.loads(primer.succeed("headscale nodes list -o json"))
        t.assertEqual(sorted(node["given_name"] for node in nodes), [m.name for m in all_nodes])
        t.assertTrue(all(node["online"] for node in nodes))

    with phase("every node reaches every other directly"):
        reached = sum(in_parallel(reach_all, all_nodes))

    with phase("names resolve to addresses of the mesh"):
        of_name = {node["given_name"]: node["ip_addresses"] for node in nodes}
        for machine in all_nodes:
            for other in all_nodes:
                mesh = machine.succeed(f"tailscale ip -4 {other.name}").strip()
                t.assertIn(mesh, of_name[other.name])

    with phase("workers serve each other over the mesh"):
        for worker in workers:
            worker.succeed(
                "mkdir -p /srv/www && hostname > /srv/www/name",
                "systemd-run --unit=web busybox httpd -f -p 8000 -h /srv/www",
            )
        for worker in workers:
            worker.wait_for_open_port(8000)
        for worker in workers:
            for other in workers:
                if other is not worker:
                    page = f"http://{of_name[other.name][0]}:8000/name"
                    t.assertEqual(worker.succeed(f"curl -fsS {page}").strip(), other.name)
except BaseException:
    for machine in all_nodes:
        if machine.is_up():
            show_journal(machine)
    raise

print("| phase | seconds |\n|---|---|")
for name, taken in [*seconds.items(), ("total", sum(seconds.values()))]:
    print(f"| {name} | {taken:.0f} |")
print(f"{reached} of {len(all_nodes) * (len(all_nodes) - 1)} pings through the mesh passed")
