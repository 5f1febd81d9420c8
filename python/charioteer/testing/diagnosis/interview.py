"""Asks all machines of a run at once, within one limit."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from charioteer import _core as core
from charioteer.testing.checkpoints.unrecorded import unrecorded
from charioteer.testing.diagnosis import host, questions
from charioteer.testing.diagnosis.answer import Answer, Outside
from charioteer.testing.diagnosis.request import Request
from charioteer.testing.machine import BaseMachine, NspawnMachine, QemuMachine
from charioteer.testing.machines import Outcomes


@dataclass(frozen=True)
class Limits:
    """How long all machines together may take to answer, in seconds.

    On a host with more load than processors up to four times as long.
    """

    native: float
    """If all guests run with KVM."""
    emulated: float
    """If one of them runs without it."""


USUAL_LIMITS = Limits(native=5.0, emulated=15.0)
"""At the end of a run."""

# After this share of the limit a guest returns what it has until then; the rest is for the way there and
# back, which a loaded host makes long.
_SHARE_OF_GUEST = 0.75
# More than a kernel prints after the reason of its panic.
_CONSOLE_LINES = 200


class Interview:
    """One interview. Machines that are off are not started, and no polling condition is checked."""

    def __init__(self, request: Request, machines: Sequence[BaseMachine], limits: Limits) -> None:
        self._request = request
        self._limits = limits
        self._machines = [
            each
            for each in machines
            if isinstance(each, (QemuMachine, NspawnMachine)) and _was_started(each)
        ]
        self._outsides: dict[str, Outside] = {}
        self.answers: dict[str, Answer] = {}
        self.silent: dict[str, str] = {}
        """Why machines did not answer, by their names."""

    @property
    def has_machines(self) -> bool:
        """Whether any machine was started."""
        return bool(self._machines)

    def hold(self) -> None:
        """Asks. Returns when all have answered or the limit has passed; raises KeyboardInterrupt."""
        begin = time.monotonic()
        slowness = host.slowness()
        looks = Outcomes[Outside](self._machines)
        late = looks.gather(_look, slowness * self._limits.native / 2)
        self._outsides = looks.values
        is_emulated = any(each.is_emulated for each in looks.values.values())
        limit = slowness * (self._limits.emulated if is_emulated else self._limits.native)
        left = max(begin + limit - time.monotonic(), 0.0)
        asked = [each for each in self._machines if self._takes_commands(each)]
        outcomes = Outcomes[Answer](asked)
        late += outcomes.gather(lambda machine: self._ask(machine, left), left)
        self.answers = {
            each.name: outcomes.values.get(each.name)
            or Answer(each.name, outside=self._outside(each))
            for each in self._machines
        }
        for name in late:
            self.silent[name] = f"within {limit:.2g} s"
        for name, error in outcomes.failures.items():
            self.silent[name] = str(error).split("\n")[0].removeprefix(f"{name}: ")

    def _outside(self, machine: BaseMachine) -> Outside:
        return self._outsides.get(machine.name, Outside())

    def _takes_commands(self, machine: BaseMachine) -> bool:
        outside = self._outside(machine)
        if outside.has_ended:
            return False
        if not machine.is_up():
            self.silent[machine.name] = "it has not finished booting"
            return False
        if outside.run_state not in ("", "running"):
            self.silent[machine.name] = f"its state is {outside.run_state}"
            return False
        return True

    def _ask(self, machine: BaseMachine, limit: float) -> Answer:
        assert isinstance(machine, (QemuMachine, NspawnMachine))
        limit_of_guest = limit * _SHARE_OF_GUEST
        text = questions.script(self._request, machine.name, limit_of_guest)
        # Not the machine's own methods, which a script may have replaced, and which are logged.
        handle: core.Guest = machine.handle
        asked_at, begin = time.time(), time.monotonic()
        with unrecorded():
            outcome = handle.run(text, None, limit_of_guest, False, False)
        output = outcome.output[: questions.OUTPUT_LIMIT].decode(errors="replace")
        took = time.monotonic() - begin
        sections = questions.sections(output)
        return Answer(machine.name, sections, asked_at, took, self._outside(machine))


def _was_started(machine: BaseMachine) -> bool:
    if isinstance(machine, QemuMachine):
        with unrecorded():
            return machine.handle.process is not None
    return machine.is_up()


def _look(machine: BaseMachine) -> Outside:
    """What can be seen without the guest."""
    if not isinstance(machine, QemuMachine):
        return Outside(console=tuple(machine.console_tail()))
    with unrecorded():
        return _look_at_qemu(machine.handle)


def _look_at_qemu(handle: core.Machine) -> Outside:
    import json

    console = tuple(handle.console_tail(_CONSOLE_LINES))
    process = handle.process
    if process is None or (status := process.poll()) is not None:
        output = tuple(process.last_output().split("\n")) if process is not None else ()
        # A machine that the script has shut down, and waited for, is not booted.
        return Outside(console, handle.booted, None if process is None else status, output)
    try:
        state = json.loads(handle.qmp("query-status"))["return"]["status"]
        has_kvm = json.loads(handle.qmp("query-kvm"))["return"]["enabled"]
    except Exception:  # a QEMU without an answer is no reason to ask nothing
        return Outside(console)
    return Outside(console, run_state=str(state), is_emulated=not has_kvm)
