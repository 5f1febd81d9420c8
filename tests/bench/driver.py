"""The driver as a whole: the time until it starts a machine, and its memory."""

import json
import subprocess
import tempfile
import time
from pathlib import Path

import guest
from figures import Figure

# There is no driver to compare with: the baselines are our limits.
_START_LIMIT_MS = 150.0
_MEMORY_LIMIT_MB = 60.0

_STARTS = 7
_EXAMPLE = guest.HERE.parent.parent / "examples/ping"


def start_to_qemu(program: Path) -> Figure:
    """From the start of the driver to the first instruction of the first start script."""
    times = []
    for _ in range(_STARTS):
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            times.append(_start_once(program, Path(name)))
    times.sort()
    return Figure("start_to_qemu", times[len(times) // 2], _START_LIMIT_MS, "ms")


def _start_once(program: Path, folder: Path) -> float:
    stamp = folder / "stamp"
    script = folder / "run-guest-vm"
    script.write_text(f"#!/bin/sh\n: > {stamp}\n")
    script.chmod(0o755)
    config = folder / "driver.json"
    config.write_text(json.dumps(_configuration(script)))
    began = time.time_ns()
    done = subprocess.run(
        [program, "--config", config, "-o", folder], capture_output=True, text=True, check=False
    )
    # The driver reports that the machine ended at once, as intended here.
    if not stamp.exists():
        raise RuntimeError(f"the driver has not started the machine:\n{done.stderr}")
    return (stamp.stat().st_mtime_ns - began) / 1e6


def _configuration(script: Path) -> dict[str, object]:
    return {
        "vms": {"guest": {"name": "guest", "start_script": str(script)}},
        "containers": {},
        "vlans": [1],
        "global_timeout": 60,
        "enable_ssh_backdoor": False,
        "test_script": str(guest.HERE / "start.script"),
    }


def memory_four_machines(program: Path) -> Figure:
    """The driver's largest resident set while four machines boot and ping each other."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        config = guest.write_configuration(_EXAMPLE, Path(name))
        command = [str(program), "--config", str(config), "-o", name]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            peak = 0.0
            while process.poll() is None:
                peak = max(peak, _peak_memory(process.pid))
                time.sleep(0.05)
        if process.returncode != 0:
            raise RuntimeError(f"{_EXAMPLE} ended with status {process.returncode}")
    return Figure("memory_four_machines", peak, _MEMORY_LIMIT_MB, "MB")


def _peak_memory(pid: int) -> float:
    """In MB; 0 if the process has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
