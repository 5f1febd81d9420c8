"""Objects of the core that belong to a machine, whose calls are recorded like the machine's own."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from charioteer import _core as core
from charioteer.testing.checkpoints.calls import CallKind
from charioteer.testing.checkpoints.entries import MachineState
from charioteer.testing.duration import Duration

_PLAIN = CallKind(("part",))


def _with(parameter: str, ignored: bool = False) -> CallKind:
    return CallKind(("part", parameter), frozenset([parameter] if ignored else []))


class Machine(Protocol):
    """The part of a recorded machine that its parts use."""

    live_commands: dict[int, str]

    def call(
        self, method: str, kind: CallKind, named: dict[str, Any], perform: Callable[[], Any]
    ) -> Any:
        ...

    def current_state(self) -> MachineState:
        ...

    def real_process(self) -> core.Process | None:
        ...

    @property
    def name(self) -> str:
        ...


class SpawnedCall:
    """A recorded `core.Call`: a command that runs in the background.

    A script resumes only where the commands from before have ended. Those are then like ended calls of
    the core: input and signals have no effect.
    """

    def __init__(self, machine: Machine, number: int, call: core.Call | None) -> None:
        """`number`: among the parts of the machine. `call` is None when it is replayed."""
        self._machine = machine
        self._number = number
        self._real = call

    def _call(self, method: str, kind: CallKind, perform: Callable[[], Any], *argument: Any) -> Any:
        named = dict(zip(kind.parameters, (self._number, *argument)))
        return self._machine.call(f"call.{method}", kind, named, perform)

    def _request(self, method: str, kind: CallKind = _PLAIN, *argument: Any) -> None:
        def perform() -> None:
            if self._real is not None:
                getattr(self._real, method)(*argument)

        self._call(method, kind, perform, *argument)

    def _living(self) -> core.Call:
        if self._real is None:
            raise core.ShellError(
                f"{self._machine.name}: the background command ended before the checkpoint where "
                "the script resumed, so that it cannot be used any more"
            )
        return self._real

    @property
    def pid(self) -> int:
        pid: int = self._call("pid", _PLAIN, lambda: self._living().pid)
        return pid

    @property
    def ended(self) -> bool:
        ended: bool = self._call("ended", _PLAIN, lambda: self._real is None or self._real.ended)
        return ended

    @property
    def outcome(self) -> core.Outcome | None:
        outcome: core.Outcome | None = self._call("outcome", _PLAIN, lambda: self._living().outcome)
        # The last call of the thread that reads the output.
        self._forget()
        return outcome

    def read(self, timeout: Duration | None = None) -> core.Piece | None:
        kind = _with("timeout", ignored=True)
        try:
            piece: core.Piece | None = self._call(
                "read", kind, lambda: self._living().read(timeout), timeout
            )
        except core.ShellError:
            self._forget()  # the guest was lost
            raise
        return piece

    def write(self, data: bytes) -> None:
        self._request("write", _with("data"), data)

    def end_input(self) -> None:
        self._request("end_input")

    def signal(self, number: int) -> None:
        self._request("signal", _with("number"), number)

    def detach(self) -> None:
        self._request("detach")
        self._forget()

    def _forget(self) -> None:
        """The command does not prevent a checkpoint any more."""
        self._machine.live_commands.pop(self._number, None)


class RecordedReading(Iterator[tuple[int, str]]):
    """A recorded `core.ScreenReading`."""

    def __init__(self, machine: Machine, number: int, reading: core.ScreenReading | None) -> None:
        self._machine = machine
        self._number = number
        self._real = reading

    def __next__(self) -> tuple[int, str]:
        named = {"part": self._number}
        text: tuple[int, str] = self._machine.call(
            "reading.next", _PLAIN, named, lambda: next(self._real or iter([]))
        )
        return text


class RecordedProcess:
    """A recorded `core.Process`: the QEMU of a machine. `poll` and `returncode` are read only from its state."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def _call(self, method: str, kind: CallKind = CallKind(()), *argument: Any) -> Any:
        named = dict(zip(kind.parameters, argument))
        return self._machine.call(
            f"process.{method}", kind, named, lambda: getattr(self._living(), method)(*argument)
        )

    def _living(self) -> core.Process:
        process = self._machine.real_process()
        if process is None:
            raise core.NotRunning(f"{self._machine.name}: no QEMU runs")
        return process

    @property
    def pid(self) -> int:
        if (process := self._machine.real_process()) is not None:
            return process.pid
        return self._machine.current_state().pid or 0

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        if (process := self._machine.real_process()) is not None:
            return process.poll()
        # While a record is replayed: a process that was not waited for is running.
        return None if self._machine.current_state().booted else 0

    def wait(self, timeout: float | None = None) -> int:
        status: int = self._call("wait", CallKind(("timeout",), frozenset(["timeout"])), timeout)
        return status

    def send_signal(self, signal: int) -> None:
        self._call("send_signal", CallKind(("signal",)), signal)

    def terminate(self) -> None:
        self._call("terminate")

    def kill(self) -> None:
        self._call("kill")

    def last_output(self) -> str:
        output: str = self._call("last_output")
        return output
