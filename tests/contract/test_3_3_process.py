"""Section 3.3: scripts use QEMU's process and assign the attributes of a machine."""

from support.testbed import Testbed


def run_script(testbed: Testbed, script: str) -> str:
    """Runs the script with a fake QEMU; it must succeed. Returns its standard error."""
    run = testbed.run_driver(testbed.configuration(script, [testbed.start_script("machine")]))
    run.expect(0)
    return run.stderr


def test_3_3_qemu_may_be_killed_and_forgotten_by_hand(testbed: Testbed) -> None:
    run_script(
        testbed,
        """
        machine.succeed("true")
        first = machine.process
        assert first is machine.process and first.pid == machine.pid
        assert first.poll() is None and "run-machine-vm" in first.args
        first.kill()
        assert first.wait(timeout=30) == first.returncode == -9
        machine.booted = False
        machine.pid = None
        machine.process = machine.shell = machine.monitor = None
        assert machine.pid is None and machine.process is None and machine.shell is None
        machine.start()
        assert machine.process is not first and machine.pid == machine.process.pid
        assert machine.shell is not None and machine.monitor is not None
        assert machine.succeed("echo again") == "again\\n"
        try:
            machine.pid = 1
        except ValueError as error:
            assert "machine.pid" in str(error)
        else:
            raise AssertionError("another process id was accepted")
        """,
    )


def test_3_3_the_process_is_used_like_a_popen(testbed: Testbed) -> None:
    run_script(
        testbed,
        """
        import signal
        import subprocess

        machine.start()
        process = machine.process
        assert process.stdin.write(b"typed\\n") == 6
        process.stdin.flush()
        machine.wait_for_console_text("you typed: typed", timeout=60)
        assert machine.serial_thread.is_alive()
        try:
            process.wait(timeout=0.1)
        except subprocess.TimeoutExpired as expired:
            assert expired.timeout == 0.1
        else:
            raise AssertionError("no timeout although the process runs")
        process.stdin.write(b"more\\n")
        assert process.stdout.readline() == b"you typed: more\\n"
        process.send_signal(signal.SIGKILL)
        output, errors = process.communicate(timeout=30)
        assert (output, errors, process.returncode) == (b"", None, -9)
        machine.serial_thread.join(timeout=30)
        assert not machine.serial_thread.is_alive()
        """,
    )


def test_4_5_ending_an_ended_machine_is_no_error(testbed: Testbed) -> None:
    for end in ("shutdown", "crash", "wait_for_shutdown", "release"):
        run_script(
            testbed,
            f"""
            machine.succeed("true")
            machine.process.kill()
            machine.process.wait(timeout=30)
            machine.{end}()
            """,
        )


def test_3_1_a_machine_that_has_ended_raises_upstream_s_exceptions(testbed: Testbed) -> None:
    run_script(
        testbed,
        """
        from test_driver.errors import MachineError

        def raised(call):
            try:
                call()
            except Exception as error:
                return error
            raise AssertionError("no error")

        off = raised(lambda: machine.send_monitor_command("info status"))
        assert isinstance(off, AssertionError) and isinstance(off, MachineError), off
        assert isinstance(raised(lambda: machine.send_console("x")), AssertionError)
        assert isinstance(raised(lambda: machine.qmp_client.wait_for_event()), RuntimeError)
        machine.succeed("true")
        machine.process.kill()
        machine.process.wait(timeout=30)
        for call in (
            lambda: machine.succeed("true"),
            lambda: machine.send_monitor_command("info status"),
            lambda: machine.qmp_client.send("query-status"),
            lambda: machine.execute("true", check_return=False),
        ):
            error = raised(call)
            assert isinstance(error, BrokenPipeError) and isinstance(error, MachineError), error
            assert "QEMU" in str(error) and "machine" in str(error), error
        assert isinstance(raised(lambda: machine.succeed("true")), (ValueError, RuntimeError))
        """,
    )


