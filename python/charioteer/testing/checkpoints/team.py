"""Saves all machines of a run together, and restores them.

The folder of a checkpoint has `shared`, the folder that all guests share, and for each machine
MACHINE/disks, its state directory, and for one that runs MACHINE/guest, the guest's memory and devices,
and MACHINE/guest.json.
"""

import json
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from charioteer.testing.checkpoints import blockers, disks, shares
from charioteer.testing.checkpoints.blockers import ask
from charioteer.testing.checkpoints.shares import ShareBusy
from charioteer.testing.checkpoints.unrecorded import unrecorded
from charioteer.testing.errors import MachineError
from charioteer.testing.machine import QemuMachine
from charioteer.testing.machine.life_cycle import StartOptions
from charioteer.testing.machines import Outcomes

_MOUNT_LIMIT = 60.0  # seconds


class NotSaved(Exception):
    """The machines cannot be saved now; they run on. The text has the reason."""


class Team:
    """The virtual machines of one run."""

    def __init__(self, machines: Callable[[], list[QemuMachine]]) -> None:
        """`machines`: those that exist at the time of a call."""
        self._all = machines
        self._options: dict[Path, dict[str, StartOptions | None]] = {}
        """By folder of a checkpoint of this run: with which options its machines were started."""

    def _machines(self) -> list[QemuMachine]:
        """One machine for each name: of those that share a state directory, the one that uses it.

        Machines that were released have none.
        """
        by_name: dict[str, QemuMachine] = {}
        for machine in self._all():
            if not machine.state_dir.exists():
                continue
            if machine.booted or not (machine.name in by_name and by_name[machine.name].booted):
                by_name[machine.name] = machine
        return list(by_name.values())

    # Saving

    def save(self, folder: Path) -> float:
        """Saves all machines below `folder`, which is empty; returns the seconds they were stopped.

        Raises NotSaved; OSError, MachineError when saving failed. The machines run on in any case.
        """
        with unrecorded():
            machines = self._machines()
            running = [each for each in machines if each.booted]
            for machine in running:
                _expect_savable(machine)
            with self._without_shares(running) as mounts:
                for machine in running:
                    # Other programs of the guest may keep a share in a mount namespace of theirs.
                    _expect_no_blocker(machine, still_mounted=frozenset())
                stopped = self._save_stopped(machines, running, folder)
            for machine in running:
                state = machine.handle.console_state()
                details = {
                    "mounts": mounts[machine.name],
                    "lines": state.lines,
                    "taken": state.taken,
                    "ports": machine.forwarded_ports,
                }
                (folder / machine.name / "guest.json").write_text(json.dumps(details))
            self._options[folder] = {each.name: each.start_options for each in running}
            return stopped

    def moved(self, folder: Path, now: Path) -> None:
        """The saved machines are now in another folder."""
        self._options[now] = self._options.pop(folder)

    @contextmanager
    def _without_shares(
        self, running: list[QemuMachine]
    ) -> Generator[dict[str, shares.Mounts], None, None]:
        """Within the block the driver's shares are unmounted; gives what was mounted, by machine."""
        mounts: dict[str, shares.Mounts] = {each.name: [] for each in running}
        try:
            self._together(
                running, lambda each: shares.unmount(each.handle, mounts[each.name], _MOUNT_LIMIT)
            )
            yield mounts
        except ShareBusy as error:
            raise NotSaved(str(error)) from error
        finally:
            self._together(
                running, lambda each: shares.mount(each.handle, mounts[each.name], _MOUNT_LIMIT)
            )

    def _save_stopped(
        self, machines: list[QemuMachine], running: list[QemuMachine], folder: Path
    ) -> float:
        begin = time.monotonic()
        try:
            self._together(running, lambda each: each.handle.pause())

            def save(machine: QemuMachine) -> None:
                own = folder / machine.name
                own.mkdir()
                if machine in running:
                    machine.handle.save_state(str(own / "guest"))
                disks.copy_folder(machine.state_dir, own / "disks")

            self._together(machines, save)
            if machines:
                disks.copy_folder(machines[0].shared_dir, folder / "shared", has_lock=False)
        finally:
            self._together(running, lambda each: each.handle.resume())
        return time.monotonic() - begin

    # Restoring

    def restore(self, folder: Path, clock_now: bool = False) -> None:
        """Replaces all machines by those that `save` has saved below `folder`.

        With `clock_now` the guests' clocks are set to the host's; else they go on from the time of
        saving. Raises OSError, MachineError; the machines are off then.
        """
        with unrecorded():
            machines = self._machines()
            self._together(machines, lambda each: each.handle.crash())
            if machines:
                disks.empty_folder(machines[0].shared_dir, has_lock=False)
                disks.copy_folder(folder / "shared", machines[0].shared_dir, has_lock=False)
            saved = [each for each in machines if (folder / each.name).is_dir()]
            for machine in saved:
                if (options := self._options.get(folder, {}).get(machine.name)) is not None:
                    machine.start_options = options
            on = [each for each in saved if (folder / each.name / "guest").exists()]
            try:
                self._together(saved, lambda each: _load(each, folder / each.name))
                self._together(on, lambda each: each.handle.resume())
                self._together(on, lambda each: _complete(each, folder / each.name, clock_now))
            except BaseException:
                self._together(machines, lambda each: each.handle.crash())
                raise

    def _together(
        self, machines: Iterable[QemuMachine], call: Callable[[QemuMachine], Any]
    ) -> None:
        """Calls `call` with every machine, each on its own thread. Raises the first exception."""

        def work(machine: Any) -> None:
            with unrecorded():
                call(machine)

        outcomes = Outcomes[None](list(machines))
        outcomes.gather(work)
        for error in outcomes.failures.values():
            raise error


