"""Numbers as durations cause warnings in runs of NixOS 26.11 only."""

import json
from pathlib import Path

from support.testbed import Testbed

SCRIPT = """
from datetime import timedelta
import warnings

warnings.simplefilter("always")
machine.succeed("true")
machine.wait_for_file("/", timeout=timedelta(seconds=5))
machine.wait_until_succeeds("true")
machine.get_tty_text("1")
machine.execute("true", timeout=None)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    machine.succeed("true", timeout=5)
    machine.wait_for_file("/", timeout=5)
    machine.wait_for_file("/", 5.5)
    machine.sleep(0)
    retry(lambda last: True, timeout_seconds=1)
for each in caught:
    print(f"{each.category.__name__}: {each.message}", each.filename)
try:
    machine.succeed("true", timeout=True)
except TypeError as error:
    print(error)
try:
    machine.wait_until_fails("true", timeout=0)
except Exception as error:
    print(error)
"""
WARNING = "passing a bare int/float as a duration is deprecated. Use datetime.timedelta instead."


def run_script(testbed: Testbed, **changes: object) -> tuple[list[str], str]:
    """Runs the script with changes to the configuration; returns its output and standard error."""
    configuration = testbed.configuration(SCRIPT, [testbed.start_script("machine")])
    content = json.loads(Path(configuration).read_text())
    Path(configuration).write_text(json.dumps({**content, **changes}))
    run = testbed.run_driver(configuration)
    run.expect(0)
    return run.stdout.splitlines(), run.stderr


def test_9_numbers_cause_warnings_in_runs_of_26_11(testbed: Testbed) -> None:
    lines, errors = run_script(testbed, global_timeout="PT10M")
    warned = [line for line in lines if line.startswith("UserWarning")]
    expected = ["succeed", "wait_for_file", "wait_for_file", "sleep", "retry"]
    assert warned == [f"UserWarning: {name}(): {WARNING} <string>" for name in expected]
    assert "expected a duration, got bool: True" in lines
    assert "(timeout=0.0)" in lines[-1], "limits are formatted as by that release"
    (shown,) = [line for line in errors.splitlines() if "UserWarning" in line]
    assert shown.endswith(f"UserWarning: wait_until_fails(): {WARNING}")
    assert shown.startswith("<string>:"), "the warning names the script's line"


def test_9_numbers_cause_no_warnings_in_other_runs(testbed: Testbed) -> None:
    lines, errors = run_script(testbed)
    assert "Warning" not in "\n".join(lines) + errors
    assert "expected a duration, got bool: True" in lines
    assert "(timeout=0)" in lines[-1]


def test_9_a_run_of_26_11_is_recognised_by_its_keys(testbed: Testbed) -> None:
    lines, _ = run_script(testbed, display_viewers={})
    assert any(line.startswith("UserWarning: succeed()") for line in lines)
