"""Checkpoints with a record of the calls to machines, so that a later run can resume at one."""

import functools
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from charioteer import _core as core
from charioteer.testing.caller import Kind, caller
from charioteer.testing.checkpoints import pauses, store
from charioteer.testing.checkpoints.calls import Call, CallKind, Places
from charioteer.testing.checkpoints.entries import Difference, MachineState
from charioteer.testing.checkpoints.made_call import MadeCall, Recorded
from charioteer.testing.checkpoints.record import Checkpoint, Description, Record, reason_of
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

    record_name = "driver"

    def __init__(self) -> None:
        self.recorded_state = MachineState()

    def state(self) -> MachineState:
        return MachineState()


class RecordedCheckpoints(RunCheckpoints):
    """The handler of the calls to all machines: records them, or answers them until it resumes."""

    def __init__(
        self,
        places: Places,
        script: str,
        description: Description | None,
        resume: Resume | None = None,
    ) -> None:
        """`description`: of the record that is made; None: none is made."""
        super().__init__(script)
        self.places = places
        self._description = description
        self._resume = resume
        self._replay: Replay | None = None
        self._recording: Recording | None = None
        self._machines: list[RecordedMachine] = []
        self._names: Counter[str] = Counter()
        self._driver_calls = _DriverCalls()
        self._subtests: Counter[str] = Counter()
        self._was_used = False
        """Whether a call was made that was not recorded."""
        self._difference: Difference | None = None
        """The first one of the run itself, which ends it."""
        self._ready = threading.Event()
        """Not set while the machines are being restored at the place where the run resumes."""
        self._ready.set()
        if resume is not None:
            self._replay = Replay(resume.record, self._differ)
            pauses.skip_while(lambda: self.replays)

    # The handler of calls

    @property
    def replays(self) -> bool:
        return self._replay is not None

    def record_name(self, name: str) -> str:
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name} ({self._names[name]})"

    def answer(self, machine: Recorded, made: MadeCall) -> Any:
        self._expect_no_difference()
        replay = self._replay
        return replay.answer(machine, made) if replay else self.perform(machine, made)

    def state_of(self, machine: Recorded) -> MachineState:
        return machine.state() if self._replay is None else self._replay.state_of(machine)

    def perform(self, machine: Recorded, made: MadeCall) -> Any:
        self._ready.wait()
        self._expect_no_difference()
        if self._recording is not None:
            return self._recording.perform(machine, made)
        self._was_used = True
        return made.perform()

    def refuse(self, reason: str) -> None:
        if self._replay is not None:
            self._replay.refuse(reason)
        elif self._recording is not None:
            self._recording.refuse(reason)

    def _differ(self, difference: Difference) -> NoReturn:
        self._difference = self._difference or difference
        self._expect_no_difference()
        raise AssertionError("unreachable: there is a difference")

    def _expect_no_difference(self) -> None:
        """Raises MachineError if a call of any thread has not matched the record."""
        if self._difference is not None:
            raise MachineError(
                "the script makes other calls than it did when the checkpoint was chosen, so that "
                f"it cannot resume there; run it without --resume. {self._difference}"
            )

    # For the driver

    @property
    def resumes(self) -> bool:
        return self.replays

    @property
    def has_resumed(self) -> bool:
        return self._resume is not None and not self.replays

    def make_machine(self, *args: Any) -> core.Machine:
        machine = RecordedMachine(self, *args)
        self._machines.append(machine)
        return machine

    @contextmanager
    def polling(self) -> Generator[bool, None, None]:
        with unrecorded():
            yield not self.replays

    def begin(self) -> None:
        if self._description is None or self.replays:
            return
        if self._recording is not None:
            self._recording.refuse("the script is run a second time")
            return
        self._recording = Recording(self._record(), self.places, self._logger.warning)
        if self._was_used:
            self._recording.refuse("machines were used before the script was run")

    def subtest_ended(self, name: str) -> None:
        self._subtests[name] += 1
        count = self._subtests[name]
        unique = name if count == 1 else f"{name} ({count})"
        if self._replay is not None:
            self._pass(unique)
        elif self._recording is not None and self._recording.why_ended is None:
            try:
                self._save(unique, self._expect_recorded(self._recording))
                self._prune()
            except NotSaved as error:
                self._logger.info(f"no checkpoint is saved here: {error}")
            except OSError as error:
                reason = reason_of(error, store.root())
                self._logger.warning(f"the checkpoint {unique!r} was not saved: {reason}")
            except MachineError as error:
                self._logger.warning(f"the checkpoint {unique!r} was not saved: {error}")

    def _prune(self) -> None:
        try:
            removed = store.prune(store.limit())
        except OSError as error:
            reason = reason_of(error, store.root())
            self._logger.warning(f"old checkpoints were not removed: {reason}")
            return
        for folder in removed:
            self._logger.info(f"removed the checkpoints of an older run, {folder.name}")

    def note_replayed(self) -> None:
        if self._replay is not None:
            self._logger.info("answered from the record; no machine runs yet")

    @contextmanager
    def expected_to_resume(self) -> Generator[None, None, None]:
        try:
            yield
        except SystemExit as ending:
            if ending.code in (None, 0):
                self._expect_resumed()
            raise
        self._expect_resumed()

    def _expect_resumed(self) -> None:
        self._expect_no_difference()
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
        made = super().save(name)
        if self._description is not None:
            self._prune()
        return made

    def restore(self, name: str) -> None:
        call = Call("restore", name, f"restore({name!r})")
        made = MadeCall(call, CallKind(()), {}, functools.partial(super().restore, name))
        handle = self.answer if self.replays else self.perform
        handle(self._driver_calls, made)
        for machine in self._machines:
            machine.live_commands.clear()

    def saved(self) -> list[Checkpoint]:
        own = super().saved()
        if self._resume is None or self._description is not None:
            return own
        last = self._resume.checkpoint.number
        return [e for e in self._resume.record.checkpoints() if e.number <= last] + own

    # Recording and resuming

    def _new_record(self) -> AbstractContextManager[Record]:
        if self._description is None:
            return super()._new_record()
        return store.new_record(self._description)

    def _calls_made(self) -> int | None:
        try:
            return None if self._recording is None else self._expect_recorded(self._recording)
        except NotSaved:
            return None  # the script itself can still restore it

    def _expect_recorded(self, recording: Recording) -> int:
        """The number of calls so far. Raises NotSaved when a later run could not resume here."""
        for machine in self._machines:
            if machine.live_commands:
                command = next(iter(machine.live_commands.values()))
                raise NotSaved(f"`{command}` still runs in the background on {machine.name}")
            if machine.calls_under_way:
                raise NotSaved(f"a call to {machine.name} of another thread has not returned")
        if recording.why_ended is not None:
            raise NotSaved(recording.why_ended)
        return recording.next_number

    def _pass(self, name: str) -> None:
        """The script has come to a place where a checkpoint was or could have been saved."""
        assert self._replay is not None and self._resume is not None
        self._expect_no_difference()
        is_main = caller().kind is Kind.MAIN
        checkpoint = self._resume.checkpoint
        if is_main and name == checkpoint.name and self._replay.is_at(checkpoint):
            self._resume_now(self._replay, self._resume)

    def _resume_now(self, replay: Replay, resume: Resume) -> None:
        begin = time.monotonic()
        self._ready.clear()
        try:
            self._replay = None
            self._team.restore(resume.checkpoint.folder, resume.clock_now)
        finally:
            self._ready.set()
        spent = time.monotonic() - begin
        for machine in self._machines:
            machine.live_commands.clear()
        self._logger.info(
            f"resumed at the checkpoint {resume.checkpoint.name!r}: {replay.answered} calls were "
            f"answered from the record, and restoring the machines took {spent:.2f}s"
        )
        if self._description is not None:
            self._continue_record(resume, replay.moved_by)
        if self._prompt is not None:
            self._prompt()
            raise SystemExit(0)

    def _continue_record(self, resume: Resume, moved_by: float) -> None:
        try:
            record = self._record()
            record.continue_from(resume.record, resume.checkpoint, moved_by)
            self._recording = Recording(record, self.places, self._logger.warning)
        except OSError as error:
            reason = reason_of(error, store.root())
            self._logger.warning(f"the resumed run is not recorded: {reason}")