def test_4_4_a_guest_may_end_during_an_unchecked_command(testbed: Testbed) -> None:
    text = run_script(
        testbed,
        """
        import os, signal

        machine.start()
        kill = f"kill -KILL {machine.pid}"
        assert machine.execute(kill + "; sleep 60", check_return=False) == (-1, "")
        machine.wait_for_shutdown()
        machine.start()
        kill = f"kill -KILL {machine.pid}"
        assert machine.execute(kill, check_output=False) == (-2, "")
        machine.wait_for_shutdown()
        machine.start()
        kill = f"kill -KILL {machine.pid}"
        try:
            machine.execute(kill + "; sleep 60")
        except ValueError:
            pass
        else:
            raise AssertionError("no error although the status is checked")
        """,
    )
    assert "the guest ended during" in text


def test_3_7_pending_events_are_returned_immediately(testbed: Testbed) -> None:
    run_script(
        testbed,
        """
        machine.start()
        qmp = machine.qmp_client
        qmp.send("query-status")
        assert list(qmp.events(timeout=600)) == []
        qmp.send("stop")
        qmp.send("query-status")
        assert [event["event"] for event in qmp.events()] == ["STOP"]
        assert qmp.pending_events.empty() and qmp.results.empty()
        qmp.send("stop")
        qmp.send("query-status")
        qmp.read_pending_messages()
        assert qmp.pending_events.qsize() == 1
        assert qmp.wait_for_event(timeout=1)["event"] == "STOP"
        qmp.send("stop")
        qmp.read_pending_messages()
        qmp.close()
        machine.crash()
        assert list(qmp.events()) == []
        """,
    )


def test_4_5_a_name_may_be_reused_when_its_machine_is_off(testbed: Testbed) -> None:
    run_script(
        testbed,
        """
        machine.succeed("echo kept > kept")
        try:
            create_machine(machine.start_command, name="machine")
        except Exception as error:
            assert "a machine with this name already runs" in str(error), error
        else:
            raise AssertionError("two machines in one state directory")
        machine.crash()
        second = create_machine(machine.start_command, name="machine", keep_machine_state=True)
        assert second.state_dir == machine.state_dir
        second.start()
        second.succeed("true")
        second.process.kill()
        second.process.wait(timeout=30)
        third = create_machine(f"{machine.start_command}", "machine")
        third.succeed("true")
        third.release()
        fourth = create_machine("env A=1 " + machine.start_command)
        assert fourth.name == "machine"
        fourth.crash()
        machine.start()
        assert machine.succeed("echo back") == "back\\n"
        try:
            create_machine(machine.start_command, name="a/b")
        except ValueError as error:
            assert "'a/b'" in str(error)
        else:
            raise AssertionError("a name with a slash was accepted")
        """,
    )


def test_3_3_what_scripts_assign_takes_effect(testbed: Testbed) -> None:
    run_script(
        testbed,
        """
        import queue

        machine.succeed("true")
        machine.last_lines = queue.Queue()
        assert machine.last_lines.empty()
        machine.send_console("later\\n")
        assert machine.last_lines.get(timeout=60) == "you typed: later"
        machine.qmp_client.send("stop")
        machine.qmp_client = None
        assert machine.qmp_client.pending_events.empty()
        machine.monitor.sendall(b"info status\\n")
        assert b"ran info status" in machine.monitor.recv(4096)
        assert not hasattr(machine.monitor, "fileno")
        machine.keep_vm_state = True
        assert machine.keep_machine_state
        machine.shell.send(b"echo by hand\\n")
        assert machine._next_newline_closed_block_from_shell() == "by hand\\n"
        with machine._managed_screenshot() as path:
            assert path.exists()
        try:
            machine.full_console_log = []
        except AttributeError as error:
            assert "machine.last_lines" in str(error)
        else:
            raise AssertionError("the log of the console was assigned")
        """,
    )


def test_3_7_the_driver_s_limit_can_be_read(testbed: Testbed) -> None:
    run_script(
        testbed,
        """
        assert driver.global_timeout == 600
        assert driver.race_timer.is_alive() and driver.race_timer.interval == 600
        driver.race_timer.cancel()
        assert not driver.race_timer.is_alive()
        """,
    )
