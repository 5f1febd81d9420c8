"""The live view on a terminal, with the real core and a fake QEMU."""

import re
import shlex
from pathlib import Path

import pytest

from support.host_shell_server import HostShellServer
from support.patience import until
from support.terminal import Terminal
from support.testbed import Testbed

SIZES = [(80, 24), (200, 50)]
# The last line of the region.
TOTALS = re.compile(r"(starting|setting up|running the script|cleaning up) · .* done")


def live(
    testbed: Testbed,
    script: str,
    *options: str,
    size: tuple[int, int] = (80, 24),
    **changes: str,
) -> Terminal:
    command = testbed.shown_run(script, *options)
    return testbed.terminal(*command, size=size, **{"LC_ALL": "C.UTF-8", **changes})


def ended(terminal: Terminal, status: int = 0) -> list[str]:
    """The lines of the terminal, without empty ones, after the end of the run."""
    terminal.expect(status)
    return [line for line in terminal.screen.split("\n") if line]


def region(terminal: Terminal) -> list[str]:
    """The lines of the region that is shown now; none if it is not complete."""
    lines = terminal.visible
    while lines and not lines[-1]:
        lines.pop()
    if not lines or not TOTALS.fullmatch(lines[-1]):
        return []
    begin = max((number for number, line in enumerate(lines) if not line), default=-1)
    return lines[begin + 1 :]


def wait_for_region(terminal: Terminal, *texts: str) -> list[str]:
    """Waits until the region has all of these texts; returns its lines."""
    lines: list[str] = []

    def is_shown() -> bool:
        # These lines are returned, since the region may be incomplete again a moment later.
        lines[:] = region(terminal)
        return all(any(text in line for line in lines) for text in texts)

    until(is_shown, 60, lambda: f"the region does not show {texts}:\n{terminal.screen}")
    return lines


@pytest.mark.parametrize("size", SIZES)
def test_steps_scroll_away_and_machines_stay_below(testbed: Testbed, size: tuple[int, int]) -> None:
    go_on = testbed.folder / "go-on"
    script = f"""
        with subtest("a part"):
            web.succeed("true")
            log.log("a message")
            web.succeed("echo waiting; until [ -e {go_on} ]; do sleep 0.1; done")
        web.shutdown()
    """
    terminal = live(testbed, script, size=size)
    lines = wait_for_region(terminal, "a part", "echo waiting", "ready")
    assert len(lines) == 3
    assert re.fullmatch(r"▸ +\d+ s  a part", lines[0])
    assert re.fullmatch(r"●  web  ready +\d+ s  must succeed: echo waiting; until.*", lines[1])
    assert len(terminal.visible) <= size[1] + 1
    go_on.touch()
    lines = ended(terminal)
    begin = lines.index("▸ a part")
    patterns = [
        "▸ a part",
        r"    ✓ +\d+\.\d s  web  waiting for the VM to finish booting",
        r"  ✓ +\d+\.\d s  web  must succeed: true",
        "  · a message",
        r"  ✓ +\d+\.\d s  web  must succeed: echo waiting.*",
        r"✓ +\d+\.\d s  a part",
        r"✓ +\d+\.\d s  web  waiting for the VM to power off",
    ]
    for pattern, line in zip(patterns, lines[begin:]):
        assert re.fullmatch(pattern, line), (pattern, line)
    passed = [line for line in lines if re.match(r"✓ passed in .* · \d+ steps · 1 subtest", line)]
    assert len(passed) == 1
    assert lines[-1] == f"artefacts are in {testbed.out}"
    assert not [line for line in lines if TOTALS.search(line)]


def test_a_failure_shows_the_report_and_no_summary(testbed: Testbed) -> None:
    script = """
        with subtest("a part"):
            web.succeed("echo the reason >&2; exit 3")
    """
    lines = ended(live(testbed, script, size=(200, 50)), 1)
    rule = next(number for number, line in enumerate(lines) if line.startswith("── failed ─"))
    report = "\n".join(lines[rule:])
    assert 'File "<string>", line 3' in report and "(exit code 3)" in report
    assert "the reason" in report
    assert "!!!" not in report and "slowest" not in report and "passed" not in report
    failed = [line for line in lines if line.lstrip().startswith("✗")]
    assert len(failed) == 1 and "must succeed: echo the reason" in failed[0]


def test_an_error_of_the_script_has_its_traceback(testbed: Testbed) -> None:
    lines = ended(live(testbed, "web.start()\nassert 1 == 2, 'of course'\n"), 1)
    assert "AssertionError: of course" in lines
    assert "Traceback (most recent call last):" in lines


def test_console_lines_are_shown_on_demand(testbed: Testbed) -> None:
    script = "web.succeed('echo on the console >&2')\nweb.wait_for_console_text('on the console')\n"
    assert "web # on the console" not in ended(live(testbed, script))
    lines = ended(live(testbed, script, "-v"))
    assert "web # on the console" in lines
    assert "    · web: starting vm" in lines


