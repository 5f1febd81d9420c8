"""Calls on several machines at once."""

import _thread
import inspect
import threading
from pathlib import Path

import fake_core
import pytest
from charioteer.testing.cancellation import check_cancelled
from charioteer.testing.driver import Driver
from charioteer.testing.errors import MachineError, RequestedAssertionFailed
from charioteer.testing.logger import CompositeLogger, JunitXMLLogger, TerminalLogger, XMLLogger
from charioteer.testing.machine import BaseMachine, QemuMachine, retry
from charioteer.testing.machines import Machines
from support.patience import scaled, until


@pytest.fixture
def three(tmp_path: Path, logger: TerminalLogger) -> Machines:
    """`a`, `b` and `c`."""
    return Machines(QemuMachine(tmp_path, tmp_path, f"run-{n}-vm", logger) for n in "abc")


def names(machines: Machines) -> str:
    return "".join(each.name for each in machines)


class TestSets:
    def test_all_machines_of_a_run(self, driver: Driver) -> None:
        everything = driver.test_symbols()["all_machines"]
        assert [each.name for each in everything] == ["db", "web-1"]
        assert repr(everything) == "<Machines db, web-1>"

    def test_parts(self, three: Machines) -> None:
        a, b, c = three
        assert len(three) == 3 and b in three
        assert names(three.without(b)) == "ac" and names(three.only(c, a)) == "ca"
        with pytest.raises(ValueError, match="b is not among <Machines a, c>"):
            three.without(b).without(b)

    def test_names_are_distinct(self, three: Machines) -> None:
        with pytest.raises(ValueError, match="several machines are called a"):
            Machines([*three, next(iter(three))])


