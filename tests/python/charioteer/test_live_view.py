"""The live view as a function of its model, and the lines of steps that have ended."""

import re
import threading

import pytest
from charioteer.style import ASCII, Style
from charioteer.testing.live.lines import Lines
from charioteer.testing.live.model import SCRIPT, Model, State
from charioteer.testing.live.view import View
from rich.cells import cell_len

PLAIN = Style(colours=False)
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def model(clock: Clock) -> Model:
    model = Model(["server", "client"], clock)
    model.in_script = True
    return model


def region(model: Model, columns: int = 80, rows: int = 24, style: Style = PLAIN) -> list[str]:
    return View(style).region(model, columns, rows)


def test_a_machine_is_off_boots_is_ready_and_gone(model: Model, clock: Clock) -> None:
    assert region(model)[1].split() == ["○", "server", "off"]
    model.change_state("server", "start", {"pid": "1"})
    clock.time += 12
    assert region(model)[1].split() == ["◐", "server", "booting", "12", "s"]
    model.change_state("server", "ready")
    assert region(model)[1].split() == ["●", "server", "ready"]
    model.change_state("server", "end", {"status": "exit status 0"})
    assert region(model)[1].split() == ["○", "server", "gone"]


@pytest.mark.parametrize(
    "event, word",
    [("STOP", "paused"), ("SHUTDOWN", "stopping"), ("RESET", "booting"), ("RESUME", "ready")],
)
def test_events_of_qemu_change_the_state(model: Model, event: str, word: str) -> None:
    model.change_state("server", "ready")
    model.change_state("server", "qmp", {"event": event})
    assert word in region(model)[1]


def test_other_events_of_qemu_change_nothing(model: Model) -> None:
    model.change_state("server", "ready")
    before = model.version
    model.change_state("server", "qmp", {"event": "RTC_CHANGE"})
    assert model.version == before


def test_a_panic_stays_until_the_next_start(model: Model) -> None:
    model.change_state("server", "panic", {"line": "Kernel panic"})
    model.change_state("server", "qmp", {"event": "RESET"})
    assert model.machines["server"].state == State.PANICKED
    model.change_state("server", "start")
    assert model.machines["server"].state == State.BOOTING


def test_a_busy_machine_shows_its_innermost_step_with_its_time(model: Model, clock: Clock) -> None:
    model.begin_step("step", "must succeed: make", "server", 1)
    clock.time += 5
    model.begin_step("call", "copying in x", "server", 1)
    clock.time += 61
    assert re.search(r"server .* 1m 01s +copying in x$", region(model)[1])


def test_progress_takes_the_place_of_the_step(model: Model) -> None:
    model.begin_step("call", "copying in x", "server", 1)
    model.show_progress("server", "copying x: 3.0 of 9.0 MB")
    assert "copying x: 3.0 of 9.0 MB" in region(model)[1]
    model.show_progress("server", "")
    assert "copying in x" in region(model)[1]


def test_steps_around_are_a_tree_with_times(model: Model, clock: Clock) -> None:
    model.begin_step("step", SCRIPT, None, None)
    model.begin_step("subtest", "all of them", None, 3)
    clock.time += 2
    model.begin_step("step", "the first", None, 4)
    lines = region(model)
    assert re.fullmatch("▸      2 s  all of them", lines[1])
    assert re.fullmatch("  ▸      0 s  the first", lines[2])


