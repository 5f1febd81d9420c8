"""The time from an event to the return of its wait: by the agent, and by polling every second."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from charioteer import _core

import guest
from figures import Figure, compare

_PHASES = 8


@dataclass(frozen=True)
class Event:
    """An event in the guest, `delay` seconds after `prepare`."""

    make: str
    """A command that ends as soon as the event has happened."""
    probe: str
    """The command that the baseline repeats until it succeeds."""
    ours: Callable[[_core.Machine], object]
    prepare: str = "true"


def reaction(
    machine: _core.Machine, name: str, event: Callable[[_core.Machine, int, float], Event]
) -> Figure:
    """The time from each of several events, evenly distributed over a second, to the wait's return.

    `event` is called with a number for each event, and its delay in seconds.
    """
    mine: list[float] = []
    baseline: list[float] = []
    for number in range(2 * _PHASES):
        made = event(machine, number, 1 + (number // 2 + 0.5) / _PHASES)
        series = baseline if number % 2 else mine
        machine.execute(made.prepare)
        event_time = _EventTime(machine, made.make)
        if series is mine:
            made.ours(machine)
        else:
            with guest.upstream_shell(machine) as shell:
                shell.wait_until(made.probe)
        returned = time.perf_counter()
        series.append((returned - event_time.get()) * 1000)
    return compare(name, mine, baseline, "ms")


class _EventTime:
    """Records the end of a command in the guest, on a separate thread."""

    def __init__(self, machine: _core.Machine, command: str) -> None:
        self._call = machine.begin(f"{command}; echo made")
        self._time = 0.0
        self._thread = threading.Thread(target=self._record)
        self._thread.start()

    def _record(self) -> None:
        while self._call.read() is not None:
            self._time = self._time or time.perf_counter()

    def get(self) -> float:
        """By time.perf_counter()."""
        self._thread.join()
        return self._time


def file(_machine: _core.Machine, number: int, delay: float) -> Event:
    """A file appears."""
    path = f"/tmp/bench-{number}"
    probe = f"test -e {path}"
    return Event(
        f"sleep {delay:.2f}; : > {path}",
        probe,
        lambda machine: machine.wait_for_probe(probe, hint=["wait-file", path]),
    )


def unix_socket(_machine: _core.Machine, number: int, delay: float) -> Event:
    """A program begins to listen on a Unix socket."""
    path = f"/tmp/bench-socket-{number}"
    probe = f"nc -z -U {path}"
    return Event(
        f"sleep {delay:.2f}; nc -lkU {path} >/dev/null 2>&1 & until [ -S {path} ]; do :; done",
        probe,
        lambda machine: machine.wait_for_probe(probe, hint=["wait-unix", path, "stream"]),
    )


def closed_port(_machine: _core.Machine, number: int, delay: float) -> Event:
    """A TCP port is closed."""
    port = 6000 + number
    pid = f"/tmp/bench-pid-{number}"
    return Event(
        f"sleep {delay:.2f}; kill $(cat {pid})",
        f"! nc -z localhost {port}",
        lambda machine: machine.wait_for_probe(
            f"nc -z localhost {port}", False, hint=["wait-port", str(port), "closed"]
        ),
        prepare=f"nc -lk localhost {port} >/dev/null 2>&1 & echo $! > {pid}; "
        f"until nc -z localhost {port}; do :; done",
    )


def unit(_machine: _core.Machine, number: int, delay: float) -> Event:
    """A unit of systemd becomes active."""
    name = f"bench-{number}.service"
    run = (
        f"systemd-run --quiet --no-block --unit={name} --remain-after-exit --property=Type=oneshot"
    )
    return Event(
        f"systemctl start {name}",
        f"systemctl --no-pager show {name} --property=ActiveState | grep -qx ActiveState=active",
        lambda machine: machine.wait_for_unit(name),
        prepare=f"{run} sleep {delay:.2f}",
    )
