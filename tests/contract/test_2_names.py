"""Sections 2.1, 2.2 and 3.9: the symbols of scripts, for machines that are not started."""

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from test_driver.driver import Driver, load_driver_configuration, pythonize_name
from test_driver.errors import RequestedAssertionFailed
from test_driver.logger import CompositeLogger, TerminalLogger
from test_driver.machine import BaseMachine, Machine, NixStartScript, QemuMachine, retry
from test_driver.vlan import VLan

from support.testbed import Testbed

GENERAL = (
    "start_all test_script machines machines_qemu machines_nspawn vlans driver log os "
    "create_machine subtest run_tests join_all retry serial_stdout_off serial_stdout_on "
    "polling_condition Machine BaseMachine QemuMachine NspawnMachine t debug dump_machine_ssh"
)


@contextmanager
def driver_of(folder: Path, *names: str) -> Iterator[Driver]:
    """A driver with machines of these names, which are not started, and VLAN 1."""
    (folder / "test.py").touch()
    vms = {name: {"name": name, "start_script": f"/bin/run-{name}-vm"} for name in names}
    content = {
        "vms": vms,
        "containers": {},
        "vlans": [1],
        "global_timeout": 3600,
        "enable_ssh_backdoor": False,
        "test_script": str(folder / "test.py"),
    }
    (folder / "driver.json").write_text(json.dumps(content))
    kept = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(folder / "run")
    try:
        configuration = load_driver_configuration(folder / "driver.json")
        with Driver(configuration, folder, CompositeLogger([TerminalLogger()])) as driver:
            yield driver
    finally:
        os.environ.pop("XDG_RUNTIME_DIR")
        os.environ.pop("QEMU_VDE_SOCKET_1", None)
        if kept is not None:
            os.environ["XDG_RUNTIME_DIR"] = kept


# Charioteer's additional name.
OWN = "all_machines"


def test_2_1_the_symbols_are_exactly_upstream_s_and_ours(folder: Path) -> None:
    with driver_of(folder, "web-1", "db") as driver:
        symbols = driver.test_symbols()
        assert set(symbols) == {*GENERAL.split(), OWN, "web_1", "db", "vlan1"}
        assert symbols["driver"] is driver and symbols["os"] is os
        assert isinstance(symbols["vlan1"], VLan) and repr(symbols["vlan1"]) == "<Vlan Nr. 1>"


def test_2_1_machines_are_sorted_and_a_snapshot(folder: Path) -> None:
    with driver_of(folder, "web", "db", "app") as driver:
        machines = driver.test_symbols()["machines"]
        assert [machine.name for machine in machines] == ["app", "db", "web"]
        machines.clear()
        assert len(driver.machines) == 3


def test_2_1_names_become_identifiers() -> None:
    assert pythonize_name("1foo-bar.baz") == "_foo_bar_baz"
    assert pythonize_name("a[b]c^d`e\\f") == "a_b_c_d_e_f"
    assert pythonize_name("_ok9") == "_ok9"


def test_2_1_a_machine_shadows_a_general_name(folder: Path) -> None:
    with driver_of(folder, "log", "web") as driver:
        assert driver.test_symbols()["log"] is driver.machines[0]


def test_2_1_a_machine_shadows_an_additional_name(folder: Path) -> None:
    with driver_of(folder, "all-machines", "web") as driver:
        assert driver.test_symbols()["all_machines"] is driver.machines[0]


def test_2_1_a_single_machine_is_also_called_machine(folder: Path) -> None:
    with driver_of(folder, "web") as driver:
        symbols = driver.test_symbols()
        assert symbols["machine"] == symbols["web"] == driver.machines[0]


def test_2_1_with_two_machines_the_name_machine_is_undefined(folder: Path) -> None:
    with driver_of(folder, "web", "db") as driver:
        assert "machine" not in driver.test_symbols()


def test_2_1_failed_assertions_of_t_are_failed_requests(folder: Path) -> None:
    with driver_of(folder, "web") as driver:
        t = driver.test_symbols()["t"]
        t.assertIn(1, [1])
        with t.assertRaises(ValueError):
            raise ValueError
        with pytest.raises(RequestedAssertionFailed, match="1 != 2"):
            t.assertEqual(1, 2)


def test_2_the_script_has_one_dictionary_and_no_file(testbed: Testbed) -> None:
    script = """
        assert globals() is locals()
        assert "__name__" not in globals() and "__file__" not in globals()
        count = 1
        def seen():
            return count
        assert seen() == 1
        print("all seen")
    """
    run = testbed.run_driver(testbed.configuration(script))
    run.expect(0)
    assert run.stdout.endswith("all seen\n")


