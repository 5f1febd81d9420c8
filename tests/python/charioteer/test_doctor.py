"""`charioteer doctor`: what the host has and lacks."""

import json
import os
from pathlib import Path

import pytest
from charioteer.cli import doctor, program
from charioteer.doctor import building, host, kvm
from charioteer.doctor.check import Check, Status, limited, missing, passed
from charioteer.style import Style


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of programs on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def add_program(folder: Path, name: str, text: str = "") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


class TestKvm:
    def check(self, folder: Path, guard: str, flags: str = "flags : fpu vmx") -> Check:
        device, cpuinfo = folder / "kvm", folder / "cpuinfo"
        device.touch()
        cpuinfo.write_text(flags)
        return kvm.check(device, cpuinfo, add_program(folder, "guard", guard))

    def test_works_if_a_guest_runs(self, tmp_path: Path) -> None:
        assert self.check(tmp_path, "exit 0").status is Status.OK

    def test_a_missing_device_is_named(self, tmp_path: Path) -> None:
        found = kvm.check(tmp_path / "kvm")
        assert found.status is Status.LIMITED and f"there is no {tmp_path}/kvm" in found.found

    def test_a_processor_without_virtualisation_is_found(self, tmp_path: Path) -> None:
        found = self.check(tmp_path, "exit 0", "flags : fpu vmxish")
        assert "shows neither vmx nor svm" in found.found

    def test_the_reason_of_a_guest_that_fails_is_named(self, tmp_path: Path) -> None:
        found = self.check(tmp_path, "echo 'KVM_RUN: Invalid argument'; exit 1")
        assert found.status is Status.LIMITED
        assert "does not work: KVM_RUN: Invalid argument" in found.found

    @pytest.mark.parametrize("guard", ["kill -ALRM $$", "exec sleep 60"])
    def test_a_guest_that_hangs_is_found(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guard: str
    ) -> None:
        monkeypatch.setattr(kvm, "_LIMIT", 0.2 if "sleep" in guard else 30)
        assert "a tiny guest hangs" in self.check(tmp_path, guard).found


class TestQemu:
    @pytest.mark.parametrize(
        "version, status", [("10.0.2 (Debian)", Status.OK), ("7.2.15", Status.LIMITED)]
    )
    def test_its_version_is_shown(self, programs: Path, version: str, status: Status) -> None:
        add_program(programs, "qemu-system-x86_64", f"echo 'QEMU emulator version {version}'")
        found = host.qemu()
        assert found.status is status and found.found.startswith(version.split()[0])

    def test_one_that_does_not_run_is_missing(self, programs: Path) -> None:
        add_program(programs, "qemu-system-x86_64", "echo no libaio.so >&2; exit 127")
        found = host.qemu()
        assert found.status is Status.MISSING and "no libaio.so" in found.found

    def test_none_is_missing(self, programs: Path) -> None:
        found = host.qemu()
        assert found.status is Status.MISSING and "qemu-system-x86" in found.cure


class TestHost:
    @pytest.mark.parametrize("kilobytes, status", [(9 << 20, Status.OK), (9, Status.LIMITED)])
    def test_memory(self, tmp_path: Path, kilobytes: int, status: Status) -> None:
        (tmp_path / "meminfo").write_text(f"MemFree: 1 kB\nMemAvailable: {kilobytes} kB\n")
        assert host.memory(tmp_path / "meminfo").status is status

    def test_one_processor_is_few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
        assert host.cores().status is Status.LIMITED

    def test_little_space_is_found_also_for_a_folder_that_does_not_exist_yet(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CHARIOTEER_CACHE", str(tmp_path / "none/cache"))
        monkeypatch.setattr(host, "_DISK", 1 << 60)
        found = host.disk()[0]
        assert found.status is Status.LIMITED and f"{tmp_path}/none/cache" in found.found
        assert "CHARIOTEER_CACHE" in found.cure

    def test_a_file_in_place_of_a_folder_is_found(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "cache").touch()
        monkeypatch.setenv("CHARIOTEER_CACHE", str(tmp_path / "cache"))
        found = host.disk()[0]
        assert found.status is Status.MISSING
        assert found.found == f"{tmp_path}/cache is not a folder"

    def test_a_folder_that_the_user_may_not_see_is_not_writable(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(path: Path) -> bool:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setenv("CHARIOTEER_CACHE", str(tmp_path / "closed/cache"))
        monkeypatch.setattr(Path, "exists", refuse)  # as in a folder without the right to search
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        found = host.disk()[0]
        assert found.status is Status.MISSING
        assert found.found == f"{tmp_path}/closed/cache is not writable by this user"

    def test_missing_programs_are_named_with_their_packages(self, programs: Path) -> None:
        tools = {"no-such-a": "package-a", "no-such-b": "package-b"}
        found = host.of_programs("both", tools, "nothing works")
        assert found.found == "no-such-a, no-such-b: not installed; nothing works"
        assert found.cure == "apt-get install package-a package-b, or make deps"


class TestBuilding:
    def test_namespaces_that_are_not_allowed_are_missing(
        self, programs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert "newuidmap is not installed" in building.namespaces().found
        add_program(programs, "newuidmap")
        add_program(programs, "unshare", "echo 'unshare: Operation not permitted' >&2; exit 1")
        found = building.namespaces()
        assert found.status is Status.MISSING and found.found.endswith("Operation not permitted")
        add_program(programs, "unshare")
        assert building.namespaces().status is Status.OK

    def test_an_old_go_is_found(self, programs: Path) -> None:
        add_program(programs, "go", "echo go1.19.8")
        found = building.go_compiler()
        assert found.status is Status.LIMITED and "go1.19.8" in found.found

    def test_nix_is_optional(self, programs: Path) -> None:
        assert building.nix().status is Status.LIMITED


class TestProgram:
    @pytest.mark.parametrize(
        "worst, status", [(limited("a", "slow", "faster"), 0), (missing("a", "no", "yes"), 1)]
    )
    def test_its_status_is_1_only_if_something_is_missing(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        worst: Check,
        status: int,
    ) -> None:
        monkeypatch.setattr(doctor, "all_checks", lambda: [passed("fine", "good"), worst])
        assert program.main(["doctor", "--json"]) == status
        result = json.loads(capsys.readouterr().out)
        assert result["usable"] == (status == 0)
        assert result["checks"][0] == {
            "name": "fine",
            "status": "ok",
            "found": "good",
            "cure": "",
        }

    def test_each_cure_is_on_a_line_of_its_own(self) -> None:
        checks = [passed("fine", "good"), missing("QEMU", "not installed", "install it")]
        assert doctor.lines_of(checks, Style(colours=False)) == [
            "✓ fine  good",
            "✗ QEMU  not installed",
            "        cure: install it",
        ]

    def test_all_checks_end_and_have_cures(self) -> None:
        for check in doctor.all_checks():
            assert (check.status is Status.OK) == (check.cure == ""), check
            assert "\n" not in check.found + check.cure, check
