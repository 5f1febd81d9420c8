"""The program `charioteer` without machines, and the files that it writes."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from charioteer import paths
from charioteer.cli import program
from charioteer.cluster import configuration, definition, run_script
from charioteer.cluster.identity import boot_archive
from charioteer.errors import BuildError, InputError
from charioteer.images import apt, builder, guest, rootfs, store, tool
from charioteer.images.builder import Image
from charioteer.images.kernel import KernelBundle


def write_cluster(folder: Path, text: str, script: str = "") -> Path:
    (folder / "test.py").write_text(script)
    (folder / "cluster.toml").write_text(text)
    return folder


class TestClusterFile:
    def test_a_folder_name_that_is_no_test_name_is_an_error(self, tmp_path: Path) -> None:
        folder = tmp_path / "it's 5%, \xfc"
        folder.mkdir()
        text = '[machines.web]\nguest = "minimal"\n'
        with pytest.raises(InputError) as failure:
            definition.load(write_cluster(folder, text))
        message = str(failure.value)
        assert message.startswith(f"{folder}/cluster.toml: the test is called after its folder")
        assert repr(folder.name) in message and 'name = "..."' in message
        assert definition.load(write_cluster(folder, f'name = "odd"\n{text}')).name == "odd"

    def test_a_path_that_is_not_utf_8_is_rejected(self, tmp_path: Path) -> None:
        folder = tmp_path / os.fsdecode(b"\xff")
        folder.mkdir()
        with pytest.raises(InputError, match=r"udcff/cluster.toml': the path is not UTF-8"):
            definition.load(write_cluster(folder, '[machines.web]\nguest = "minimal"\n'))

    def test_an_invalid_name_in_the_file_is_named(self, tmp_path: Path) -> None:
        text = 'name = "a b"\n[machines.web]\nguest = "minimal"\n'
        with pytest.raises(InputError, match="cluster.toml: name: expected letters.*got 'a b'"):
            definition.load(write_cluster(tmp_path, text))

    def test_defaults(self, tmp_path: Path) -> None:
        loaded = definition.load(write_cluster(tmp_path, '[machines.web]\nguest = "minimal"\n'))
        (web,) = loaded.machines
        assert (web.memory, web.cpus, web.vlans, web.disks) == (256, 1, [1], [])
        assert loaded.name == tmp_path.name and loaded.global_timeout == 3600

    @pytest.mark.parametrize(
        "text, named",
        [
            ("[machines]\n", "machines: expected 1 to 254 tables"),
            ('[machine.web]\nguest = "minimal"\n', "machine: unknown key"),
            ('[machines.web]\nguest = "none"\n', "guest"),
            ('[machines.web]\nguest = "minimal"\nmemory = "much"\n', "memory"),
            ('[machines.web]\nguest = "minimal"\nmemroy = 1\n', "memroy"),
            ('[machines.web]\nguest = "minimal"\nvlans = [1, 1]\n', "vlans"),
            (
                '[machines.web]\nguest = "minimal"\nfirmware = "uefi"\n',
                "firmware: expected one of bios",
            ),
            ('[machines.web]\nguest = "minimal"\ntpm = 2\n', "tpm"),
            ('[machines.a-b]\nguest = "minimal"\n[machines.a_b]\nguest = "minimal"\n', "a_b"),
            ('script = "other.py"\n[machines.web]\nguest = "minimal"\n', "script"),
            ("machines = [", "cluster.toml"),
        ],
    )
    def test_invalid_values_are_named(self, tmp_path: Path, text: str, named: str) -> None:
        with pytest.raises(InputError) as caught:
            definition.load(write_cluster(tmp_path, text))
        assert "cluster.toml" in str(caught.value) and named in str(caught.value)

    def test_addresses_follow_the_order_of_names(self, tmp_path: Path) -> None:
        text = '[machines.b]\nguest = "minimal"\n[machines.a]\nguest = "minimal"\nvlans = [2, 1]\n'
        loaded = definition.load(write_cluster(tmp_path, text))
        assert [machine.name for machine in loaded.machines] == ["a", "b"]
        assert loaded.identities["a"].mac(2) == "52:54:00:12:02:01"
        assert loaded.identities["b"].mac(1) == "52:54:00:12:01:02"
        archive = boot_archive(loaded.identities["b"], list(loaded.identities.values()), "")
        assert b"192.168.1.2" in archive and b"192.168.2.1" in archive


class TestStartScript:
    def test_reads_the_environment_variables_of_nixos_scripts(self, tmp_path: Path) -> None:
        text = '[machines.web]\nguest = "minimal"\ndisks = [8]\n'
        loaded = definition.load(write_cluster(tmp_path, text))
        script = tmp_path / "run-web-vm"
        image = Image(KernelBundle(Path("/kit")), Path("/initrd"), None)
        run_script.write(
            script,
            run_script.make(
                loaded.machines[0], loaded.identities["web"], image, Path("/own initrd")
            ),
        )
        assert os.access(script, os.X_OK)
        tools = tmp_path / "tools"
        tools.mkdir()
        for name in ("qemu-system-x86_64", "qemu-img"):
            (tools / name).write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n')
            (tools / name).chmod(0o755)
        state = tmp_path / "state"
        state.mkdir()
        output = os.popen(
            f"cd {tmp_path}; PATH={tools}:$PATH TMPDIR={state} USE_TMPDIR=1 QEMU_OPTS='-m 99' "
            f"QEMU_KERNEL_PARAMS=extra QEMU_NET_OPTS=hostfwd=tcp::1-:2 "
            f"QEMU_VDE_SOCKET_1=/vde1.ctl {script} -serial stdio"
        ).read()
        lines = output.splitlines()
        assert "user,id=user.0,hostfwd=tcp::1-:2" in lines
        assert "vde,id=vlan1,sock=/vde1.ctl" in lines
        assert "/own initrd" in lines
        assert any(line.endswith(" extra") for line in lines)
        assert lines[-4:] == ["-m", "99", "-serial", "stdio"]
        assert (state / "xchg").is_dir()


def without_programs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes an empty folder the only one of PATH."""
    empty = folder / "programs"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setattr(apt, "SYSTEM_PATH", "")
    return empty