class TestCalls:
    def test_results_by_name_in_order(self, three: Machines) -> None:
        assert three.each(lambda each: each.name.upper()) == {"a": "A", "b": "B", "c": "C"}
        assert list(three.each(lambda each: 1)) == ["a", "b", "c"]

    def test_methods(self, three: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
        answer = staticmethod(lambda command: (0, f"{command}!"))
        monkeypatch.setattr(fake_core.FakeMachine, "answer", answer)
        assert three.succeed("x", "y") == dict.fromkeys("abc", "x!y!")
        assert three.execute("x") == dict.fromkeys("abc", (0, "x!"))
        assert three.wait_until_succeeds("x") == dict.fromkeys("abc", "x!")
        assert {n: r.stdout for n, r in three.run("x").items()} == dict.fromkeys("abc", "x!")
        three.shutdown()
        assert not any(each.is_up() for each in three)

    @pytest.mark.parametrize(
        ("method", "arguments"),
        [
            ("succeed", {"timeout": 5, "stream": True}),
            ("fail", {"timeout": 5, "stream": True}),
            ("execute", {"check_return": False, "check_output": False, "timeout": 5}),
            ("run", {"stdin": b"in", "timeout": 5, "stream": True}),
            ("systemctl", {"q": "status", "user": "alice"}),
            ("wait_until_succeeds", {"timeout": 5}),
            ("wait_until_fails", {"timeout": 5}),
            ("wait_for_unit", {"unit": "u", "user": "alice", "timeout": 5}),
            ("wait_for_file", {"filename": "/f", "timeout": 5}),
            ("wait_for_open_port", {"port": 80, "addr": "a", "timeout": 5}),
            ("wait_for_closed_port", {"port": 80, "addr": "a", "timeout": 5}),
            ("start", {}),
            ("shutdown", {}),
            ("wait_for_shutdown", {"timeout": 5}),
        ],
    )
    def test_a_method_calls_that_of_each_machine_with_its_arguments(
        self, three: Machines, method: str, arguments: dict[str, object]
    ) -> None:
        signature = inspect.signature(getattr(QemuMachine, method))
        command = ("x",) if {"command", "commands"} & set(signature.parameters) else ()

        def all_arguments(*given: object, **options: object) -> dict[str, object]:
            bound = signature.bind(None, *given, **options)
            bound.apply_defaults()
            return bound.arguments

        called: dict[str, dict[str, object]] = {}

        def replace(machine: BaseMachine) -> None:
            def call(*given: object, **options: object) -> str:
                called[machine.name] = all_arguments(*given, **options)
                return machine.name.upper()

            setattr(machine, method, call)

        for each in three:
            replace(each)
        answers = getattr(three, method)(*command, **arguments)
        assert called == dict.fromkeys("abc", all_arguments(*command, **arguments))
        if inspect.signature(getattr(Machines, method)).return_annotation is not None:
            assert answers == {"a": "A", "b": "B", "c": "C"}

    def test_calls_run_in_parallel(self, three: Machines) -> None:
        meeting = threading.Barrier(3)
        three.each(lambda each: meeting.wait(scaled(60)))

    def test_a_call_on_no_machines(self) -> None:
        assert Machines([]).succeed("x") == {}


class TestFailures:
    def test_every_machine_that_failed_is_named(
        self, three: Machines, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def call(each: BaseMachine) -> str:
            answer = staticmethod(lambda _command: (3, f"output of {each.name}"))
            if each.name == "b":
                return "fine"
            setattr(each, "execute", lambda *_others, **_more: answer(""))
            return each.succeed("x")

        with pytest.raises(RequestedAssertionFailed) as caught:
            three.each(call)
        assert str(caught.value).splitlines() == [
            "2 of 3 machines failed:",
            "a: command `x` failed (exit code 3)",
            "c: command `x` failed (exit code 3)",
            "it succeeded on b",
        ]
        notes = caught.value.__notes__
        assert notes[0].startswith("on a, after ") and "on c, after " in "\n".join(notes)
        assert "c: last lines of its output:\n  output of c" in notes
        assert "`x`" in str(caught.value.__cause__)

    @pytest.mark.parametrize(
        ("raised", "kind", "line"),
        [
            ([MachineError("a: no disk")], MachineError, "a: no disk"),
            ([MachineError("x"), RequestedAssertionFailed("y")], RequestedAssertionFailed, "b: y"),
            ([ValueError("wrong")], RequestedAssertionFailed, "a: ValueError: wrong"),
        ],
    )
    def test_the_kind_of_error(
        self, three: Machines, raised: list[Exception], kind: type[Exception], line: str
    ) -> None:
        def call(each: BaseMachine) -> None:
            number = "abc".index(each.name)
            if number < len(raised):
                raise raised[number]

        with pytest.raises(kind) as caught:
            three.each(call)
        assert type(caught.value) is kind and line in str(caught.value).splitlines()
        assert caught.value.__cause__ is raised[0]

    def test_system_exit_is_raised(self, three: Machines) -> None:
        def call(_each: BaseMachine) -> None:
            raise SystemExit(7)

        with pytest.raises(SystemExit) as caught:
            three.each(call)
        assert caught.value.code == 7

    def test_ctrl_c_cancels_running_calls(self, three: Machines) -> None:
        meeting = threading.Barrier(3)
        cancelled: list[str] = []

        def call(each: BaseMachine) -> None:
            if meeting.wait(scaled(60)) == 0:
                _thread.interrupt_main()
            try:
                retry(lambda _last_try: False)
            except BaseException:
                cancelled.append(each.name)
                raise

        with pytest.raises(KeyboardInterrupt):
            three.each(call)
        # The interrupted call waits for the others for a few seconds only.
        until(lambda: sorted(cancelled) == ["a", "b", "c"], 30, lambda: str(cancelled))

    def test_later_calls_are_not_cancelled(self) -> None:
        check_cancelled()


def test_logs_of_several_threads(tmp_path: Path) -> None:
    from xml.etree import ElementTree

    xml, junit = XMLLogger(str(tmp_path / "log.xml")), JunitXMLLogger(tmp_path / "junit.xml")
    logger = CompositeLogger([xml, junit])
    machines = Machines(QemuMachine(tmp_path, tmp_path, f"run-{n}-vm", logger) for n in "abcd")

    def call(each: BaseMachine) -> None:
        for number in range(50):
            with logger.subtest(each.name), each.nested(f"step {number}"):
                each.log("line")

    with logger.subtest("all"):
        machines.each(call)
        logger.log("after all")
    logger.log("after everything")
    xml.close()
    junit.close()
    lines = [each for each in ElementTree.parse(tmp_path / "log.xml").iter("line")]
    assert sum(each.text == "line" and each.get("machine") == "a" for each in lines) == 50
    cases = {
        each.get("name"): each for each in ElementTree.parse(tmp_path / "junit.xml").getroot()[0]
    }
    assert set(cases) == {"a", "b", "c", "d", "all", "main"}
    output = {name: each.findtext("system-out", "").splitlines() for name, each in cases.items()}
    assert output["all"][-1] == "after all" and output["main"] == ["after everything"]
