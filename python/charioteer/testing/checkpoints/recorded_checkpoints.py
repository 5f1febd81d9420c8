"""Checkpoints with a record of the calls to machines, so that a later run can resume at one."""

import functools
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from charioteer import _core as core
from charioteer.testing.checkpoints import pauses
from charioteer.testing.checkpoints.calls import Call, CallKind, Places
from charioteer.testing.checkpoints.entries import Difference, MachineState
from charioteer.testing.checkpoints.made_call import MadeCall, Recorded
from charioteer.testing.checkpoints.record import Checkpoint, Description, Record
from charioteer.testing.checkpoints.recorded_machine import RecordedMachine
from charioteer.testing.checkpoints.recording import Recording
from charioteer.testing.checkpoints.replay import Replay
from charioteer.testing.checkpoints.run_checkpoints import RunCheckpoints
from charioteer.testing.checkpoints.team import NotSaved
from charioteer.testing.checkpoints.unrecorded import unrecorded
from charioteer.testing.errors import MachineError


@dataclass(frozen=True)
class Resume:
    """Where a run resumes."""

    record: Record
    checkpoint: Checkpoint
    clock_now: bool = False
    """Whether the clocks of the guests are set to the host's."""


class _DriverCalls:
    """The calls to the driver that change the machines, recorded like those to a machine."""

    name = "(driver)"

    def __init__(self) -> None:
        self.recorded_state = MachineState()
        self.live_commands: dict[int, str] = {}
        self.calls_made = 0

    def next_number(self) -> int:
        self.calls_made += 1
        return self.calls_made - 1

    def continue_at(self, number: int) -> None:
        self.calls_made = number

    def state(self) -> MachineState:
        return MachineState()


