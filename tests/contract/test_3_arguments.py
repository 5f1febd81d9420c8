"""Section 3: types of arguments. Upstream converts most of them to text."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from charioteer.testing.parameters import KINDS, checked
from test_driver.duration import as_duration, as_seconds, as_timedelta
from test_driver.logger import CompositeLogger
from test_driver.machine import NspawnMachine, QemuMachine, retry

from support.testbed import Testbed


def rejection(call: Callable[[], Any]) -> str:
    """The message of the TypeError that the call raises, which must be one line."""
    with pytest.raises(TypeError) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text and "incompatible function arguments" not in text
    return text


class Target:
    """Has a method with arguments of all kinds."""

    @checked
    def take(
        self,
        filename: str,
        *commands: str,
        timeout: float | timedelta | None = None,
        host_port: int = 80,
        regex: str = "",
        delay: float | None = 0.01,
        check_return: bool = True,
    ) -> tuple[Any, ...]:
        return filename, commands, timeout, host_port, regex, delay, check_return


def test_3_paths_and_numbers_become_text() -> None:
    taken = Target().take(Path("/a/b"), "x", 5, Path("y"))  # type: ignore[arg-type]
    assert taken[:2] == ("/a/b", ("x", "5", "y"))
    assert type(taken[0]) is str


def test_3_durations_may_have_the_units_of_timeout() -> None:
    for given, expected in [("1m", 60), ("2.5", 2.5), ("1h", 3600), ("2d", 172800), ("5s", 5)]:
        assert Target().take("f", timeout=given)[2] == expected  # type: ignore[arg-type]
    assert Target().take("f", timeout=None)[2] is None
    assert Target().take("f", timeout=timedelta(minutes=1))[2] == timedelta(minutes=1)


def test_3_numbers_of_ports_may_be_text() -> None:
    assert Target().take("f", host_port="18080")[3] == 18080  # type: ignore[arg-type]


def test_3_flags_are_converted_to_bool() -> None:
    assert Target().take("f", check_return=0)[6] is False  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"filename": None}, "'filename' takes text, a path or a number, not None"),
        ({"filename": b"x"}, "'filename' takes text, a path or a number, not b'x'"),
        ({"timeout": b"5"}, "'timeout' takes seconds as a number, a timedelta, or text like"),
        ({"timeout": "soon"}, "'timeout' takes seconds as a number, a timedelta, or text like"),
        ({"timeout": []}, 'or text like "90" or "1m", not []'),
        (
            {"host_port": "http"},
            "'host_port' takes the number of a port, 0 to 65535, not 'http'",
        ),
        ({"host_port": 65536}, "'host_port' takes the number of a port, 0 to 65535, not 65536"),
        ({"regex": b"x"}, "'regex' takes a regular expression as text, not b'x'"),
        ({"delay": "x"}, "'delay' takes seconds as a number"),
    ],
)
def test_3_an_invalid_argument_is_named(arguments: dict[str, Any], expected: str) -> None:
    given: dict[str, Any] = {"filename": "f", **arguments}
    text = rejection(lambda: Target().take(**given))
    assert text.startswith("take(): argument '") and expected in text


def test_3_an_invalid_command_is_named() -> None:
    text = rejection(lambda: Target().take("f", "good", b"bad"))  # type: ignore[arg-type]
    assert text == "take(): argument 'commands' takes text, a path or a number, not b'bad'"


def test_3_a_bool_is_not_a_duration() -> None:
    expected = "expected a duration, got bool: True"
    for call in (lambda: as_timedelta(True), lambda: as_seconds(True), lambda: as_duration(True)):
        assert rejection(call) == expected
    assert rejection(lambda: retry(lambda _last: True, timeout=True)) == expected


def test_3_durations_are_converted() -> None:
    assert as_timedelta(90) == as_timedelta(timedelta(minutes=1.5)) == timedelta(seconds=90)
    assert as_seconds(timedelta(minutes=1)) == as_seconds(60) == as_seconds(60.0) == 60.0
    assert type(as_seconds(60)) is float


@pytest.mark.parametrize("kind", [QemuMachine, NspawnMachine])
def test_3_every_method_checks_such_arguments(kind: type) -> None:
    import inspect

    unchecked = []
    for name, function in inspect.getmembers(kind, inspect.isfunction):
        if name.startswith("_") or hasattr(function, "__wrapped__"):
            continue
        if set(inspect.signature(function).parameters) & KINDS.keys() - {"log"}:
            unchecked.append(name)
    # It calls copy_from_machine, which checks them.
    assert set(unchecked) <= {"copy_from_vm"}


def test_3_arguments_in_a_script(testbed: Testbed) -> None:
    (testbed.folder / "in.txt").write_text("from the host\n")
    script = f"""
        from pathlib import Path

        here = Path({str(testbed.folder)!r})
        machine.copy_from_host(str(here / "in.txt"), here / "guest" / "copy.txt")
        machine.wait_for_file(here / "guest" / "copy.txt", timeout="1m")
        assert machine.succeed("cat " + str(here / "guest/copy.txt"), timeout="50") != ""
        machine.copy_from_host_via_shell(here / "in.txt", here / "guest" / "second.txt")
        assert machine.execute("sleep 60", timeout="0.1s")[0] == 124
        assert machine.execute("echo $((1 + 1))", timeout="1m") == (0, "2\\n")
        machine.copy_from_machine(here / "guest" / "copy.txt", Path("deep"))
        machine.forward_port("18080", "80")
        machine.send_key(5, delay="0")
        machine.screenshot(Path("shot"))
        machine.sleep("0.01")
        machine.wait_for_console_text("booting")
        machine.send_monitor_command("info status")
        machine.log(5)
        machine.wait_until_succeeds("true", attempt_timeout="5")
        for call in (
            lambda: machine.succeed(None),
            lambda: machine.execute("true", timeout=b"1"),
            lambda: machine.wait_for_unit("x", timeout=None),
            lambda: machine.process.send_signal("TERM"),
            lambda: machine.process.stdin.write("text"),
            lambda: machine.process.wait(timeout="soon"),
            lambda: machine.qmp_client.send(5),
            lambda: machine.qmp_client.send("stop", "x"),
            lambda: machine.qmp_client.wait_for_event(timeout="soon"),
            lambda: machine.send_console(None),
            lambda: create_machine(None),
            lambda: create_machine("run", name=b"web"),
        ):
            try:
                call()
            except (TypeError, ValueError) as error:
                assert "incompatible function arguments" not in str(error), error
                assert "\\n" not in str(error), error
                print("rejected:", error, flush=True)
            else:
                raise AssertionError("an invalid argument was accepted")
        """
    run = testbed.run_driver(testbed.configuration(script, [testbed.start_script("machine")]))
    run.expect(0)
    assert (testbed.out / "deep/copy.txt").read_text() == "from the host\n"
    assert (testbed.out / "shot.png").exists()


def test_3_unknown_argument_names_raise_python_s_error(folder: Path) -> None:
    machine = QemuMachine(folder, folder, "/bin/run-web-vm", CompositeLogger())
    try:
        assert "nonsense" in rejection(lambda: machine.succeed("true", nonsense=1))  # type: ignore
        assert "command" in rejection(lambda: machine.execute())  # type: ignore[call-arg]
    finally:
        machine.handle.release()
