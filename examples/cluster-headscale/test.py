# Four nodes register with a control server and reach each other through WireGuard. The script does not
# depend on the distribution: all differences are in the definitions of the machines.
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

all_nodes = [primer, worker1, worker2, worker3]
workers = all_nodes[1:]
seconds: dict[str, float] = {}


@contextmanager
def phase(name):
    """A subtest whose duration is in the table at the end."""
    began = time.monotonic()
    with subtest(name):
        yield
    seconds[name] = time.monotonic() - began


def in_parallel(action, *lists):
    """Calls `action` in parallel, with one element of each list; the results, in order."""
    with ThreadPoolExecutor(len(lists[0])) as threads:
        return list(threads.map(action, *lists))


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


def reach_directly(machine, other):
    """Pings the other node through the mesh, until it answers without the relay."""
    pong = machine.succeed(f"tailscale ping -c 20 --timeout=20s --until-direct=true {other.name}")
    t.assertNotIn("DERP", pong.splitlines()[-1])


def reach_all(machine):
    """Pings every other node through the mesh, without the relay; returns their number."""
    others = [other for other in all_nodes if other is not machine]
    for other in others:
        reach_directly(machine, other)
    return len(others)


def reach_by_relay(machine, other):
    """Pings the other node through the mesh, until it answers by the relay."""
    # The node tries the direct path for some more seconds, in which a ping may have no answer.
    ping = f"tailscale ping -c 1 --timeout=5s --until-direct=false {other.name}"
    machine.wait_until_succeeds(f"{ping} | grep -F 'via DERP(lab)'", timeout=300)


def direct_address(machine, other):
    """Where the machine sends packets for the other node; empty if it sends them to the relay."""
    status = json.loads(machine.succeed("tailscale status --json"))
    (peer,) = [each for each in status["Peer"].values() if each["HostName"] == other.name]
    return peer["CurAddr"]


def serve_name(worker):
    """Starts a web server with the page `name`, which has the name of the worker."""
    # Without -f the server goes into the background, and its port is open before that.
    page = "mkdir -p /srv/www && hostname > /srv/www/name"
    worker.succeed(f"{page} && busybox httpd -p 8000 -h /srv/www")


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

    with phase("two workers without UDP between them use the relay, and later the direct path"):
        ends, others = [worker1, worker2], [worker2, worker1]
        ping = f"ping -c 1 -W 30 {of_name[worker2.name][0]}"
        with vlan1.drop(worker1, worker2, match="udp"):
            in_parallel(reach_by_relay, ends, others)
            worker1.succeed(ping)
            t.assertEqual(in_parallel(direct_address, ends, others), ["", ""])
            # The paths to other nodes stay direct.
            reach_directly(worker1, worker3)
            t.assertNotEqual(direct_address(worker1, worker3), "")
        in_parallel(reach_directly, ends, others)
        t.assertNotIn("", in_parallel(direct_address, ends, others))
        worker1.succeed(ping)

    with phase("workers serve each other over the mesh"):
        in_parallel(serve_name, workers)
        names = [worker.name for worker in workers]
        pages = [f"http://{of_name[name][0]}:8000/name" for name in names]
        fetch = "busybox wget -q -O - " + " ".join(pages)
        for fetched in in_parallel(lambda worker: worker.succeed(fetch), workers):
            t.assertEqual(fetched.split(), names)
except BaseException:
    for machine in all_nodes:
        if machine.is_up():
            show_journal(machine)
    raise

print("| phase | seconds |\n|---|---|")
for name, taken in [*seconds.items(), ("total", sum(seconds.values()))]:
    print(f"| {name} | {taken:.0f} |")
print(f"{reached} of {len(all_nodes) * (len(all_nodes) - 1)} pings through the mesh passed")
