"""Methods of machines that run on several machines in parallel."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from charioteer.testing import failure
from charioteer.testing.caller import caller, working_for
from charioteer.testing.cancellation import Cancelled, CancelToken, check_cancelled
from charioteer.testing.duration import Duration
from charioteer.testing.errors import MachineError, RequestedAssertionFailed
from charioteer.testing.machine.base import BaseMachine
from charioteer.testing.machine.result import Result

T = TypeVar("T")

# Seconds.
_LOOK_EVERY = 0.2
_CANCEL_GRACE = 3


class Outcomes(Generic[T]):
    """The results of a call on each machine, by name: a value, or the exception."""

    def __init__(self, machines: Iterable[BaseMachine]) -> None:
        self._machines = list(machines)
        self._values: dict[str, T] = {}
        self._failures: dict[str, BaseException] = {}

    def gather(self, call: Callable[[BaseMachine], T], limit: float | None = None) -> list[str]:
        """Calls `call` with every machine, each on its own thread, and waits for all.

        An interruption of the wait, such as Ctrl-C, cancels the calls that still run, as does
        `limit`, in seconds. Returns the names of the machines that exceeded the limit; their
        later results are ignored.
        """
        give_up = None if limit is None else time.monotonic() + limit
        token = CancelToken()
        changed = threading.Condition()
        under_way: set[str] = set()
        who = caller()

        def work(machine: BaseMachine) -> None:
            token.adopt_thread()
            try:
                with working_for(who):
                    self._values[machine.name] = call(machine)
            except Cancelled:
                pass
            except BaseException as error:  # the caller's thread raises it
                self._failures[machine.name] = error
            with changed:
                under_way.remove(machine.name)
                changed.notify_all()

        # Not Thread.join, which in Python 3.11 may report a running thread as ended after an
        # interruption.
        def wait(limit: float) -> bool:
            with changed:
                return changed.wait_for(lambda: not under_way, limit)

        try:
            for machine in self._machines:
                under_way.add(machine.name)
                # Daemons, so that an interrupted run does not wait for them.
                threading.Thread(target=work, args=(machine,), daemon=True).start()
            while not wait(_LOOK_EVERY):
                check_cancelled()
                if give_up is not None and time.monotonic() > give_up:
                    break
        except BaseException:
            token.cancel()
            wait(_CANCEL_GRACE)
            raise
        with changed:
            late = [each.name for each in self._machines if each.name in under_way]
        if late:
            token.cancel()
            wait(_CANCEL_GRACE)
        return late

    @property
    def values(self) -> dict[str, T]:
        """The values, in the order of the machines."""
        return {m.name: self._values[m.name] for m in self._machines if m.name in self._values}

    @property
    def failures(self) -> dict[str, BaseException]:
        """The exceptions, in the order of the machines."""
        return {m.name: self._failures[m.name] for m in self._machines if m.name in self._failures}

    def add_notes(self, error: BaseException) -> None:
        """Adds the notes of all failures to `error`."""
        for name, failed in self.failures.items():
            for note in failure.notes_of(failed):
                error.add_note(note if note.startswith(f"on {name}, ") else f"{name}: {note}")

    def expect_values(self) -> dict[str, T]:
        """The values. Raises one error that names all failures."""
        if not self._failures:
            return self.values
        failures = self.failures
        for failed in failures.values():
            if not isinstance(failed, Exception):
                raise failed  # such as SystemExit
        error = self._error(failures)
        self.add_notes(error)
        raise error from next(iter(failures.values()))

    def summary(self, head: str) -> MachineError:
        """An error with `head`, a line for each failure, and their notes."""
        lines = [head]
        for name, error in self.failures.items():
            lines.append(f"{name}: {str(error).removeprefix(f'{name}: ')}")
        summary = MachineError("\n".join(lines))
        self.add_notes(summary)
        return summary

    def _error(self, failures: dict[str, BaseException]) -> RequestedAssertionFailed | MachineError:
        lines = [f"{len(failures)} of {len(self._machines)} machines failed:"]
        for name, failed in failures.items():
            text = str(failed).removeprefix(f"{name}: ")
            if not isinstance(failed, (RequestedAssertionFailed, MachineError)):
                text = f"{type(failed).__name__}: {text}"
            lines.append(f"{name}: {text}")
        if self._values:
            lines.append(f"it succeeded on {', '.join(self.values)}")
        if all(isinstance(failed, MachineError) for failed in failures.values()):
            return MachineError("\n".join(lines))
        return RequestedAssertionFailed("\n".join(lines))


class Machines:
    """Several machines. Methods run on all machines in parallel; results are by name.

    Every method waits for all machines. If some fail it raises one error that names each:
    MachineError if all failures are MachineErrors, else RequestedAssertionFailed; `__cause__` is
    the first failure. Ctrl-C cancels the calls on all machines.
    """

    def __init__(self, machines: Iterable[BaseMachine]) -> None:
        """Raises ValueError when two have one name."""
        self._machines = list(machines)
        names = [machine.name for machine in self._machines]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"several machines are called {', '.join(twice)}")

    def __iter__(self) -> Iterator[BaseMachine]:
        return iter(self._machines)

    def __len__(self) -> int:
        return len(self._machines)

    def __contains__(self, machine: object) -> bool:
        return machine in self._machines

    def __repr__(self) -> str:
        return f"<Machines {', '.join(machine.name for machine in self._machines)}>"

    def only(self, *machines: BaseMachine) -> "Machines":
        """The given machines, in this order; they need not belong to this object."""
        return Machines(machines)

    def without(self, *machines: BaseMachine) -> "Machines":
        """All machines except the given ones. Raises ValueError for one that is not among them."""
        for machine in machines:
            if machine not in self._machines:
                raise ValueError(f"{machine.name} is not among {self!r}")
        return Machines(each for each in self._machines if each not in machines)

    def each(self, call: Callable[[BaseMachine], T]) -> dict[str, T]:
        """Calls a function with every machine: `all_machines.each(lambda m: m.succeed(m.name))`."""
        outcomes = Outcomes[T](self._machines)
        outcomes.gather(call)
        return outcomes.expect_values()

    # Commands

    def succeed(
        self, *commands: str, timeout: Duration | None = None, stream: bool | None = None
    ) -> dict[str, str]:
        """`succeed` of every machine; the outputs by name."""
        return self.each(lambda each: each.succeed(*commands, timeout=timeout, stream=stream))

    def fail(
        self, *commands: str, timeout: Duration | None = None, stream: bool | None = None
    ) -> dict[str, str]:
        """`fail` of every machine; the outputs by name."""
        return self.each(lambda each: each.fail(*commands, timeout=timeout, stream=stream))

    def execute(
        self,
        command: str,
        check_return: bool = True,
        check_output: bool = True,
        timeout: Duration | None = 900,
    ) -> dict[str, tuple[int, str]]:
        """`execute` of every machine; status and output by name."""
        return self.each(lambda each: each.execute(command, check_return, check_output, timeout))

    def run(
        self,
        command: str,
        *,
        stdin: str | bytes | None = None,
        timeout: Duration | None = None,
        stream: bool | None = None,
    ) -> dict[str, Result]:
        """`run` of every machine; the results by name."""
        return self.each(
            lambda each: each.run(command, stdin=stdin, timeout=timeout, stream=stream)
        )

    def systemctl(self, q: str, user: str | None = None) -> dict[str, tuple[int, str]]:
        """`systemctl` of every machine; status and output by name."""
        return self.each(lambda each: each.systemctl(q, user))

    # Waits

    def wait_until_succeeds(self, command: str, timeout: Duration = 900) -> dict[str, str]:
        """`wait_until_succeeds` of every machine; the last outputs by name."""
        return self.each(lambda each: each.wait_until_succeeds(command, timeout))

    def wait_until_fails(self, command: str, timeout: Duration = 900) -> dict[str, str]:
        """`wait_until_fails` of every machine; the last outputs by name."""
        return self.each(lambda each: each.wait_until_fails(command, timeout))

    def wait_for_unit(self, unit: str, user: str | None = None, timeout: Duration = 900) -> None:
        """Waits until the unit is active on every machine."""
        self.each(lambda each: each.wait_for_unit(unit, user, timeout))

    def wait_for_file(self, filename: str, timeout: Duration = 900) -> None:
        """Waits until the file exists on every machine."""
        self.each(lambda each: each.wait_for_file(filename, timeout))

    def wait_for_open_port(
        self, port: int, addr: str = "localhost", timeout: Duration = 900
    ) -> None:
        """Waits until something listens on the TCP port, as seen from within every machine."""
        self.each(lambda each: each.wait_for_open_port(port, addr, timeout))

    def wait_for_closed_port(
        self, port: int, addr: str = "localhost", timeout: Duration = 900
    ) -> None:
        """Waits until nothing listens on the TCP port, as seen from within every machine."""
        self.each(lambda each: each.wait_for_closed_port(port, addr, timeout))

    # Life cycle

    def start(self) -> None:
        """Starts the machines that are off."""
        self.each(lambda each: each.start())

    def shutdown(self) -> None:
        """Powers off all guests and waits for the end of their QEMUs."""
        self.each(lambda each: each.shutdown())

    def wait_for_shutdown(self, timeout: Duration | None = None) -> None:
        """Waits for the end of all; `timeout` in seconds, by default there is none."""
        self.each(lambda each: each.wait_for_shutdown(timeout))
