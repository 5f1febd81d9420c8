"""A run of the driver: its script, its limits, its failures."""

import threading
from pathlib import Path
from typing import Any

import fake_core
import pytest
from charioteer.testing.cancellation import check_cancelled
from charioteer.testing.driver import Driver
from charioteer.testing.errors import MachineError, PollingConditionError, RequestedAssertionFailed
from charioteer.testing.logger import TerminalLogger
from charioteer.testing.machine import QemuMachine
from charioteer.testing.sync import sync_all
from log_lines import log_lines, raw_log_lines

from support.patience import scaled


def run(driver: Driver, script: str) -> None:
    driver.tests = script
    driver.test_script()


class TestScript:
    def test_names(self, driver: Driver) -> None:
        run(driver, "assert machines == [db, web_1] and vlans == [vlan1]")

    def test_banner(self, driver: Driver, capsys: pytest.CaptureFixture[str]) -> None:
        run(driver, "")
        out = capsys.readouterr().out
        assert out.startswith(
            "additionally exposed symbols:\n    db, web-1,\n    vlan1,\n    start_all, "
        )

    def test_failure_shows_the_script_s_frames_only(
        self, driver: Driver, logger: TerminalLogger
    ) -> None:
        with pytest.raises(SystemExit) as caught:
            run(driver, "def f():\n  t.assertEqual(1, 2)\nf()")
        assert caught.value.code == 1
        errors = [
            line.removeprefix("!!! ") for line in log_lines(logger) if line.startswith("!!! ")
        ]
        assert errors == [
            "Traceback (most recent call last):",
            '  File "<string>", line 3, in <module>',
            "    f()",
            '  File "<string>", line 2, in f',
            "    t.assertEqual(1, 2)",
            "",
            "RequestedAssertionFailed: 1 != 2",
        ]

    def test_other_exceptions_pass(self, driver: Driver) -> None:
        with pytest.raises(ZeroDivisionError):
            run(driver, "1 / 0")

    def test_subtest_that_fails(self, driver: Driver, logger: TerminalLogger) -> None:
        with pytest.raises(ValueError):
            run(driver, "with subtest('s'): raise ValueError('no')")
        assert log_lines(logger)[-2:] == ["subtest: s", '!!! Test "s" failed with error: "no"']

    def test_time_limit(self, driver: Driver, logger: TerminalLogger) -> None:
        driver.run_tests()
        assert "Test will time out and terminate in 3600 seconds" in log_lines(logger)
        session = getattr(driver.race_timer, "_session")
        assert session.limits == [3600]
        assert session.limit is None, "what comes after the script has limits of its own"


