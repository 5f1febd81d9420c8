"""Guests that are saved to a file and loaded into another QEMU."""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from charioteer import _core
from charioteer.testing.machine import QemuMachine
from charioteer.testing.machines import Machines

from support.leftovers import expect_nothing_left, processes_of
from support.patience import deadline, scaled, until
from support.shared_machines import BOOT_LIMIT, SharedMachines, machines_of_cluster

PAIR = """
[machines.alpha]
guest = "minimal"
[machines.beta]
guest = "minimal"
firmware = "efi"
disks = [16]
"""

WITHOUT_GENERATION_ID = """
[machines.gamma]
guest = "minimal"
"""
GENERATION_ID = "-device vmgenid,guid=auto"

pytestmark = pytest.mark.limit(400)


@contextmanager
def vlans_in_environment(made: SharedMachines) -> Iterator[None]:
    """Within the block copies of machines, which no driver starts, find the VLANs."""
    with pytest.MonkeyPatch.context() as patch:
        for vlan in made.driver.vlans:
            for name, path in vlan.variables.items():
                patch.setenv(name, path)
        yield


@pytest.fixture(scope="module")
def pair() -> Iterator[SharedMachines]:
    with machines_of_cluster(PAIR) as made, vlans_in_environment(made):
        with deadline(BOOT_LIMIT):
            everything = Machines([made["alpha"], made["beta"]])
            everything.start()
            everything.succeed("true")
        yield made


@pytest.fixture(scope="module")
def gamma() -> Iterator[QemuMachine]:
    """A running guest whose kernel is not notified that its state was loaded."""
    with machines_of_cluster(WITHOUT_GENERATION_ID) as made, vlans_in_environment(made):
        start = Path(str(made["gamma"].start_command))
        text = start.read_text()
        assert GENERATION_ID in text
        start.write_text(text.replace(GENERATION_ID, ""))
        with deadline(BOOT_LIMIT):
            made["gamma"].succeed("true")
        yield made["gamma"]


def saved(machine: QemuMachine, file: Path) -> Path:
    """Saves the guest, which then goes on."""
    machine.handle.pause()
    machine.handle.save_state(str(file))
    machine.handle.resume()
    return file


def copy_of(
    machine: QemuMachine, folder: Path, reporter: _core.Reporter | None = None
) -> _core.Machine:
    """Another machine with the same start script, which is off."""
    folder.mkdir()
    reporter = reporter or _core.Reporter()
    start = str(machine.start_command)
    return _core.Machine(machine.name, start, str(folder), str(folder), reporter)


def text_of(machine: _core.Machine, command: str) -> str:
    outcome = machine.run(command, timeout=scaled(120))
    assert outcome.status == 0, outcome.errors
    return outcome.output.decode()


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_a_loaded_guest_goes_on_where_it_was_saved(
    pair: SharedMachines, folder: Path, name: str
) -> None:
    machine = pair[name]
    machine.succeed("echo before >/tmp/state; rm -f /tmp/new")
    machine.succeed("(while sleep 0.1; do echo x >>/tmp/alive; done) </dev/null >/dev/null 2>&1 &")
    boot = machine.succeed("cat /proc/sys/kernel/random/boot_id")
    agent = machine.succeed("echo $PPID")
    file = saved(machine, folder / "state")
    assert machine.succeed("cat /tmp/state; touch /tmp/new") == "before\n"
    copy = copy_of(machine, folder / "copy")
    copy.load_state(str(file))
    assert '"paused"' in copy.qmp("query-status")
    copy.resume()
    assert text_of(copy, "cat /tmp/state /proc/sys/kernel/random/boot_id") == "before\n" + boot
    assert text_of(copy, "test ! -e /tmp/new; echo $PPID") == agent
    assert copy.has_agent
    text_of(
        copy, "a=$(wc -l </tmp/alive); while test $a = $(wc -l </tmp/alive); do sleep 0.1; done"
    )
    # The root shell of the saved guest takes commands, too.
    assert copy.append_by_shell(b"by the shell", "/tmp/shell") == (0, "")
    assert text_of(copy, "cat /tmp/shell") == "by the shell"
    copy.release()
    assert machine.succeed("test -e /tmp/new; cat /tmp/state") == "before\n"
    expect_nothing_left(folder)


