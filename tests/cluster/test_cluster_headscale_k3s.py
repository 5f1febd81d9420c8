"""The cluster of Kubernetes with Headscale in a pod: its example, and failures of nodes and pods."""

from collections.abc import Iterator

import pytest

from kubernetes import NODES, SLOW, VERY_SLOW, Kubernetes
from support.first_screen import first_screen, observe_steps
from support.patience import deadline
from support.resumed_example import ResumedExample
from support.shared_machines import machines_of_cluster
from support.testbed import Testbed

pytestmark = pytest.mark.limit(1500)

START_LIMIT = 2400
READY = "curl -sS --insecure --max-time 20 https://192.168.1.2:6443/readyz"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Kubernetes]:
    with machines_of_cluster(NODES) as made:
        observe_steps(made)
        nodes = Kubernetes(made)
        with deadline(START_LIMIT):
            nodes.start()
        yield nodes


@pytest.mark.limit(7200)
def test_the_example(testbed: Testbed) -> None:
    last_line = "12 of 12 pings through the mesh passed"
    example = ResumedExample(testbed, "cluster-headscale-k3s", last_line)
    example.run("--checkpoint", limit=3500)
    assert len(example.saved) == 9
    example.resume_at_each(limit=2500)


def test_a_server_with_another_name_and_address_creates_its_cluster(cluster: Kubernetes) -> None:
    addresses = "{range .items[*]}{.metadata.name} {.status.addresses[0].address}{'\\n'}{end}"
    listed = cluster.kubectl(f'get nodes -o jsonpath="{addresses}"')
    assert listed.splitlines() == [
        "agent 192.168.1.1",
        "server 192.168.1.2",
        "worker 192.168.1.3",
    ]
    assert cluster.ping(cluster["agent"], "worker").startswith("pong from worker")


def test_a_wrong_preauth_key_is_rejected(cluster: Kubernetes) -> None:
    node = cluster["agent"]
    node.succeed("tailscale logout")
    wrong = cluster.join_command(node, "hskey-auth-0123456789ab-wrong", timeout="20s")
    status, output = node.execute(wrong + " 2>&1")
    assert status != 0, output
    node.succeed("tailscale status --json | grep NeedsLogin")
    node.succeed(cluster.join_command(node, cluster.new_key()))
    assert cluster.ping(cluster["worker"], "agent").startswith("pong from agent")


def test_a_wrong_token_is_refused(cluster: Kubernetes) -> None:
    worker = cluster["worker"]
    authority, _, secret = cluster.token.partition("::")
    worker.succeed("cp -a /etc/kubernetes /tmp/kubernetes")
    cluster.configure(worker, f"K10{'0' * 64}::{secret}")
    refused = worker.fail("/usr/lib/charioteer/kube-join 2>&1")
    assert "is not the one that the token is for" in refused
    # The right authority with a wrong secret.
    cluster.configure(worker, f"{authority}::abcdef.0123456789abcdef")
    worker.succeed("/usr/lib/charioteer/kube-join")
    answer = worker.fail("kubectl --kubeconfig /etc/kubernetes/join.conf get csr 2>&1")
    assert "You must be logged in to the server" in answer
    worker.succeed("rm -r /etc/kubernetes", "mv /tmp/kubernetes /etc/kubernetes")
    cluster.configure(worker, cluster.token)


def test_a_worker_has_the_rights_of_a_node_only(cluster: Kubernetes) -> None:
    kubectl = "kubectl --kubeconfig /etc/kubernetes/kubelet.conf"
    worker = cluster["worker"]
    assert "system:node:worker" in worker.succeed(f"{kubectl} auth whoami")
    for forbidden in ("get secrets -A", "delete node server"):
        assert "Forbidden" in worker.fail(f"{kubectl} {forbidden} 2>&1")
    bootstrap = "kubectl --kubeconfig /etc/kubernetes/join.conf"
    assert "Forbidden" in worker.fail(f"{bootstrap} get nodes 2>&1")


def test_the_output_explains_why_pods_do_not_run(cluster: Kubernetes) -> None:
    cluster.create_pod("wrong-image", "worker", image="none:1")
    cluster.create_pod("crashes", "agent", command="false")
    cluster.create_pod("nowhere", "another")
    waiting = "{.status.containerStatuses[0].state.waiting.reason}"
    for pod, path, reason in (
        ("wrong-image", waiting, "ErrImageNeverPull"),
        ("crashes", waiting, "CrashLoopBackOff"),
        ("nowhere", "{.status.conditions[?(@.type=='PodScheduled')].reason}", "Unschedulable"),
    ):
        wait = f'wait --for=jsonpath="{path}"={reason} pod/{pod}'
        cluster.kubectl(f"{wait} --timeout={SLOW}s", VERY_SLOW)
    text = cluster.explanation()
    assert 'Container image "charioteer.local/none:1" is not present' in text
    assert "Back-off restarting failed container one in pod crashes" in text
    assert "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector" in text
    cluster.kubectl("delete pod wrong-image crashes nowhere --wait=false")


