"""Standard output of scripts when the log goes to the same pipe."""

import io
import re
import signal
import sys
from typing import Any

import pytest
from charioteer import _core
from charioteer.testing.output import prompt_after

from support.run import PROGRAMS
from support.testbed import Testbed


def lines_of(testbed: Testbed, script: str) -> list[str]:
    testbed.one_pipe = True
    run = testbed.run_driver(testbed.configuration(script))
    run.expect(0)
    return run.stdout.split("\n")


def test_lines_are_complete_and_in_order_with_the_log(testbed: Testbed) -> None:
    script = """
        for number in range(3000):
            print("printed", number, "x" * 200)
            log.log(f"logged {number}")
    """
    lines = [line for line in lines_of(testbed, script) if re.match("printed|logged", line)]
    expected = []
    for number in range(3000):
        expected += [f"printed {number} {'x' * 200}", f"logged {number}"]
    assert lines == expected


def test_lines_of_several_threads_are_complete(testbed: Testbed) -> None:
    script = """
        import threading
        def write(name):
            for number in range(500):
                print("thread", name, number)
                log.log(f"log {name} {number}")
        threads = [threading.Thread(target=write, args=[name]) for name in "abcd"]
        for each in threads: each.start()
        for each in threads: each.join()
    """
    lines = lines_of(testbed, script)
    for name in "abcd":
        assert [line for line in lines if line.startswith(f"thread {name}")] == [
            f"thread {name} {number}" for number in range(500)
        ]
        assert [line for line in lines if line.startswith(f"log {name}")] == [
            f"log {name} {number}" for number in range(500)
        ]


def test_a_slow_reader_receives_complete_lines(testbed: Testbed) -> None:
    configuration = testbed.configuration(
        """
        import threading, time
        def write_log():
            time.sleep(1)  # the printed lines have filled the pipe by then
            for number in range(1000):
                log.log(f"logged {number} " + "y" * 150)
        thread = threading.Thread(target=write_log)
        thread.start()
        print("\\n".join(f"printed {number} " + "x" * 150 for number in range(1000)))
        thread.join()
        """
    )
    # Longer than a writer waits for the pipe before it checks for signals.
    pipeline = 'set -o pipefail; "$@" 2>&1 | { sleep 3; cat; }'
    driver = PROGRAMS / "nixos-test-driver"
    run = testbed.run(
        "/bin/bash", "-c", pipeline, "bash", driver, "--config", configuration, "-o", testbed.out
    )
    run.expect(0)
    lines = [line for line in run.stdout.split("\n") if "xx" in line or "yy" in line]
    assert len(lines) == 2000
    whole = "printed \\d+ x{150}|logged \\d+ y{150}"
    assert [line for line in lines if not re.fullmatch(whole, line)] == []


def test_output_written_in_different_ways_keeps_its_order(testbed: Testbed) -> None:
    script = """
        import subprocess, sys
        print("one ", end="")
        print("line")
        sys.stdout.write("second\\nthi")
        log.log("between")
        sys.stdout.write("rd\\n")
        sys.stdout.buffer.write(b"bytes\\n")
        sys.stdout.writelines(["a\\n", "b\\n"])
        print("flushed", end="", flush=True)
        subprocess.run(["echo", " by a program"])
        print("x" * 300_000)
        print(sys.stdout.encoding.lower(), sys.stdout.fileno(), sys.stdout.isatty())
        print("without an end", end="")
    """
    text = "\n".join(lines_of(testbed, script))
    expected = "one line\nsecond\nbetween\nthird\nbytes\na\nb\nflushed by a program\n"
    assert expected + "x" * 300_000 + "\nutf-8 1 False\n" in text
    assert text.count("without an end") == 1


def test_what_the_prompt_prints_follows_the_lines_logged_before(testbed: Testbed) -> None:
    testbed.keyboard = testbed.one_pipe = True
    run = testbed.run_driver(testbed.configuration("pass"), "--interactive")
    for line in (
        "import sys",
        "for number in range(500): _ = (log.log(f'logged {number}'), print('printed', number),"
        " log.log(f'again {number}'), sys.stderr.write(f'error {number}\\n'))",
        "",
        "log.log('before the program')",
        "__import__('os').system('echo by a program')",
    ):
        run.enter(line)
    run.press_ctrl_d()
    run.expect(0)
    text = run.stdout.replace(">>> ", "").replace("... ", "")
    expected = "".join(f"logged {n}\nprinted {n}\nagain {n}\nerror {n}\n" for n in range(500))
    assert expected in text
    assert "before the program\nby a program\n" in text


class _Recorder(io.RawIOBase):
    """A file that keeps what each write() gets."""

    name = "recorder"

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.writes.append(bytes(data))
        return len(data)


def test_a_line_that_is_printed_at_the_prompt_is_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    # Lines of consoles are written at any time, also between two writes.
    recorder = _Recorder()
    stream = io.TextIOWrapper(io.BufferedWriter(recorder))
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "__stdout__", stream)
    with prompt_after(_core.Reporter(terminal=False, queue=False)):
        print("printed", 7, "to the", "end")
    assert recorder.writes == [b"printed 7 to the end\n"]


def test_nothing_printed_is_lost_when_the_driver_is_killed(testbed: Testbed) -> None:
    script = """
        import os
        for number in range(100):
            print("printed", number)
        os.kill(os.getpid(), 9)
    """
    run = testbed.run_driver(testbed.configuration(script))
    run.expect(128 + signal.SIGKILL)
    assert [line for line in run.stdout.split("\n") if line.startswith("printed")] == [
        f"printed {number}" for number in range(100)
    ]


def test_a_closed_output_pipe_does_not_fail_the_script(testbed: Testbed) -> None:
    testbed.keyboard = True
    configuration = testbed.configuration(
        """
        input()
        print("unread")
        log.log("the script goes on")
        """
    )
    # The reader closes the pipe before the line is printed.
    pipeline = 'set -o pipefail; { "$@" || echo "status $?" >&2; } | { exec <&-; echo gone >&2; }'
    driver = PROGRAMS / "nixos-test-driver"
    run = testbed.run(
        "/bin/bash", "-c", pipeline, "bash", driver, "--config", configuration, "-o", testbed.out
    )
    run.wait_for("gone")
    run.enter("")
    run.finish()
    assert "the script goes on" in run.stderr and "Traceback" not in run.stderr
    assert "status 141" in run.stderr
