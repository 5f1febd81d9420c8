"""EFI firmware and TPMs: finding those of the host, and their use in start scripts."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from charioteer.cluster import definition, run_script
from charioteer.cluster.identity import NetworkIdentity, boot_archive
from charioteer.errors import BuildError
from charioteer.images import firmware
from charioteer.images.builder import Image
from charioteer.images.kernel import KernelBundle

CLUSTER = """
[machines.web]
guest = "minimal"
firmware = "efi"
tpm = true
"""


@pytest.fixture
def descriptors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of firmware descriptions."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "qemu/firmware"
    folder.mkdir(parents=True)
    return folder


def describe(folder: Path, name: str, **changes: Any) -> Path:
    """Writes a firmware description; returns the path of its code."""
    code, variables = folder / f"{name}.code", folder / f"{name}.vars"
    code.touch()
    variables.write_bytes(bytes(changes.pop("variables", 540672)))
    flash = {
        "device": "flash",
        "executable": {"filename": str(code), "format": "raw"},
        "nvram-template": {"filename": str(variables), "format": "raw"},
    }
    content = {
        "interface-types": ["uefi"],
        "mapping": flash,
        "targets": [{"architecture": "x86_64", "machines": ["pc-i440fx-*"]}],
        "features": ["acpi-s3"],
        **changes,
    }
    (folder / f"{name}.json").write_text(json.dumps(content))
    return code


class TestOvmf:
    def test_the_first_description_is_used(self, descriptors: Path) -> None:
        describe(descriptors, "02-second")
        first = describe(descriptors, "01-first")
        assert firmware.find_ovmf() == firmware.Ovmf(first, first.with_suffix(".vars"))

    @pytest.mark.parametrize(
        "change",
        [
            {"features": ["secure-boot"]},
            {"features": ["requires-smm"]},
            {"interface-types": ["bios"]},
            {"targets": [{"architecture": "aarch64", "machines": ["virt-*"]}]},
            {"targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}]},
            {"mapping": {"device": "memory", "filename": "/code"}},
            {"mapping": None},
            {"variables": 131072},
        ],
    )
    def test_firmware_with_secure_boot_or_another_size_is_skipped(
        self, descriptors: Path, change: dict[str, Any]
    ) -> None:
        describe(descriptors, "01-unfit", **change)
        (descriptors / "02-broken.json").write_text("{")
        fit = describe(descriptors, "03-fit")
        assert firmware.find_ovmf().code == fit

    def test_a_missing_firmware_is_an_error_that_names_the_package(
        self, descriptors: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(firmware, "_folders", lambda: [descriptors])
        with pytest.raises(BuildError) as failure:
            firmware.find_ovmf()
        assert str(descriptors) in str(failure.value)
        assert "apt-get install ovmf" in str(failure.value)


class TestStartScript:
    @pytest.fixture
    def script(self, descriptors: Path, tmp_path: Path) -> Path:
        """The start script of a machine with EFI and a TPM; its programs only print their arguments."""
        describe(descriptors, "01-own")
        (descriptors / "01-own.vars").chmod(0o400)
        (tmp_path / "cluster.toml").write_text(CLUSTER)
        (tmp_path / "test.py").touch()
        loaded = definition.load(tmp_path / "cluster.toml")
        image = Image(KernelBundle(Path("/kit")), Path("/initrd"), None)
        identity = loaded.identities["web"]
        path = tmp_path / "run-web-vm"
        text = run_script.make(loaded.machines[0], identity, image, Path("/own initrd"))
        run_script.write(path, text)
        for name in ("qemu-system-x86_64", "swtpm"):
            self.tool(tmp_path, name, 'printf "%s\\n" "$@"')
        return path

    @staticmethod
    def tool(folder: Path, name: str, text: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)

    @staticmethod
    def run(script: Path) -> "subprocess.CompletedProcess[str]":
        folder = script.parent
        environment = {"PATH": f"{folder}:{os.environ['PATH']}", "QEMU_VDE_SOCKET_1": "/vde1.ctl"}
        state = {"TMPDIR": str(folder), "USE_TMPDIR": "1"}
        return subprocess.run(
            [script],
            cwd=folder,
            env={**environment, **state},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_passes_an_efi_kernel_and_firmware(self, script: Path) -> None:
        words = self.run(script).stdout.splitlines()
        assert words[words.index("-kernel") + 1] == "/kit/vmlinuz"
        code = f"{script.parent}/qemu/firmware/01-own.code"
        assert f"if=pflash,format=raw,unit=0,readonly=on,file={code}" in words

    def test_a_failure_of_swtpm_is_shown_with_its_log(self, script: Path) -> None:
        self.tool(script.parent, "swtpm", 'echo "disk full" > web-swtpm/log; exit 1')
        failed = self.run(script)
        assert failed.returncode == 1 and "disk full" in failed.stderr
        assert "pflash" not in failed.stdout


def test_the_boot_archive_contains_the_module_for_efi_variables() -> None:
    identity = NetworkIdentity("web", 1, ())
    archive = boot_archive(identity, [identity], "", [("efivarfs", b"a module")])
    assert b"modules/own-00-efivarfs.ko" in archive and b"a module" in archive