class TestConfiguration:
    @pytest.fixture(autouse=True)
    def _qemu(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        qemu = without_programs(tmp_path, monkeypatch) / "qemu-system-x86_64"
        qemu.touch(0o755)

    def test_can_be_loaded_by_the_driver(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        initrd = tmp_path / "initrd"
        initrd.write_bytes(b"image")
        monkeypatch.setattr(
            "charioteer.images.builder.obtain",
            lambda guest: Image(KernelBundle(Path("/kit")), initrd, None),
        )
        source = tmp_path / "source"
        source.mkdir()
        loaded = definition.load(write_cluster(source, '[machines.web]\nguest = "minimal"\n'))
        written = json.loads(configuration.write(loaded, tmp_path).read_text())
        assert list(written["vms"]) == ["web"] and written["vlans"] == [1]
        assert written["test_script"] == str(source / "test.py")
        assert (tmp_path / "web.initrd").read_bytes().startswith(b"image")

    def test_a_machine_with_disks_or_efi_gets_the_modules_for_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        initrd = tmp_path / "initrd"
        initrd.write_bytes(b"image")
        monkeypatch.setattr(
            "charioteer.images.builder.obtain",
            lambda guest: Image(KernelBundle(tmp_path), initrd, None),
        )
        with tarfile.open(tmp_path / "modules.tar", "w") as archive:
            for name in ("virtio_blk", "efivarfs"):
                (tmp_path / f"{name}.ko").write_bytes(b"\0depends=\0")
                archive.add(tmp_path / f"{name}.ko", f"usr/lib/modules/{name}.ko")
        source = tmp_path / "source"
        source.mkdir()
        text = '[machines.a]\nguest = "minimal"\ndisks = [8]\n[machines.b]\nguest = "minimal"\n'
        text += '[machines.c]\nguest = "debian"\ndisks = [8]\n'
        configuration.write(definition.load(write_cluster(source, text)), tmp_path)
        archives = {name: (tmp_path / f"{name}.initrd").read_bytes() for name in "abc"}
        assert b"own-00-virtio_blk.ko" in archives["a"]
        assert b"own-00" not in archives["b"]
        # The guest's definition already loads this module.
        assert b"own-00" not in archives["c"]


class TestMissingQemu:
    # QEMU 7.2 of Debian 12, which apt-get installs otherwise, is not recommended.
    CURE = "apt-get install -t bookworm-backports qemu-system-x86 on Debian 12, or make deps"

    def test_one_line_names_its_package(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        without_programs(tmp_path, monkeypatch)
        folder = write_cluster(tmp_path, '[machines.web]\nguest = "minimal"\n')
        assert program.main(["run", str(folder), "-o", str(tmp_path / "out")]) == 3
        assert capsys.readouterr().err == (
            f"charioteer: error: qemu-system-x86_64: not installed ({self.CURE})\n"
        )

    def test_containers_alone_do_not_need_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stop(_guest: object) -> None:
            raise BuildError("reached")

        without_programs(tmp_path, monkeypatch)
        monkeypatch.setattr("charioteer.images.builder.obtain", stop)
        text = '[containers.web]\nguest = "debian"\n'
        loaded = definition.load(write_cluster(tmp_path, text))
        with pytest.raises(BuildError, match="reached"):
            configuration.write(loaded, tmp_path)


class TestStore:
    @pytest.fixture(autouse=True)
    def _cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHARIOTEER_CACHE", str(tmp_path / "cache"))

    def test_builds_once(self) -> None:
        made: list[Path] = []

        def make(folder: Path) -> None:
            made.append(folder)
            (folder / "thing").write_text("x")

        first = store.obtain("name", make, lambda: None)
        assert store.obtain("name", make, lambda: None) == first
        assert len(made) == 1 and (first / "thing").is_file()

    def test_a_failed_build_is_not_found(self) -> None:
        def fail(folder: Path) -> None:
            (folder / "half").write_text("x")
            raise BuildError("no network")

        with pytest.raises(BuildError):
            store.obtain("name", fail, lambda: None)
        assert store.find("name") is None
        assert not list(paths.cache().glob("*.partial"))


class TestBuild:
    @pytest.fixture(autouse=True)
    def _cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHARIOTEER_CACHE", str(tmp_path / "cache"))

    def test_a_root_disk_needs_no_path(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("PATH")
        tar = tmp_path / "packages.tar"
        with tarfile.open(tar, "w") as archive:
            folder = tarfile.TarInfo("etc")
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
        rootfs.make(tar, tmp_path / "root.img", 4)
        assert (tmp_path / "root.img").stat().st_size == 4 << 20

    def test_a_full_disk_is_reported(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        def bootstrap(log: Path) -> None:
            apt.bootstrap("trixie", "extract", ["no"], tmp_path / "tar", log)

        monkeypatch.setattr(tool, "run", lambda *_: 1)
        (log := tmp_path / "log").touch()
        with pytest.raises(BuildError, match="failed: no output"):
            bootstrap(log)
        monkeypatch.setattr(apt, "_FULL", 1 << 60)
        with pytest.raises(BuildError, match=f"no space left in {tmp_path}"):
            bootstrap(log)

    def test_the_log_of_a_failed_build_is_kept(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        tools = tmp_path / "tools"
        tools.mkdir()
        (tools / "mmdebstrap").write_text("#!/bin/sh\necho 'E: the shelf is empty'\nexit 1\n")
        (tools / "mmdebstrap").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
        with pytest.raises(BuildError, match="the shelf is empty") as caught:
            builder.obtain(guest.load("minimal"))
        (log,) = paths.cache().glob("*.log")
        assert str(log) in str(caught.value) and "the shelf is empty" in log.read_text()


class TestTool:
    def test_a_tool_that_kills_its_group_does_not_kill_the_program(self, tmp_path: Path) -> None:
        assert tool.run(["sh", "-c", "kill -KILL 0"], tmp_path / "log") == -signal.SIGKILL

    def test_a_cancelled_tool_can_clean_up(self, tmp_path: Path) -> None:
        script = f"""
            trap 'touch {tmp_path}/clean; exit' TERM
            read line
            kill -INT {os.getpid()}
            sleep 600 & wait"""
        with pytest.raises(KeyboardInterrupt):
            # The tool sends SIGINT only after this, when the program already waits for it.
            tool.run(["sh", "-c", script], tmp_path / "log", "go\n")
        assert (tmp_path / "clean").is_file()


class TestProgram:
    def test_a_full_disk_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def fail(*_arguments: object) -> Path:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(configuration, "write", fail)
        # The output folder is created in the working directory.
        monkeypatch.chdir(tmp_path)
        assert program.main(["run", str(paths.examples() / "ping")]) == 1
        assert re.fullmatch(
            r"charioteer: error: /.*/charioteer-\S+: No space left on device\n",
            capsys.readouterr().err,
        )

    def test_a_closed_output_causes_no_message(self) -> None:
        command = [sys.executable, "-m", "charioteer", "list"]
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
        os.close(writing)
        assert (done.returncode, done.stderr) == (program.OUTPUT_CLOSED, b"")

    def test_lists_guests_and_examples(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert program.main(["list"]) == 0
        output = capsys.readouterr().out
        for name in ("minimal", "debian", "ping", "reboot", "remote-unlock"):
            assert f"  {name} " in output
        entries = [line[2:] for line in output.splitlines() if line.startswith("  ")]
        (column,) = {len(each) - len(each.split(None, 1)[1]) for each in entries}
        assert column > max(len(each.split()[0]) for each in entries)

    def test_an_unknown_guest_is_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert program.main(["build", "nonsense"]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "nonsense" in error and "minimal" in error

    def test_a_missing_cluster_is_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert program.main(["run", "/does/not/exist"]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "/does/not/exist" in error