def test_a_file_that_does_not_fit_is_refused(pair: SharedMachines, folder: Path) -> None:
    file = saved(pair["alpha"], folder / "state")
    size = file.stat().st_size
    for name, length in (("alpha", size // 2), ("alpha", 4096), ("alpha", 0), ("beta", size)):
        damaged = folder / f"{name}-{length}"
        shutil.copyfile(file, damaged)
        os.truncate(damaged, length)
        copy = copy_of(pair[name], folder / f"copy-{name}-{length}")
        with pytest.raises(_core.MachineError, match="(?s)loading its state.*qemu-system-"):
            copy.load_state(str(damaged))
        assert not copy.booted
        until(lambda: not processes_of(folder), 30, lambda: str(processes_of(folder)))
        copy.release()


def test_two_guests_of_one_state_have_different_random_numbers(
    pair: SharedMachines, folder: Path
) -> None:
    file = saved(pair["alpha"], folder / "state")
    random = []
    for number in range(2):
        copy = copy_of(pair["alpha"], folder / f"copy{number}")
        copy.load_state(str(file))
        copy.resume()
        text_of(
            copy, "until dmesg | grep -q 'reseeded due to virtual machine fork'; do sleep 0.1; done"
        )
        random.append(text_of(copy, "head -c 16 /dev/urandom | od -An -tx1"))
        copy.release()
    assert random[0] != random[1]


class Copies:
    """Copies of one saved guest, which run one after the other."""

    def __init__(self, machine: QemuMachine, folder: Path) -> None:
        self._machine = machine
        self._folder = folder
        self._names = itertools.count()
        self._file = folder
        self.save()

    def save(self) -> None:
        """Saves the guest as it is now."""
        self._file = saved(self._machine, self._folder / f"state{next(self._names)}")

    def drawn(self, renewed: bool, prepare: str = "true") -> tuple[set[str], list[str]]:
        """Random numbers that a new copy draws after `prepare`, and the warnings of the driver.

        With `renewed` its agent renews them before.
        """
        reporter = _core.Reporter(terminal=False, queue=True)
        copy = copy_of(self._machine, self._folder / f"copy{next(self._names)}", reporter)
        copy.load_state(str(self._file))
        copy.resume()
        text_of(copy, prepare)
        if renewed:
            copy.reseed()
        # One process: each number is the next one of the kernel's generator.
        numbers = text_of(copy, "dd if=/dev/urandom bs=16 count=500 2>/dev/null | od -An -v -tx1")
        copy.release()
        warnings = [each.text for each in reporter.drain() if "were not renewed" in each.text]
        return set(numbers.splitlines()), warnings


@pytest.fixture(scope="module")
def copies(gamma: QemuMachine) -> Iterator[Copies]:
    """Copies that draw the same random numbers when nothing renews them."""
    with TemporaryDirectory(prefix="charioteer-", dir="/tmp") as folder:
        made = Copies(gamma, Path(folder))
        # The kernel renews them by itself every few seconds after the boot, and later every minute.
        for _ in range(10):
            if made.drawn(renewed=False)[0] & made.drawn(renewed=False)[0]:
                yield made
                return
            made.save()
    raise AssertionError("no two copies have drawn the same random numbers")


def test_the_agent_renews_random_numbers(copies: Copies) -> None:
    (one, warnings), (another, _) = copies.drawn(renewed=True), copies.drawn(renewed=True)
    assert one and another and not one & another
    assert warnings == []


def test_a_kernel_that_does_not_renew_random_numbers_is_reported(copies: Copies) -> None:
    prepare = "mount --bind /dev/null /dev/urandom"
    _, (warning,) = copies.drawn(renewed=True, prepare=prepare)
    assert "not renewed: reseed: /dev/urandom: " in warning


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system: needs root")
def test_a_full_disk_is_reported_and_the_guest_goes_on(pair: SharedMachines, folder: Path) -> None:
    machine = pair["alpha"]
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=True)
    try:
        machine.handle.pause()
        with pytest.raises(_core.MachineError, match="saving its state to .*No space left"):
            machine.handle.save_state(str(disk / "state"))
        machine.handle.resume()
        assert machine.succeed("echo on") == "on\n"
    finally:
        subprocess.run(["umount", disk], check=True)
