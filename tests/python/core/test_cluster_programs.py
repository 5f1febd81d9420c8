"""Programs that use clusters: how they end, and several clusters at once. QEMU is fake."""

import signal
import sys
import textwrap
from pathlib import Path

import pytest
from support.fake_guests import ONE, fake_guests
from support.leftovers import expect_nothing_left
from support.run import Run


def program(folder: Path, text: str, mode: str = "") -> Run:
    """A program after whose start `cluster` can be loaded from the current folder."""
    (folder / "cluster.toml").write_text(ONE)
    begin = "import os, sys, time\nfrom charioteer.testing import Cluster, ClusterOptions\n"
    (folder / "program.py").write_text(begin + textwrap.dedent(text))
    env = fake_guests(folder, mode)
    return Run([sys.executable, folder / "program.py"], env, folder)


WAITS = """
    with Cluster.load(".") as cluster:
        print(cluster.web.succeed("echo is up"), flush=True)
        {wait}
"""


class TestEnd:
    def test_of_the_block_ends_the_machines(self, folder: Path) -> None:
        run = program(
            folder,
            """
            with Cluster.load(".") as cluster:
                print(cluster.web.succeed("echo is up"), flush=True)
                process = cluster.web.pid
            assert not os.path.exists(f"/proc/{process}")
            """,
        )
        run.expect(0)
        assert "is up" in run.stdout
        expect_nothing_left(folder)

    @pytest.mark.parametrize("wait", ["time.sleep(60)", 'cluster.web.succeed("sleep 60")'])
    def test_by_ctrl_c_ends_the_machines(self, folder: Path, wait: str) -> None:
        run = program(folder, WAITS.format(wait=wait))
        run.wait_for("is up")
        run.press_ctrl_c()
        run.expect(130)
        assert "KeyboardInterrupt" in run.stderr
        expect_nothing_left(folder)

    @pytest.mark.parametrize(
        "end, status", [("os._exit(7)", 7), ("os.kill(os.getpid(), 9)", 137), ("sys.exit(3)", 3)]
    )
    def test_of_the_process_ends_the_machines(self, folder: Path, end: str, status: int) -> None:
        run = program(folder, WAITS.format(wait=end))
        run.expect(status)
        expect_nothing_left(folder)

    def test_by_sigterm_ends_the_machines(self, folder: Path) -> None:
        run = program(folder, WAITS.format(wait="time.sleep(60)"))
        run.wait_for("is up")
        run.send(signal.SIGTERM)
        run.expect(143)
        expect_nothing_left(folder)

    def test_by_an_exception_shows_what_the_machines_report(self, folder: Path) -> None:
        run = program(folder, WAITS.format(wait='cluster.web.succeed("false")'))
        run.expect(1)
        assert "RequestedAssertionFailed: command `false` failed (exit code 1)" in run.stderr
        assert "\nwhy the test failed:" in run.stderr
        assert (folder / "charioteer-out/one/diagnosis.txt").is_file()
        expect_nothing_left(folder)


class TestTimeLimit:
    def test_ends_a_command(self, folder: Path) -> None:
        run = program(
            folder,
            """
            from charioteer.testing.embedding import TimeLimit
            from charioteer.testing.errors import MachineTimeout
            with Cluster.load(".", ClusterOptions(time_limit=3600)) as cluster:
                cluster.web.succeed("true")
                cluster.web.limit = TimeLimit(0.1)
                try:
                    cluster.web.succeed("sleep 60")
                except MachineTimeout as error:
                    print(error)
            """,
        )
        run.expect(0)
        assert "the time limit of the cluster, 0.1 s, has passed" in run.stdout
        expect_nothing_left(folder)


def test_two_clusters_of_one_file_do_not_meet(folder: Path) -> None:
    run = program(
        folder,
        """
        before = dict(os.environ)
        with Cluster.load(".") as first, Cluster.load(".") as second:
            first.web.start()
            second.web.start()
            sockets = []
            for cluster in (first, second):
                environment = open(f"/proc/{cluster.web.pid}/environ").read().split("\\0")
                (socket,) = cluster.vlans[0].variables.items() & dict(
                    each.split("=", 1) for each in environment if each.startswith("QEMU_VDE_SOCKET_1")
                ).items()
                sockets.append(socket)
            assert sockets[0] != sockets[1]
            assert dict(os.environ) == before
        """,
    )
    run.expect(0)
    expect_nothing_left(folder)


def test_two_clusters_with_one_kept_state_are_an_error(folder: Path) -> None:
    run = program(
        folder,
        """
        kept = ClusterOptions(keep_machine_state=True)
        with Cluster.load(".", kept) as first:
            first.web.succeed("true")
            with Cluster.load(".", kept) as second:
                second.web.succeed("true")
        """,
    )
    run.expect(1)
    assert "MachineError: " in run.stderr and "process" in run.stderr
    expect_nothing_left(folder)


def test_checkpoints_are_restored(folder: Path) -> None:
    run = program(
        folder,
        """
        with Cluster.load(".") as cluster:
            cluster.web.succeed("true")
            cluster.checkpoint("fresh")
            cluster.web.crash()
            cluster.restore("fresh")
            print(cluster.web.succeed("echo is restored"))
        """,
    )
    run.expect(0)
    assert "is restored" in run.stdout
    expect_nothing_left(folder)
