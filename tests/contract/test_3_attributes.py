"""Section 3: the attributes of upstream's objects in all releases from 24.05 to 26.11.

Scripts also use private attributes. An attribute that Charioteer does not have raises an error that
names its replacement.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import test_driver.driver
import test_driver.duration
import test_driver.errors
import test_driver.machine
from charioteer.testing.polling import Poll
from charioteer.testing.replaced import Replaced
from test_driver.config import DriverConfiguration
from test_driver.debug import Debug
from test_driver.driver import Driver
from test_driver.efi import EfiGuid, EfiVariable, EfiVars
from test_driver.logger import CompositeLogger, JunitXMLLogger, TerminalLogger, XMLLogger
from test_driver.machine import NspawnMachine, QemuMachine, StartCommand
from test_driver.machine.qmp import QMPSession
from test_driver.polling_condition import PollingCondition
from test_driver.vlan import VLan

FIRST, LAST = "24.05", "26.11"


class Names(NamedTuple):
    """Attributes of one kind of object, and the first and last release that has them."""

    kind: Any
    since: str
    until: str
    names: str


TABLE = [
    Names(
        QemuMachine,
        FIRST,
        LAST,
        "name out_dir tmp_dir shared_dir state_dir monitor_path qmp_path shell_path start_command "
        "process pid monitor shell serial_thread booted connected last_lines callbacks logger "
        "is_up log log_serial nested wait_for_monitor_prompt send_monitor_command wait_for_unit "
        "get_unit_info get_unit_property systemctl require_unit_state execute "
        "_next_newline_closed_block_from_shell shell_interact console_interact succeed fail "
        "wait_until_succeeds wait_until_fails wait_for_shutdown get_tty_text "
        "wait_until_tty_matches send_chars wait_for_file wait_for_open_port wait_for_closed_port "
        "wait_for_open_unix_socket start_job stop_job connect screenshot "
        "copy_from_host_via_shell copy_from_host dump_tty_contents get_screen_text_variants "
        "get_screen_text wait_for_text wait_for_console_text send_key send_console start "
        "cleanup_statedir shutdown crash wait_for_x sleep forward_port block unblock release "
        "run_callbacks reboot get_window_names wait_for_window switch_root copy_from_vm",
    ),
    Names(QemuMachine, FIRST, "25.11", "keep_vm_state"),
    Names(QemuMachine, "24.11", LAST, "qmp_client wait_for_qmp_event _managed_screenshot"),
    Names(QemuMachine, "25.11", LAST, "full_console_log get_console_log"),
    Names(
        QemuMachine,
        "26.05",
        LAST,
        "_execute keep_machine_state copy_from_machine ssh_backdoor_command vsock_guest vsock_host",
    ),
    Names(
        QemuMachine,
        LAST,
        LAST,
        "efi_vars efi_vars_path create_efi_vars read_efi_vars write_efi_vars dump_efi_vars",
    ),
    Names(
        NspawnMachine,
        "26.05",
        LAST,
        "name out_dir tmp_dir shared_dir state_dir start_command process pid callbacks logger "
        "keep_machine_state machine_name_from_start_command get_systemd_process _stream_journal "
        "_execute is_up start release wait_for_shutdown ssh_backdoor_command execute succeed fail "
        "systemctl wait_for_unit copy_from_host copy_from_machine run_callbacks sleep nested log",
    ),
    Names(
        NspawnMachine,
        LAST,
        LAST,
        "shutdown send_key send_chars screenshot wait_for_x wait_for_window get_screen_text "
        "get_window_names wait_for_text",
    ),
    Names(StartCommand, FIRST, LAST, "_cmd cmd build_environment run machine_name"),
    Names(
        Driver,
        FIRST,
        LAST,
        "tests vlans machines polling_conditions global_timeout race_timer out_dir logger "
        "subtest test_symbols test_script run_tests start_all join_all terminate_test "
        "create_machine serial_stdout_on serial_stdout_off check_polling_conditions "
        "polling_condition",
    ),
    Names(Driver, "25.05", LAST, "debug dump_machine_ssh"),
    Names(Driver, "26.05", LAST, "config machines_qemu machines_nspawn vhost_vsock interactive"),
    Names(VLan, FIRST, LAST, "nr socket_dir process pid fd logger stop"),
    Names(VLan, "26.05", LAST, "tap_name plug_process"),
    Names(
        QMPSession,
        "24.11",
        LAST,
        "sock results pending_events reader writer from_path close _wait_for_new_result "
        "read_pending_messages wait_for_event events send",
    ),
    Names(
        PollingCondition,
        FIRST,
        LAST,
        "condition logger seconds_interval description last_called entry_count check maybe_raise "
        "status_message nested_message overdue entered",
    ),
    Names(Poll, FIRST, LAST, "condition wait"),
    *(
        Names(
            kind,
            "24.11",
            LAST,
            "log nested subtest info warning error log_test_error log_serial print_serial_logs",
        )
        for kind in (CompositeLogger, TerminalLogger, XMLLogger, JunitXMLLogger)
    ),
    *(
        Names(kind, "26.05", LAST, "debug set_log_level")
        for kind in (CompositeLogger, TerminalLogger, XMLLogger, JunitXMLLogger)
    ),
    Names(CompositeLogger, "24.11", LAST, "logger_list add_logger"),
    Names(TerminalLogger, "24.11", LAST, "maybe_prefix _eprint"),
    Names(
        XMLLogger,
        FIRST,
        LAST,
        "logfile_handle xml queue close sanitise log_line enqueue drain_log_queue",
    ),
    Names(JunitXMLLogger, "24.11", LAST, "tests currentSubtest outfile close testsuite"),
    Names(Debug, "25.05", LAST, "breakpoint logger"),
    Names(EfiVariable, LAST, LAST, "print"),
    Names(EfiVars, LAST, LAST, "create_empty read_content write"),
    Names(EfiGuid, LAST, LAST, "gEfiGlobalVariableGuid"),
    Names(test_driver.machine, FIRST, LAST, "CHAR_TO_KEY make_command retry StartCommand"),
    Names(test_driver.machine, FIRST, "25.11", "Machine NixStartScript"),
    Names(
        test_driver.machine, "26.05", LAST, "BaseMachine QemuMachine NspawnMachine QemuStartCommand"
    ),
    Names(test_driver.driver, FIRST, LAST, "Driver get_tmp_dir pythonize_name AssertionTester"),
    Names(test_driver.driver, "26.05", LAST, "load_driver_configuration"),
    Names(test_driver.errors, "24.11", LAST, "RequestedAssertionFailed MachineError"),
    Names(test_driver.duration, LAST, LAST, "Duration as_timedelta as_seconds"),
]


def label(row: Names) -> str:
    return f"{row.kind.__name__}-{row.since}-{row.until}"


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[type, Any]]:
    """One object of each kind; no machine is started."""
    folder = tmp_path_factory.mktemp("objects")
    script = folder / "test.py"
    script.touch()
    logger = CompositeLogger()
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_RUNTIME_DIR", str(folder))
    machine = QemuMachine(folder, folder, "/bin/run-web-vm", logger)
    vlan = VLan(7, folder, logger)
    condition = PollingCondition(lambda: True, logger, description="it holds")
    configuration = DriverConfiguration({}, {}, [], 3600, False, script)
    yield {
        QemuMachine: machine,
        NspawnMachine: NspawnMachine(folder, folder, "/bin/run-box-nspawn", logger),
        StartCommand: machine.start_command,
        Driver: Driver(configuration, folder, logger),
        VLan: vlan,
        QMPSession: machine.qmp_client,
        PollingCondition: condition,
        Poll: Poll(condition, [], logger),
        CompositeLogger: logger,
        TerminalLogger: TerminalLogger(),
        XMLLogger: XMLLogger(str(folder / "log.xml")),
        JunitXMLLogger: JunitXMLLogger(folder / "junit.xml"),
        Debug: Debug(logger, "attach"),
        EfiVariable: EfiVariable,
        EfiVars: EfiVars,
        EfiGuid: EfiGuid,
    }
    vlan.stop()
    machine.handle.release()
    patch.undo()


@pytest.mark.parametrize("row", TABLE, ids=label)
def test_3_every_attribute_of_upstream_exists_or_names_its_replacement(
    row: Names, objects: dict[type, Any]
) -> None:
    assert FIRST <= row.since <= row.until <= LAST
    it = objects.get(row.kind, row.kind)
    missing = []
    for name in row.names.split():
        found = inspect.getattr_static(it, name, None)
        if isinstance(found, Replaced):
            with pytest.raises(AttributeError, match=f"{name} is not available: .{{5,}}"):
                getattr(it, name)
        elif name not in dir(it) and not hasattr(it, name):
            missing.append(name)
    assert not missing, f"{row.kind.__name__} has no {', '.join(missing)}"


def test_3_assigning_a_replaced_attribute_names_its_replacement(folder: Path) -> None:
    vlan = VLan(8, folder, CompositeLogger())
    try:
        with pytest.raises(AttributeError, match=r"VLan.process is not available: .*counters\(\)"):
            vlan.process = None
        assert not hasattr(vlan, "process")
    finally:
        vlan.stop()
