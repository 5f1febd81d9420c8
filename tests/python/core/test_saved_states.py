"""charioteer._core.Machine: guests of a fake QEMU that are paused, saved and loaded."""

import stat
import threading
from functools import partial
from pathlib import Path

import pytest
from charioteer import _core

from support.core_machines import WITH_AGENT, MakeMachine
from support.leftovers import processes_of
from support.patience import until


@pytest.fixture
def make(make_machine: MakeMachine, monkeypatch: pytest.MonkeyPatch) -> MakeMachine:
    """Creates machines whose agent runs on this host."""
    monkeypatch.setenv("CHARIOTEER_CHANNEL", "auto")
    return partial(make_machine, command=WITH_AGENT)


@pytest.fixture
def file(folder: Path) -> str:
    return str(folder / "a state, with:odd%characters\xfc'\"")


def saved(machine: _core.Machine, file: str) -> _core.Machine:
    """The machine, connected, whose paused guest was saved."""
    machine.connect()
    machine.pause()
    machine.save_state(file)
    return machine


def status(machine: _core.Machine) -> str:
    return machine.qmp("query-status")


def test_a_guest_is_paused_and_continued(make: MakeMachine) -> None:
    web = make()
    web.connect()
    web.pause()
    assert '"paused"' in status(web)
    web.pause()
    web.resume()
    assert '"running"' in status(web)
    assert web.execute("echo on") == (0, "on\n")


@pytest.mark.parametrize("call", ["pause", "resume", "save_state"])
def test_a_machine_that_is_off_is_an_error(make: MakeMachine, folder: Path, call: str) -> None:
    arguments = [str(folder / "state")] if call == "save_state" else []
    with pytest.raises(_core.MachineError, match="web is not running"):
        getattr(make(), call)(*arguments)
    assert not (folder / "state").exists()


def test_a_saved_guest_goes_on(make: MakeMachine, file: str) -> None:
    web = saved(make(), file)
    assert stat.S_IMODE(Path(file).stat().st_mode) == 0o600
    web.resume()
    assert web.execute("echo on") == (0, "on\n")


