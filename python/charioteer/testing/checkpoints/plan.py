"""Decides, before a run begins, whether it is recorded and where it resumes."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from charioteer import folders
from charioteer.errors import InputError
from charioteer.testing.checkpoints import identity, store
from charioteer.testing.checkpoints.calls import Places
from charioteer.testing.checkpoints.identity import Team
from charioteer.testing.checkpoints.record import Checkpoint, Description, Record
from charioteer.testing.checkpoints.recorded_checkpoints import RecordedCheckpoints, Resume
from charioteer.testing.checkpoints.rehearsal import rehearse
from charioteer.testing.checkpoints.run_checkpoints import RunCheckpoints
from charioteer.testing.checkpoints.wishes import Wishes
from charioteer.testing.config import DriverConfiguration
from charioteer.testing.directories import temporary_directory


@dataclass
class Plan:
    """What was decided."""

    checkpoints: RunCheckpoints
    messages: list[str] = field(default_factory=list)
    """For the log."""


@contextmanager
def plan(
    configuration: DriverConfiguration,
    output: Path,
    wishes: Wishes,
    rehearse_with: Callable[[RunCheckpoints], None],
) -> Generator[Plan, None, None]:
    """The plan of a run; within the block the record at which it resumes is not removed.

    `rehearse_with` executes the script with the given checkpoints, in a child process. To be called
    before the process has threads. Raises InputError.
    """
    script = str(configuration.test_script)
    if not wishes.are_any:
        yield Plan(RunCheckpoints(script))
        return
    if configuration.containers:
        raise InputError("containers cannot be saved: use --checkpoint and --resume without them")
    store.limit()  # an invalid one is found before the run
    places = Places(output, temporary_directory())
    commands = {name: str(each.start_script) for name, each in configuration.vms.items()}
    team = identity.of_team(commands, places)
    description = Description(wishes.label, time.time(), script, team, kept=wishes.record)
    made = Plan(RunCheckpoints(script))
    record = None if wishes.resume is None else _find(team, wishes, made.messages)
    with folders.in_use(record.folder) if record else nullcontext():
        resume = None
        if record is not None:
            resume = _choose(record, places, wishes, rehearse_with, made.messages)
        if wishes.record or resume:
            made.checkpoints = RecordedCheckpoints(places, description, resume)
        yield made


def _find(team: Team, wishes: Wishes, messages: list[str]) -> Record | None:
    """The newest recorded run whose checkpoints are valid for this team."""
    why = "no run with checkpoints was recorded; `--checkpoint` records one"
    is_first = True
    for record in store.records():
        about_it = record.description
        if not about_it.kept or not _candidates(record, wishes.resume or ""):
            continue
        changed = identity.difference(about_it.team, team)
        if changed is None:
            return record
        if about_it.label == wishes.label and is_first:
            why, is_first = f"the recorded checkpoints are not valid any more: {changed}", False
    if wishes.resume and is_first:
        why = f"no checkpoint {wishes.resume!r} was recorded; see `charioteer checkpoints list`"
    messages.append(f"cannot resume, the machines boot: {why}")
    return None


def _candidates(record: Record, name: str) -> list[Checkpoint]:
    """The checkpoints at which a run can resume: those with this name, or all if it is empty."""
    resumable = [each for each in record.checkpoints() if each.calls is not None]
    return [each for each in resumable if name in ("", each.name)]


def _choose(
    record: Record,
    places: Places,
    wishes: Wishes,
    rehearse_with: Callable[[RunCheckpoints], None],
    messages: list[str],
) -> Resume | None:
    outcome = rehearse(record, places, rehearse_with)
    fitting = [
        each
        for each in _candidates(record, wishes.resume or "")
        if outcome.checkpoint is not None and each.number <= outcome.checkpoint
    ]
    if outcome.difference is not None:
        messages.append(f"the script differs from the recorded one: {outcome.difference}")
    if not fitting:
        messages.append("cannot resume, the machines boot: no checkpoint is before that place")
        return None
    return Resume(record, fitting[-1], wishes.clock_now)
