"""The cluster with Headscale: its example, and failures of its nodes."""

import json

import pytest

from mesh import Mesh
from support.resumed_example import ResumedExample
from support.testbed import Testbed

pytestmark = pytest.mark.limit(900)


@pytest.mark.limit(2400)
def test_the_example(testbed: Testbed) -> None:
    last_line = "12 of 12 pings through the mesh passed"
    example = ResumedExample(testbed, "cluster-headscale", last_line)
    example.run("--checkpoint", limit=2100)
    assert len(example.saved) == 8
    # Also without a handshake between the nodes: their tunnels live on.
    example.resume_at_each(limit=2100)


def test_tunnels_live_on_without_a_handshake_when_the_nodes_are_restored(mesh: Mesh) -> None:
    one, other = mesh["worker1"], mesh["worker2"]
    address = one.succeed("tailscale ip -4 worker2").strip()
    ping = f"ping -c 1 -W 30 {address}"
    # WireGuard itself makes a handshake when the last one is 120 s old: let it be a new one.
    other.succeed("systemctl restart tailscaled")
    one.wait_until_succeeds(ping, timeout=300)
    agreed = mesh.handshake(one, "worker2")
    mesh.machines.driver.checkpoint("tunnels")
    one.succeed("systemctl stop tailscaled")
    one.fail(f"ping -c 1 -W 1 {address}")
    mesh.restore("tunnels")
    one.succeed(ping)
    assert mesh.handshake(one, "worker2") == agreed
    assert mesh.online() == sorted(node.name for node in mesh.nodes)


def test_a_wrong_key_is_rejected(mesh: Mesh) -> None:
    node = mesh["worker2"]
    node.succeed("tailscale logout")
    wrong = mesh.join_command(node, "hskey-auth-0123456789ab-wrong", timeout="20s")
    status, output = node.execute(wrong + " 2>&1")
    assert status != 0, output
    state = json.loads(node.succeed("tailscale status --json || true"))["BackendState"]
    assert state == "NeedsLogin"
    node.succeed(mesh.join_command(node, mesh.new_key()))
    assert mesh.ping(mesh["worker1"], "worker2")


def test_a_worker_that_restarts_rejoins_by_itself(mesh: Mesh) -> None:
    node = mesh["worker1"]
    node.shutdown()
    mesh.start_node(node)
    node.wait_for_unit("tailscaled.service")
    assert "pong from worker2" in mesh.ping(node, "worker2")
    assert "pong from worker1" in mesh.ping(mesh["worker2"], "worker1")


def test_a_disconnected_worker_loses_its_peers_until_it_is_reconnected(mesh: Mesh) -> None:
    node = mesh["worker2"]
    assert mesh.ping(node, "worker1")
    node.block()
    node.fail("tailscale ping -c 1 --timeout=5s worker1")
    node.unblock()
    assert "pong from worker1" in mesh.ping(node, "worker1")
    assert "worker2" in mesh.online()


def test_the_mesh_works_while_headscale_restarts(mesh: Mesh) -> None:
    assert mesh.ping(mesh["worker1"], "worker2")
    mesh.server.succeed("systemctl stop headscale")
    assert "pong from worker2" in mesh.ping(mesh["worker1"], "worker2")
    mesh.server.succeed("systemctl start headscale")
    mesh.server.wait_for_open_port(8080)
    assert "pong from worker2" in mesh.ping(mesh["worker1"], "worker2")


def test_nodes_without_a_direct_path_use_the_relay(mesh: Mesh) -> None:
    node = mesh["worker2"]
    node.succeed("echo TS_DEBUG_NEVER_DIRECT_UDP=1 > /etc/default/tailscaled")
    node.succeed("systemctl restart tailscaled")
    assert "via DERP(lab)" in mesh.ping(node, "worker1")
    node.succeed("rm /etc/default/tailscaled", "systemctl restart tailscaled")
    assert "pong from worker1" in mesh.ping(node, "worker1")


def test_nodes_send_no_packets_to_the_internet(mesh: Mesh) -> None:
    for node in mesh.nodes:
        assert mesh.sent_to_the_internet(node) == [], node.name
    # Check that the recording works.
    mesh.server.execute("ping -c 1 -W 5 10.0.2.2")
    assert mesh.sent_to_the_internet(mesh.server)


class TestReadyForKubernetes:
    def test_kernel_and_memory(self, mesh: Mesh) -> None:
        mesh.server.succeed("modprobe -a overlay br_netfilter nf_conntrack")
        assert mesh.server.succeed("stat -fc %T /sys/fs/cgroup") == "cgroup2fs\n"
        memory = mesh.server.succeed("grep MemTotal /proc/meminfo").split()[1]
        assert int(memory) > 3_800_000
        mesh.server.require_unit_state("multi-user.target")
        mesh.server.wait_for_closed_port(6443)

    def test_a_container_of_a_local_image(self, mesh: Mesh) -> None:
        node = mesh["worker2"]
        node.systemctl("start containerd")
        node.wait_for_unit("containerd.service")
        node.succeed(
            # One layer with a static busybox, in the layout that `docker save` writes.
            "mkdir -p /tmp/image/root/bin",
            "cp /usr/bin/busybox /tmp/image/root/bin/",
            "tar -C /tmp/image/root -cf /tmp/image/layer.tar bin",
            """cat > /tmp/image/config.json <<END
{"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers",
 "diff_ids": ["sha256:$(sha256sum /tmp/image/layer.tar | cut -d' ' -f1)"]}}
END""",
            """cat > /tmp/image/manifest.json <<END
[{"Config": "config.json", "RepoTags": ["lab/busybox:1"], "Layers": ["layer.tar"]}]
END""",
            "tar -C /tmp/image -cf /tmp/image.tar config.json manifest.json layer.tar",
            "ctr images import /tmp/image.tar",
        )
        image = node.succeed("ctr images list -q").strip()
        output = node.succeed(
            f"ctr run --rm --runc-binary crun {image} one /bin/busybox echo from a container"
        )
        assert output == "from a container\n"
