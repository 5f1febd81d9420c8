"""Fixtures for tests of the driver with a fake core."""

from collections.abc import Iterator
from pathlib import Path

import fake_core
import pytest
from charioteer import _core
from charioteer.testing.config import DriverConfiguration, VMConfiguration
from charioteer.testing.driver import Driver
from charioteer.testing.logger import TerminalLogger
from charioteer.testing.machine import QemuMachine


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_core, "Machine", fake_core.FakeMachine)
    monkeypatch.setattr(_core, "Reporter", fake_core.FakeReporter)
    monkeypatch.setattr(_core, "VLan", fake_core.FakeVLan)
    monkeypatch.setattr(_core, "Session", fake_core.FakeSession)
    monkeypatch.setattr(fake_core.FakeMachine, "answer", staticmethod(lambda command: (0, "")))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    for nr in (1, 2):
        monkeypatch.setenv(f"QEMU_VDE_SOCKET_{nr}", "")
        monkeypatch.setenv(f"CHARIOTEER_VLAN_SOCKET_{nr}", "")


@pytest.fixture
def logger() -> TerminalLogger:
    return TerminalLogger()


@pytest.fixture
def machine(tmp_path: Path, logger: TerminalLogger) -> QemuMachine:
    return QemuMachine(tmp_path, tmp_path, "/nix/store/x/bin/run-web-vm", logger)


@pytest.fixture
def driver(tmp_path: Path, logger: TerminalLogger) -> Iterator[Driver]:
    """Two machines, `web-1` and `db`, on VLAN 1."""
    script = tmp_path / "test.py"
    script.write_text("")
    vms = {name: VMConfiguration(name, Path(f"run-{name}-vm")) for name in ("web-1", "db")}
    config = DriverConfiguration(vms, {}, [1], 3600, False, script)
    with Driver(config, tmp_path, logger) as driver:
        yield driver
