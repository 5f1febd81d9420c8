"""The machines of a cluster file, for any Python program."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Self

from charioteer.cluster import configuration, definition
from charioteer.cluster.run_folder import run_folder
from charioteer.errors import InputError
from charioteer.testing.config import load_driver_configuration
from charioteer.testing.diagnosis.run_diagnosis import RunDiagnosis
from charioteer.testing.driver import Driver
from charioteer.testing.duration import Duration
from charioteer.testing.embedding import Embedding, TimeLimit
from charioteer.testing.errors import MachineError
from charioteer.testing.logger import AbstractLogger, QuietLogger, TerminalLogger
from charioteer.testing.machine import BaseMachine, NspawnMachine, QemuMachine
from charioteer.testing.machines import Machines
from charioteer.testing.options import RunOptions, writable_directory
from charioteer.testing.run_logger import finish, make_logger
from charioteer.testing.symbols import pythonized
from charioteer.testing.vlan import VLan


class Log(Enum):
    """Where the log of a cluster goes."""

    STDERR = "stderr"
    """Standard error, as with `charioteer run`."""
    LOGGING = "logging"
    """Python's `logging`: the loggers `charioteer` and `charioteer.MACHINE`."""
    ERRORS = "errors"
    """Standard error, but only why something failed."""


@dataclass(frozen=True)
class ClusterOptions:
    """The options of a cluster."""

    output_directory: Path | None = None
    """Where screenshots, copied files and reports go; created if it is missing. By default
    `charioteer-out/NAME` in the current folder."""
    state_directory: Path | None = None
    """Where the machines' disks and sockets are; must exist, and its path be short. By default a new
    folder below TMPDIR, which is removed at the end."""
    keep_machine_state: bool = False
    """Whether the machines go on with what is on the disks of the last time. The default of
    `state_directory` is then the same folder each time, and is kept."""
    log: Log = Log.STDERR
    """Where the log goes."""
    stream: bool = False
    """Whether the log shows the output of commands as it comes."""
    report: bool = False
    """Whether the trace and the page of the run are written into the output directory."""
    diagnosis: bool = True
    """Whether the machines are asked for the cause when an exception leaves the `with` block."""
    time_limit: Duration | None = None
    """Seconds, or a timedelta, from the start of the `with` block. Calls to machines raise
    MachineTimeout then. None: there is no limit; that of the cluster file is for its script."""


