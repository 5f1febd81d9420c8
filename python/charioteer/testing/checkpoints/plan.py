"""Decides, before a run begins, whether it is recorded and where it resumes."""

import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from charioteer.errors import InputError
from charioteer.testing.checkpoints.run_checkpoints import RunCheckpoints
from charioteer.testing.checkpoints.wishes import Wishes
from charioteer.testing.config import DriverConfiguration
from charioteer.testing.directories import temporary_directory
from charioteer.testing.faults.seed import Seed


@dataclass
class Plan:
    """What was decided."""

    checkpoints: RunCheckpoints
    seed: int
    """Of the run's random decisions: that of the recorded run where it resumes."""
    messages: list[str] = field(default_factory=list)
    """For the log: how the script differs from the recorded one."""
    warnings: list[str] = field(default_factory=list)
    """For the log: why the run does not resume though it should."""


@contextmanager
def plan(
    configuration: DriverConfiguration,
    output: Path,
    wishes: Wishes,
    seed: int | None,
    rehearse_with: Callable[[RunCheckpoints, int], None],
) -> Generator[Plan, None, None]:
    """The plan of a run; within the block the record at which it resumes is not removed.

    `seed` is the one that the run is to have, if any. `rehearse_with` executes the script with the given
    checkpoints and seed, in a child process. To be called before the io thread is started. Raises
    InputError.
    """
    script = str(configuration.test_script)
    made = Plan(RunCheckpoints(script), Seed(seed).value)
    if not wishes.are_any:
        yield made
        return
    # Slow to import, and most runs neither are recorded nor resume.
    from charioteer.testing.checkpoints import identity, store
    from charioteer.testing.checkpoints.calls import Places
    from charioteer.testing.checkpoints.record import Description
    from charioteer.testing.checkpoints.recorded_checkpoints import RecordedCheckpoints
    from charioteer.testing.checkpoints.search import Search

    if configuration.containers:
        raise InputError("containers cannot be saved: use --checkpoint and --resume without them")
    store.limit()  # an invalid one is found before the run
    places = Places(output, temporary_directory())
    commands = {name: str(each.start_script) for name, each in configuration.vms.items()}
    team = identity.of_team(commands, places)
    description = Description(wishes.label, time.time(), script, team, made.seed)
    with ExitStack() as used:
        resume = None
        if wishes.resume is not None:
            search = Search(description, places, wishes, seed, rehearse_with)
            resume = search.find(used)
            made.messages += search.messages
            made.warnings += search.warnings
        if resume is not None and seed is None:
            made.seed = resume.record.description.seed
            description = replace(description, seed=made.seed)
        if wishes.record or resume:
            recorded = description if wishes.record else None
            made.checkpoints = RecordedCheckpoints(places, script, recorded, resume)
        yield made