def test_3_9_machine_by_another_name_warns(folder: Path) -> None:
    with driver_of(folder, "web") as driver:
        alias = driver.test_symbols()["machine"]
        with pytest.warns(DeprecationWarning) as caught:
            assert alias.succeed == driver.machines[0].succeed
        assert str(caught[0].message) == (
            "invoking 'QemuMachine.succeed' is deprecated: It's deprecated to use the `machine` "
            "variable when the only machine is called web. "
            "This behavior will no longer work in NixOS 27.05."
        )
        assert isinstance(alias, QemuMachine) and repr(alias) == "<QemuMachine 'web'>"
        alias.booted = False
        assert alias in driver.machines and {alias} == set(driver.machines)


def test_3_9_machine_by_its_own_name_does_not_warn(folder: Path) -> None:
    with driver_of(folder, "machine") as driver, warnings.catch_warnings():
        warnings.simplefilter("error")
        machine = driver.test_symbols()["machine"]
        assert machine is driver.machines[0] and not machine.booted


class Attempts:
    """A function for `retry`; true from call number `succeeds_at` on."""

    def __init__(self, succeeds_at: float = float("inf")) -> None:
        self.succeeds_at = succeeds_at
        self.seen: list[bool] = []

    def __call__(self, last: bool) -> bool:
        self.seen.append(last)
        return len(self.seen) >= self.succeeds_at


def test_2_2_retry_ends_with_the_first_success() -> None:
    attempts = Attempts(3)
    retry(attempts)
    assert attempts.seen == [False, False, False]


def test_2_2_retry_with_timeout_0_calls_once() -> None:
    attempts = Attempts()
    with pytest.raises(RequestedAssertionFailed) as failure:
        retry(attempts, timeout=0)
    assert attempts.seen == [True]
    assert str(failure.value).startswith("action timed out after 0.")
    assert str(failure.value).endswith(" seconds (timeout=0)")


def test_2_2_retry_calls_once_more_after_its_timeout() -> None:
    attempts = Attempts()
    with pytest.raises(RequestedAssertionFailed, match=r"timeout=0\.1\)"):
        retry(attempts, timeout=0.1)
    assert len(attempts.seen) > 1 and attempts.seen[-1] and not any(attempts.seen[:-1])


@pytest.mark.parametrize("limit", [0, 0.0, timedelta(0)])
def test_2_2_retry_takes_durations_of_every_kind(limit: Any) -> None:
    retry(Attempts(1), timeout=limit)


def test_2_2_retry_takes_one_limit_only() -> None:
    with pytest.raises(TypeError) as failure:
        retry(Attempts(1), timeout_seconds=1, timeout=timedelta(seconds=1))
    assert str(failure.value) == (
        "retry() got both 'timeout' and 'timeout_seconds' arguments. Pass only 'timeout'"
    )


def test_2_2_create_machine(folder: Path) -> None:
    with driver_of(folder, "web") as driver:
        create = driver.test_symbols()["create_machine"]
        made = create("env A=b /nix/run-some.thing-vm")
        assert type(made) is QemuMachine and made.name == "some.thing" and made.callbacks == []
        assert create("qemu -m 1").name == "machine"
        assert create("/run-x-vm", name="y", keep_vm_state=True).keep_machine_state
        assert driver.machines_qemu == driver.machines


def test_3_2_the_older_class_and_its_arguments(folder: Path) -> None:
    (folder / "state").mkdir()
    with driver_of(folder, "web") as driver:
        made = Machine(
            out_dir=folder,
            tmp_dir=folder / "state",
            start_command=NixStartScript("/nix/run-old-vm"),
            logger=driver.logger,
            name=NixStartScript("/nix/run-old-vm").machine_name,
            keep_vm_state=True,
        )
        assert made.start_command == "/nix/run-old-vm" and made.keep_vm_state
        assert repr(made) == "<Machine 'old'>"
        assert isinstance(made, QemuMachine) and isinstance(driver.machines[0], Machine)
        assert not isinstance("machine", Machine)


def test_3_2_a_subclass_with_upstream_s_arguments(folder: Path) -> None:
    class Phone(QemuMachine):
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.rings = 0

    with driver_of(folder, "web") as driver:
        phone = Phone(
            out_dir=folder,
            tmp_dir=folder / "run",
            start_command="/run-phone-vm",
            logger=driver.logger,
            callbacks=[],
        )
        assert isinstance(phone, BaseMachine) and repr(phone) == "<Phone 'phone'>"
        assert phone.state_dir == folder / "run/vm-state-phone"


def test_3_2_the_state_directory(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    state = folder / "run/vm-state-web"
    state.mkdir(mode=0o755, parents=True)
    (state / "disk.qcow2").touch()
    with driver_of(folder, "web") as driver:
        machine = driver.machines[0]
        assert not (state / "disk.qcow2").exists()
        (state / "made").mkdir()
        (state / "made/file").touch()
        machine.cleanup_statedir()
        assert not (state / "made").exists()
        for directory in (state, machine.shared_dir):
            assert directory.stat().st_mode & 0o777 == 0o700
    log = capfd.readouterr().err
    assert log.count(f"web: deleting machine state directory {state}\n") == 2
    assert "web: if you want to keep the machine state, pass --keep-machine-state\n" in log
