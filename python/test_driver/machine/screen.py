"""What a machine shows, and what is typed at it."""

import re
from abc import abstractmethod

from test_driver.duration import Duration
from test_driver.machine.commands import Commands
from test_driver.machine.retry import retry


class Screen(Commands):
    """Part of every machine."""

    @abstractmethod
    def send_key(self, key: str, delay: float | None = 0.01, log: bool | None = True) -> None:
        """Presses a key: a character, or a name or chord. Then waits `delay` seconds."""

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
            retry(appeared, timeout=timeout)
