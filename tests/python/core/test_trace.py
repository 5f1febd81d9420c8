"""The trace that a run writes, with the real core and a fake QEMU."""

import json
import os
import signal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from charioteer.trace import junit, records
from charioteer.trace.records import Span, Trace

from support import interpreter_lock
from support.json_schema import problems
from support.patience import until
from support.run import Run
from support.testbed import Testbed

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/trace.schema.json").read_text())
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def traced(testbed: Testbed, script: str, status: int = 0, *options: str, **changes: str) -> Trace:
    run = testbed.run_driver(testbed.configuration(script), "--trace", *options, **changes)
    run.expect(status)
    return checked(testbed)


def checked(testbed: Testbed) -> Trace:
    """The trace, every record of which matches the schema, in the order of time."""
    lines = (testbed.out / "trace.jsonl").read_bytes().decode().removesuffix("\n").split("\n")
    wrong = [text for line in lines for text in problems(json.loads(line), SCHEMA)]
    assert not wrong, wrong
    trace = records.load(testbed.out)
    times = [each["t"] for each in trace.records]
    assert times == sorted(times)
    return trace


def span_of(trace: Trace, name: str) -> Span:
    (found,) = (each for each in trace.spans.values() if each.name == name)
    return found


def texts(trace: Trace, kind: str, **fields: Any) -> list[str]:
    matching = (r for r in trace.of_kind(kind) if all(r.get(k) == v for k, v in fields.items()))
    return [each["text"] for each in matching]


def test_steps_have_line_machine_command_status_and_output(testbed: Testbed) -> None:
    script = """\
        def twice():
            web.succeed("echo a; echo b >&2")

        with web.nested("all"):
            twice()
        web.execute("exit 3")
    """
    trace = traced(testbed, script)
    step = span_of(trace, "must succeed: echo a; echo b >&2")
    assert (step.machine, step.line, step.fields["callers"]) == ("web", 2, [5])
    assert step.fields["command"] == "echo a; echo b >&2"
    assert (step.fields["status"], step.fields["output"]) == (0, "a\n")
    assert step.fields["ok"] and 0 < step.duration < trace.end
    assert step.parent == span_of(trace, "all").number
    call = span_of(trace, "exit 3")
    assert (call.type, call.line, call.fields["status"]) == ("call", 6, 3)
    assert trace.status == "passed" and trace.result and trace.result["exit_status"] == 0
    assert [each["phase"] for each in trace.of_kind("phase")] == ["set-up", "script", "clean-up"]


def test_a_failed_step_has_its_error(testbed: Testbed) -> None:
    script = """\
        try:
            web.succeed("false")
        except Exception:
            pass
        with subtest("a part"):
            web.succeed("echo no >&2; exit 7")
    """
    trace = traced(testbed, script, 1)
    step = trace.failed_step()
    assert step is not None and step.fields["status"] == 7 and step.line == 6
    assert step.fields["error"].endswith("command `echo no >&2; exit 7` failed (exit code 7)")
    assert any(note.startswith("on web, after") for note in step.fields["notes"])
    assert "notes" not in span_of(trace, "a part").fields
    assert trace.status == "failed" and trace.result and trace.result["exit_status"] == 1
    assert [each["reason"] for each in trace.of_kind("failed")] == ["exit status 1"]


def test_an_error_of_the_script_itself_has_its_line(testbed: Testbed) -> None:
    trace = traced(testbed, "web.start()\nassert 1 == 2, 'no'\n", 1)
    step = trace.failed_step()
    assert step is not None and step.line == 2 and step.fields["error"] == "AssertionError: no"


def test_qemu_has_a_start_and_an_end(testbed: Testbed) -> None:
    trace = traced(testbed, "web.succeed('true')\nweb.crash()\n")
    states = [(each["state"], each["machine"]) for each in trace.of_kind("state")]
    assert states[0] == ("start", "web") and states[-1] == ("end", "web")
    details = trace.of_kind("state")[0]["details"]
    assert details["accelerator"] == "tcg" and details["pid"].isdecimal()


def test_a_panic_is_a_state(testbed: Testbed) -> None:
    start = testbed.start_script("web", mode="panic")
    script = "web.start()\nweb.wait_for_console_text('Kernel panic')\n"
    testbed.run_driver(testbed.configuration(script, [start]), "--trace").expect(0)
    (panic,) = (each for each in checked(testbed).of_kind("state") if each["state"] == "panic")
    assert "Kernel panic" in panic["details"]["line"]


