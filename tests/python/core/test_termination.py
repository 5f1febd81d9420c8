"""SIGTERM and the time limit end a run even if the script ignores them."""

import ctypes
import os
import signal
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from support import interpreter_lock
from support.leftovers import expect_nothing_left, qemus_of
from support.run import Run
from support.testbed import Testbed

# Scripts that would run endlessly.
ENDLESS_SCRIPTS = {
    "catches all exceptions": """
        while True:
            try:
                time.sleep(0.01)
            except BaseException:
                pass
    """,
    "sleeps in finally": """
        try:
            time.sleep(600)
        finally:
            time.sleep(600)
    """,
    "holds the interpreter lock": f"""
        {interpreter_lock.HOLD}
    """,
    "ignores the signal": """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("ignored")
        web.execute("sleep 600")
    """,
    "blocks the signal": """
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        print("blocked")
        time.sleep(600)
    """,
    "has a handler of its own": """
        signal.signal(signal.SIGTERM, lambda *_: print("handled"))
        print("installed")
        web.wait_until_succeeds("false")
    """,
    "waits for a thread": """
        thread = threading.Thread(target=time.sleep, args=[600])
        thread.start()
        try:
            thread.join()
        finally:
            thread.join()
    """,
}
LAST_LINE_BEFORE_THE_WAIT = {
    "ignores the signal": "ignored",
    "blocks the signal": "blocked",
    "has a handler of its own": "installed",
}


PREPARATION = f"""
import signal, threading, time
{interpreter_lock.PREPARE}
web.succeed("true")
log.log("ready")
"""


def start(testbed: Testbed, name: str, additional: str = "") -> Run:
    body = "\n".join(line.removeprefix(" " * 8) for line in ENDLESS_SCRIPTS[name].split("\n"))
    configuration = testbed.configuration(PREPARATION + additional + body, vlans=[1])
    return testbed.run_driver(
        configuration, "--junit-xml=report.xml", LOGFILE=str(testbed.folder / "log.xml")
    )


def expect_complete_cleanup(testbed: Testbed, run: Run) -> None:
    run.expect(143)
    expect_nothing_left(testbed.folder)
    suite = ElementTree.parse(testbed.out / "report.xml").getroot()[0]
    assert suite.get("failures") == "1"
    assert "ready" in (suite[0].findtext("system-out") or "")
    assert "SIGTERM" in (suite[0].findtext("system-err") or "")
    assert "<line>ready</line>" in (testbed.folder / "log.xml").read_text()


@pytest.mark.parametrize("name", ENDLESS_SCRIPTS)
def test_sigterm_ends_a_script_that(testbed: Testbed, name: str) -> None:
    run = start(testbed, name)
    run.wait_for("ready")
    run.wait_for(LAST_LINE_BEFORE_THE_WAIT.get(name, "ready"))
    assert qemus_of(testbed.state)
    run.send(signal.SIGTERM)
    expect_complete_cleanup(testbed, run)


@pytest.mark.parametrize("name", ["catches all exceptions", "holds the interpreter lock"])
def test_the_time_limit_ends_a_script_that(testbed: Testbed, name: str) -> None:
    # The limit begins when the script is ready.
    run = start(testbed, name, "driver.global_timeout = 0.5\ndriver.race_timer.start()\n")
    expect_complete_cleanup(testbed, run)
    assert "timeout reached; test terminating..." in run.stderr


def test_a_script_that_passes_after_sigterm_has_not_passed(testbed: Testbed) -> None:
    script = """
        import sys, time
        web.start()
        try:
            print("ready", flush=True)
            time.sleep(600)
        except BaseException:
            pass
        sys.exit(0)
    """
    run = testbed.run_driver(testbed.configuration(script), "--junit-xml=report.xml")
    run.wait_for("ready")
    run.send(signal.SIGTERM)
    run.expect(143)
    assert "ended by force" not in run.stderr
    assert 'failures="1"' in (testbed.out / "report.xml").read_text()
    expect_nothing_left(testbed.folder)


# The end of the clean-up waits for the file "go" of its folder.
CLEAN_UP = """
    import os, time
    try:
        print("ready", flush=True)
        time.sleep(600)
    finally:
        print("ending", flush=True)
        while not os.path.exists({go!r}):
            time.sleep(0.05)
        print("cleaned up")
"""


