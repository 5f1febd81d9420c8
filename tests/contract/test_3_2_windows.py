"""Section 3.2: the windows of an X server."""

import pytest
from test_driver.errors import RequestedAssertionFailed
from test_driver.machine import QemuMachine

from support.patience import scaled
from support.shared_machines import new_log

SIGNS = r"""aZ09 What's "typed": [<{(~!@#$%^&*)}>]; |-_=+,./?`\ """
SECOND = "xterm -T 'A second one' -e sleep 600 >/dev/null 2>&1 & echo $! > /tmp/second"


def test_3_2_names_of_windows(desk: QemuMachine) -> None:
    desk.wait_for_window("Terminal")
    assert "Terminal" in desk.get_window_names()


def test_3_2_waiting_for_a_window_searches_for_a_pattern(desk: QemuMachine) -> None:
    desk.succeed(SECOND)
    try:
        desk.wait_for_window("second [a-z]ne$")
        assert {"Terminal", "A second one"} <= set(desk.get_window_names())
    finally:
        desk.succeed("kill $(cat /tmp/second)")


def test_3_2_a_window_that_does_not_appear(
    desk: QemuMachine, capfd: pytest.CaptureFixture[str]
) -> None:
    names = desk.get_window_names()
    new_log(desk, capfd)
    with pytest.raises(RequestedAssertionFailed, match="action timed out after"):
        desk.wait_for_window("^Nothing$", timeout=0)
    log = new_log(desk, capfd)
    assert "waiting for a window to appear" in log
    assert (
        "Last chance to match ^Nothing$ on the window list, "
        f"which currently contains: {', '.join(names)}"
    ) in log


def test_3_2_characters_are_typed_into_the_window(desk: QemuMachine) -> None:
    desk.send_chars("cat > /tmp/typed; touch /tmp/cat-has-ended\n")
    desk.send_chars(SIGNS + "\n")
    desk.send_key("ctrl-d")
    # On a busy host the first characters come before `cat` has started, which writes them at once.
    desk.wait_until_succeeds("test -e /tmp/cat-has-ended", timeout=scaled(60))
    assert desk.succeed("cat /tmp/typed") == SIGNS + "\n"