def test_what_the_log_hides_is_recorded(testbed: Testbed) -> None:
    script = """
        log.debug("in detail")
        log.warning("careful")
        log.log_serial("shown", "web")
        serial_stdout_off()
        log.log_serial("hidden", "web")
    """
    trace = traced(testbed, script)
    assert texts(trace, "message", level="debug", hidden=True) == ["in detail"]
    assert "careful" in texts(trace, "message", level="warning", hidden=None)
    assert "shown" in texts(trace, "console", hidden=None)
    assert texts(trace, "console", hidden=True)[0] == "hidden"


def test_any_bytes_become_json(testbed: Testbed) -> None:
    script = r"""
        log.logger_list[-1].log("lone \udc80 surrogate, \x00 and \u2028")
        web.succeed(r"printf '\0\377\033[1m\n'")
        with web.nested("a\nb\x1b"):
            pass
    """
    trace = traced(testbed, script)
    assert "lone ? surrogate, \x00 and \u2028" in texts(trace, "message")
    assert span_of(trace, "a\nb\x1b").fields["ok"]


def test_threads_are_within_the_step_of_the_main_thread(testbed: Testbed) -> None:
    script = """\
        with log.nested("around"):
            all_machines.succeed("echo hello")
    """
    starts = [testbed.start_script("a"), testbed.start_script("b")]
    testbed.run_driver(testbed.configuration(script, starts), "--trace").expect(0)
    trace = checked(testbed)
    steps = [each for each in trace.spans.values() if each.name == "must succeed: echo hello"]
    assert {each.machine for each in steps} == {"a", "b"}
    assert len({each.thread for each in steps}) == 2
    assert {each.parent for each in steps} == {span_of(trace, "around").number}
    assert {each.line for each in steps} == {2}


