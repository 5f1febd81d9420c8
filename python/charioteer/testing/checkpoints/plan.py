"""Decides, before a run begins, whether it is recorded and where it resumes."""

import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from charioteer import folders
from charioteer.errors import InputError
from charioteer.testing.checkpoints import identity, store
from charioteer.testing.checkpoints.calls import Places
from charioteer.testing.checkpoints.record import Checkpoint, Description, Record
from charioteer.testing.checkpoints.recorded_checkpoints import RecordedCheckpoints, Resume
from charioteer.testing.checkpoints.rehearsal import rehearse
from charioteer.testing.checkpoints.run_checkpoints import RunCheckpoints
from charioteer.testing.checkpoints.wishes import Wishes
from charioteer.testing.config import DriverConfiguration
from charioteer.testing.directories import temporary_directory


_MOST_REHEARSALS = 3


@dataclass
class Plan:
    """What was decided."""

    checkpoints: RunCheckpoints
    messages: list[str] = field(default_factory=list)
    """For the log: how the script differs from the recorded one."""
    warnings: list[str] = field(default_factory=list)
    """For the log: why the run does not resume though it should."""


@contextmanager
def plan(
    configuration: DriverConfiguration,
    output: Path,
    wishes: Wishes,
    rehearse_with: Callable[[RunCheckpoints], None],
) -> Generator[Plan, None, None]:
    """The plan of a run; within the block the record at which it resumes is not removed.

    `rehearse_with` executes the script with the given checkpoints, in a child process. To be called
    before the io thread is started. Raises InputError.
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
    description = Description(wishes.label, time.time(), script, team)
    made = Plan(RunCheckpoints(script))
    with ExitStack() as used:
        resume = None
        if wishes.resume is not None:
            search = _Search(description, places, wishes, rehearse_with, made)
            resume = search.find(used)
        if wishes.record or resume:
            recorded = description if wishes.record else None
            made.checkpoints = RecordedCheckpoints(places, script, recorded, resume)
        yield made


class _Search:
    """The search for a checkpoint at which a script can resume."""

    def __init__(
        self,
        description: Description,
        places: Places,
        wishes: Wishes,
        rehearse_with: Callable[[RunCheckpoints], None],
        plan: Plan,
    ) -> None:
        self._description = description
        self._places = places
        self._wishes = wishes
        self._rehearse_with = rehearse_with
        self._plan = plan

    def find(self, used: ExitStack) -> Resume | None:
        """The last checkpoint of the newest record that fits, which is not removed while in `used`."""
        why = "no run with checkpoints was recorded; `--checkpoint` records one"
        if self._wishes.resume:
            name = self._wishes.resume
            why = f"no checkpoint {name!r} was recorded; see `charioteer checkpoints list`"
        changed = None
        valid = []
        for record in self._records():
            difference = identity.difference(record.description.team, self._description.team)
            if difference is None:
                valid.append(record)
            elif self._is_alike(record):
                changed = changed or difference
        if changed and not valid:
            why = f"the recorded checkpoints are not valid any more: {changed}"
        for record in valid[:_MOST_REHEARSALS]:
            try:
                used.enter_context(folders.in_use(record.folder))
            except OSError:
                continue  # it is being removed
            outcome = rehearse(record, self._places, self._rehearse_with)
            fitting = [e for e in self._candidates(record) if e.number in outcome.checkpoints]
            if outcome.difference is not None:
                self._plan.messages.append(
                    f"the script differs from the recorded one: {outcome.difference}"
                )
            if fitting:
                return Resume(record, fitting[-1], self._wishes.clock_now)
            why = "no checkpoint is before that place"
        self._plan.warnings.append(f"cannot resume, the machines boot: {why}")
        return None

    def _records(self) -> list[Record]:
        """Those with checkpoints: the newest first, those of the same test before all others."""
        found = [each for each in store.records() if self._candidates(each)]
        return sorted(found, key=self._is_alike, reverse=True)

    def _is_alike(self, record: Record) -> bool:
        recorded = record.description
        now = self._description
        return (recorded.label, recorded.script) == (now.label, now.script) or bool(
            now.label and recorded.label == now.label
        )

    def _candidates(self, record: Record) -> list[Checkpoint]:
        """The checkpoints at which a run can resume: those with the wished name, if there is one."""
        return [each for each in record.resumable() if self._wishes.resume in ("", each.name)]