def test_a_quiet_run_shows_what_is_printed_and_the_failure(testbed: Testbed) -> None:
    script = "print('printed')\nlog.log('logged')\nweb.succeed('exit 4')\n"
    lines = ended(live(testbed, script, "-q"), 1)
    assert "printed" in lines and "logged" not in "\n".join(lines)
    assert any(line.startswith("!!! ") and "(exit code 4)" in line for line in lines)
    # The likeliest cause may name the machine, too: the guest has the kernel log of this host.
    others = [line for line in lines if not line.startswith("!!! ")]
    assert not [line for line in others if "artefacts" in line or "web:" in line]


def test_without_colours(testbed: Testbed) -> None:
    go_on = testbed.folder / "go-on"
    script = f"with subtest('a part'): web.succeed('until [ -e {go_on} ]; do sleep 0.1; done')"
    terminal = live(testbed, script, NO_COLOR="1")
    wait_for_region(terminal, "a part", "ready")
    assert "\x1b[" not in terminal.coloured
    go_on.touch()
    terminal.expect(0)
    assert "\x1b[" not in terminal.coloured


def test_ascii_where_the_locale_is_not_utf_8(testbed: Testbed) -> None:
    terminal = live(testbed, "web.succeed('true')", LC_ALL="C")
    lines = ended(terminal)
    assert all(line.isascii() for line in lines)
    assert any(line.startswith("+ passed in ") for line in lines)


def test_a_narrow_terminal(testbed: Testbed) -> None:
    go_on = testbed.folder / "go-on"
    script = f"""
        with subtest("a part with a name that is much longer than the terminal is wide"):
            web.succeed("until [ -e {go_on} ]; do sleep 0.1; done")
    """
    terminal = live(testbed, script, size=(32, 12))
    until(lambda: "a part with" in terminal.screen, 60, lambda: terminal.screen)
    go_on.touch()
    lines = ended(terminal)
    assert sum("a part with" in line for line in lines) == 2
    assert not [line for line in lines if "running" in line]


def test_a_dumb_terminal_gets_the_log(testbed: Testbed) -> None:
    command = testbed.shown_run("web.succeed('true')")
    lines = ended(testbed.terminal("/usr/bin/env", "TERM=dumb", *command))
    assert "web: must succeed: true" in lines
    assert any(line.startswith("test script finished in") for line in lines)


def test_resizing_leaves_nothing_of_the_region_behind(testbed: Testbed) -> None:
    go_on = testbed.folder / "go-on"
    script = f"""
        for number in range(30):
            print("line", number, "x" * 40)
        with subtest("a part that has a long name, " * 3):
            web.succeed("until [ -e {go_on} ]; do sleep 0.1; done")
        print("after")
    """
    terminal = live(testbed, script)
    wait_for_region(terminal, "a part", "ready")
    for columns, rows in ((50, 24), (120, 40), (60, 10), (100, 30), (40, 30), (80, 24)):
        terminal.resize(columns, rows)
        wait_for_region(terminal, "running the script")
    go_on.touch()
    lines = ended(terminal)
    printed = [line for line in lines if line.startswith("line ")]
    assert printed == [f"line {number} {'x' * 40}" for number in range(30)]
    assert "after" in lines
    assert not [line for line in lines if TOTALS.search(line) or "ready" in line]


def test_ctrl_c_ends_the_run_with_its_place(testbed: Testbed) -> None:
    terminal = live(testbed, "web.succeed('sleep 1000')\n")
    wait_for_region(terminal, "must succeed: sleep 1000", "ready")
    terminal.press("C-c")
    lines = ended(terminal, 130)
    assert "interrupted by Ctrl-C at:" in lines
    assert not [line for line in lines if TOTALS.search(line)]


def test_ctrl_z_and_fg(testbed: Testbed) -> None:
    go_on = testbed.folder / "go-on"
    script = f"web.succeed('until [ -e {go_on} ]; do sleep 0.1; done')\nprint('after')\n"
    command = shlex.join(map(str, testbed.shown_run(script)))
    terminal = testbed.terminal("/bin/bash", "--norc", LC_ALL="C.UTF-8", PS1="shell> ")
    terminal.wait_for("shell>")
    terminal.type(command)
    wait_for_region(terminal, "must succeed", "ready")
    terminal.press("C-z")
    terminal.wait_for("Stopped")
    terminal.type("echo in the $((1 + 1))nd")
    terminal.wait_for("in the 2nd")
    assert not [line for line in terminal.visible if TOTALS.search(line)]
    terminal.type("fg")
    wait_for_region(terminal, "must succeed", "ready")
    go_on.touch()
    terminal.wait_for("artefacts are in")
    terminal.type("echo status $?")
    terminal.wait_for("status 0")
    terminal.type("exit")
    lines = ended(terminal)
    assert "after" in lines and not [line for line in lines if TOTALS.search(line)]


