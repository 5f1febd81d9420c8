"""Commands and waits, compared with the protocol of two round trips on the same guest."""

import base64
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable

from charioteer import _core

import guest
from figures import Figure, compare

_ROUNDS = 6
_COMMANDS = 25
_PHASES = 10
_FIRST_PORT = 9000
_COPIES = 3
_FILE_SIZE = 1_000_000
# Bytes of the file in one command, below the limit of 128 KiB for an argument of a program.
_PIECE = 90_000


def execute_true(machine: _core.Machine, name: str = "execute_true") -> Figure:
    """The time of `execute("true")`; both sides run some commands alternately."""
    ours: list[float] = []
    baseline: list[float] = []
    for _ in range(_ROUNDS):
        ours += _timed(lambda: machine.execute("true"))
        with guest.upstream_shell(machine) as shell:
            baseline += _timed(lambda: shell.execute("true"))
    return compare(name, ours, baseline, "ms")


def _timed(call: Callable[[], object]) -> list[float]:
    times = []
    for _ in range(_COMMANDS):
        began = time.perf_counter()
        call()
        times.append((time.perf_counter() - began) * 1000)
    return times


def copy_in(machine: _core.Machine) -> Figure:
    """1 MB into a guest by its root shell alone; the baseline writes it in pieces of `echo`, since a
    command of the guest's shell has 128 KiB at most.
    """
    content = os.urandom(_FILE_SIZE)
    ours: list[float] = []
    baseline: list[float] = []
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        for _ in range(_COPIES):
            began = time.perf_counter()
            machine.copy_in(file.name, "/tmp/copied")
            ours.append(time.perf_counter() - began)
            with guest.upstream_shell(machine) as shell:
                began = time.perf_counter()
                for at in range(0, len(content), _PIECE):
                    piece = base64.b64encode(content[at : at + _PIECE]).decode()
                    shell.execute(f"echo -n {piece} | base64 -d >> /tmp/pieces")
                baseline.append(time.perf_counter() - began)
                shell.execute("rm /tmp/pieces")
    return compare("shell_1mb_in", ours, baseline, "s")


def _poll(machine: _core.Machine, probe: str, _port: int) -> None:
    machine.wait_for_command(probe)


def wait_open_port(
    machine: _core.Machine,
    name: str = "wait_open_port",
    ours: Callable[[_core.Machine, str, int], None] = _poll,
) -> Figure:
    """The time from the opening of a port to the return of the wait for it.

    Ports open at moments that are spread evenly over a second, so that polling by the second meets
    them in all phases.
    """
    port_times = _PortTimes(machine)
    mine: list[float] = []
    baseline: list[float] = []
    port = _FIRST_PORT
    for phase in range(_PHASES):
        delay = 1 + (phase + 0.5) / _PHASES
        for series in (mine, baseline):
            port += 1
            probe = f"nc -z localhost {port}"
            listen = f"sleep {delay:.2f}; exec nc -lv localhost {port}"
            machine.execute(f"({listen}) </dev/null >/dev/null 2>/dev/ttyS0 &")
            if series is mine:
                ours(machine, probe, port)
            else:
                with guest.upstream_shell(machine) as shell:
                    shell.wait_until(probe)
            returned = time.perf_counter()
            series.append((returned - port_times.of(port)) * 1000)
    port_times.stop()
    return compare(name, mine, baseline, "ms")


class _PortTimes:
    """Records when `nc -v` reports on the serial console that it listens."""

    def __init__(self, machine: _core.Machine) -> None:
        self._machine = machine
        self._seen: queue.Queue[tuple[str, float]] = queue.Queue()
        self._ending = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def of(self, port: int) -> float:
        """When `port` opened, by time.perf_counter(). Raises queue.Empty after 10 s."""
        while True:
            line, seen_at = self._seen.get(timeout=10)
            if line.startswith("Listening on") and line.split()[-1] == str(port):
                return seen_at

    def stop(self) -> None:
        self._ending = True
        self._thread.join()

    def _read(self) -> None:
        while not self._ending:
            try:
                lines = self._machine.next_console_lines(0.5)
            except TimeoutError:
                continue
            now = time.perf_counter()
            for line in lines:
                self._seen.put((line.strip(), now))
