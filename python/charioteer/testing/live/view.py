"""The live region and the summary, as functions of the model, the time and the size of the terminal."""

from charioteer.style import Style, duration, elapsed
from charioteer.testing.live import table
from charioteer.testing.live.model import Machine, Model, State, Step
from charioteer.testing.live.table import Cell

_MOST_STEPS = 4
_MOST_MACHINES = 8
_DEEPEST = 4
_TIME = 8
_NARROW = 50
"""Columns of a terminal that has no room for the words of states."""
_SLOW = 1.0
"""Seconds of a step that is worth a line in the table of the slowest steps."""
_PHASES = {
    "set-up": "setting up",
    "script": "running the script",
    "clean-up": "cleaning up",
}
# Which machines are shown when there is not enough room for all: those that come first here.
_ORDER = [
    *(State.PANICKED, State.BOOTING, State.STOPPING, State.PAUSED, State.READY),
    *(State.GONE, State.OFF),
]


class View:
    """Makes the lines of the live region, and of the summary at the end."""

    def __init__(self, style: Style) -> None:
        self._style = style

    # The region

    def region(self, model: Model, columns: int, rows: int) -> list[str]:
        """The lines of the region: an empty one, steps, machines, and a line of totals.

        It takes at most half of the rows, and 14 of them.
        """
        # The last column stays free, since some terminals wrap a line that ends there.
        width = max(columns - 1, 1)
        room = min(rows // 2, 2 + _MOST_STEPS + _MOST_MACHINES)
        with model.lock:
            now = model.now()
            steps = [step for step in model.steps if not step.is_frame and step.kind != "call"]
            step_room = min(_MOST_STEPS, max(room - (3 if model.machines else 2), 0))
            shown = [self._step(step, now, width) for step in _ends(steps, step_room)]
            machines = self._machines(model, now, width, max(room - 2 - len(shown), 0))
            totals = self._totals(model, now, width)
        return ["", *shown, *machines, totals]

    def _totals(self, model: Model, now: float, width: int) -> str:
        phase = _PHASES.get(model.phase, "starting")
        parts = [phase, elapsed(now - model.begin), f"{_count(model.finished, 'step')} done"]
        text = f" {self._style.symbols.note} ".join(parts)
        return self._style.paint(self._style.fit(text, width), "dim")

    def _step(self, step: Step, now: float, width: int) -> str:
        """As the line of a step that has ended."""
        depth = min(step.depth, _DEEPEST, width // 16)
        begin = f"{'  ' * depth}{self._style.symbols.begun} "
        time = f"{elapsed(now - step.begin):>{_TIME}}  "
        name = self._style.fit(step.name, max(width - len(begin) - len(time), 1))
        return begin + self._style.paint(time, "dim") + self._style.paint(name, "bold")

    def _machines(self, model: Model, now: float, width: int, room: int) -> list[str]:
        machines = list(model.machines.values())
        left_out: list[Machine] = []
        if len(machines) > room:
            ranked = sorted(machines, key=lambda each: (not each.steps, _ORDER.index(each.state)))
            left_out = ranked[max(room - 1, 0) :]
            machines = [each for each in machines if each not in left_out]
        rows = [self._machine(each, now, width >= _NARROW) for each in machines]
        lines = table.lines(rows, self._style, width)
        if left_out and room > 0:
            more = f"{self._style.symbols.ellipsis}  {len(left_out)} more machines"
            lines.append(self._style.paint(self._style.fit(more, width), "dim"))
        return lines

    def _machine(self, machine: Machine, now: float, with_state: bool) -> list[Cell]:
        symbols = self._style.symbols
        symbol, role = {
            State.OFF: (symbols.off, "dim"),
            State.GONE: (symbols.off, "dim"),
            State.BOOTING: (symbols.starting, "warning"),
            State.STOPPING: (symbols.starting, "warning"),
            State.PAUSED: (symbols.starting, "dim"),
            State.READY: (symbols.up, "good"),
            State.PANICKED: (symbols.failed, "bad"),
        }[machine.state]
        detail, since = machine.progress, None
        if machine.steps:
            step = machine.steps[-1]
            detail, since = detail or step.name, step.begin
        elif machine.state in (State.BOOTING, State.STOPPING):
            since = machine.since
        is_quiet = machine.state in (State.OFF, State.GONE)
        state = [Cell(machine.state.value, "dim" if role == "good" else role)] if with_state else []
        return [
            Cell(symbol, role),
            Cell(machine.name, "dim" if is_quiet else "bold"),
            *state,
            Cell("" if since is None else elapsed(now - since), "dim", is_right=True),
            Cell(detail, "busy"),
        ]

    # The end

    def summary(self, model: Model, columns: int) -> list[str]:
        """The lines at the end of a run that has passed."""
        style, width = self._style, max(columns - 1, 1)
        with model.lock:
            slow = [each for each in model.slowest if each.seconds >= _SLOW]
            counts = [_count(model.finished, "step")]
            if model.subtests:
                counts.append(_count(model.subtests, "subtest"))
            passed = f"{style.symbols.passed} passed in {duration(model.now() - model.begin)}"
        rest = "".join(f" {style.symbols.note} {count}" for count in counts)
        rest = style.fit(rest, max(width - len(passed), 1))
        lines = ["", style.paint(passed, "good") + style.paint(rest, "dim")]
        if not slow:
            return lines
        rows = [
            [
                Cell(duration(each.seconds), is_right=True),
                Cell(each.machine or "", "busy"),
                Cell("" if each.line is None else f"line {each.line}", "dim", is_right=True),
                Cell(each.name),
            ]
            for each in slow
        ]
        return [*lines, "", style.paint("slowest steps", "dim"), *table.lines(rows, style, width)]


def _ends(steps: list[Step], room: int) -> list[Step]:
    """At most `room` of the steps: the outermost one, and the innermost ones."""
    if len(steps) <= room:
        return steps
    return [steps[0], *steps[-(room - 1) :]] if room > 1 else steps[:room]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
