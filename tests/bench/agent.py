"""The agent compared to the plain channel, upstream's protocol and a 9p share, on one guest."""

import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from charioteer import _core

import commands
import guest
import waits
from figures import Figure, compare

_ROUNDS = 5
_MANY = 100
_SIZE = 50_000_000
_IDLE_SECONDS = 5
# The limit of the idle agent's processor time, in percent of a processor.
_IDLE_LIMIT = 1.0


def measure() -> Iterable[Figure]:
    """On `minimal`: commands, waits and costs. On `desktop`, which has systemd and whose kernel
    has 9p: units and files.
    """
    with guest.running() as machine:
        yield commands.execute_true(machine, "agent_true")
        yield _many_at_once(machine)
        yield _bytes_per_command(machine)
        yield _idle(machine)
        yield commands.wait_open_port(machine, "agent_wait_port", ours=_watched)
        yield waits.reaction(machine, "agent_wait_closed_port", waits.closed_port)
        yield waits.reaction(machine, "agent_wait_unix", waits.unix_socket)
        yield waits.reaction(machine, "agent_wait_file", waits.file)
    with guest.running(channel="plain") as machine:
        yield commands.execute_true(machine, "agent_plain_true")
    yield from _files()


def _watched(machine: _core.Machine, probe: str, port: int) -> None:
    machine.wait_for_probe(probe, hint=["wait-port", str(port), "open"])


def _many_at_once(machine: _core.Machine) -> Figure:
    """A hundred commands: in parallel by the agent, one after the other by the baseline."""
    ours: list[float] = []
    baseline: list[float] = []
    for _ in range(_ROUNDS):
        ours.append(_seconds(lambda: _side_by_side(machine)))
        with guest.upstream_shell(machine) as shell:
            baseline.append(_seconds(lambda: [shell.execute("true") for _ in range(_MANY)]))
    return compare("agent_100_commands", ours, baseline, "s")


def _side_by_side(machine: _core.Machine) -> None:
    calls = [machine.begin("true") for _ in range(_MANY)]
    for call in calls:
        while call.read() is not None:
            pass


def _bytes_per_command(machine: _core.Machine) -> Figure:
    """The bytes on the connection for the command `true`, in both directions."""
    before = machine.agent_bytes
    for _ in range(_MANY):
        machine.execute("true")
    ours = (machine.agent_bytes - before) / _MANY
    with guest.upstream_shell(machine) as shell:
        shell.execute("true")
        return Figure("agent_bytes_per_command", ours, float(shell.transferred), "bytes")


def _idle(machine: _core.Machine) -> Figure:
    """The processor time of an idle agent, in percent."""
    spent = "cut -d' ' -f14,15 /proc/$(cut -d' ' -f4 /proc/$$/stat)/stat"
    before = sum(map(int, machine.execute(spent)[1].split()))
    time.sleep(_IDLE_SECONDS)
    after = sum(map(int, machine.execute(spent)[1].split()))
    # In ticks of 10 ms; includes the second measuring command.
    return Figure("agent_idle_cpu", (after - before) / _IDLE_SECONDS, _IDLE_LIMIT, "%")


def _files() -> Iterable[Figure]:
    """50 MB in and out: by the agent, and by `cp` in a guest with a 9p share."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        source = folder / "share/source"
        source.parent.mkdir()
        source.write_bytes(os.urandom(_SIZE))
        share = f"-virtfs local,path={source.parent},security_model=none,mount_tag=bench"
        with guest.running("desktop", QEMU_OPTS=share) as machine:
            options = "trans=virtio,version=9p2000.L,msize=16384"
            machine.execute(f"mkdir /mnt/bench; mount -t 9p -o {options} bench /mnt/bench")
            machine.wait_for_unit("multi-user.target")
            yield waits.reaction(machine, "agent_wait_unit", waits.unit)
            into = _copies(
                lambda: machine.copy_in(str(source), "/root/in"),
                lambda: _checked(machine, "cp /mnt/bench/source /root/in"),
            )
            yield compare("agent_50mb_in", *into, "s")
            target = folder / "target"

            def out() -> None:
                target.unlink(missing_ok=True)
                machine.copy_out("/root/in", str(target))

            from_guest = _copies(out, lambda: _checked(machine, "cp /root/in /mnt/bench/out"))
            yield compare("agent_50mb_out", *from_guest, "s")


def _copies(
    ours: Callable[[], object], baseline: Callable[[], object]
) -> tuple[list[float], list[float]]:
    rounds = range(3)
    pairs = [(_seconds(ours), _seconds(baseline)) for _ in rounds]
    return [mine for mine, _ in pairs], [other for _, other in pairs]


def _checked(machine: _core.Machine, command: str) -> None:
    status, output = machine.execute(f"{command} 2>&1")
    if status != 0:
        raise RuntimeError(f"`{command}` ended with status {status}: {output}")


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
