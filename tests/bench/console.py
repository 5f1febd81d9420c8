"""50 MB of console output through the driver, compared to reading it line by line in Python.

As a program, takes one side's measure in a process of its own: `console.py ours|baseline FILE`.
"""

import json
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from charioteer import _core

from figures import Figure

_SIZE = 50 << 20
_ROUNDS = 3
_LAST_LINE = "the last line of the console"


def console_50mb() -> list[Figure]:
    """Time, and processor time of the reading process."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        log = Path(name) / "console"
        write_log(log)
        rounds = [(_measure("ours", log), _measure("baseline", log)) for _ in range(_ROUNDS)]
    figures = []
    for index, suffix in enumerate(("", "_cpu")):
        ours = statistics.median(pair[0][index] for pair in rounds)
        baseline = statistics.median(pair[1][index] for pair in rounds)
        figures.append(Figure(f"console_50mb{suffix}", ours, baseline, "s"))
    return figures


def write_log(path: Path) -> None:
    """Writes 50 MB of lines like those of a kernel and a service manager."""
    written = number = 0
    with path.open("w") as log:
        while written < _SIZE:
            number += 1
            written += log.write(
                f"[{number / 1000:12.6f}] systemd[1]: Started unit-{number}.service - "
                f"{'x' * (number * 7 % 50)}.\r\n"
            )
        log.write(f"{_LAST_LINE}\r\n")


def _measure(side: str, log: Path) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, __file__, side, str(log)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    seconds, processor = json.loads(done.stdout)
    return float(seconds), float(processor)


def _ours(log: Path) -> None:
    """A machine that writes it all to its console, including the start of an empty QEMU."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        script = folder / "run-guest-vm"
        qemu = "qemu-system-x86_64 -machine pc -m 64 -S -nodefaults"
        script.write_text(f'#!/bin/sh\ncat {log}\nexec {qemu} "$@"\n')
        script.chmod(0o755)
        (shared := folder / "shared").mkdir()
        machine = _core.Machine(
            "guest", str(script), str(folder / "state"), str(shared), _core.Reporter(terminal=True)
        )
        machine.start()
        last = ""
        while last != _LAST_LINE:
            last = machine.next_console_lines(60)[-1]
        machine.release()


def _baseline(log: Path) -> None:
    """A thread that decodes, prints, stores and forwards each line."""
    process = subprocess.Popen(["cat", str(log)], stdout=subprocess.PIPE)
    lines: queue.Queue[str] = queue.Queue()
    kept: list[str] = []
    lock = threading.Lock()

    def read() -> None:
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode(errors="ignore").replace("\r", "").rstrip()
            lines.put(line)
            kept.append(line)
            with lock:
                print(f"\x1b[2mguest # {line}\x1b[0m", file=sys.stderr, flush=True)

    reader = threading.Thread(target=read)
    reader.start()
    reader.join()
    process.wait()


def main(side: str, log: Path) -> None:
    began = time.perf_counter()
    cpu = time.process_time()
    (_ours if side == "ours" else _baseline)(log)
    print(json.dumps([time.perf_counter() - began, time.process_time() - cpu]), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