def test_steps_of_threads_are_within_that_of_the_main_thread(model: Model) -> None:
    outer = model.begin_step("step", "outer", None, None)
    found = []
    thread = threading.Thread(
        target=lambda: found.append(model.begin_step("step", "inner", "server", None))
    )
    thread.start()
    thread.join()
    assert found[0].parent is outer
    assert found[0].depth == 1


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
@pytest.mark.parametrize("rows", [2, 5, 10, 24, 60])
def test_the_region_is_bounded(model: Model, columns: int, rows: int) -> None:
    for number in range(300):
        name = f"machine-with-a-long-name-{number}"
        model.change_state(name, "start")
        model.begin_step("step", "must succeed: " + "x" * 500, name, None)
        model.begin_step("subtest", "部分" * 200, None, None)
    lines = region(model, columns, rows)
    assert len(lines) <= max(min(rows // 2, 14), 2)
    assert max(cell_len(line) for line in lines) < columns


def test_machines_that_do_something_are_shown_first(model: Model) -> None:
    for number in range(50):
        model.change_state(f"quiet{number}", "ready")
    model.change_state("busy", "ready")
    model.begin_step("step", "working", "busy", None)
    model.change_state("broken", "panic")
    lines = region(model)
    assert any("working" in line for line in lines)
    assert any("broken" in line for line in lines)
    assert any(re.search("…  4[0-9] more machines", line) for line in lines)


def test_nothing_of_a_guest_acts_on_the_terminal(model: Model) -> None:
    evil = "a\x1b[2J\x1b]0;title\x07b\rc\x9b31m[bold red]d[/] :smile:\n\x1b[Hsecond"
    model.begin_step("subtest", evil, None, None)
    step = model.begin_step("step", evil, "server", None)
    model.show_progress("client", evil)
    lines = region(model, 200)
    assert not [line for line in lines if CONTROLS.search(line)]
    assert "[bold red]d[/] :smile:" in lines[1]
    ended = Lines(PLAIN).ended(step, 1, is_failed=False)
    assert not CONTROLS.search(ended) and "[bold red]d[/] :smile:" in ended
    (message, second) = Lines(PLAIN).message(evil, "server", 0)
    assert not CONTROLS.search(message + second)


def test_without_utf_8_everything_is_ascii(model: Model) -> None:
    style = Style(colours=False, symbols=ASCII)
    model.begin_step("subtest", "x" * 200, None, None)
    for number in range(50):
        model.change_state(f"machine{number}", "ready")
    lines = region(model, 80, 24, style) + View(style).summary(model, 80)
    assert all(line.isascii() for line in lines)


def test_colours_only_where_they_are_wanted(model: Model) -> None:
    model.begin_step("subtest", "part", None, None)
    assert "\x1b" not in "".join(region(model))
    assert "\x1b[1m" in "".join(region(model, style=Style()))


def test_the_slowest_steps_are_in_the_summary(model: Model, clock: Clock) -> None:
    outer = model.begin_step("subtest", "outer", None, 1)
    for seconds in (3, 1, 70, 2, 5, 4, 0.5):
        step = model.begin_step("step", f"took {seconds}", "server", 7)
        clock.time += seconds
        model.end_step(step)
    model.end_step(outer)
    lines = View(PLAIN).summary(model, 80)
    assert lines[1] == "✓ passed in 1m 25s · 8 steps · 1 subtest"
    assert [re.sub(" {2,}", " ", line.strip()) for line in lines[4:]] == [
        "1m 10s server line 7 took 70",
        "5.0 s server line 7 took 5",
        "4.0 s server line 7 took 4",
        "3.0 s server line 7 took 3",
        "2.0 s server line 7 took 2",
    ]


def test_without_slow_steps_there_is_no_table(model: Model) -> None:
    model.end_step(model.begin_step("step", "quick", None, None))
    assert View(PLAIN).summary(model, 80) == ["", "✓ passed in 0.0 s · 1 step"]


def test_lines_are_aligned_and_fit(model: Model) -> None:
    lines = Lines(PLAIN, machine_width=6)
    lines.width = 60
    outer = model.begin_step("subtest", "outer", None, 1)
    step = model.begin_step("step", "must succeed: " + "long " * 20, "db", 2)
    assert lines.head(outer) == "▸ outer"
    assert lines.ended(step, 1.25, False) == (
        "  ✓    1.2 s  db      must succeed: long long long long lo…"
    )
    assert lines.ended(step, 3723, True).startswith("  ✗   1h 02m  db      must succeed")
    assert lines.ended(outer, 61, False) == "✓   1m 01s  outer"
    assert cell_len(lines.ended(step, 1, False)) < 60


def test_a_line_of_any_width_is_whole(model: Model) -> None:
    step = model.begin_step("step", "x" * 500, None, None)
    assert "x" * 500 in Lines(PLAIN).ended(step, 1, False)


def test_only_the_first_line_of_a_command_is_shown(model: Model) -> None:
    step = model.begin_step("step", "must succeed: a\nb", "server", None)
    assert Lines(PLAIN).ended(step, 1, False).endswith("must succeed: a …")