def test_time_in_which_the_process_does_not_run_does_not_count(testbed: Testbed) -> None:
    go = testbed.folder / "go"
    run = testbed.run_driver(testbed.configuration(CLEAN_UP.format(go=str(go))))
    run.wait_for("ready")
    run.send(signal.SIGTERM)
    run.wait_for("ending")
    run.send(signal.SIGSTOP)
    # Longer than the script has for its end.
    time.sleep(6)
    run.send(signal.SIGCONT)
    go.touch()
    run.expect(143)
    assert "cleaned up\n" in run.stdout
    assert "ended by force" not in run.stderr


def test_a_pause_does_not_make_one_request_two(testbed: Testbed) -> None:
    """The program timeout sends two signals, between which the host may not run the process."""
    go = testbed.folder / "go"
    # A loaded host may take longer than a request lasts until the pause begins.
    for _attempt in range(5):
        go.unlink(missing_ok=True)
        run = testbed.run_driver(testbed.configuration(CLEAN_UP.format(go=str(go))))
        run.wait_for("ready")
        run.send(signal.SIGTERM)
        run.wait_for("ending")
        run.send(signal.SIGSTOP)
        time.sleep(2)
        run.send(signal.SIGTERM)
        run.send(signal.SIGCONT)
        go.touch()
        run.expect(143)
        if "ended by force" not in run.stderr:
            return
    raise AssertionError(f"the second signal counted as another request:\n{run.report()}")


def name_of(task: Path) -> str:
    """The name of a thread; empty if it has ended."""
    try:
        return (task / "comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_a_signal_that_another_thread_receives_interrupts_the_script(testbed: Testbed) -> None:
    script = """
        import time
        try:
            print("ready", flush=True)
            time.sleep(600)
        finally:
            print("cleaned up")
    """
    run = testbed.run_driver(testbed.configuration(script))
    run.wait_for("ready")
    tasks = Path(f"/proc/{run.pid}/task").iterdir()
    (thread,) = (each for each in tasks if name_of(each) == "charioteer-end\n")
    # The kernel may choose this thread, such as when a stopped process is continued.
    assert ctypes.CDLL(None).tgkill(run.pid, int(thread.name), signal.SIGTERM) == 0
    run.expect(143)
    assert "cleaned up\n" in run.stdout
    assert "ended by force" not in run.stderr


def test_a_script_has_time_to_clean_up(testbed: Testbed) -> None:
    script = """
        import time
        try:
            print("ready", flush=True)
            web.succeed("sleep 600")
        finally:
            time.sleep(0.5)
            print("cleaned up")
    """
    run = testbed.run_driver(testbed.configuration(script))
    run.wait_for("ready")
    run.wait_for("must succeed: sleep 600")
    run.send(signal.SIGTERM)
    run.expect(143)
    assert "cleaned up\n" in run.stdout
    assert "ended by force" not in run.stderr
    expect_nothing_left(testbed.folder)


def test_a_log_that_is_not_read_does_not_delay_the_end(testbed: Testbed) -> None:
    log = testbed.folder / "log.xml"
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    script = f"""
        import os
        web.succeed("true")
        pipe = os.open({str(log)!r}, os.O_WRONLY | os.O_NONBLOCK)
        try:
            while True:
                os.write(pipe, b"x" * 4096)
        except BlockingIOError:
            print("ready", flush=True)
        log.log("no room")
    """
    run = testbed.run_driver(testbed.configuration(script), LOGFILE=str(log))
    try:
        run.wait_for("ready")
        run.send(signal.SIGTERM)
        run.expect(143)
    finally:
        os.close(reader)
    expect_nothing_left(testbed.folder)


def test_terminate_test_ends_the_run(testbed: Testbed) -> None:
    script = """
        import time
        try:
            driver.terminate_test()
            time.sleep(600)
        except BaseException:
            pass
    """
    run = testbed.run_driver(testbed.configuration(script))
    run.expect(143)
    assert "timeout reached; test terminating..." in run.stderr


def test_a_prompt_ends_by_sigterm(testbed: Testbed) -> None:
    testbed.keyboard = True
    run = testbed.run_driver(testbed.configuration("pass"), "--interactive")
    run.enter("web.start(); print('ty' + 'ped', flush=True); web.execute('sleep 600')")
    run.wait_for("typed")
    run.wait_for("QEMU running")
    run.send(signal.SIGTERM)
    run.expect(143)
    expect_nothing_left(testbed.folder)
