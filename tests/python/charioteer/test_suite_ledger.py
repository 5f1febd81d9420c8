"""The ledger of what tests of this host take, and the capacity of the host."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from charioteer.suite import host, limits
from charioteer.suite.demand import NONE, Demand
from charioteer.suite.ledger import Ledger

A, B = Demand(1000, 1.5), Demand(300, 0.5)
_CLAIM_AND_WAIT = """
import sys
from pathlib import Path
from charioteer.suite.demand import Demand
from charioteer.suite.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
with ledger.locked():
    kept = ledger.claim(Demand(1000, 1.5))
print("claimed", flush=True)
sys.stdin.read()
"""


def claimed(ledger: Ledger) -> Demand:
    with ledger.locked():
        return ledger.claimed()


def test_claims_of_two_suites_add_up_until_they_are_released(tmp_path: Path) -> None:
    one, other = Ledger(tmp_path), Ledger(tmp_path)
    with one.locked():
        first = one.claim(A)
    with other.locked():
        second = other.claim(B)
    assert claimed(one) == claimed(other) == A + B
    first.release()
    assert claimed(other) == B
    second.release()
    assert claimed(one) == NONE


def test_the_claim_of_a_killed_process_vanishes(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    command = [sys.executable, "-c", _CLAIM_AND_WAIT, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdin=-1, stdout=-1, env=env) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"claimed\n"
        assert claimed(ledger) == A
        process.kill()
        process.wait()
    assert claimed(ledger) == NONE
    assert not list(tmp_path.glob("*.claim"))


def test_a_child_keeps_the_claim_of_a_killed_suite(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with ledger.locked():
        claim = ledger.claim(A)
    child = subprocess.Popen(["cat"], stdin=-1, pass_fds=(claim.descriptor,))
    os.close(claim.descriptor)  # as the end of this process
    assert claimed(ledger) == A
    child.communicate()
    assert claimed(ledger) == NONE


def test_room_is_left_for_a_suite_that_has_waited_for_longer(tmp_path: Path) -> None:
    one, other = Ledger(tmp_path), Ledger(tmp_path)
    with one.locked():
        one.wish(A)
    with other.locked():
        other.wish(B)
        assert other.wished_before() == A
    with one.locked():
        assert one.wished_before() == NONE
        claim = one.claim(A)
    with other.locked():
        assert other.wished_before() == NONE
        other.withdraw()
    claim.release()
    assert not list(tmp_path.glob("*.wish"))


def test_memory_that_is_claimed_but_not_used_is_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "free", lambda used: Demand(used, 1))
    ledger = Ledger(tmp_path)
    assert host.capacity(ledger).memory == 0
    with ledger.locked():
        small, large = ledger.claim(Demand(2, 1)), ledger.claim(Demand(1_000_000, 1))
    # Of this process, which takes more than the first of the claims.
    assert 2 < host.capacity(ledger).memory < 1_000_000
    large.release()
    assert host.capacity(ledger).memory == 2
    small.release()


def make_host(root: Path, **files: str) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/meminfo").write_text("MemTotal: 10240000 kB\nMemAvailable: 8192000 kB\n")
    (root / "proc/self/cgroup").write_text("0::/outer/inner\n")
    (root / "sys/fs/cgroup/outer/inner").mkdir(parents=True)
    for name, text in files.items():
        folder, file = name.split("__")
        where = root / "sys/fs/cgroup" / {"inner": "outer/inner"}.get(folder, folder)
        (where / file.replace("_", ".", 1)).write_text(text)
    return root


def test_free_memory_without_a_reserve_is_for_tests(tmp_path: Path) -> None:
    found = host.free(100, make_host(tmp_path))
    assert found.memory == 7500 + 100  # 8000 MB, less 5 % of 10000 MB
    assert found.processors == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("group", ["inner", "outer"])
def test_limits_of_control_groups_count(tmp_path: Path, group: str) -> None:
    files = {
        f"{group}__memory_max": f"{2000 << 20}\n",
        f"{group}__memory_current": f"{700 << 20}\n",
        f"{group}__memory_stat": f"anon 5\ninactive_file {200 << 20}\n",
        f"{group}__cpu_max": "50000 100000\n",
    }
    found = host.free(0, make_host(tmp_path, **files))
    assert found == Demand(2000 - 700 + 200 - 100, 0.5)  # less 5 % of the limit


def test_a_small_limit_on_a_large_host_leaves_room_for_tests(tmp_path: Path) -> None:
    files = {"inner__memory_max": f"{8000 << 20}\n", "inner__memory_current": "0\n"}
    root = make_host(tmp_path, **files)
    large = 256_000 << 10
    (root / "proc/meminfo").write_text(f"MemTotal: {large} kB\nMemAvailable: {large} kB\n")
    assert host.free(0, root).memory == 8000 - 400


def test_processes_with_limits_of_their_own_have_a_ledger_of_their_own(tmp_path: Path) -> None:
    limit = {"inner__memory_max": f"{8000 << 20}\n", "inner__cpu_max": "max 100000\n"}
    free, one, other = (tmp_path / name for name in ("free", "one", "other"))
    make_host(free, inner__memory_max="max\n")
    make_host(one, **limit)
    make_host(other, outer__cpu_max="50000 100000\n")
    assert limits.digest(one) == limits.digest(one)
    assert len({limits.digest(each) for each in (free, one, other)}) == 3


def test_sets_of_processors_have_a_ledger_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "groups", lambda root: [])
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    digests = []
    for processors in ({0, 1}, {2, 3}, {0, 1, 2, 3}):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _pid, found=processors: found)
        digests.append(limits.digest())
    assert len(set(digests)) == 3 and digests[2] == ""


def test_a_control_group_without_limits_changes_nothing(tmp_path: Path) -> None:
    files = {"inner__memory_max": "max\n", "inner__memory_current": "5\n"}
    found = host.free(0, make_host(tmp_path, inner__cpu_max="max 100000\n", **files))
    assert found.memory == 7500 and found.processors >= 1