class RecordedCheckpoints(RunCheckpoints):
    """The handler of the calls to all machines: records them, or answers them until it resumes."""

    def __init__(
        self, places: Places, description: Description, resume: Resume | None = None
    ) -> None:
        """`description`: of the record that is made if it is `kept`."""
        super().__init__(description.script)
        self.places = places
        self._description = description
        self._resume = resume
        self._replay: Replay | None = None
        self._recording: Recording | None = None
        self._machines: list[RecordedMachine] = []
        self._driver_calls = _DriverCalls()
        self._subtests: dict[str, int] = {}
        if resume is not None:
            self._replay = self._replay_of(resume.record)
            pauses.skip_while(lambda: self.replays)

    def _replay_of(self, record: Record) -> Replay:
        return Replay(record, self.places, self._differ)

    # The handler of calls

    @property
    def replays(self) -> bool:
        return self._replay is not None

    def answer(self, machine: Recorded, made: MadeCall) -> Any:
        assert self._replay is not None
        return self._replay.answer(machine, made)

    def state_of(self, machine: Recorded) -> MachineState:
        return machine.state() if self._replay is None else self._replay.state_of(machine)

    def perform(self, machine: Recorded, made: MadeCall) -> Any:
        return made.perform() if self._recording is None else self._recording.perform(machine, made)

    def refuse(self, reason: str) -> None:
        if self._replay is not None:
            self._replay.refuse(reason)
        elif self._recording is not None:
            self._recording.refuse(reason)

    def _differ(self, difference: Difference) -> NoReturn:
        raise MachineError(
            "the script makes other calls than it did when the checkpoint was chosen, so that it "
            f"cannot resume there; run it without --resume. {difference}"
        )

    # For the driver

    @property
    def resumes(self) -> bool:
        return self.replays

    def make_machine(self, *args: Any) -> core.Machine:
        machine = RecordedMachine(self, *args)
        self._machines.append(machine)
        return machine

    @contextmanager
    def polling(self) -> Generator[bool, None, None]:
        with unrecorded():
            yield not self.replays

    def begin(self) -> None:
        if self._description.kept and not self.replays:
            self._recording = Recording(self._record(), self.places, self._logger.warning)

    def subtest_ended(self, name: str) -> None:
        count = self._subtests[name] = self._subtests.get(name, 0) + 1
        unique = name if count == 1 else f"{name} ({count})"
        if self._replay is not None:
            self._pass(unique)
        elif self._recording is not None and self._recording.why_ended is None:
            try:
                self._save(unique, self._expect_recorded())
            except NotSaved as error:
                self._logger.info(f"no checkpoint is saved here: {error}")
            except (OSError, MachineError) as error:
                self._logger.warning(f"the checkpoint {unique!r} was not saved: {error}")

    def note_replayed(self) -> None:
        if self._replay is not None:
            self._logger.info("answered from the record; no machine runs yet")

    @contextmanager
    def expected_to_resume(self) -> Generator[None, None, None]:
        try:
            yield
        except SystemExit as ending:
            if ending.code not in (None, 0):
                raise
            self._expect_resumed()
            raise
        self._expect_resumed()

    def _expect_resumed(self) -> None:
        if self._replay is not None and self._resume is not None:
            raise MachineError(
                f"the script ended before the checkpoint {self._resume.checkpoint.name!r}, where it "
                "was to resume, so that nothing was tested; run it without --resume"
            )

    def close(self) -> None:
        pauses.restore()
        super().close()

    # What scripts and prompts call

    def save(self, name: str) -> Checkpoint | None:
        if self._replay is not None:
            self._pass(name)
            return None
        return super().save(name)

    def restore(self, name: str) -> None:
        call = Call("restore", name, f"restore({name!r})")
        made = MadeCall(call, CallKind(()), {}, functools.partial(super().restore, name))
        handle = self.answer if self.replays else self.perform
        handle(self._driver_calls, made)

    def saved(self) -> list[Checkpoint]:
        own = super().saved()
        if self._resume is None or self._description.kept:
            return own
        last = self._resume.checkpoint.number
        return [e for e in self._resume.record.checkpoints() if e.number <= last] + own

    # Recording and resuming

    def _describe(self) -> Description:
        return self._description

    def _calls_made(self) -> Mapping[str, int] | None:
        try:
            return None if self._recording is None else self._expect_recorded()
        except NotSaved:
            return None  # the script itself can still restore it

    def _expect_recorded(self) -> Mapping[str, int]:
        """The number of calls by machine. Raises NotSaved when a later run could not resume here."""
        for machine in self._machines:
            if machine.calls_under_way:
                raise NotSaved(f"a call to {machine.name} of another thread has not returned")
            if machine.live_commands:
                command = next(iter(machine.live_commands.values()))
                raise NotSaved(f"`{command}` still runs in the background on {machine.name}")
        if self._recording is not None and self._recording.why_ended is not None:
            raise NotSaved(self._recording.why_ended)
        counts = {each.name: each.calls_made for each in self._machines}
        return {**counts, self._driver_calls.name: self._driver_calls.calls_made}

    def _pass(self, name: str) -> None:
        """The script has come to a place where a checkpoint was or could have been saved."""
        assert self._replay is not None and self._resume is not None
        checkpoint = self._resume.checkpoint
        if name == checkpoint.name and self._replay.has_reached(checkpoint):
            self._resume_now(self._replay, self._resume)

    def _resume_now(self, replay: Replay, resume: Resume) -> None:
        begin = time.monotonic()
        self._replay = None
        self._team.restore(resume.checkpoint.folder, resume.clock_now)
        spent = time.monotonic() - begin
        self._logger.info(
            f"resumed at the checkpoint {resume.checkpoint.name!r}: {replay.answered} calls were "
            f"answered from the record, and restoring the machines took {spent:.2f}s"
        )
        if self._description.kept:
            record = self._record()
            record.continue_from(resume.record, resume.checkpoint)
            counts = resume.checkpoint.calls or {}
            for machine in self._machines:
                machine.continue_at(counts.get(machine.name, 0))
            self._driver_calls.continue_at(counts.get(self._driver_calls.name, 0))
            self._recording = Recording(record, self.places, self._logger.warning)
        if self._prompt is not None:
            self._prompt()
            raise SystemExit(0)
