# Clients write to etcd and read from it while network faults come and go. Every operation is
# recorded, and at the end it is checked that the history is linearisable: that each operation can
# have happened at one moment between its begin and its end.
import base64
import itertools
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

nodes = [node1, node2, node3]
UNKNOWN = float("inf")  # the end of a write without an answer: it may happen at any later time


@dataclass(frozen=True)
class Operation:
    begin: float
    end: float
    writes: bool
    value: str  # written or read; empty: there is none yet


def is_linearisable(history):
    """Whether one register can have had this history. All written values differ."""
    read = {each.value for each in history if not each.writes}
    # An unanswered write that nothing has read may just as well not have happened.
    todo = frozenset(each for each in history if each.end < UNKNOWN or each.value in read)
    seen = set()
    stack = [(todo, "")]
    while stack:
        left, value = stack.pop()
        if all(each.end == UNKNOWN for each in left):
            return True
        if (left, value) in seen:
            continue
        seen.add((left, value))
        # The next operation began before all others that are left have ended.
        first_end = min(each.end for each in left)
        for each in left:
            if each.begin <= first_end and (each.writes or each.value == value):
                stack.append((left - {each}, each.value if each.writes else value))
    return False


def request(node, path, **fields):
    """The command, and the answer of etcd's JSON interface on this node; {} if none came in 3 s."""
    encoded = {
        name: base64.b64encode(each.encode()).decode() if isinstance(each, str) else each
        for name, each in fields.items()
    }
    command = f"curl -sf -m 3 http://127.0.0.1:2379/v3/{path} -d @-"
    result = node.run(command, stdin=json.dumps(encoded))
    return result, json.loads(result.stdout) if result.ok else {}


class Client:
    """Writes the key and reads it in turn through one node; a wrong client accepts old values."""

    def __init__(self, node, key, is_wrong=False):
        self.node, self.key, self.is_wrong = node, key, is_wrong
        self.history = []
        self.numbers = itertools.count()

    def work(self, operations):
        """Adds the operations to the history, except reads without an answer."""
        for number in itertools.islice(self.numbers, operations):
            value = f"{self.node.name}-{number}"
            if writes := number % 2 == 0:
                result, answer = request(self.node, "kv/put", key=self.key, value=value)
            else:
                result, answer = request(
                    self.node, "kv/range", key=self.key, serializable=self.is_wrong
                )
                found = answer.get("kvs")
                value = base64.b64decode(found[0]["value"]).decode() if found else ""
            if answer or writes:
                end = result.ended if answer else UNKNOWN
                self.history.append(Operation(result.begun, end, writes, value))


def in_parallel(clients, operations):
    """Each client makes so many operations, at the same time as the others."""
    with ThreadPoolExecutor(len(clients)) as threads:
        list(threads.map(Client.work, clients, itertools.repeat(operations)))


def leader(limit=120):
    """The node that leads, as the nodes see it that have one. Waits `limit` seconds for one."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        for node in nodes:
            _, status = request(node, "maintenance/status")
            if status.get("leader", "0") == status.get("header", {}).get("member_id"):
                return node
    raise Exception(f"no node leads after {limit} s")


def history_of(clients, faults):
    """What the clients record while these faults come one after the other.

    How many operations they make does not depend on their speed, so that the script can be resumed.
    """
    for start in faults:
        with start() as fault:
            in_parallel(clients, 5)
        print(f"{fault.name}: {fault.counters()}")
        in_parallel(clients, 4)
    return [each for client in clients for each in client.history]


with subtest("the checker accepts good histories and rejects bad ones"):
    write, late = Operation(0, 1, True, "1"), Operation(2, 3, True, "2")
    assert is_linearisable([write, late, Operation(4, 5, False, "2")])
    assert is_linearisable([write, late, Operation(2.5, 4, False, "1")])
    assert not is_linearisable([write, late, Operation(4, 5, False, "1")])
    assert not is_linearisable([write, Operation(2, 3, False, "")])
    assert is_linearisable([write, Operation(2, UNKNOWN, True, "2"), Operation(9, 10, False, "2")])

with subtest("etcd runs on three nodes"):
    peers = [f"http://192.168.1.{number}:2380" for number in (1, 2, 3)]
    cluster = ",".join(f"{node.name}={peer}" for node, peer in zip(nodes, peers))
    start_all()
    for node, peer in zip(nodes, peers):
        settings = {
            "NAME": node.name,
            "INITIAL_CLUSTER": cluster,
            "INITIAL_ADVERTISE_PEER_URLS": peer,
            "LISTEN_PEER_URLS": peer,
            "LISTEN_CLIENT_URLS": "http://127.0.0.1:2379",
            "ADVERTISE_CLIENT_URLS": "http://127.0.0.1:2379",
            # Guests without KVM are slow.
            "HEARTBEAT_INTERVAL": "300",
            "ELECTION_TIMEOUT": "2000",
        }
        lines = "".join(f"ETCD_{name}={value}\n" for name, value in settings.items())
        node.run("cat > /etc/default/etcd", stdin=lines).check()
        node.succeed("systemctl start --no-block etcd")
    for node in nodes:
        node.wait_for_unit("etcd")
    leader()

with subtest("histories are linearisable under faults"):
    # The same seed gives the same schedule: charioteer run --seed N.
    choose = random.Random(vlan1.seed.value)
    schedule = [
        lambda: vlan1.isolate(leader()),
        lambda: vlan1.isolate(leader(), one_way=True),
        lambda: vlan1.slow(choose.choice(nodes), delay=0.3, jitter=0.2),
        lambda: vlan1.flaky(choose.choice(nodes), loss=0.3),
        lambda: vlan1.partition_halves(nodes),
    ]
    choose.shuffle(schedule)
    history = history_of([Client(node, "x") for node in nodes], schedule)
    answered = sum(each.end < UNKNOWN for each in history)
    print(f"{len(history)} operations, {answered} of them answered")
    assert is_linearisable(history)

with subtest("a client that accepts old values is detected"):
    # It reads from a node that is cut off, and whose copy of the data gets old.
    cut_off = next(node for node in nodes if node is not leader())
    clients = [Client(node, "y", is_wrong=node is cut_off) for node in nodes]
    history = history_of(clients, [lambda: vlan1.isolate(cut_off)])
    assert not is_linearisable(history)
