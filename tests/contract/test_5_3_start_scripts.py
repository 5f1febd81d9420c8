"""Section 5.3: the environment variables that `run-NAME-vm` reads.

The scripts are those of cluster files. The QEMU and the swtpm that they start here only print their
arguments.
"""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from charioteer.cluster import definition
from charioteer.cluster import run_script
from charioteer.images.builder import Image
from charioteer.images.kernel import KernelBundle

import pytest

CLUSTER = """
[machines.web]
guest = "debian"
firmware = "efi"
tpm = true
disks = [8]
"""
PRINT_ARGUMENTS = '#!/bin/sh\nprintf "%s\\n" "$@"\npwd\n'

Start = Callable[..., list[str]]


@pytest.fixture
def start(folder: Path) -> Start:
    """Runs the script of `web` in `folder` with variables; returns the arguments of QEMU.

    The last line is QEMU's working directory.
    """
    (folder / "cluster.toml").write_text(CLUSTER)
    (folder / "test.py").touch()
    (folder / "root.img").write_bytes(bytes(1 << 20))
    loaded = definition.load(folder)
    image = Image(KernelBundle(Path("/kit")), Path("/initrd"), folder / "root.img")
    text = run_script.make(loaded.machines[0], loaded.identities["web"], image, Path("/web.initrd"))
    run_script.write(folder / "run-web-vm", text)
    for name in ("qemu-system-x86_64", "swtpm"):
        run_script.write(folder / name, PRINT_ARGUMENTS)

    def run(*arguments: str, **environment: str) -> list[str]:
        done = subprocess.run(
            [folder / "run-web-vm", *arguments],
            cwd=folder,
            env={
                "PATH": f"{folder}:{os.environ['PATH']}",
                "QEMU_VDE_SOCKET_1": "/1",
                **environment,
            },
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    return run


@pytest.fixture
def state(folder: Path) -> Path:
    made = folder / "state"
    made.mkdir()
    return made


def in_state(state: Path) -> dict[str, str]:
    return {"TMPDIR": str(state), "USE_TMPDIR": "1"}


def test_5_3_its_disk_is_created_once(start: Start, folder: Path, state: Path) -> None:
    disk = folder / "web.qcow2"
    words = start(**in_state(state))
    assert any(f"file={disk}" in word for word in words)
    made = disk.stat()
    start(**in_state(state))
    assert (disk.stat().st_ino, disk.stat().st_mtime_ns) == (made.st_ino, made.st_mtime_ns)
    other = folder / "other.qcow2"
    words = start(NIX_DISK_IMAGE="other.qcow2", **in_state(state))
    assert other.is_file() and any(f"file={other}" in word for word in words)


@pytest.mark.parametrize("missing", ["TMPDIR", "USE_TMPDIR"])
def test_5_3_without_a_state_directory_it_creates_one(
    start: Start, state: Path, missing: str
) -> None:
    environment = in_state(state)
    environment[missing] = ""
    where = Path(start(**environment)[-1])
    assert where.name.startswith("nix-vm.") and where != state and (where / "xchg").is_dir()
    for path in (where / "xchg", where / "empty0.qcow2"):
        path.rmdir() if path.is_dir() else path.unlink()
    where.rmdir()


def test_5_3_it_changes_to_its_state_directory(start: Start, state: Path) -> None:
    assert start(**in_state(state))[-1] == str(state)
    assert (state / "empty0.qcow2").is_file() and (state / "xchg").is_dir()


def test_5_3_variables_of_the_firmware_and_state_of_the_tpm(
    start: Start, folder: Path, state: Path
) -> None:
    words = start(**in_state(state))
    assert f"if=pflash,format=raw,unit=1,file={folder}/web-efi-vars.fd" in words
    assert f"socket,id=chrtpm,path={folder}/web-swtpm/socket" in words
    chosen = {"NIX_EFI_VARS": f"{state}/mine.fd", "NIX_SWTPM_DIR": f"{state}/my tpm"}
    words = start(**chosen, **in_state(state))
    assert (state / "mine.fd").stat().st_mode & 0o777 == 0o644
    assert f"if=pflash,format=raw,unit=1,file={state}/mine.fd" in words
    assert f"socket,id=chrtpm,path={state}/my tpm/socket" in words and "--daemon" in words
    (state / "mine.fd").write_text("kept")
    start(**chosen, **in_state(state))
    assert (state / "mine.fd").read_text() == "kept"


def test_5_3_options_of_the_user_come_before_those_of_the_driver(start: Start, state: Path) -> None:
    words = start(
        "-serial",
        "stdio",
        QEMU_OPTS="-m 99",
        QEMU_KERNEL_PARAMS="one two",
        QEMU_NET_OPTS="hostfwd=tcp::1-:2",
        **in_state(state),
    )
    assert words[-5:-1] == ["-m", "99", "-serial", "stdio"]
    assert words[words.index("-append") + 1].endswith(" one two")
    assert "user,id=user.0,hostfwd=tcp::1-:2" in words
    assert "vde,id=vlan1,sock=/1" in words


def test_5_3_commas_in_paths_are_escaped(start: Start, folder: Path) -> None:
    odd = folder / "it's 5%, \xfc"
    odd.mkdir()
    wanted = {"NIX_DISK_IMAGE": f"{odd}/a,b.qcow2", "NIX_EFI_VARS": f"{odd}/,vars.fd"}
    wanted |= {"NIX_SWTPM_DIR": str(folder / "tpm"), "QEMU_VDE_SOCKET_1": f"{odd}/vde,"}
    words = start(**wanted, **in_state(odd))
    doubled = str(odd).replace(",", ",,")
    assert words[-1] == str(odd) and (odd / "empty0.qcow2").is_file()
    assert any(f"file={doubled}/a,,b.qcow2" in word for word in words)
    assert f"if=pflash,format=raw,unit=1,file={doubled}/,,vars.fd" in words
    assert f"vde,id=vlan1,sock={doubled}/vde,," in words
    words = start(CHARIOTEER_VLAN_SOCKET_1=f"{odd}/vlan", **wanted, **in_state(odd))
    assert f"stream,id=vlan1,server=off,addr.type=unix,addr.path={doubled}/vlan" in words


def test_5_3_a_comma_in_the_path_of_swtpm_is_rejected(
    start: Start, folder: Path, state: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        start(NIX_SWTPM_DIR=f"{folder}/a,b", **in_state(state))
    assert f"the path {folder}/a,b has a comma, which swtpm cannot take" in capfd.readouterr().err