def test_traceparent_is_the_parent(testbed: Testbed) -> None:
    header = traced(testbed, "", 0, TRACEPARENT=TRACEPARENT).header
    assert header["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert header["parent_id"] == "b7ad6b7169203331"
    header = traced(testbed, "", 0, TRACEPARENT="00-0-0-00").header
    assert len(header["trace_id"]) == 32 and "parent_id" not in header


def test_only_the_owner_can_read_it(testbed: Testbed) -> None:
    trace = testbed.out / "trace.jsonl"
    trace.write_text("of an earlier run")
    trace.chmod(0o666)
    traced(testbed, "")
    assert trace.stat().st_mode & 0o777 == 0o600


def test_without_the_option_there_is_none(testbed: Testbed) -> None:
    testbed.run_driver(testbed.configuration("")).expect(0)
    assert list(testbed.out.iterdir()) == []


def test_an_unwritable_trace_is_an_input_error(testbed: Testbed) -> None:
    (testbed.out / "trace.jsonl").mkdir()
    run = testbed.run_driver(testbed.configuration(""), "--trace")
    run.expect(2)
    assert "trace.jsonl" in run.stderr


def test_children_write_nothing(testbed: Testbed) -> None:
    script = """
        import os
        with log.nested("around"):
            child = os.fork()
            if child == 0:
                log.log("of the child")
        os.waitpid(child, 0)
        log.log("of the parent")
    """
    found = texts(traced(testbed, script), "message")
    assert "of the parent" in found and "of the child" not in found


def start(testbed: Testbed, script: str) -> Run:
    run = testbed.run_driver(testbed.configuration(script), "--trace")
    run.wait_for("ready")
    return run


def test_a_killed_run_leaves_a_readable_trace(testbed: Testbed) -> None:
    run = start(testbed, "web.start()\nlog.log('ready')\nweb.succeed('sleep 600')\n")

    def is_recorded() -> bool:
        return b"must succeed: sleep 600" in (testbed.out / "trace.jsonl").read_bytes()

    until(is_recorded, 60, lambda: "the step was not recorded")
    run.send(signal.SIGKILL)
    run.finish()
    trace = checked(testbed)
    assert trace.status == "unfinished" and trace.phase == "script"
    # The step's own wait for the boot may be open below it at that moment.
    open_steps = [each.name for each in trace.spans.values() if each.is_open]
    assert "must succeed: sleep 600" in open_steps


@pytest.mark.parametrize(
    "body", ["time.sleep(600)", interpreter_lock.HOLD], ids=["sleeps", "holds the interpreter lock"]
)
def test_sigterm_is_the_result(testbed: Testbed, body: str) -> None:
    run = start(testbed, f"import time\n{interpreter_lock.PREPARE}\nlog.log('ready')\n{body}\n")
    run.send(signal.SIGTERM)
    run.expect(143)
    assert checked(testbed).status == "interrupted"


def test_ctrl_c_is_the_result(testbed: Testbed) -> None:
    run = start(testbed, "import time\nlog.log('ready')\ntime.sleep(600)\n")
    os.kill(run.pid, signal.SIGINT)
    run.expect(130)
    result = checked(testbed).result
    assert result and (result["status"], result["exit_status"]) == ("interrupted", 130)


# Prints an entry of now, and its arguments as another.
JOURNALCTL = """\
#!/bin/sh
read -r uptime _ </proc/uptime
entry() { printf '{"__MONOTONIC_TIMESTAMP": "%s0000", "MESSAGE": "%s", "PRIORITY": "3"}\\n' "$@"; }
entry "${uptime%.*}${uptime#*.}" "of now"
entry 0 "$*"
"""


def run_with_journal(testbed: Testbed, body: str, journalctl: str) -> Run:
    """Starts a run whose guest has this program `journalctl`."""
    programs = testbed.folder / "programs"
    programs.mkdir()
    (programs / "journalctl").write_text(journalctl)
    (programs / "journalctl").chmod(0o755)
    configuration = testbed.configuration(body)
    path = f"{programs}:{os.environ['PATH']}"
    return testbed.run_driver(configuration, "--trace", "--no-diagnosis", PATH=path)


@pytest.mark.parametrize("body", ["web.succeed('true')", "web.succeed('false')"])
def test_the_journals_are_read_when_the_script_has_ended(testbed: Testbed, body: str) -> None:
    run = run_with_journal(testbed, body, JOURNALCTL)
    run.expect(int("false" in body))
    trace = checked(testbed)
    now, arguments = sorted(trace.of_kind("journal"), key=lambda each: -float(each["t"]))
    (step,) = (each for each in trace.spans.values() if each.name.startswith("must succeed"))
    assert now["text"] == "of now" and now["machine"] == "web" and now["priority"] == 3
    assert now["t"] > step.end
    assert "-n 1000 -o json" in arguments["text"]
    assert "journalctl" not in run.stderr


def test_ctrl_c_while_the_journals_are_read_keeps_the_error_of_the_script(testbed: Testbed) -> None:
    started = testbed.folder / "started"
    hanging = f"#!/bin/sh\ntouch '{started}'\nexec sleep 600\n"
    run = run_with_journal(testbed, "web.succeed('false')", hanging)
    until(started.exists, 60, lambda: "journalctl was not started")
    run.send(signal.SIGINT)
    run.expect(1)
    assert "command `false` failed" in run.stderr
    assert "reading them was ended by Ctrl-C" in run.stderr


JUNIT_SCRIPT = """
    log.log("before")
    with subtest("first"):
        log.log("in <first>")
        log.debug("unseen")
    with subtest("first"):
        log.info("again")
    try:
        with subtest("second"):
            with subtest("inner"):
                pass
            raise ValueError("bad & worse")
    except ValueError:
        log.log("after the failure")
    log.log_serial("booting", "web")
    serial_stdout_off()
    log.log_serial("unseen", "web")
"""


def cases_of(text: str) -> dict[str, tuple[bool, list[str], list[str]]]:
    suite = ElementTree.fromstring(text)[0]
    return {
        case.get("name")
        or "": (
            case.find("failure") is not None,
            (case.findtext("system-out") or "").split("\n"),
            (case.findtext("system-err") or "").split("\n"),
        )
        for case in suite
    }


@pytest.mark.parametrize("end", ["", "    import sys\n    sys.exit(4)\n"])
def test_its_junit_report_is_that_of_the_run(testbed: Testbed, end: str) -> None:
    trace = traced(testbed, JUNIT_SCRIPT + end, 4 if end else 0, "--junit-xml=report.xml")
    expected = cases_of((testbed.out / "report.xml").read_text())
    assert cases_of(junit.convert(trace)) == expected
    assert set(expected) == {"main", "first", "second", "inner"}
