"""What happens in a run, as far as a live view shows it."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

# Steps of the driver that contain the others; the view shows the phase instead.
SCRIPT = "run the VM test script"
_FRAMES = (SCRIPT, "cleanup")
_SLOWEST = 5


class State(Enum):
    """The state of a machine, by the word that is shown for it."""

    OFF = "off"
    BOOTING = "booting"
    READY = "ready"
    PAUSED = "paused"
    STOPPING = "stopping"
    PANICKED = "panicked"
    GONE = "gone"


# By the names of states in docs/trace.md, and by the names of QMP events.
_STATES = {
    "start": State.BOOTING,
    "ready": State.READY,
    "panic": State.PANICKED,
    "end": State.GONE,
}
_EVENTS = {
    "RESET": State.BOOTING,
    "STOP": State.PAUSED,
    "RESUME": State.READY,
    "SHUTDOWN": State.STOPPING,
}


@dataclass(eq=False)
class Step:
    """A step of the test that has begun."""

    kind: str
    """As the type in docs/trace.md: step, subtest, call."""
    name: str
    machine: str | None
    begin: float
    line: int | None
    """Of the script."""
    parent: "Step | None"
    depth: int
    """The number of steps around it that are shown."""
    is_of_script: bool = True
    """Whether it is not one of the driver, before or after the script."""
    inner: float = 0.0
    """Seconds that were spent in steps within it."""
    inner_error: BaseException | None = None
    """The exception that has left the last step within it."""
    is_announced: bool = False
    """Whether its name was shown before those of the steps within it."""

    @property
    def is_frame(self) -> bool:
        return self.depth < 0


@dataclass
class Machine:
    name: str
    state: State = State.OFF
    since: float = 0.0
    """When it came into this state."""
    progress: str = ""
    """Of a long operation, such as a copy."""
    steps: list[Step] = field(default_factory=list)
    """Those that are in progress, in the order of their begin."""


@dataclass(frozen=True)
class Slow:
    """One of the slowest steps. `seconds` are without the steps within it."""

    seconds: float
    name: str
    machine: str | None
    line: int | None


class Model:
    """Thread-safe. `lock` is to be held for reading several attributes that belong together."""

    def __init__(
        self, machines: Iterable[str] = (), now: Callable[[], float] = time.monotonic
    ) -> None:
        self.lock = threading.RLock()
        self.now = now
        self.begin = now()
        self.machines = {name: Machine(name) for name in machines}
        self.steps: list[Step] = []
        """Those without a machine that are in progress, in the order of their begin."""
        self.phase = ""
        self.finished = 0
        """Steps that have ended, without calls."""
        self.subtests = 0
        self.slowest: list[Slow] = []
        self.version = 0
        """Changes with each change that a view shows."""
        self.in_script = False
        self._main: list[Step] = []
        self._threads = threading.local()
        self._threads.steps = self._main

    # Steps

    def begin_step(self, kind: str, name: str, machine: str | None, line: int | None) -> Step:
        """Begins a step of the calling thread."""
        stack = self._stack()
        parent = self.innermost()
        is_frame = machine is None and kind == "step" and name in _FRAMES
        depth = -1 if is_frame else 0 if parent is None else parent.depth + 1
        step = Step(kind, name, machine, self.now(), line, parent, depth, self.in_script)
        stack.append(step)
        with self.lock:
            self._containing(step).append(step)
            self.version += 1
            if is_frame:
                self.in_script = name == SCRIPT
        return step

    def end_step(self, step: Step) -> float:
        """Ends a step of the calling thread; returns its duration in seconds."""
        seconds = self.now() - step.begin
        self._stack().remove(step)
        with self.lock:
            self._containing(step).remove(step)
            self.version += 1
            if step.parent is not None:
                step.parent.inner += seconds
            if step.is_frame:
                self.in_script = False
            elif step.kind != "call" and step.is_of_script:
                self.finished += 1
                self.subtests += step.kind == "subtest"
                self._rank(step, seconds - step.inner)
        return seconds

    def innermost(self) -> Step | None:
        """The step around what the calling thread does now."""
        # Another thread may change the list of the main thread.
        for step in (self._stack() or self._main)[-1:]:
            return step
        return None

    def _stack(self) -> list[Step]:
        """The steps of the calling thread that are in progress, innermost last."""
        steps: list[Step] | None = getattr(self._threads, "steps", None)
        if steps is None:
            self._threads.steps = steps = []
        return steps

    def _containing(self, step: Step) -> list[Step]:
        return self.steps if step.machine is None else self.machine(step.machine).steps

    def _rank(self, step: Step, seconds: float) -> None:
        slowest = self.slowest
        if len(slowest) < _SLOWEST or seconds > slowest[-1].seconds:
            slowest.append(Slow(seconds, step.name, step.machine, step.line))
            slowest.sort(key=lambda each: -each.seconds)
            del slowest[_SLOWEST:]

    # Machines

    def machine(self, name: str) -> Machine:
        """The machine, which is added if it is new. The caller holds the lock."""
        if name not in self.machines:
            self.machines[name] = Machine(name)
        return self.machines[name]

    def change_state(self, machine: str, word: str, details: Mapping[str, str] = {}) -> None:
        """Takes a record of kind `state` of docs/trace.md."""
        state = _EVENTS.get(details.get("event", "")) if word == "qmp" else _STATES.get(word)
        if state is None:
            return
        with self.lock:
            about = self.machine(machine)
            # QEMU stops and resets guests whose kernel has panicked.
            if about.state == State.PANICKED and word == "qmp":
                return
            about.state, about.since, about.progress = state, self.now(), ""
            self.version += 1

    def show_progress(self, machine: str, text: str) -> None:
        """Sets the progress of an operation; an empty text ends it."""
        with self.lock:
            self.machine(machine).progress = text
            self.version += 1

    def enter(self, phase: str) -> None:
        """Takes a record of kind `phase`."""
        with self.lock:
            self.phase = phase
            self.version += 1
