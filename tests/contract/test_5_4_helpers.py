"""Section 5.4: daemons that start scripts leave running end, however the run ends."""

import signal
from pathlib import Path

import pytest
from charioteer.cluster import configuration, definition

from support.leftovers import expect_nothing_left, processes_of
from support.patience import until
from support.run import Run
from support.testbed import Testbed

CLUSTER = """
[machines.machine]
guest = "minimal"
tpm = true
vlans = []
"""
# Runs in a session of its own and is not a child of the script.
DAEMON = """\
setsid sh -c 'sleep 1000 </dev/null >/dev/null 2>&1 & echo $! > daemon' </dev/null
"""


def daemons_of(folder: Path, program: str) -> list[int]:
    found = processes_of(folder)
    return [pid for pid, command in found.items() if command.startswith(program)]


def with_tpm(testbed: Testbed, script: str) -> Run:
    """A run of a machine with a TPM."""
    (testbed.folder / "cluster.toml").write_text(CLUSTER)
    (testbed.folder / "test.py").write_text(script)
    cluster = definition.load(testbed.folder)
    return testbed.run_driver(configuration.write(cluster, testbed.folder))


@pytest.mark.limit(240)
def test_5_4_a_tpm_ends_with_a_driver_that_is_killed(testbed: Testbed) -> None:
    script = "machine.succeed('test -c /dev/tpm0; echo it is there >&2; sleep 600')"
    run = with_tpm(testbed, script)
    run.wait_for("machine # it is there", limit=180)
    assert len(daemons_of(testbed.folder, "swtpm")) == 1
    run.send(signal.SIGKILL)
    run.expect(137)
    expect_nothing_left(testbed.folder)


@pytest.mark.limit(240)
def test_5_4_a_tpm_ends_with_the_run(testbed: Testbed) -> None:
    script = "machine.start()\nprint((machine.state_dir / 'machine-swtpm/pid').read_text())"
    run = with_tpm(testbed, script)
    run.expect(0)
    assert int(run.stdout.splitlines()[-1]) > 0


def with_daemon(testbed: Testbed, script: str) -> Run:
    """A run of a fake machine whose start script also starts a daemon."""
    start = testbed.start_script("machine")
    start.write_text(start.read_text().replace("exec ", DAEMON + "exec ", 1))
    return testbed.run_driver(testbed.configuration(script, [start]))


def test_5_4_a_daemon_ends_with_its_machine(testbed: Testbed) -> None:
    run = with_daemon(
        testbed,
        """
        from pathlib import Path
        for _ in range(2):
            machine.start()
            daemon = Path("/proc", (machine.state_dir / "daemon").read_text().strip())
            t.assertTrue(daemon.exists())
            machine.crash()
            t.assertFalse(daemon.exists())
        print("done")
        """,
    )
    run.expect(0)
    assert "done" in run.stdout


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, 137)]
)
def test_5_4_a_daemon_ends_with_the_driver(
    testbed: Testbed, number: signal.Signals, status: int
) -> None:
    run = with_daemon(testbed, "machine.start()\nprint('running', flush=True)\ndriver.join_all()")
    run.wait_for("running")
    # The shell that becomes it may not have got that far.
    until(lambda: len(daemons_of(testbed.folder, "sleep")) == 1, 30, lambda: "no daemon")
    run.send(number)
    run.expect(status)
    expect_nothing_left(testbed.folder)
