"""What trace, journals and page cost a whole run: 2,000 commands and 50 MB of console, on one guest.

The baseline is the same run without them.
"""

import json
import resource
import statistics
import subprocess
import tempfile
from pathlib import Path

import guest
from console import write_log
from figures import Figure

_ROUNDS = 3
_SCRIPT = """\
machine = machines[0]
machine.wait_for_unit("multi-user.target")
for _ in range(2000):
    machine.succeed("true")
"""


def overhead(program: Path) -> Figure:
    """`program` is nixos-test-driver. The processor time of the driver and its guest.

    Runs with and without alternate. How long one takes depends more on other work of the host than on
    the trace.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        configuration = _configuration(folder)
        traced: list[float] = []
        plain: list[float] = []
        for _ in range(_ROUNDS):
            plain.append(_run(program, configuration, folder / "out"))
            traced.append(_run(program, configuration, folder / "out", "--trace", "--report"))
    return Figure(
        "trace_overhead_run", statistics.median(traced), statistics.median(plain), "s CPU"
    )


def _configuration(folder: Path) -> Path:
    """Of one `debian`, whose console begins with 50 MB.

    An emulated serial port would take minutes for them.
    """
    (source := folder / "source").mkdir()
    (source / "cluster.toml").write_text('[machines.guest]\nguest = "debian"\nvlans = []\n')
    (source / "test.py").write_text(_SCRIPT)
    path = guest.write_configuration(source, folder)
    configuration = json.loads(path.read_text())
    original = configuration["vms"]["guest"]["start_script"]
    write_log(log := folder / "console")
    script = folder / "run-noisy-vm"
    script.write_text(f'#!/bin/sh\ncat {log}\nexec {original} "$@"\n')
    script.chmod(0o755)
    configuration["vms"]["guest"]["start_script"] = str(script)
    path.write_text(json.dumps(configuration))
    return path


def _run(program: Path, configuration: Path, out: Path, *options: str) -> float:
    out.mkdir(exist_ok=True)
    log = out / "log"
    before = _processor_seconds()
    with log.open("wb") as errors:
        done = subprocess.run(
            [program, "--config", configuration, "-o", out, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            check=False,
        )
    if done.returncode != 0:
        end = log.read_bytes()[-2000:].decode(errors="replace")
        raise RuntimeError(f"the run has failed:\n{end}")
    return _processor_seconds() - before


def _processor_seconds() -> float:
    """Of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
