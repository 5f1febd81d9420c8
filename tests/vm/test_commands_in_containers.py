"""Commands in a real container."""

import subprocess
from collections.abc import Iterator

import pytest
from charioteer.testing.machine import NspawnMachine
from charioteer.testing.machines import Machines

from support.containers import only_containers, why_no_containers
from support.patience import deadline, with_growing_limit
from support.shared_machines import BOOT_LIMIT, SharedMachines, machines_of_cluster

CLUSTER = """
name = "containers"
[machines.vm]
guest = "minimal"
[containers.box]
guest = "debian"
"""

_REASON = why_no_containers()
pytestmark = [
    pytest.mark.limit(240),
    pytest.mark.skipif(bool(_REASON), reason=_REASON),
]


@pytest.fixture(scope="module")
def mixed() -> Iterator[SharedMachines]:
    """A virtual machine and a container, both started in a folder with an odd path."""
    with only_containers(), machines_of_cluster(CLUSTER, odd_path=True) as made:
        with deadline(BOOT_LIMIT):
            Machines(made.driver.machines).succeed("true")
        yield made


@pytest.fixture
def box(mixed: SharedMachines) -> NspawnMachine:
    (found,) = mixed.driver.machines_nspawn
    return found


def test_run(box: NspawnMachine) -> None:
    result = box.run("cat; echo err >&2; exit 3", stdin=bytes(range(256)))
    assert (result.status, result.signal, result.timed_out) == (3, None, False)
    assert (result.stdout_bytes, result.stderr) == (bytes(range(256)), "err\n")
    assert box.run("cat").stdout == ""


def test_a_command_ends_with_the_last_holder_of_its_stdout(box: NspawnMachine) -> None:
    assert box.succeed("(sleep 2; echo late) & echo early") == "early\nlate\n"
    result = box.run("head -c 60000 /dev/zero >&2; sleep 600 >&2 & echo $!")
    assert result.stderr_bytes == bytes(60_000)
    box.succeed(f"kill {result.stdout}")
    with pytest.raises(subprocess.TimeoutExpired):
        box.execute("sleep 600 & exit 0", timeout=1)


def test_a_signal(box: NspawnMachine) -> None:
    result = box.run("kill -9 $$")
    assert (result.status, result.signal) == (137, 9)
    assert box.execute("kill -9 $$") == (-9, "")


def test_a_limit(box: NspawnMachine) -> None:
    def begins(limit: float) -> bool:
        result = box.run("echo begun; exec sleep 600", timeout=limit)
        assert (result.status, result.timed_out) == (124, True)
        return result.stdout == "begun\n"

    with_growing_limit(begins, 1)
    with pytest.raises(subprocess.TimeoutExpired):
        box.execute("sleep 600", timeout=0.1)
    for method in ("succeed", "fail", "wait_until_succeeds", "wait_until_fails"):
        with pytest.raises(subprocess.TimeoutExpired):
            getattr(box, method)("sleep 600", timeout=0.1)


def test_the_environment_is_the_same_as_with_nsenter(box: NspawnMachine) -> None:
    text = "echo $0; pwd; id -u; readlink /proc/self/exe; ulimit -n; nice; env -0 | sort -z | tr '\\0' ' '"
    name, folder, user, program, files, nice, variables = box.succeed(text).splitlines()
    assert (name, folder, user) == ("/bin/sh", "/", "0")
    entered = [
        *("nsenter", "--target", str(box.get_systemd_process)),
        *("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "/bin/sh", "-c"),
        "set -eo pipefail; export USER=root HOME=/root DISPLAY=:0.0; source /etc/profile; set -u; ",
    ]
    entered[-1] += text
    nothing: dict[str, str] = {}
    by_nsenter = subprocess.run(entered, env=nothing, capture_output=True, text=True, check=True)
    assert by_nsenter.stdout.splitlines() == [name, folder, user, program, files, nice, variables]


def test_a_container_that_ends_during_a_command(box: NspawnMachine) -> None:
    ended = box.execute("echo begun; systemctl halt --force --force; sleep 600")
    assert ended == (-9, "begun\n")
    assert box.execute("true") == (1, "")
    box.wait_until_fails("true", timeout=10)
    box.wait_for_shutdown()
    assert not box.is_up() and box.succeed("echo again") == "again\n"


def test_lines_are_delivered_while_the_command_runs(box: NspawnMachine) -> None:
    with box.spawn("read line; echo got $line; sleep 600", stdin=True) as process:
        process.write("x\n")
        assert next(process) == "got x"
        box.succeed(f"kill -0 {process.pid}")
        process.kill(9)
        assert process.wait().signal == 9


def test_all_machines_of_both_kinds(mixed: SharedMachines) -> None:
    everything = mixed.symbols["all_machines"]
    assert everything.succeed("hostname") == {"box": "box\n", "vm": "vm\n"}
    results = everything.run("cat", stdin="x")
    assert {name: result.stdout for name, result in results.items()} == {"box": "x", "vm": "x"}
