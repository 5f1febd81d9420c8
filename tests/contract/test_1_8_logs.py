"""Sections 1.8 to 1.10 and 3.1: the log on the terminal, as XML, and the JUnit report."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from support.run import Run
from support.testbed import Testbed

ESC = "\x1b"


def run_script(
    testbed: Testbed, script: str, *arguments: str, status: int = 0, **changes: str
) -> Run:
    run = testbed.run_driver(testbed.configuration(script), *arguments, **changes)
    run.expect(status)
    return run


def lines_of(run: Run) -> list[str]:
    return run.coloured.split("\n")


# 1.8: the terminal


def test_1_8_each_kind_of_line_is_exact(testbed: Testbed) -> None:
    script = """
        log.log("a plain line")
        web.log("of a machine")
        log.info("informing")
        log.warning("warning")
        log.log_serial("booting", "web")
        log.log_test_error("a test error")
        with web.nested("a step"):
            pass
        with subtest("a part"):
            pass
        from test_driver.logger import LogLevel
        log.set_log_level(LogLevel.DEBUG)
        log.debug("in detail")
    """
    lines = lines_of(run_script(testbed, script))
    begin = lines.index("a plain line")
    exact = [
        "a plain line",
        "web: of a machine",
        "informing",
        "warning",
        f"{ESC}[2mweb # booting{ESC}[0m",
        f"{ESC}[31m!!! {ESC}[0ma test error",
        f"web: {ESC}[1m{ESC}[32ma step{ESC}[0m",
        "web: (finished: a step, in 0.00 seconds)",
        f"{ESC}[1m{ESC}[32msubtest: a part{ESC}[0m",
        "(finished: subtest: a part, in 0.00 seconds)",
        f"{ESC}[2min detail{ESC}[0m",
    ]
    assert [re.sub(r"0\.\d\d s", "0.00 s", line) for line in lines[begin:]][: len(exact)] == exact


def test_1_8_a_step_that_raises_is_not_finished(testbed: Testbed) -> None:
    script = """
        try:
            with web.nested("bad step"):
                raise LookupError
        except LookupError:
            pass
    """
    run = run_script(testbed, script)
    assert "web: bad step\n" in run.stderr and "(finished: bad step" not in run.stderr


LEVELS = ["debug", "info", "warning", "error"]


@pytest.mark.parametrize("level", LEVELS)
def test_1_8_levels_filter_debug_info_and_warning_only(testbed: Testbed, level: str) -> None:
    script = """
        log.debug("level debug")
        log.info("level info")
        log.warning("level warning")
        log.log("always 1")
        log.log_serial("always 2", "web")
        with subtest("always 3"):
            pass
        log.log_test_error("hidden at error")
    """
    run = run_script(testbed, script, "--log-level", level)
    for number, name in enumerate(LEVELS[:3]):
        assert (f"level {name}\n" in run.stderr) == (number >= LEVELS.index(level)), name
    for text in ("always 1", "web # always 2", "subtest: always 3"):
        assert f"{text}\n" in run.stderr
    # As with upstream, the report of a failure is logged as a warning.
    assert ("!!! hidden at error" in run.stderr) == (level != "error")


def test_1_8_the_names_are_shown_on_standard_output(testbed: Testbed) -> None:
    starts = [testbed.start_script("web-1"), testbed.start_script("db")]
    run = testbed.run_driver(testbed.configuration("pass", starts, vlans=[1, 3]))
    run.expect(0)
    first, machines, vlans, general, *_ = run.stdout.split("\n")
    assert first == "additionally exposed symbols:"
    assert machines == "    db, web-1," and vlans == "    vlan1, vlan3,"
    assert general.startswith("    start_all, test_script, machines, ")


def test_1_8_the_end_of_a_run_is_logged(testbed: Testbed) -> None:
    run = run_script(testbed, "pass")
    assert re.search(r"^test script finished in \d+\.\d\ds$", run.stderr, re.MULTILINE)


def test_1_8_only_print_goes_to_standard_output(testbed: Testbed) -> None:
    run = run_script(testbed, "web.succeed('echo to the guest'); print('printed')")
    assert run.stdout.split("\n")[4:] == ["printed", ""] and "printed" not in run.stderr


HOSTILE = (
    r"\033]0;a new title\007"  # sets the window's title
    r"\033[2J\033[10A\033[5D"  # clears the screen, moves the cursor up and left
    r"\r\b\b\177\v\f"
    r"\302\233H"  # CSI as one character, in UTF-8
    r"\033c\033[?1049h"
)


def test_1_8_output_of_guests_cannot_control_the_terminal(testbed: Testbed) -> None:
    script = f"""
        web.succeed(r"printf '{HOSTILE}on the console\\n' >&2")
        web.wait_for_console_text("on the console")
        out = web.succeed(r"printf '{HOSTILE}in the output\\n'")
        log.log(out)
        assert False, out
    """
    run = run_script(testbed, script, status=1)
    assert "on the console" in run.coloured and "in the output" in run.coloured
    without_colours = re.sub(r"\x1b\[[0-9;]*m", "", run.coloured)
    found = re.search(r".*[\x00-\x08\x0b-\x1f\x7f-\x9f].*", without_colours)
    assert found is None, repr(found[0])


# 1.9: XML


def xml_of(testbed: Testbed, script: str, status: int = 0) -> str:
    """The XML log of a run."""
    file = testbed.folder / "log.xml"
    run_script(testbed, script, status=status, LOGFILE=str(file))
    return file.read_text()


def test_1_9_elements_attributes_and_escapes(testbed: Testbed) -> None:
    script = """
        web.log("a < b & c")
        log.log("with", {"machine": 'the "web"', "image": "shot.png"})
        log.log_serial("boot\\x1b[1m\\x07ing", "web")
        log.log("next")
        with web.nested("a step"):
            log.log("inside")
    """
    text = xml_of(testbed, script)
    assert text.startswith('<?xml version="1.0" encoding="utf-8"?>\n<logfile>')
    assert not text.endswith("</logfile>")
    text = re.sub(r"in \d+\.\d\d s", "in 0.00 s", text)
    assert (
        '<line machine="web">a &lt; b &amp; c</line>'
        '<line machine=\'the "web"\' image="shot.png">with</line>'
        '<line machine="web" type="serial">boot[1ming</line>'
        "<line>next</line>"
        '<nest><head machine="web">a step</head><line>inside</line>'
        "<line>(finished: a step, in 0.00 seconds)</line></nest>"
    ) in text
    ElementTree.fromstring(text + "</nest>" * (text.count("<nest>") - text.count("</nest>"))
                           + "</logfile>")  # fmt: skip


def test_1_9_a_step_that_raises_stays_open(testbed: Testbed) -> None:
    text = xml_of(testbed, "with log.nested('bad'): raise LookupError", status=1)
    assert "<nest><head>bad</head>" in text and text.count("</nest>") < text.count("<nest>")


def test_1_9_the_xml_log_contains_the_serial_console(testbed: Testbed) -> None:
    script = "web.succeed('echo aside >&2'); web.wait_for_console_text('aside'); log.log('next')"
    text = xml_of(testbed, script)
    assert '<line machine="web" type="serial">aside</line>' in text


def test_1_9_the_xml_log_has_no_control_characters(testbed: Testbed) -> None:
    script = f"""
        web.succeed(r"printf '{HOSTILE}end\\n' >&2")
        web.wait_for_console_text("end")
        web.log(web.succeed(r"printf '{HOSTILE}'"))
    """
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", xml_of(testbed, script))


# 1.10: JUnit

GOLDEN = """\
<?xml version='1.0' encoding='utf-8'?>
<testsuites tests="3" failures="1" errors="0" skipped="0" time="T">
\t<testsuite name="NixOS integration test" tests="3" failures="1" errors="0" skipped="0" time="T">
\t\t<testcase name="first" time="T">
\t\t\t<system-out>subtest: first
in the first</system-out>
\t\t</testcase>
\t\t<testcase name="second" time="T">
\t\t\t<failure message="test case failed" />
\t\t\t<system-out>subtest: second
web # written aside
cleanup</system-out>
\t\t\t<system-err>Test "second" failed with error: "1 != 2"
Traceback (most recent call last):
  File "&lt;string&gt;", line 7, in &lt;module&gt;
    t.assertEqual(1, 2)