def test_in_the_background_only_lines_are_written(testbed: Testbed) -> None:
    go_on = testbed.folder / "go-on"
    script = f"""
        web.succeed("true")
        print("begun")
        web.succeed("until [ -e {go_on} ]; do sleep 0.1; done")
    """
    command = shlex.join(map(str, testbed.shown_run(script)))
    terminal = testbed.terminal("/bin/bash", "--norc", LC_ALL="C.UTF-8", PS1="shell> ")
    terminal.wait_for("shell>")
    terminal.type(f"{command} &")
    terminal.wait_for("\nbegun")
    terminal.type("fg")
    wait_for_region(terminal, "must succeed", "ready")
    go_on.touch()
    terminal.wait_for("artefacts are in")
    terminal.type("exit")
    terminal.expect(0)


def test_input_has_the_terminal(testbed: Testbed) -> None:
    script = """
        web.succeed("true")
        name = input("Your name? ")
        print(f"hello {name}")
    """
    terminal = live(testbed, script)
    terminal.wait_for("Your name?")
    assert not region(terminal)
    terminal.type("Ada")
    lines = ended(terminal)
    assert "Your name? Ada" in lines and "hello Ada" in lines
    assert lines.index("hello Ada") == lines.index("Your name? Ada") + 1


def test_a_debugger_has_the_terminal(testbed: Testbed) -> None:
    script = "web.succeed('true')\nnumber = 6\nbreakpoint()\nweb.succeed('echo on')\n"
    terminal = live(testbed, script)
    terminal.wait_for_last_line("(Pdb)")
    terminal.type("p number * 7")
    terminal.wait_for("\n42")
    terminal.wait_for_last_line("(Pdb)")
    terminal.type("continue")
    lines = ended(terminal)
    assert any("must succeed: echo on" in line for line in lines)
    assert any(line.startswith("✓ passed in ") for line in lines)


def test_a_login_shell_has_the_terminal(testbed: Testbed) -> None:
    go_on = testbed.folder / "go-on"
    script = f"""
        import os, time
        web.succeed("true")
        print("state:", web.state_dir)
        while not os.path.exists({str(go_on)!r}):
            time.sleep(0.1)
        web.shell_interact()
        web.succeed("echo after the shell")
    """
    terminal = live(testbed, script, size=(200, 50))
    terminal.wait_for("state: /")
    (state,) = re.findall(r"^state: (\S+)$", terminal.screen, re.MULTILINE)
    server = HostShellServer(Path(state))
    try:
        go_on.touch()
        terminal.wait_for("Terminal is ready (Ctrl-] leaves it):")
        terminal.type("stty size; test -t 1 && echo on a terminal $((6 * 7))")
        terminal.wait_for("on a terminal 42")
        assert "{} {}".format(*terminal.size) in terminal.screen
        assert not region(terminal)
        terminal.type("exit")
        lines = ended(terminal)
    finally:
        server.end()
    assert any("must succeed: echo after the shell" in line for line in lines)


def test_a_console_has_the_terminal(testbed: Testbed) -> None:
    script = """
        web.succeed("true")
        web.console_interact()
        web.succeed("echo after the console")
    """
    terminal = live(testbed, script)
    terminal.wait_for("Terminal is ready (there is no prompt):")
    assert not region(terminal)
    terminal.press("C-c")
    lines = ended(terminal)
    assert any("must succeed: echo after the console" in line for line in lines)


def test_what_a_guest_writes_does_not_act_on_the_terminal(testbed: Testbed) -> None:
    evil = r"\033[2J\033[H\033]0;title\007\033[5;5Hmoved\rback [bold]not bold[/bold]"
    script = f"""
        print("the first line")
        text = web.succeed("printf '{evil}'")
        print(text)
        log.log(text)
        web.log(text)
        web.succeed("printf '{evil}\\\\n' >&2")
        web.execute(text)
        with subtest(text):
            web.fail("printf '{evil}'; exit 1")
    """
    lines = ended(live(testbed, script, "-v", size=(200, 50)))
    assert "the first line" in lines
    assert any("[bold]not bold[/bold]" in line for line in lines)
    assert any(line.startswith("✓ passed in ") for line in lines)


def test_the_trace_is_the_same(testbed: Testbed) -> None:
    """The live view does not take events away from the trace."""
    ended(live(testbed, "web.succeed('true')"))
    trace = (testbed.out / "trace.jsonl").read_text()
    for state in ("start", "ready", "end"):
        assert f'"state":"{state}"' in trace
    assert '"must succeed: true"' in trace
