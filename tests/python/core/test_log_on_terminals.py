"""The log of `charioteer run --log` has the same bytes on a terminal as in a pipe, where the NixOS test
driver prescribes them: its colours do not depend on a terminal.
"""

import re
import shlex

from support.console_lines import by_source
from support.testbed import Testbed

# Every kind of line that the log has.
SCRIPT = """
    log.log("a message")
    log.debug("for debugging")
    log.warning("a warning")
    with subtest("a part"):
        web.succeed("echo on the console >&2")
        web.log("of the machine")
    web.succeed("exit 3")
"""
# Times, process ids, and the folder of machines without a state of their own.
VARYING = [
    (re.compile(r"\d+\.\d+ ?s(?:econds)?\b"), "TIME"),
    (re.compile(r"pid \d+"), "PID"),
    (re.compile(r"charioteer-\w+"), "FOLDER"),
]


def log_of(testbed: Testbed, on_terminal: bool) -> str:
    """Standard error with its colours. A terminal that changes no bytes, such as line ends."""
    words = testbed.shown_run(SCRIPT, "--log", "--log-level", "debug", "--no-diagnosis")
    command = f"{shlex.join(map(str, words))} >/dev/null"
    if on_terminal:
        raw = f"stty -opost; [ -t 2 ] && exec {command}"
        command = f"script -qefc {shlex.quote(raw)} /dev/null >&2"
    run = testbed.run("/bin/sh", "-c", command, TERM="xterm", LC_ALL="C.UTF-8")
    run.expect(1)
    text = run.coloured
    for pattern, replacement in VARYING:
        text = pattern.sub(replacement, text)
    return text


def test_the_log_is_the_same_on_a_terminal(testbed: Testbed) -> None:
    in_a_pipe = log_of(testbed, on_terminal=False)
    for line in (
        "a message\n",
        "\x1b[2mfor debugging\x1b[0m\n",
        "\x1b[1m\x1b[32msubtest: a part\x1b[0m\n",
        "web: \x1b[1m\x1b[32mmust succeed: exit 3\x1b[0m\n",
        "\x1b[31m!!! \x1b[0m",
    ):
        assert line in in_a_pipe, line
    # The console of the machine may come before or after a line of the driver.
    on_terminal = log_of(testbed, on_terminal=True)
    consoles, others = by_source(on_terminal.splitlines(), "web")
    assert consoles != []
    assert (consoles, others) == by_source(in_a_pipe.splitlines(), "web")