RequestedAssertionFailed: 1 != 2</system-err>
\t\t</testcase>
\t\t<testcase name="main" time="T">
\t\t\t<system-out>...</system-out>
\t\t</testcase>
\t</testsuite>
</testsuites>"""


def report_of(testbed: Testbed, script: str, status: int) -> str:
    run_script(testbed, script, "--junit=sub/report.xml", status=status)
    return (testbed.out / "sub/report.xml").read_text()


def test_1_10_the_report_is_exact(testbed: Testbed) -> None:
    script = """
        log.log("in main")
        with subtest("first"):
            log.log("in the first")
        with subtest("second"):
            log.log_serial("written aside", "web")
            t.assertEqual(1, 2)
    """
    text = report_of(testbed, script, status=1)
    text = re.sub(r'time="\d+\.\d+"', 'time="T"', text)
    in_main = re.search(
        r'name="main" time="T">\n\t\t\t<system-out>(.*?)</system-out>', text, re.DOTALL
    )
    assert in_main is not None and "in main" in in_main[1]
    assert text.replace(in_main[1], "...") == GOLDEN


def test_1_10_a_subtest_of_the_same_name_is_the_same_case(testbed: Testbed) -> None:
    script = """
        for number in range(2):
            with subtest("again"):
                log.log(f"round {number}")
                with subtest("within"):
                    log.log("innermost only")
    """
    suite = ElementTree.fromstring(report_of(testbed, script, 0))[0]
    texts = {case.get("name"): case.findtext("system-out") or "" for case in suite}
    assert list(texts) == ["again", "within", "main"]
    assert "round 0" in texts["again"] and "round 1" in texts["again"]
    assert "innermost only" not in texts["again"]


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("assert False, 'plainly'", 1),
        ("import sys; sys.exit(3)", 3),
        ("log.error('over')", 1),
        ("def f(:", 1),
        ("import signal; os.kill(os.getpid(), signal.SIGINT)", 130),
        ("import signal; os.kill(os.getpid(), signal.SIGTERM)", 143),
    ],
)
def test_1_10_every_failure_of_the_run_is_a_failed_case(
    testbed: Testbed, script: str, status: int
) -> None:
    suite = ElementTree.fromstring(report_of(testbed, script, status))[0]
    assert suite.get("failures") == "1" and suite[0].find("failure") is not None


def test_1_10_an_absolute_path_wins(testbed: Testbed, tmp_path: Path) -> None:
    run_script(testbed, "pass", f"--junit-xml={tmp_path}/deep/report.xml")
    assert (tmp_path / "deep/report.xml").exists()


def test_1_10_a_report_that_cannot_be_written_is_logged(testbed: Testbed) -> None:
    (testbed.out / "report.xml").mkdir()
    run = run_script(testbed, "pass", "--junit-xml=report.xml")
    assert "cannot write the JUnit report: " in run.stderr and "Traceback" not in run.stderr


# 3.1: reports of failures


def test_3_1_a_failed_request_shows_frames_of_the_script_only(testbed: Testbed) -> None:
    script = """
        def ask():
            web.succeed("echo one; exit 3")
        ask()
    """
    run = run_script(testbed, script, status=1)
    errors = [line for line in lines_of(run) if line.startswith(f"{ESC}[31m!!! {ESC}[0m")]
    errors = [line.removeprefix(f"{ESC}[31m!!! {ESC}[0m") for line in errors]
    assert errors[:7] == [
        "Traceback (most recent call last):",
        '  File "<string>", line 4, in <module>',
        "    ask()",
        '  File "<string>", line 3, in ask',
        '    web.succeed("echo one; exit 3")',
        "",
        "RequestedAssertionFailed: command `echo one; exit 3` failed (exit code 3)",
    ]
    assert errors[7].startswith("on web, after ")
    assert "web: output: one\n" in run.stderr


def test_3_1_a_machine_error_shows_every_frame(testbed: Testbed) -> None:
    script = "web.start_command = 'x'; from test_driver.errors import MachineError\ndef f(): raise MachineError('no disk')\nf()"
    run = run_script(testbed, script, status=1)
    errors = [line for line in run.stderr.split("\n") if line.startswith("!!! ")]
    assert errors[0] == "!!! Traceback (most recent call last):"
    assert errors[-1] == "!!! test_driver.errors.MachineError: no disk"
    assert any("driver.py" in line for line in errors)