def _expect_savable(machine: QemuMachine) -> None:
    """Raises NotSaved for a machine that cannot be saved, which is found before it is changed."""
    handle = machine.handle
    if not machine.connected:
        raise NotSaved(f"{machine.name} has not finished booting")
    status = ask(handle, "query-status")["status"]
    if status != "running":
        raise NotSaved(f"the guest of {machine.name} is not running: QEMU reports {status}")
    _expect_no_blocker(machine, still_mounted=shares.TAGS)
    for image in disks.writable_images(ask(handle, "query-block"), machine.state_dir):
        if not image.resolve().is_relative_to(machine.state_dir.resolve()):
            raise NotSaved(
                f"{machine.name} writes to {image}, which is outside of its state directory "
                f"{machine.state_dir}"
            )


def _expect_no_blocker(machine: QemuMachine, still_mounted: frozenset[str]) -> None:
    """Raises NotSaved for devices whose state QEMU cannot save; see blockers.find."""
    reason = blockers.find(machine.handle, still_mounted)
    if reason is not None:
        raise NotSaved(f"QEMU cannot save {machine.name}: {reason}")


def _load(machine: QemuMachine, folder: Path) -> None:
    """Restores the state directory and, if the guest was running, the guest, which stays stopped."""
    disks.empty_folder(machine.state_dir)
    disks.copy_folder(folder / "disks", machine.state_dir)
    if (folder / "guest").exists():
        machine.load_state(folder / "guest")
        details = _details(folder)
        machine.handle.restore_console(details["lines"], details["taken"])


def _details(folder: Path) -> Any:
    return json.loads((folder / "guest.json").read_text())


def _complete(machine: QemuMachine, folder: Path, clock_now: bool) -> None:
    """Restores what is not part of the guest's state, when it runs again."""
    details = _details(folder)
    handle = machine.handle
    handle.reseed()
    for host_port, guest_port in details["ports"]:
        handle.forward_port(host_port, guest_port)
    machine.forwarded_ports = [(host, guest) for host, guest in details["ports"]]
    if clock_now:
        command = f"date -u -s @{time.time():.0f}"
        if handle.run(command, timeout=_MOUNT_LIMIT).status != 0:
            raise MachineError(f"{machine.name}: `{command}` has failed, which sets the clock")
    shares.mount(handle, details["mounts"], _MOUNT_LIMIT)