class Cluster:
    """The machines of a cluster file. Within `with cluster:` they can be used.

    A machine is an attribute by the name that scripts use, in which `-` is `_`, and by its name an
    item: `cluster.web_1` and `cluster["web-1"]`. It starts with its first command, or by `start_all`.
    Several clusters can be open at once. After a fork only the parent has the machines.
    """

    def __init__(
        self, defined: definition.Cluster, options: ClusterOptions = ClusterOptions()
    ) -> None:
        self.definition = defined
        """The content of the cluster file."""
        self.options = options
        self._process = os.getpid()
        self._driver: Driver | None = None
        self._limit = TimeLimit()
        self._open = ExitStack()

    @classmethod
    def load(cls, path: Path | str, options: ClusterOptions = ClusterOptions()) -> Self:
        """The cluster of a file, or of `cluster.toml` in a folder. It needs no test script.

        Raises InputError, which names the file, the key and what was expected.
        """
        return cls(definition.load(Path(path), needs_script=False), options)

    # Opening and closing

    def __enter__(self) -> Self:
        """Builds missing images and creates the machines, which are off.

        Raises BuildError, InputError; MachineError when another cluster uses the state directory.
        """
        if self.is_open:
            raise RuntimeError(f"the cluster {self.definition.name} is already open")
        self._process = os.getpid()
        with ExitStack() as opened:
            self._driver = self._make_driver(opened)
            opened.callback(self._forget)
            self._driver.__enter__()
            opened.push(self._clean_up)
            self._open = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the machines. Raises MachineError when that fails, unless the block has failed."""
        if os.getpid() == self._process:
            self._open.__exit__(kind, error, trace)

    def _make_driver(self, opened: ExitStack) -> Driver:
        options = self._run_options()
        folder = opened.enter_context(self._state_directory())
        written = configuration.write(self.definition, folder)
        logger = make_logger(_first_logger(self.options.log), options)
        opened.push(lambda _kind, error, _trace: finish(logger, error, options))
        self._limit = TimeLimit(self.options.time_limit)
        driver = Driver(
            load_driver_configuration(written),
            options.output_directory,
            logger,
            keep_machine_state=options.keep_machine_state,
            embedding=Embedding(folder, self._limit),
        )
        driver.streams = options.stream
        return driver

    def _run_options(self) -> RunOptions:
        output = self.options.output_directory or Path("charioteer-out") / self.definition.name
        output.mkdir(parents=True, exist_ok=True)
        return RunOptions(
            output_directory=writable_directory(output),
            keep_machine_state=self.options.keep_machine_state,
            trace=self.options.report,
            report=self.options.report,
            stream=self.options.stream,
            diagnosis=self.options.diagnosis,
        )

    def _state_directory(self) -> AbstractContextManager[Path]:
        given = self.options.state_directory
        if given is None:
            return run_folder(self.definition.name, self.options.keep_machine_state)
        return _existing(given)

    def _clean_up(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        driver = self.driver
        self._limit.cancel()
        if isinstance(error, Exception) and self.options.diagnosis:
            if lines := self.diagnose(error):
                for line in lines:
                    driver.logger.log_test_error(line)
                error.add_note("\n".join(lines))
        errors = driver.clean_up()
        errors.report(quietly=True)
        if str(errors) and error is None:
            raise MachineError(str(errors))

    def _forget(self) -> None:
        self._driver = None

    # Machines

    @property
    def is_open(self) -> bool:
        """Whether the program is within the `with` block."""
        return self._driver is not None

    @property
    def driver(self) -> Driver:
        """What scripts call `driver`: `create_machine`, `polling_condition` and more.

        Raises RuntimeError outside of the `with` block.
        """
        if self._driver is None:
            raise RuntimeError(
                f"the cluster {self.definition.name} is not open; use it as `with cluster:`"
            )
        return self._driver

    @property
    def machines(self) -> list[BaseMachine]:
        """All machines, sorted by name."""
        return self.driver.machines

    @property
    def all_machines(self) -> Machines:
        """All machines, for calls to all of them in parallel."""
        return Machines(self.driver.machines)

    @property
    def containers(self) -> list[NspawnMachine]:
        """The machines that are containers."""
        return self.driver.machines_nspawn

    @property
    def vlans(self) -> list[VLan]:
        """The VLANs of the machines, by their numbers."""
        return self.driver.vlans

    @property
    def logger(self) -> AbstractLogger:
        """The log, for messages of the program."""
        return self.driver.logger

    @property
    def output_directory(self) -> Path:
        """Where screenshots, copied files and reports go."""
        return Path(self.driver.out_dir)

    def __getitem__(self, name: str) -> BaseMachine:
        """The machine of this name, as in the cluster file. Raises KeyError."""
        found = {machine.name: machine for machine in self.machines}
        if name not in found:
            raise KeyError(f"there is no machine {name!r}; there are: {', '.join(found)}")
        return found[name]

    def __iter__(self) -> Iterator[BaseMachine]:
        return iter(self.machines)

    def __getattr__(self, name: str) -> QemuMachine:
        """The machine of this name, in which `-` is `_`. Containers are NspawnMachine instead."""
        if name.startswith("_") or self._driver is None:
            raise AttributeError(f"{name!r}: machines exist only within `with cluster:`")
        found = {pythonized(machine.name): machine for machine in self.machines}
        if name not in found:
            known = ", ".join(found)
            raise AttributeError(f"there is no machine {name!r}; there are: {known}")
        machine: QemuMachine = found[name]  # type: ignore[assignment]
        return machine

    # What scripts call, too

    def start_all(self) -> None:
        """Starts all machines in parallel. Raises MachineError that names those that failed."""
        self.driver.start_all()

    def subtest(self, name: str) -> AbstractContextManager[None]:
        """A named part of the test: `with cluster.subtest("..."):`."""
        return self.driver.subtest(name)

    def checkpoint(self, name: str) -> None:
        """Saves all machines as `name`, until the end of the `with` block. Main thread only.

        Raises MachineError when they cannot be saved; they run on then.
        """
        self.driver.checkpoint(name)

    def restore(self, name: str) -> None:
        """Replaces all machines by their state at the checkpoint `name`. Raises MachineError."""
        self.driver.restore(name)

    def diagnose(self, error: BaseException) -> list[str]:
        """Asks the machines why `error` happened; returns lines: what failed, and likely causes.

        Takes up to 15 s, or 70 s on a loaded host. The details are written to `diagnosis.txt` in the
        output directory. Empty if no machine was started.
        """
        driver = self.driver
        diagnosis = RunDiagnosis(self.output_directory, driver.logger, self.definition.file)
        diagnosis.make(error, [*driver.adopted, *driver.machines_nspawn])
        return diagnosis.first_screen


def _first_logger(log: Log) -> AbstractLogger:
    if log is Log.LOGGING:
        from charioteer.testing.logger import PythonLogger  # slow to import

        return PythonLogger()
    return TerminalLogger() if log is Log.STDERR else QuietLogger()


@contextmanager
def _existing(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise InputError(f"the state directory {folder} is not a directory")
    yield folder.absolute()