def test_a_disconnected_worker_cannot_reach_the_api(cluster: Kubernetes) -> None:
    worker = cluster["worker"]
    assert worker.succeed(READY) == "ok"
    worker.block()
    worker.fail(READY)
    assert cluster["agent"].succeed(READY) == "ok"
    worker.unblock()
    assert worker.wait_until_succeeds(READY, timeout=SLOW) == "ok"


def test_the_server_restarts_under_load(cluster: Kubernetes) -> None:
    cluster.create_pod("stays", "worker")
    cluster.kubectl(f"wait --for=condition=Ready pod/stays --timeout={SLOW}s", VERY_SLOW)
    pods = cluster.kubectl("get pods -A -o name")
    # Clients whose requests fail meanwhile, and a process that takes one of the server's processors.
    client = (
        "while :; do kubectl --kubeconfig /etc/kubernetes/kubelet.conf get node/$(uname -n); done"
    )
    for worker in cluster.workers:
        worker.succeed(f"systemd-run --unit=client sh -c '{client}'")
    cluster.server.succeed("systemd-run --unit=load sha256sum /dev/zero")
    cluster.server.succeed("systemctl restart k3s", timeout=VERY_SLOW)
    assert cluster.kubectl("get pods -A -o name") == pods
    cluster.server.succeed("systemctl stop load")
    for worker in cluster.workers:
        worker.succeed("systemctl stop client")
    cluster.wait_for_nodes()
    assert cluster.restarts("headscale", "stays") == [0, 0]
    assert cluster.kubectl("exec stays -- /bin/busybox echo from a pod") == "from a pod\n"


def test_a_worker_that_crashed_returns_as_the_same_node(cluster: Kubernetes) -> None:
    worker = cluster["worker"]
    identity = "get node worker -o jsonpath={.metadata.uid}"
    before = cluster.kubectl(identity)
    worker.succeed("sync")
    worker.crash()
    # The server notices when it has not renewed its lease for 90 s.
    lost = "wait --for=condition=Ready=Unknown node/worker"
    cluster.kubectl(f"{lost} --timeout={SLOW}s", VERY_SLOW)
    cluster.start_node(worker)
    cluster.wait_for_nodes()
    assert cluster.kubectl(identity) == before
    cluster.kubectl(f"wait --for=condition=Ready pod/stays --timeout={SLOW}s", VERY_SLOW)
    assert cluster.ping(cluster["agent"], "worker").startswith("pong from worker")


def test_mesh_and_cluster_return_after_a_reboot_of_the_server(cluster: Kubernetes) -> None:
    before = {node["given_name"]: node["id"] for node in cluster.registered()}
    cluster.server.shutdown()
    # The mesh does not need Headscale for nodes that know each other.
    assert cluster.ping(cluster["agent"], "worker").startswith("pong from worker")
    cluster.start_node(cluster.server)
    cluster.wait_for_server()
    cluster.wait_for_nodes()
    assert {node["given_name"]: node["id"] for node in cluster.registered()} == before
    for worker in cluster.workers:
        assert cluster.ping(worker, "server").startswith("pong from server")
    cluster.kubectl("exec stays -- /bin/busybox true")


def test_nodes_send_no_packets_to_the_internet(cluster: Kubernetes) -> None:
    for node in cluster.nodes:
        assert cluster.sent_to_the_internet(node) == [], node.name
    # Check that the recording works.
    cluster.server.execute("ping -c 1 -W 5 10.0.2.2")
    assert cluster.sent_to_the_internet(cluster.server)


@pytest.mark.parametrize(
    ("name", "change", "condition", "cause"),
    [
        ("without-image", {"image": "web:2"}, "condition=Ready", "cannot use the image"),
        # It is ready for a moment whenever it starts.
        (
            "crashing",
            {"command": "false"},
            "jsonpath={.status.phase}=Succeeded",
            "is in a crash loop",
        ),
        ("unscheduled", {"node": "no-such-node"}, "condition=Ready", "is not scheduled"),
    ],
)
def test_the_cause_of_a_pod_that_does_not_run(
    cluster: Kubernetes, name: str, change: dict[str, str], condition: str, cause: str
) -> None:
    cluster.create_pod(name, **{"node": "worker", **change})
    wait = f"kubectl wait --for={condition} pod/{name} --timeout=60s"
    screen = first_screen(cluster.machines, f"server.succeed({wait!r})")
    cluster.kubectl(f"delete pod {name} --wait=false")
    assert f"1. server: the pod default/{name} {cause}" in screen
