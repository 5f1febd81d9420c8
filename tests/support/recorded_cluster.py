"""A team of guests on which a script is run again and again, with checkpoints of its own."""

import random
import signal
import textwrap
import threading
import time
from collections.abc import Sequence

from support.leftovers import expect_nothing_left
from support.run import Run
from support.testbed import Testbed

TWO = """
    [machines.server]
    guest = "minimal"
    vlans = [1]
    [machines.client]
    guest = "minimal"
    vlans = [1, 2]
"""
LIMIT = 300
"""Seconds for a run."""

# Nearly all of its time is saving, once the machines have booted.
_SAVES = """
    start_all()
    for number in range(20):
        with subtest(f"subtest {number}"):
            all_machines.succeed(f"echo {number} > /state")
    print("seen", all_machines.succeed("cat /state"))
"""


class Cluster:
    """Runs a script on a team of guests, again and again."""

    def __init__(self, testbed: Testbed, machines: str) -> None:
        self.testbed = testbed
        self.folder = testbed.folder / "cluster"
        self.folder.mkdir()
        (self.folder / "cluster.toml").write_text(textwrap.dedent(machines))
        self.store = testbed.folder / "store"

    def start(self, script: str, *options: str, **changes: str) -> Run:
        (self.folder / "test.py").write_text(textwrap.dedent(script))
        return self.testbed.run(
            "charioteer", "run", self.folder, "-o", self.testbed.out, *options,
            CHARIOTEER_CHECKPOINTS=str(self.store), **changes,
        )  # fmt: skip

    def run(self, script: str, *options: str, **changes: str) -> Run:
        run = self.start(script, *options, **changes)
        run.expect(0, limit=LIMIT)
        return run

    def resume(self, script: str, name: str, *options: str) -> Run:
        run = self.run(script, f"--resume={name}", *options)
        assert f"resumed at the checkpoint {name!r}" in run.stderr, run.report()
        return run


def end_at_random_moments(two: Cluster, times: int, signals: Sequence[signal.Signals]) -> None:
    """Ends runs of `two`, a cluster of TWO, that save and restore, by one of `signals` each.

    Expects that a driver that is ended leaves nothing, and that no checkpoint is used that is half
    written.
    """
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    moments = random.Random(seed)
    longest = 15.0
    for _ in range(times):
        begin = time.monotonic()
        run = two.start(_SAVES, "--checkpoint", "--resume")
        number = moments.choice(signals)
        end = threading.Timer(moments.uniform(0.5, longest), run.send, [number])
        end.start()
        status = run.finish(LIMIT)
        end.cancel()
        assert status in (0, 128 + number), run.report()
        expect_nothing_left(two.testbed.folder)
        if status == 0:
            # Most moments are within a run, however fast this host is.
            longest = max(time.monotonic() - begin, 1.0)
    run = two.run(_SAVES, "--resume")
    assert "seen {'client': '19\\n', 'server': '19\\n'}" in run.stdout, run.report()
