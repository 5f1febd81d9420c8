"""A machine of the core whose calls are recorded, or answered from a record."""

import functools
import itertools
import threading
from collections.abc import Callable
from typing import Any

from charioteer import _core as core
from charioteer.testing.checkpoints import calls
from charioteer.testing.checkpoints.calls import CALLS, CallKind
from charioteer.testing.checkpoints.entries import MachineState
from charioteer.testing.checkpoints.made_call import CallHandler, MadeCall
from charioteer.testing.checkpoints.parts import RecordedProcess, RecordedReading, SpawnedCall
from charioteer.testing.checkpoints.unrecorded import is_unrecorded
from charioteer.testing.checkpoints.values import NotRecordable

_BEGIN = CallKind(("command", "input", "timeout"), frozenset(["timeout"]))
_READ_SCREEN = CallKind(("variants", "timeout"), frozenset(["timeout"]))
_ASSIGN = CallKind(("value",))
_NONE = CallKind(())

# The properties of the core's class, which the class below overrides.
_BOOTED = vars(core.Machine)["booted"]
_CONNECTED = vars(core.Machine)["connected"]


class RecordedMachine(core.Machine):
    """Passes each call to the handler of the run. While a record is replayed no QEMU runs."""

    def __init__(self, handler: CallHandler, *args: Any) -> None:
        """`args` as for core.Machine."""
        super().__init__(*args)
        self._handler = handler
        self.record_name = handler.record_name(self.name)
        self.recorded_state = MachineState()
        """During replay: after the last call."""
        self.live_commands: dict[int, str] = {}
        """The commands that run in the background, by the numbers of their parts."""
        self._lock = threading.Lock()
        self._parts = itertools.count()
        self._under_way = 0

    # For the handler

    @property
    def calls_under_way(self) -> int:
        """The number of calls that have not returned."""
        with self._lock:
            return self._under_way

    def state(self) -> MachineState:
        return MachineState(_BOOTED.__get__(self), _CONNECTED.__get__(self), super().pid)

    # For the parts

    def current_state(self) -> MachineState:
        """The state that scripts see."""
        return self._handler.state_of(self) if self._is_replayed else self.state()

    @property
    def _is_replayed(self) -> bool:
        return self._handler.replays and not is_unrecorded()

    def call(
        self, method: str, kind: CallKind, named: dict[str, Any], perform: Callable[[], Any]
    ) -> Any:
        """The result of a call; `perform` passes it to the core."""
        if is_unrecorded():
            return perform()
        try:
            call = calls.make(method, kind, named, self._handler.places)
        except (NotRecordable, OSError) as error:
            self._handler.refuse(f"{self.name}.{method} cannot be recorded: {error}")
            return perform()
        made = MadeCall(call, kind, named, perform)
        if self._handler.replays:
            return self._handler.answer(self, made)
        with self._lock:
            self._under_way += 1
        try:
            # The core calls polling conditions meanwhile, whose calls are not the script's.
            return self._handler.perform(self, made)
        finally:
            with self._lock:
                self._under_way -= 1

    def _part(
        self, method: str, kind: CallKind, named: dict[str, Any], create: Callable[[], Any]
    ) -> tuple[int, Any]:
        """The number of an object that a call returns, and the core's object unless replayed."""
        number, created = next(self._parts), []

        def perform() -> int:
            created.append(create())
            return number

        # The call returns the number, since the object cannot be stored.
        self.call(method, kind, named, perform)
        return number, created[0] if created else None

    # The calls of core.Machine that return objects or need more than a record

    def begin(self, command: str, input: bool = False, timeout: Any = None) -> Any:
        named = {"command": command, "input": input, "timeout": timeout}
        real = functools.partial(super().begin, command, input, timeout)
        number, call = self._part("begin", _BEGIN, named, real)
        if call is not None:
            self.live_commands[number] = command
        return SpawnedCall(self, number, call)

    def read_screen(self, variants: int, timeout: Any = None) -> Any:
        named = {"variants": variants, "timeout": timeout}
        real = functools.partial(super().read_screen, variants, timeout)
        return RecordedReading(self, *self._part("read_screen", _READ_SCREEN, named, real))

    def attach_shell(self) -> int:
        if not is_unrecorded():
            self._handler.refuse(f"{self.name}: the script uses the root shell's socket")
        return super().attach_shell()

    @property
    def process(self) -> Any:
        if self._is_replayed:
            return RecordedProcess(self) if self.current_state().pid else None
        return RecordedProcess(self) if super().process else None

    def real_process(self) -> core.Process | None:
        """That of the core."""
        return super().process

    @property
    def pid(self) -> int | None:
        return self.current_state().pid

    @property
    def has_agent(self) -> bool:
        real = functools.partial(vars(core.Machine)["has_agent"].__get__, self)
        has: bool = self.call("has_agent", _NONE, {}, real)
        return has

    @property
    def booted(self) -> bool:
        return self.current_state().booted

    @booted.setter
    def booted(self, value: bool) -> None:
        self._assign("booted", _BOOTED, value)

    @property
    def connected(self) -> bool:
        return self.current_state().connected

    @connected.setter
    def connected(self, value: bool) -> None:
        self._assign("connected", _CONNECTED, value)

    def _assign(self, name: str, attribute: Any, value: bool) -> None:
        perform = functools.partial(attribute.__set__, self, value)
        self.call(f"{name} =", _ASSIGN, {"value": value}, perform)


def _recorded(method: str, kind: CallKind) -> Callable[..., Any]:
    original = getattr(core.Machine, method)

    @functools.wraps(original)
    def call(self: RecordedMachine, *args: Any, **kwargs: Any) -> Any:
        named = calls.bind(kind, args, kwargs)
        return self.call(method, kind, named, lambda: original(self, *args, **kwargs))

    return call


for _method, _kind in CALLS.items():
    setattr(RecordedMachine, _method, _recorded(_method, _kind))
