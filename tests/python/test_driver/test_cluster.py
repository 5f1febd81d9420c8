"""Clusters in a program, with a fake core."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from charioteer.errors import InputError
from charioteer.images.builder import Image
from charioteer.images.kernel import KernelBundle
from charioteer.testing import Cluster, ClusterOptions, Log
from charioteer.testing.embedding import TimeLimit
from charioteer.testing.errors import MachineError, MachineTimeout
from charioteer.testing.machine import QemuMachine
from charioteer.trace import records as trace_records

import fake_core

PAIR = '[machines.web-1]\nguest = "minimal"\n[machines.db]\nguest = "minimal"\n'
Load = Callable[..., Cluster]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a cluster of two machines; the arguments are options."""
    initrd = tmp_path / "initrd"
    initrd.touch()
    image = Image(KernelBundle(tmp_path), initrd, None)
    monkeypatch.setattr("charioteer.images.builder.obtain", lambda guest: image)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    folder = tmp_path / "pair"
    folder.mkdir()
    (folder / "cluster.toml").write_text(PAIR)

    def make(**options: Any) -> Cluster:
        out = tmp_path / "out"
        return Cluster.load(folder, ClusterOptions(output_directory=out, **options))

    return make


class TestMachines:
    def test_are_attributes_and_items(self, load: Load) -> None:
        with load() as cluster:
            assert isinstance(cluster.web_1, QemuMachine)
            assert cluster.web_1 is cluster["web-1"] and cluster.db is cluster["db"]
            assert cluster.machines == list(cluster) == [cluster.db, cluster.web_1]
            assert [vlan.nr for vlan in cluster.vlans] == [1]
            assert set(cluster.all_machines.succeed("true")) == {"db", "web-1"}

    def test_unknown_names_are_errors_that_list_the_known_ones(self, load: Load) -> None:
        with load() as cluster:
            with pytest.raises(AttributeError, match="'web'; there are: db, web_1"):
                cluster.web.succeed("true")
            with pytest.raises(KeyError, match="there are: db, web-1"):
                cluster["web"]

    def test_exist_only_while_the_cluster_is_open(self, load: Load) -> None:
        cluster = load()
        assert not hasattr(cluster, "web_1")
        with pytest.raises(RuntimeError, match="pair is not open"):
            cluster.start_all()
        with cluster:
            cluster.start_all()
            with pytest.raises(RuntimeError, match="already open"):
                cluster.__enter__()
        with pytest.raises(RuntimeError, match="pair is not open"):
            cluster.start_all()

    def test_start_with_the_variables_of_their_own_vlans(
        self, load: Load, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in [each for each in os.environ if "_SOCKET_" in each]:
            monkeypatch.delenv(name)
        before = dict(os.environ)
        with load() as first, load() as second:
            assert dict(os.environ) == before
            for cluster in (first, second):
                for name, value in cluster.vlans[0].variables.items():
                    options = getattr(cluster.db, "_start_options")(False)
                    assert f"{name}={value}" in options.environment
                    assert value.startswith(str(cluster.db.tmp_dir))
            assert first.db.tmp_dir != second.db.tmp_dir
        assert dict(os.environ) == before


class TestFolders:
    def test_state_is_removed_at_the_end(self, load: Load) -> None:
        with load() as cluster:
            folder = cluster.db.tmp_dir
            assert folder.is_dir() and folder.name.startswith("charioteer-")
        assert not folder.exists()

    def test_kept_state_is_in_the_same_folder_each_time(self, load: Load) -> None:
        folders = []
        for _ in range(2):
            with load(keep_machine_state=True) as cluster:
                folders.append(cluster.db.tmp_dir)
        assert folders[0] == folders[1] and folders[0].is_dir()

    def test_a_given_state_directory_is_kept(self, load: Load, tmp_path: Path) -> None:
        folder = tmp_path / "state"
        folder.mkdir()
        with load(state_directory=folder) as cluster:
            assert cluster.db.tmp_dir == folder
        assert folder.is_dir()

    def test_a_missing_state_directory_is_named(self, load: Load, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="none is not a directory"):
            load(state_directory=tmp_path / "none").__enter__()

    def test_reports_are_in_the_output_directory(self, load: Load) -> None:
        with load(report=True) as cluster:
            out = cluster.output_directory
            cluster.db.succeed("true")
        assert (out / "report.html").is_file()
        assert trace_records.load(out).status == "passed"


class TestEnd:
    def test_an_error_of_the_clean_up_is_raised(
        self, load: Load, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fake_core.FakeSession, "cleanup_errors", ["db did not end"])
        with pytest.raises(MachineError, match="db did not end"):
            with load():
                pass

    def test_an_error_of_the_block_prevails(
        self, load: Load, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fake_core.FakeSession, "cleanup_errors", ["db did not end"])
        with pytest.raises(ZeroDivisionError):
            with load(diagnosis=False):
                1 / 0

    def test_the_machines_end_and_the_folder_is_removed_after_ctrl_c(self, load: Load) -> None:
        with pytest.raises(KeyboardInterrupt):
            with load() as cluster:
                folder = cluster.db.tmp_dir
                raise KeyboardInterrupt
        assert not folder.exists()

    def test_a_failure_while_it_is_opened_leaves_nothing(
        self, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise MachineError("another driver uses it")

        monkeypatch.setattr("charioteer._core.Machine", fail)
        cluster = load()
        with pytest.raises(MachineError, match="another driver"):
            cluster.__enter__()
        assert not list(tmp_path.glob("charioteer-*"))
        with pytest.raises(RuntimeError, match="not open"):
            cluster.start_all()

    def test_a_forked_child_leaves_the_machines_alone(self, load: Load) -> None:
        with load() as cluster:
            folder = cluster.db.tmp_dir
            child = os.fork()
            if child == 0:
                try:
                    cluster.__exit__(None, None, None)
                finally:
                    os._exit(0 if folder.is_dir() else 1)
            assert os.waitpid(child, 0)[1] == 0


class TestTimeLimit:
    def test_calls_raise_when_it_has_passed(self, load: Load) -> None:
        with load(time_limit=0, diagnosis=False) as cluster:
            with pytest.raises(MachineTimeout, match="the time limit of the cluster, 0 s"):
                cluster.db.succeed("true")

    def test_waits_of_the_core_end_when_it_has_passed(self, load: Load) -> None:
        with load() as cluster:
            idle = getattr(cluster.db.handle, "idle")
            idle(False)
            cluster.db.limit = TimeLimit(0)
            with pytest.raises(MachineTimeout):
                idle(False)

    def test_by_default_there_is_none(self) -> None:
        TimeLimit().check()


class TestLog:
    def test_goes_to_logging_by_machine(self, load: Load, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        with load(log=Log.LOGGING) as cluster:
            cluster.db.succeed("true")
            cluster.logger.log_test_error("it failed")
        assert ("charioteer.db", logging.INFO, "must succeed: true") in caplog.record_tuples
        assert ("charioteer", logging.ERROR, "it failed") in caplog.record_tuples

    def test_errors_only(self, load: Load, capfd: pytest.CaptureFixture[str]) -> None:
        with load(log=Log.ERRORS) as cluster:
            cluster.db.succeed("true")
        assert capfd.readouterr().err == ""
