"""The screen and the keyboard of a machine."""

import os
import re
import time
from abc import abstractmethod
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from charioteer.testing.duration import Duration, seconds
from charioteer.testing.errors import MachineError
from charioteer.testing.machine.commands import Commands
from charioteer.testing.machine.probes import wait_until
from charioteer.testing.machine.retry import retry
from charioteer.testing.parameters import checked


class Screen(Commands):
    """Part of every machine."""

    out_dir: Path
    """The folder for screenshots and copied files."""

    @abstractmethod
    def send_key(self, key: str, delay: float | None = 0.01, log: bool | None = True) -> None:
        """Presses a key, given as a character, name or combination. Then waits `delay` seconds."""

    @checked
    def send_chars(self, chars: str, delay: float | None = 0.01) -> None:
        """Types text, with `delay` seconds after each character."""
        with self.nested(f"sending keys {chars!r}"):
            for char in chars:
                self.send_key(char, delay, log=False)

    def get_window_names(self) -> list[str]:
        """The names of all X11 windows."""
        return self.succeed(
            r"xwininfo -root -tree | sed -n 's/^[^\"]*\"\([^\"]*\)\".*/\1/p'"
        ).splitlines()

    @checked
    def wait_for_window(self, regexp: str, timeout: Duration = 900) -> None:
        """Waits for an X11 window whose name matches."""
        pattern = re.compile(regexp)

        def appeared(last_try: bool) -> bool:
            names = self.get_window_names()
            if last_try:
                self.log(
                    f"Last chance to match {regexp} on the window list, "
                    f"which currently contains: {', '.join(names)}"
                )
            return any(pattern.search(name) for name in names)

        with self.nested("waiting for a window to appear"):
            wait_until(appeared, timeout)

    # The screen and its text

    @checked
    def screenshot(self, filename: str) -> None:
        """Writes the screen as PNG file, into the output directory unless `filename` has a slash.

        `.png` is appended to a name without a dot. Raises MachineError.
        """
        if "." not in filename:
            filename += ".png"
        if "/" not in filename:
            filename = os.path.join(self.out_dir, filename)
        with self.nested(f"making screenshot {filename}", {"image": os.path.basename(filename)}):
            self.logger.describe_step({"file": filename})
            self._write_screenshot(filename)

    @contextmanager
    def _managed_screenshot(self) -> Generator[Path, None, None]:
        """A PNG file of the screen, which exists within the block."""
        import tempfile  # costs some milliseconds

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "screen.png"
            self._write_screenshot(str(path))
            yield path

    @abstractmethod
    def _write_screenshot(self, path: str) -> None:
        """Writes the screen as PNG to exactly `path`."""

    def _read_screen(self, variants: int, left: float | None = None) -> Iterator[tuple[int, str]]:
        """Begins to recognise the text on the screen, in the first `variants` of three variants.

        They are the picture as it is, with dark letters, and with light letters. Yields the number
        of each variant with its text, in the order in which they are finished. `left` are the seconds
        until the caller's limit.
        """
        raise MachineError(f"{self.name}: there is no screen to read")

    def get_screen_text(self) -> str:
        """The text on the screen. Raises MachineError when it cannot be recognised."""
        return next(self._read_screen(1))[1]

    def get_screen_text_variants(self) -> list[str]:
        """The text on the screen in all three variants."""
        return [text for _, text in sorted(self._read_screen(3))]

    @checked
    def wait_for_text(self, regex: str, timeout: Duration = 900) -> None:
        """Waits until the text on the screen matches in one of the three variants."""
        pattern = re.compile(regex)
        end = time.monotonic() + seconds(timeout)

        def matches(last_try: bool) -> bool:
            texts = self._read_screen(3, max(end - time.monotonic(), 0.0))
            if last_try:
                variants = [text for _, text in sorted(texts)]
                self.log(f"Last OCR attempt failed. Text was: {variants}")
                return any(pattern.search(text) for text in variants)
            # Variants that are not finished when one matches are abandoned.
            return any(pattern.search(text) for _, text in texts)

        with self.nested(f"waiting for {regex} to appear on screen"):
            retry(matches, timeout=timeout)