def test_a_file_is_named_from_the_directory_of_this_process(
    make: MakeMachine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    web = saved(make(), "state")
    assert (folder / "state").exists()
    web.crash()
    web.load_state("state")
    assert '"paused"' in status(web)


def test_the_agent_of_a_loaded_guest_runs_the_first_command(make: MakeMachine, file: str) -> None:
    first = saved(make(), file)
    first.release()
    second = make(name="copy")
    second.load_state(file)
    assert (second.booted, second.connected) == (True, True)
    assert '"paused"' in status(second)
    second.resume()
    # An agent that the root shell has to start makes the fake QEMU print this.
    assert second.run("echo loaded").output == b"loaded\n"
    assert second.has_agent
    assert "installed an agent" not in second.console_log()


def test_a_loaded_machine_can_be_started_afresh(make: MakeMachine, file: str) -> None:
    web = saved(make(), file)
    web.crash()
    web.load_state(file)
    web.resume()
    web.crash()
    web.connect()
    assert web.execute("echo afresh") == (0, "afresh\n")


def test_a_running_machine_is_not_loaded(make: MakeMachine, file: str) -> None:
    web = saved(make(), file)
    with pytest.raises(_core.MachineError, match="web runs: end it before"):
        web.load_state(file)
    web.resume()
    assert web.execute("echo kept") == (0, "kept\n")


def test_the_options_of_a_start_apply_to_loading(make: MakeMachine, file: str) -> None:
    web = saved(make(), file)
    web.crash()
    with pytest.raises(_core.MachineError, match="fake-qemu: unknown device"):
        web.load_state(file, arguments=["-device", "another"])
    command = f"env OTHER=yes {WITH_AGENT}"
    web.load_state(file, allow_reboot=True, command=command)
    web.resume()
    assert web.execute("echo $OTHER") == (0, "yes\n")


@pytest.mark.parametrize(
    "content, reason",
    [
        (None, "Failed to open '.*': No such file or directory"),
        (b"", "fake-qemu: the file is damaged"),
        (b'{"devices": ["other"]}', "fake-qemu: unknown device"),
    ],
)
def test_a_file_that_cannot_be_loaded_leaves_nothing_running(
    make: MakeMachine, folder: Path, file: str, content: bytes | None, reason: str
) -> None:
    if content is not None:
        Path(file).write_bytes(content)
    web = make()
    with pytest.raises(_core.MachineError, match=f"(?s)web: loading its state from .*{reason}"):
        web.load_state(file)
    assert (web.booted, web.connected, web.pid) == (False, False, None)
    until(lambda: not processes_of(folder), 30, lambda: str(processes_of(folder)))
    with pytest.raises(_core.NotRunning):
        web.resume()


def test_an_old_qemu_is_refused_and_goes_on(make: MakeMachine, file: str) -> None:
    web = make(mode="old-version")
    web.connect()
    web.pause()
    with pytest.raises(_core.MachineError, match=r"QEMU 9\.0 and newer, and this is QEMU 8\.2\.1$"):
        web.save_state(file)
    assert not Path(file).exists()
    web.resume()
    assert web.execute("echo on") == (0, "on\n")


def test_a_guest_that_cannot_be_saved_goes_on(make: MakeMachine, file: str) -> None:
    for mode, reason in (
        ("blocked", "'share' is mounted; no memory"),
        ("migration-fails", "No space left on device"),
    ):
        Path(file).unlink(missing_ok=True)
        web = make(mode=mode)
        with pytest.raises(_core.MachineError, match=f"web: saving its state to .*{reason}"):
            saved(web, file)
        web.resume()
        assert web.execute("echo on") == (0, "on\n")
        web.release()


def test_a_guest_that_runs_is_not_saved(make: MakeMachine, file: str) -> None:
    web = make()
    web.connect()
    with pytest.raises(_core.MachineError, match="its guest is running: pause"):
        web.save_state(file)
    assert not Path(file).exists()


def test_an_interrupted_call_ends_the_saving(make: MakeMachine, file: str) -> None:
    interrupt = threading.Event()

    def idle(_polling: bool) -> None:
        if interrupt.is_set():
            interrupt.clear()
            raise KeyboardInterrupt

    web = make(mode="migration-hangs", idle=idle)

    def wait_and_interrupt() -> None:
        until(lambda: "saving does not end" in web.console_log(), 60, web.console_log)
        interrupt.set()

    thread = threading.Thread(target=wait_and_interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        saved(web, file)
    thread.join()
    until(lambda: "cancelled" in web.console_log(), 60, web.console_log)
    web.resume()
    assert web.execute("echo on") == (0, "on\n")


def test_the_console_continues_as_if_the_guest_had_not_stopped(
    make: MakeMachine, file: str, reporter: _core.Reporter
) -> None:
    web = make()
    web.connect()
    web.add_console_lines([b"taken", b"also taken"])
    assert "also taken" in web.next_console_lines(60)
    web.add_console_lines([b"not taken"])
    log = web.console_log()
    web.pause()
    web.save_state(file)
    state = web.console_state()
    assert state.lines[state.taken :] == ["not taken"]
    web.crash()
    web.load_state(file)
    reporter.drain()
    web.restore_console(state.lines, state.taken)
    web.resume()
    web.add_console_lines([b"new"])
    assert web.console_log() == log + "\nnew"
    assert web.console_tail(2) == ["not taken", "new"]
    assert web.next_console_lines(60) == ["not taken", "new"]
    assert [event.text for event in reporter.drain() if event.kind == "serial"] == ["new"]


def test_outcomes_and_texts_can_be_made_again() -> None:
    outcome = _core.Outcome(
        status=137, signal=9, output=b"a\0", errors=b"\xff", duration=1.5, timed_out=True
    )
    assert (outcome.status, outcome.signal, outcome.duration) == (137, 9, 1.5)
    assert (outcome.output, outcome.errors, outcome.timed_out) == (b"a\0", b"\xff", True)
    text = _core.ConsoleText(["one", "two\xfc"], "login: ")
    assert (text.lines, text.rest) == (["one", "two\xfc"], "login: ")
