"""The checkpoints of one run, as the driver uses them."""

import shutil
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charioteer import _core as core
from charioteer.testing.directories import temporary_directory
from charioteer.testing.errors import MachineError
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.machine import QemuMachine
from charioteer.testing.script_trace import current_line

# Most runs save nothing, and importing these modules takes longer than the rest of an empty run.
if TYPE_CHECKING:
    from charioteer.testing.checkpoints.record import Checkpoint, Description, Record
    from charioteer.testing.checkpoints.team import Team


class RunCheckpoints:
    """Checkpoints that a script saves and restores in one run. They are removed at its end.

    The subclass `RecordedCheckpoints` keeps them, with a record of the calls, for later runs.
    """

    def __init__(self, script: str) -> None:
        """`script`: the path of the test script, for the list of the runs."""
        self._script = script
        self._own: "Record | None" = None
        self._open = ExitStack()
        self.tmp_dir: Path | None = None
        """Where checkpoints are that are removed at the end; by default `temporary_directory()`."""

    def attach(
        self,
        machines: Callable[[], list[QemuMachine]],
        containers: Iterable[str],
        logger: AbstractLogger,
        prompt: Callable[[], None] | None,
    ) -> None:
        """To be called by the driver. `machines`: those that exist at the time of a call.

        `containers`: the names of the run's containers, which cannot be saved.
        `prompt` is called where the run resumes, and ends the run.
        """
        self._all_machines = machines
        self._containers = sorted(containers)
        self._logger = logger
        self._prompt = prompt

    @cached_property
    def _team(self) -> "Team":
        from charioteer.testing.checkpoints.team import Team

        return Team(self._all_machines)

    @property
    def resumes(self) -> bool:
        """Whether the script is to resume at a checkpoint, and has not done so yet."""
        return False

    @property
    def has_resumed(self) -> bool:
        """Whether the script was resumed at a checkpoint of an earlier run."""
        return False

    def make_machine(self, *args: Any) -> core.Machine:
        """A machine of the core; arguments as for core.Machine."""
        return core.Machine(*args)

    @contextmanager
    def polling(self) -> Generator[bool, None, None]:
        """The block in which polling conditions are checked; gives whether they are to be checked."""
        yield True

    def subtest_ended(self, name: str) -> None:
        """To be called at the end of each subtest that is in no other."""

    def note_replayed(self) -> None:
        """Logs that the current step was answered from a record, if it was."""

    def begin(self) -> None:
        """To be called before the script."""

    @contextmanager
    def expected_to_resume(self) -> Generator[None, None, None]:
        """The block of the script. Raises MachineError if it passes without resuming as planned."""
        yield

    def close(self) -> None:
        """Ends the use of the folder of checkpoints."""
        self._own = None
        self._open.close()

    # What scripts and prompts call

    def save(self, name: str) -> "Checkpoint | None":
        """Saves all machines under this name, which replaces an earlier one.

        None while a record is replayed. Raises MachineError when they cannot be saved.
        """
        from charioteer.testing.checkpoints import record, store
        from charioteer.testing.checkpoints.team import NotSaved

        try:
            return self._save(name, self._calls_made())
        except NotSaved as error:
            raise MachineError(f"the checkpoint {name!r} cannot be made: {error}") from error
        except OSError as error:
            reason = record.reason_of(
                error, store.root() if self._own is None else self._own.folder
            )
            raise MachineError(f"the checkpoint {name!r} cannot be written: {reason}") from error

    def restore(self, name: str) -> None:
        """Restores all machines as they were at the checkpoint. Raises MachineError, OSError."""
        found = [each for each in self.saved() if each.name == name]
        if not found:
            known = ", ".join(repr(each.name) for each in self.saved()) or "none"
            raise MachineError(f"there is no checkpoint {name!r}; there are: {known}")
        with self._logger.nested(f"restoring the checkpoint {name!r}"):
            self._team.restore(found[-1].folder)

    def saved(self) -> "list[Checkpoint]":
        """The checkpoints that can be restored, in the order in which they were saved."""
        return [] if self._own is None else self._own.checkpoints()

    # For the subclass

    def _calls_made(self) -> int | None:
        """See Checkpoint.calls."""
        return None

    def _new_record(self) -> "AbstractContextManager[Record]":
        """A new folder of checkpoints."""
        from charioteer.testing.checkpoints.record import Description

        description = Description("", time.time(), self._script, {}, seed=0)
        return _temporary_record(self.tmp_dir or temporary_directory(), description)

    def _record(self) -> "Record":
        """The folder of this run's checkpoints, which is made when it is first needed."""
        if self._own is None:
            self._own = self._open.enter_context(self._new_record())
        return self._own

    def _save(self, name: str, calls: int | None) -> "Checkpoint":
        """Raises NotSaved, OSError, MachineError."""
        from charioteer.testing.checkpoints.team import NotSaved

        if threading.current_thread() is not threading.main_thread():
            raise NotSaved("another thread than the main one asks for it")
        if self._containers:
            raise NotSaved(f"containers cannot be saved: {', '.join(self._containers)}")
        record = self._record()
        with self._logger.nested(f"saving the checkpoint {name!r}"):
            with record.new_checkpoint(name, current_line(), calls) as folder:
                stopped = self._team.save(folder)
            *earlier, made = record.checkpoints()
            self._team.moved(folder, made.folder)
            self._logger.info(f"the machines were stopped for {stopped:.2f}s")
        for each in earlier:
            # A later run can still resume at one of the same name.
            if each.name == name and each.calls is None:
                shutil.rmtree(each.folder)
        return made


@contextmanager
def _temporary_record(parent: Path, description: "Description") -> "Generator[Record, None, None]":
    """A folder beside the machines' state, which is removed at the end of the block."""
    import tempfile

    from charioteer.testing.checkpoints.record import Record

    folder = Path(tempfile.mkdtemp(prefix="checkpoints-", dir=parent))
    try:
        yield Record.create(folder, description)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
