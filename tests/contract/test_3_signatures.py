"""Sections 2.2 and 3: upstream's parameters and defaults, on which test scripts rely."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from charioteer.testing.polling import Poll
from test_driver.driver import Driver
from test_driver.efi import EfiVariable, EfiVars
from test_driver.machine import BaseMachine, Machine, NspawnMachine, QemuMachine, retry
from test_driver.polling_condition import PollingCondition
from test_driver.vlan import VLan

# `checkpoints`, `make_handle` and `stream` are Charioteer's, and keyword-only.
SIGNATURES: list[tuple[Callable[..., Any], str]] = [
    (retry, "fn, timeout_seconds=None, timeout=None"),
    (
        Driver,
        "config, out_dir, logger, keep_machine_state=False, debug=..., interactive=False, "
        "checkpoints=None, embedding=None",
    ),
    (Driver.start_all, "self"),
    (Driver.join_all, "self"),
    (Driver.test_script, "self"),
    (Driver.run_tests, "self"),
    (Driver.test_symbols, "self"),
    (Driver.subtest, "self, name"),
    (Driver.check_polling_conditions, "self"),
    (Driver.serial_stdout_on, "self"),
    (Driver.serial_stdout_off, "self"),
    (Driver.dump_machine_ssh, "self, offset=None"),
    (Driver.terminate_test, "self"),
    (PollingCondition, "condition, logger, seconds_interval=2.0, description=None"),
    (Poll.wait, "self, timeout=900"),
    (VLan, "nr, tmp_dir, logger, exports=True"),
    (
        QemuMachine,
        "out_dir, tmp_dir, start_command, logger, name=None, keep_machine_state=False, "
        "callbacks=None, vsock_guest=None, vsock_host=None, make_handle=None",
    ),
    (QemuMachine.log, "self, msg"),
    (QemuMachine.log_serial, "self, msg"),
    (QemuMachine.nested, "self, msg, attrs={}"),
    (QemuMachine.is_up, "self"),
    (QemuMachine.start, "self, allow_reboot=False"),
    (QemuMachine.connect, "self"),
    (
        QemuMachine.execute,
        "self, command, check_return=True, check_output=True, timeout=900",
    ),
    (QemuMachine.succeed, "self, *commands, timeout=None, stream=None"),
    (QemuMachine.fail, "self, *commands, timeout=None, stream=None"),
    (QemuMachine.wait_until_succeeds, "self, command, timeout=900, attempt_timeout=None"),
    (QemuMachine.wait_until_fails, "self, command, timeout=900, attempt_timeout=None"),
    (QemuMachine.sleep, "self, secs=None, duration=None"),
    (QemuMachine.systemctl, "self, q, user=None"),
    (QemuMachine.wait_for_unit, "self, unit, user=None, timeout=900"),
    (QemuMachine.get_unit_info, "self, unit, user=None"),
    (QemuMachine.get_unit_property, "self, unit, property, user=None"),
    (QemuMachine.require_unit_state, "self, unit, require_state='active'"),
    (QemuMachine.start_job, "self, jobname, user=None"),
    (QemuMachine.stop_job, "self, jobname, user=None"),
    (QemuMachine.wait_for_file, "self, filename, timeout=900"),
    *(
        (wait, "self, port, addr='localhost', timeout=900, attempt_timeout=None")
        for wait in (QemuMachine.wait_for_open_port, QemuMachine.wait_for_closed_port)
    ),
    (QemuMachine.wait_for_unit_active_state, "self, unit, state, timeout=900, user=None"),
    (QemuMachine.wait_for_open_unix_socket, "self, addr, is_datagram=False, timeout=900"),
    (QemuMachine.wait_for_console_text, "self, regex, timeout=None"),
    (QemuMachine.wait_for_window, "self, regexp, timeout=900"),
    (QemuMachine.wait_for_x, "self, timeout=900"),
    (QemuMachine.wait_until_tty_matches, "self, tty, regexp, timeout=900"),
    (QemuMachine.wait_for_qmp_event, "self, event_filter, timeout=600"),
    (QemuMachine.get_window_names, "self"),
    (QemuMachine.get_tty_text, "self, tty"),
    (QemuMachine.dump_tty_contents, "self, tty"),
    (QemuMachine.get_console_log, "self"),
    (QemuMachine.send_console, "self, chars"),
    (QemuMachine.send_key, "self, key, delay=0.01, log=True"),
    (QemuMachine.send_chars, "self, chars, delay=0.01"),
    (QemuMachine.send_monitor_command, "self, command"),
    (QemuMachine.screenshot, "self, filename"),
    (QemuMachine.copy_from_host, "self, source, target"),
    (QemuMachine.copy_from_host_via_shell, "self, source, target"),
    (QemuMachine.copy_from_machine, "self, source, target_dir=''"),
    (QemuMachine.copy_from_vm, "self, source, target_dir=''"),
    (QemuMachine.shell_interact, "self, address=None"),
    (QemuMachine.console_interact, "self"),
    (QemuMachine.shutdown, "self"),
    (QemuMachine.crash, "self"),
    (QemuMachine.reboot, "self"),
    (QemuMachine.switch_root, "self"),
    (QemuMachine.create_efi_vars, "self"),
    (QemuMachine.read_efi_vars, "self"),
    (QemuMachine.write_efi_vars, "self, add"),
    (QemuMachine.dump_efi_vars, "self"),
    (EfiVariable, "vendor_uuid=None, name=None, data=None, state=None, flags=None"),
    (EfiVars, "state_path, machine"),
    (EfiVars.create_empty, "self"),
    (EfiVars.read_content, "self"),
    (EfiVars.write, "self, add"),
    (QemuMachine.wait_for_shutdown, "self, timeout=None"),
    (QemuMachine.block, "self"),
    (QemuMachine.unblock, "self"),
    (QemuMachine.forward_port, "self, host_port=8080, guest_port=80"),
    (QemuMachine.release, "self"),
    (QemuMachine.run_callbacks, "self"),
]


def shown(parameter: inspect.Parameter) -> str:
    if parameter.default is inspect.Parameter.empty:
        prefix = "*" if parameter.kind is inspect.Parameter.VAR_POSITIONAL else ""
        return prefix + parameter.name
    default = "..." if parameter.name == "debug" else repr(parameter.default)
    return f"{parameter.name}={default}"


@pytest.mark.parametrize(
    ("function", "parameters"), SIGNATURES, ids=[each.__qualname__ for each, _ in SIGNATURES]
)
def test_3_parameters(function: Callable[..., Any], parameters: str) -> None:
    signature = inspect.signature(function)
    assert ", ".join(map(shown, signature.parameters.values())) == parameters


def test_2_1_machine_is_the_older_name_of_the_class() -> None:
    assert issubclass(QemuMachine, Machine) and issubclass(Machine, QemuMachine)
    assert issubclass(QemuMachine, BaseMachine) and issubclass(NspawnMachine, BaseMachine)
