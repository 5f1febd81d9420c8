"""Sections 5.1 and 5.2: how QEMU is launched, and where its files are."""

import os
from pathlib import Path

import pytest
from test_driver.errors import MachineError
from test_driver.machine import QemuMachine

from support.leftovers import qemus_of
from support.shared_machines import SharedMachines


def words_of(pid: int | None) -> list[str]:
    """The command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")


def environment_of(pid: int | None) -> dict[str, str]:
    text = Path(f"/proc/{pid}/environ").read_text().rstrip("\0")
    return dict(line.split("=", 1) for line in text.split("\0"))


def test_5_1_the_order_of_appended_options(alpha: QemuMachine) -> None:
    state = alpha.state_dir
    words = words_of(alpha.pid)
    # Charioteer's port for the agent; CHARIOTEER_CHANNEL=plain omits it.
    agent = [
        "-chardev",
        f"socket,id=agent,path={state}/agent",
        "-device",
        "virtserialport,chardev=agent,name=charioteer.agent,id=charioteer.agent",
    ]
    begin = words.index("-qmp")
    if os.environ.get("CHARIOTEER_CHANNEL") != "plain":
        at = words.index("-nographic") + 1
        assert words[at : at + 4] == agent
    assert words[begin : begin + 16] == [
        "-qmp",
        f"unix:{state}/qmp,server=on,wait=off",
        "-monitor",
        f"unix:{state}/monitor",
        "-chardev",
        f"socket,id=shell,path={state}/shell",
        "-device",
        "virtio-serial",
        "-device",
        "virtconsole,chardev=shell",
        "-device",
        "virtio-rng-pci",
        "-serial",
        "stdio",
        "-no-reboot",
        "-nographic",
    ]


def test_5_1_the_recorded_process_is_qemu_in_its_state_directory(alpha: QemuMachine) -> None:
    process = Path(f"/proc/{alpha.pid}")
    assert (process / "exe").resolve().name.startswith("qemu-system")
    assert (process / "cwd").resolve() == alpha.state_dir.resolve()
    assert alpha.process is not None and alpha.process.pid == alpha.pid


def test_5_1_the_environment_of_start_scripts(alpha: QemuMachine, pair: SharedMachines) -> None:
    seen = environment_of(alpha.pid)
    assert seen["TMPDIR"] == str(alpha.state_dir)
    assert seen["SHARED_DIR"] == str(alpha.shared_dir)
    assert seen["USE_TMPDIR"] == "1"
    assert seen["NIX_EFI_VARS"] == str(alpha.state_dir / "alpha-efi-vars.fd")
    assert seen["QEMU_VDE_SOCKET_1"] == str(pair.driver.vlans[0].socket_dir)
    assert seen["PATH"] == os.environ["PATH"]


def test_5_1_the_serial_port_is_the_standard_input_and_output(alpha: QemuMachine) -> None:
    descriptors = Path(f"/proc/{alpha.pid}/fd")
    for number in (0, 1, 2):
        assert os.readlink(descriptors / str(number)).startswith(("pipe:", "socket:"))
    inherited = [os.readlink(each) for each in descriptors.iterdir()]
    assert not any("driver.json" in each or "test.py" in each for each in inherited)


@pytest.mark.limit(180)
def test_5_3_the_start_command_is_shell_code_and_reads_the_user_s_variables(
    pair: SharedMachines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QEMU_KERNEL_PARAMS", "of.the=user")
    monkeypatch.setenv("QEMU_OPTS", "-name chosen -device virtio-balloon")
    monkeypatch.setenv("QEMU_NET_OPTS", "hostname=called")
    plain = pair["spare"].start_command
    made = pair.symbols["create_machine"](f"MARK='two words' {plain} -device i6300esb", name="made")
    try:
        assert " of.the=user" in made.succeed("cat /proc/cmdline")
        # If /bin/sh is dash, it stays as the parent of QEMU.
        (qemu,) = set(qemus_of(made.state_dir)) - (
            {made.pid} if "sh" in words_of(made.pid)[0] else set()
        )
        words = words_of(qemu)
        assert words.index("chosen") < words.index("i6300esb") < words.index("-qmp")
        assert any(word.startswith("user,") and "hostname=called" in word for word in words)
        assert environment_of(qemu)["MARK"] == "two words"
        assert made.name == "made" and made.state_dir.name == "vm-state-made"
    finally:
        made.release()


def test_5_4_the_clock_source_is_the_acpi_timer(alpha: QemuMachine) -> None:
    source = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
    assert alpha.succeed(f"cat {source}") == "acpi_pm\n"


def test_5_1_an_early_exit_of_qemu_is_reported_with_its_output(
    folder: Path, pair: SharedMachines
) -> None:
    script = folder / "run-failing-vm"
    script.write_text("#!/bin/sh\necho 'no such disk' >&2\nexit 3\n")
    script.chmod(0o755)
    failing = QemuMachine(folder, folder, str(script), pair.driver.logger)
    try:
        with pytest.raises(MachineError) as failure:
            failing.start()
        assert "QEMU process exited with code 3 before connecting to monitor socket.\n" in str(
            failure.value
        )
        assert "no such disk" in str(failure.value)
        assert not failing.booted
    finally:
        failing.handle.release()


def test_5_2_sockets_and_directories(alpha: QemuMachine, pair: SharedMachines) -> None:
    base = alpha.tmp_dir
    assert alpha.state_dir == base / "vm-state-alpha"
    assert alpha.shared_dir == base / "shared-xchg" == pair["beta"].shared_dir
    assert pair.driver.vlans[0].socket_dir == base / "vde1.ctl"
    for directory in (base, alpha.state_dir, alpha.shared_dir):
        assert directory.stat().st_mode & 0o777 == 0o700, directory
    for path in (alpha.monitor_path, alpha.qmp_path, alpha.shell_path):
        assert path.is_socket() and path.parent == alpha.state_dir
    assert (pair.driver.vlans[0].socket_dir / "ctl").is_socket()
