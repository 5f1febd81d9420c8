"""Progress of long steps, such as the build of an image."""

import io
from pathlib import Path

import pytest
from charioteer.cli import program
from charioteer.errors import BuildError
from charioteer.images import builder, progress
from charioteer.images.progress import Step
from charioteer.style import Style


class Screen(io.StringIO):
    """A terminal, whose size is not known."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError("it has no descriptor")

    @property
    def shown(self) -> list[str]:
        """What the lines show at the end."""
        return [line.split("\r\x1b[K")[-1] for line in self.getvalue().split("\n")]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "style_for", lambda: Style(colours=False))
    # No time passes.
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    return Screen()


def test_without_a_terminal_each_phase_is_a_line() -> None:
    stream = io.StringIO()
    with Step("image of debian", stream) as step:
        step.show("packages")
        step.show("root disk")
    lines = stream.getvalue().splitlines()
    assert lines[:2] == ["image of debian: packages", "image of debian: root disk"]
    assert lines[2].startswith("image of debian: done after ")


def test_on_a_terminal_there_is_one_line(screen: Screen) -> None:
    with Step("image of debian", screen) as step:
        step.show("packages")
        assert screen.shown == ["◐      0 s  image of debian  packages"]
        step.show("x" * 500)
        assert len(screen.shown[0]) < 80
    assert screen.shown == ["✓    0.0 s  image of debian", ""]


def test_a_failure_names_the_phase(screen: Screen) -> None:
    with pytest.raises(ValueError), Step("image of debian", screen) as step:
        step.show("packages")
        raise ValueError
    assert screen.shown == ["✗    0.0 s  image of debian: failed at packages", ""]


def test_a_dumb_terminal_gets_lines(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with Step("image of debian", screen) as step:
        step.show("packages")
    assert "\r" not in screen.getvalue() and "\x1b" not in screen.getvalue()


def test_the_end_of_the_log_is_shown_when_a_build_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "image.log"
    log.write_text("".join(f"line {number} \x1b[2J\n" for number in range(100)))

    def fail(_wanted: object) -> None:
        raise BuildError(f"no package (whole log: {log})", log)

    monkeypatch.setattr(builder, "is_built", lambda _wanted: False)
    monkeypatch.setattr(builder, "obtain", fail)
    assert program.main(["build", "minimal"]) == 3
    lines = capsys.readouterr().err.splitlines()
    assert lines[:-1] == [f"| line {number} \\x1b[2J" for number in range(88, 100)]
    assert lines[-1] == f"charioteer: error: no package (whole log: {log})"
