"""A VLAN with four guests, of which two exchange data and the others are bystanders.

The same guests are on three VLANs: ours by stream sockets, as guests of ours plug in, ours by VDE plugs,
as NixOS's start scripts do, and `vde_switch --hub`, by VDE plugs.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from charioteer import _core

import guest
from figures import Figure, compare

_TALKERS = ("alpha", "beta")
_BYSTANDERS = ("gamma", "delta")
_STREAM, _VDE, _BASELINE = 1, 2, 3
_MEGABYTES = 40
_TURNS = 5
_PORT = 9000
_LIMIT = 300


@dataclass
class _Series:
    """Results of one VLAN for each turn: MB/s, and processor milliseconds of a bystander's QEMU."""

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)


def measure() -> Iterable[Figure]:
    """Throughput between two guests, and the processor time of each bystander for 100 MB."""
    series = {vlan: _Series() for vlan in (_BASELINE, _VDE, _STREAM)}
    with _machines() as machines:
        for _ in range(_TURNS):
            for vlan, one in series.items():
                _transfer(machines, vlan, one)
    baseline = series[_BASELINE]
    for prefix, vlan in (("network", _STREAM), ("network_vde", _VDE)):
        ours = series[vlan]
        yield compare(f"{prefix}_throughput", ours.rates, baseline.rates, "MB/s")
        yield compare(f"{prefix}_bystander_cpu", ours.costs, baseline.costs, "ms/100 MB")


@contextmanager
def _machines() -> Iterator[dict[str, _core.Machine]]:
    """The guests, with their root shells connected."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        reporter = _core.Reporter(terminal="BENCH_VERBOSE" in os.environ)
        vlans = [_core.VLan(number, str(folder), reporter) for number in (_STREAM, _VDE)]
        for vlan in vlans:
            stack.callback(vlan.stop)
        hub = folder / "hub.ctl"
        command = ["vde_switch", "--sock", str(hub), "--dirmode", "0700", "--hub"]
        # It ends when its standard input is closed.
        process = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        )
        while not (hub / "ctl").exists():
            assert process.poll() is None, "vde_switch has ended"
            time.sleep(0.01)
        environment = {
            f"CHARIOTEER_VLAN_SOCKET_{_STREAM}": vlans[0].stream_socket,
            f"QEMU_VDE_SOCKET_{_VDE}": vlans[1].socket_dir,
            f"QEMU_VDE_SOCKET_{_BASELINE}": str(hub),
        }
        os.environ.update(environment)
        for variable in environment:
            stack.callback(os.environ.pop, variable)
        machines = _make(folder, reporter)
        for machine in machines.values():
            stack.callback(machine.release)
            machine.start()
        for machine in machines.values():
            machine.connect()
        yield machines


def _make(folder: Path, reporter: _core.Reporter) -> dict[str, _core.Machine]:
    names = (*_TALKERS, *_BYSTANDERS)
    one = 'guest = "minimal"\n' + f"vlans = [{_STREAM}, {_VDE}, {_BASELINE}]\n"
    (source := folder / "source").mkdir()
    (source / "cluster.toml").write_text("".join(f"[machines.{name}]\n{one}" for name in names))
    (source / "test.py").touch()
    config = _core.load_configuration(str(guest.write_configuration(source, folder)))
    (shared := folder / "shared-xchg").mkdir()
    return {
        name: _core.Machine(
            name, config.vms[name], str(folder / f"vm-state-{name}"), str(shared), reporter
        )
        for name in names
    }


def _transfer(machines: dict[str, _core.Machine], vlan: int, series: _Series) -> None:
    """Sends `_MEGABYTES` from one guest to the other."""
    sender, receiver = (machines[name] for name in _TALKERS)
    bystanders = [machines[name] for name in _BYSTANDERS]
    # beta is the second machine in the order of the names.
    address = f"192.168.{vlan}.2"
    _succeed(receiver, f"(nc -l -p {_PORT} </dev/null >/dev/null 2>&1 &) >/dev/null")
    _succeed(sender, f"until ping -c 1 -W 1 {address}; do :; done")
    before = sum(_processor_time(machine) for machine in bystanders)
    began = time.perf_counter()
    zeros = f"dd if=/dev/zero bs=64k count={_MEGABYTES * 16} 2>/dev/null"
    _succeed(sender, f"{zeros} | nc -N {address} {_PORT}")
    series.rates.append(_MEGABYTES / (time.perf_counter() - began))
    cost = (sum(_processor_time(machine) for machine in bystanders) - before) / len(bystanders)
    series.costs.append(cost * 1000 * 100 / _MEGABYTES)


def _succeed(machine: _core.Machine, command: str) -> None:
    status, output = machine.execute(command, timeout=_LIMIT)
    assert status == 0, f"{command}: status {status}: {output!r}"


def _processor_time(machine: _core.Machine) -> float:
    """The processor time of the machine's QEMU, in seconds."""
    fields = Path(f"/proc/{machine.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
