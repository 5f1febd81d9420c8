"""A team of guests on which a script is run again and again, with checkpoints of its own."""

import random
import shutil
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

# Its machines are booted, and saved once.
_BOOTS = """
    start_all()
    with subtest("booted"):
        all_machines.succeed("true")
"""
# Nearly all of its time is saving, where it resumes at that checkpoint.
_SAVES = (
    _BOOTS
    + """
    for number in range(12):
        with subtest(f"subtest {number}"):
            all_machines.succeed(f"echo {number} > /state")
    print("seen", all_machines.succeed("cat /state"))
"""
)
# The log after each checkpoint that was saved.
_SAVED = "the machines were stopped for"


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
    two.run(_BOOTS, "--checkpoint")
    booted = two.testbed.folder / "booted"
    shutil.copytree(two.store, booted)
    whole = two.start(_SAVES, "--checkpoint", "--resume")
    whole.wait_for(_SAVED, LIMIT)
    begin = time.monotonic()
    whole.expect(0, LIMIT)
    assert "resumed at the checkpoint 'booted'" in whole.stderr, whole.report()
    # How long this host saves. Restoring, and saving what is left then, takes about as long.
    longest = time.monotonic() - begin
    ended = 0
    for number in range(times):
        saves = number % 2 == 0
        if saves:
            shutil.rmtree(two.store)
            # The first one boots; for the others that would only take longer.
            if number > 0:
                shutil.copytree(booted, two.store)
        run = two.start(_SAVES, "--checkpoint", "--resume")
        # The others resume where the run before was ended. Python itself exits with 1 when Ctrl-C
        # interrupts its start.
        run.wait_for(_SAVED if saves else "start all VLans", LIMIT)
        by = moments.choice(signals)
        end = threading.Timer(moments.uniform(0, longest), run.send, [by])
        end.start()
        status = run.finish(LIMIT)
        end.cancel()
        assert status in (0, 128 + by), run.report()
        ended += saves and status != 0
        expect_nothing_left(two.testbed.folder)
    assert ended > 0, "no run was ended while it saved"
    run = two.run(_SAVES, "--resume")
    assert "seen {'client': '11\\n', 'server': '11\\n'}" in run.stdout, run.report()