class TestSync:
    """The sync of the guests at the end of the script."""

    def end(self, driver: Driver) -> None:
        for machine in driver.machines_qemu:
            machine.booted = machine.connected = True
        driver.tests = ""
        driver.run_tests()

    def calls(self, machine: QemuMachine) -> list[tuple[object, ...]]:
        return [call for call in getattr(machine.handle, "calls") if call[0] == "execute"]

    def test_all_running_guests_sync(self, driver: Driver) -> None:
        self.end(driver)
        for machine in driver.machines_qemu:
            assert [call[1] for call in self.calls(machine)] == ["sync"]

    def test_paused_guests_do_not_sync(self, driver: Driver, logger: TerminalLogger) -> None:
        paused, running = driver.machines_qemu
        setattr(paused.handle, "status", "suspended")
        self.end(driver)
        assert self.calls(paused) == [] and self.calls(running) != []
        assert f"{paused.name}: no sync, since its status is suspended" in log_lines(logger)

    def test_a_failed_sync_is_a_warning(
        self, driver: Driver, logger: TerminalLogger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_arguments: object, **_options: object) -> tuple[int, str]:
            raise MachineError("the shell is gone")

        monkeypatch.setattr(driver.machines_qemu[0], "execute", refuse)
        self.end(driver)
        name = driver.machines_qemu[0].name
        assert f"{name}: sync at the end of the run: the shell is gone" in log_lines(logger)

    def test_a_guest_that_does_not_respond_is_abandoned(
        self, driver: Driver, logger: TerminalLogger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        silent, answering = driver.machines_qemu
        released = threading.Event()
        threads: list[threading.Thread] = []
        now = [0.0]
        monkeypatch.setattr("time.monotonic", lambda: now[0])

        def keep_silent(*_arguments: object, **_options: object) -> tuple[int, str]:
            while not released.wait(0.01):
                check_cancelled()
                # The limit passes when the thread of the other machine has ended.
                if threads and not threads[0].is_alive():
                    now[0] = 60.0
            return 0, ""

        execute = answering.execute

        def answer(*arguments: Any, **options: Any) -> tuple[int, str]:
            threads.append(threading.current_thread())
            return execute(*arguments, **options)

        for machine in (silent, answering):
            machine.booted = machine.connected = True
        monkeypatch.setattr(silent, "execute", keep_silent)
        monkeypatch.setattr(answering, "execute", answer)
        sync_all(driver.machines, logger, 1)
        released.set()
        assert [line for line in log_lines(logger) if "sync" in line] == [
            f"{silent.name}: sync at the end of the run did not finish within 1 s"
        ]
        assert self.calls(answering) != []

    def test_a_failed_script_causes_no_sync(self, driver: Driver) -> None:
        for machine in driver.machines_qemu:
            machine.booted = machine.connected = True
        driver.tests = "t.fail('no')"
        with pytest.raises(SystemExit):
            driver.run_tests()
        assert all(self.calls(machine) == [] for machine in driver.machines_qemu)


class TestMachines:
    def test_all_start(self, driver: Driver) -> None:
        driver.start_all()
        assert all(machine.booted for machine in driver.machines_qemu)

    def test_failures_to_start_are_collected(self, driver: Driver) -> None:
        setattr(driver.machines_qemu[0].handle, "failure", MachineError("web-1: no disk"))
        with pytest.raises(MachineError) as caught:
            driver.start_all()
        assert str(caught.value) == "Failed to start the following machines:\nweb-1: no disk"
        assert driver.machines_qemu[1].booted

    def test_a_created_machine_is_not_in_the_list(self, driver: Driver) -> None:
        machine = driver.create_machine("run-extra-vm")
        assert machine.name == "extra" and machine not in driver.machines


class TestCleanup:
    def test_errors_of_the_session_are_logged(
        self, driver: Driver, logger: TerminalLogger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message = "Error during cleanup of db: stuck"
        monkeypatch.setattr(fake_core.FakeSession, "cleanup_errors", [message])
        driver.__exit__(None, None, None)
        assert log_lines(logger)[-1] == message

    def test_cleanup_continues_after_a_failure(
        self, driver: Driver, logger: TerminalLogger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ended: list[str] = []

        def stop() -> None:
            raise OSError("busy")

        monkeypatch.setattr(driver.machines_qemu[0], "end", stop)
        monkeypatch.setattr(driver.vlans[0], "stop", stop)
        monkeypatch.setattr(driver.machines_qemu[1], "end", lambda: ended.append("second"))
        driver.__exit__(None, None, None)
        assert ended == ["second"]
        name = driver.machines_qemu[0].name
        assert log_lines(logger)[-2:] == [
            f"Error during cleanup of {name}: busy",
            "Error during cleanup of vlan1: busy",
        ]
        monkeypatch.undo()

    def test_captures_are_stopped_in_parallel(
        self, driver: Driver, logger: TerminalLogger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # No disk takes its frames until both are asked to.
        both = threading.Barrier(2, timeout=scaled(30))

        def stop(capture: fake_core.FakeCapture, limit: object) -> str:
            both.wait()
            return "the disk is full"

        monkeypatch.setattr(fake_core.FakeCapture, "stop", stop)
        for name in ("one", "two"):
            driver.vlans[0].capture(f"{name}.pcapng")
        assert str(driver.clean_up()) == ""
        warnings = [line for line in log_lines(logger) if "incomplete: the disk is full" in line]
        assert len(warnings) == 2


class TestPollingConditions:
    def test_checked_before_commands(self, driver: Driver) -> None:
        @driver.polling_condition(seconds_interval=0)
        def fine() -> bool:
            "all is fine"
            return False

        with pytest.raises(PollingConditionError, match="condition failed: all is fine"):
            with fine:
                driver.machines_qemu[0].execute("true")
        assert driver.polling_conditions == []

    def test_wait(self, driver: Driver, logger: TerminalLogger) -> None:
        @driver.polling_condition
        def never() -> bool:
            return False

        with pytest.raises(RequestedAssertionFailed):
            never.wait(timeout=0)
        assert "waiting for never" in log_lines(logger) and "Last chance for never" in log_lines(
            logger
        )


def test_terminal_format(logger: TerminalLogger) -> None:
    with logger.nested("step", {"machine": "web"}):
        logger.log_serial("booting", "web")
    logger.log_test_error("bad")
    logger.debug("hidden")
    lines = raw_log_lines(logger)
    assert lines[0] == "web: \x1b[1m\x1b[32mstep\x1b[0m"
    assert lines[1] == "\x1b[2mweb # booting\x1b[0m"
    assert lines[2].startswith("web: (finished: step, in ")
    assert lines[3] == "\x1b[31m!!! \x1b[0mbad"
    assert len(lines) == 4


def test_xml_and_junit(tmp_path: Path) -> None:
    from xml.etree import ElementTree

    from charioteer.testing.logger import CompositeLogger, JunitXMLLogger, XMLLogger

    xml, junit = XMLLogger(str(tmp_path / "log.xml")), JunitXMLLogger(tmp_path / "new/junit.xml")
    logger = CompositeLogger([xml, junit])
    with logger.subtest("a <b>"):
        logger.log("in a", {"machine": "web"})
        logger.log_test_error("bad")
    xml.close()
    junit.close()
    text = (tmp_path / "log.xml").read_text()
    assert '<nest><head>subtest: a &lt;b&gt;</head><line machine="web">in a</line>' in text
    suite = ElementTree.parse(tmp_path / "new/junit.xml").getroot()[0]
    assert [case.get("name") for case in suite] == ["a <b>", "main"]
    assert suite.get("failures") == "1" and suite[0][0].get("message") == "test case failed"
