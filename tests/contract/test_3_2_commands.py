"""Sections 3.2 and 4.4: commands, on a minimal guest that keeps running."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from test_driver.errors import RequestedAssertionFailed
from test_driver.machine import QemuMachine

from support.patience import with_growing_limit


def test_4_4_succeed_joins_the_outputs(alpha: QemuMachine) -> None:
    assert alpha.succeed("echo one", "echo two") == "one\ntwo\n"


def test_4_4_succeed_names_the_command_and_its_exit_code(alpha: QemuMachine) -> None:
    with pytest.raises(RequestedAssertionFailed) as failure:
        alpha.succeed("true", "echo why; exit 3")
    assert str(failure.value) == "command `echo why; exit 3` failed (exit code 3)"


def test_4_4_fail_joins_the_outputs(alpha: QemuMachine) -> None:
    assert alpha.fail("echo one; false", "echo two; exit 7") == "one\ntwo\n"


def test_4_4_fail_names_the_command_that_succeeded(alpha: QemuMachine) -> None:
    with pytest.raises(RequestedAssertionFailed) as failure:
        alpha.fail("echo fine")
    assert str(failure.value) == "command `echo fine` unexpectedly succeeded"


def test_4_4_execute_returns_status_and_output(alpha: QemuMachine) -> None:
    assert alpha.execute("echo out; echo err >&2; exit 42") == (42, "out\n")


def test_4_4_execute_without_status_or_output(alpha: QemuMachine) -> None:
    assert alpha.execute("echo out; exit 3", check_return=False) == (-1, "out\n")
    assert alpha.execute("echo out", check_output=False) == (-2, "")
    assert alpha.succeed("echo next") == "next\n"


def test_4_4_a_limit_is_exit_code_124(alpha: QemuMachine) -> None:
    def begins(limit: float) -> bool:
        status, output = alpha.execute("echo begun; sleep 600", timeout=limit)
        assert status == 124 and output in ("", "begun\n")
        return output != ""

    with_growing_limit(begins, 1)
    with pytest.raises(RequestedAssertionFailed, match=r"failed \(exit code 124\)"):
        alpha.succeed("sleep 600", timeout=1)


def test_4_4_bytes_that_are_not_utf_8_are_replaced(alpha: QemuMachine) -> None:
    assert alpha.succeed("printf 'a\\000b\\377c'") == "a\0b\ufffdc"


def test_4_4_five_megabytes_of_output(alpha: QemuMachine) -> None:
    assert len(alpha.succeed("head -c 5000000 /dev/zero | tr '\\000' x")) == 5_000_000


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root may set a socket buffer of megabytes (SO_RCVBUFFORCE)"
)
def test_4_4_no_output_is_lost_while_the_driver_is_stopped(alpha: QemuMachine) -> None:
    # QEMU drops the output of a virtual console while its socket is full.
    stop = "for i in 1 2 3; do sleep 0.2; kill -STOP $1; sleep 0.5; kill -CONT $1; done"
    stopper = subprocess.Popen(["sh", "-c", stop, "sh", str(os.getpid())])
    try:
        output = alpha.succeed("head -c 5000000 /dev/zero | tr '\\000' x")
    finally:
        stopper.wait()
    assert len(output) == 5_000_000


def test_4_4_a_command_of_many_lines_and_quotes(alpha: QemuMachine) -> None:
    command = """
        for word in "it's" '"two words"'
        do
            echo "$word"
        done
    """
    assert alpha.succeed(command) == 'it\'s\n"two words"\n'


def test_4_4_a_child_in_the_background_holds_the_output_open(alpha: QemuMachine) -> None:
    output = alpha.succeed("(sleep 3; echo late) & echo early")
    assert output == "early\nlate\n"
    output = alpha.succeed("setsid sh -c '(sleep 1; echo late) & exit' & echo early")
    assert output == "early\nlate\n"

    def child_outlasts(limit: float) -> bool:
        return alpha.execute(f"(sleep {limit + 1}; echo late) & exit 7", timeout=limit) == (
            7,
            "late\n",
        )

    # The limit applies to the shell, not to its children.
    with_growing_limit(child_outlasts, 1)


def test_4_4_a_background_child_without_the_output_keeps_running(alpha: QemuMachine) -> None:
    pid = alpha.succeed("sleep 600 >/dev/null 2>&1 & echo $!").strip()
    alpha.succeed(f"kill {pid}")


def test_4_4_an_open_standard_error_does_not_delay_the_command(alpha: QemuMachine) -> None:
    for goes_on in ("sleep 600", "while :; do :; done", "while :; do echo x; sleep 0.01; done"):
        pid = alpha.succeed(f"( {goes_on} ) >&2 & echo $!").strip()
        alpha.succeed(f"kill {pid}")


def test_4_4_a_command_that_reads_its_input_does_not_consume_the_next(alpha: QemuMachine) -> None:
    assert alpha.succeed("cat; echo end") == "end\n"
    assert alpha.succeed("echo next") == "next\n"


def test_4_4_threads_may_share_a_machine(alpha: QemuMachine) -> None:
    def run(number: int) -> tuple[int, str]:
        return alpha.execute(f"echo {number}; exit {number}")

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, range(10))) == [(n, f"{n}\n") for n in range(10)]


def test_4_4_sleep_runs_in_the_guest(alpha: QemuMachine) -> None:
    alpha.sleep(1)
