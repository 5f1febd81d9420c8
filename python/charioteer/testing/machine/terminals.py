"""The text terminals and the serial console of a virtual machine."""

import re
import time

from charioteer.testing.duration import Duration, render, seconds
from charioteer.testing.errors import RequestedAssertionFailed
from charioteer.testing.machine.console import ConsoleText
from charioteer.testing.machine.life_cycle import LifeCycle
from charioteer.testing.machine.probes import wait_until
from charioteer.testing.machine.result import failed_request
from charioteer.testing.parameters import checked


class Terminals(LifeCycle):
    """Part of every virtual machine."""

    @checked
    def get_tty_text(self, tty: str) -> str:
        """The text on the virtual terminal number `tty`."""
        _, text = self.execute(
            f"fold -w$(stty -F /dev/tty{tty} size | awk '{{print $2}}') /dev/vcs{tty}"
        )
        return text

    @checked
    def wait_until_tty_matches(self, tty: str, regexp: str, timeout: Duration = 900) -> None:
        """Waits until the text on the virtual terminal matches."""
        pattern = re.compile(regexp)

        def matches(last_try: bool) -> bool:
            text = self.get_tty_text(tty)
            if last_try:
                self.log(
                    f"Last chance to match /{regexp}/ on TTY{tty}, "
                    f"which currently contains: {text}"
                )
            return pattern.search(text) is not None

        with self.nested(f"waiting for {regexp} to appear on tty {tty}"):
            wait_until(matches, timeout)

    @checked
    def dump_tty_contents(self, tty: str) -> None:
        """Writes the text on the virtual terminal to the guest's journal."""
        self.execute(f"fold -w 80 /dev/vcs{tty} | systemd-cat")

    # Serial console

    @property
    def full_console_log(self) -> list[str]:
        """All lines of the serial console since the last start."""
        text = self.get_console_log()
        return text.split("\n") if text else []

    @full_console_log.setter
    def full_console_log(self, lines: list[str]) -> None:
        raise AttributeError(
            "machine.full_console_log cannot be assigned: the core keeps it, and start() clears it; "
            "machine.last_lines has the lines that are not read yet"
        )

    def get_console_log(self) -> str:
        """All lines of the serial console since the last start, joined by newlines."""
        return self.handle.console_log()

    @checked
    def send_console(self, chars: str) -> None:
        """Writes to the serial console."""
        self.handle.send_console("".join(chars).encode())

    @checked
    def wait_for_console_text(self, regex: str, timeout: Duration | None = None) -> None:
        """Waits until the new lines, joined without newlines, match.

        An unterminated line, such as a prompt, is included after a second without output. Lines
        that an earlier call has read, and the matched part of a prompt, are not considered again.
        `timeout` None means no limit. Raises RequestedAssertionFailed.
        """
        with self.nested(f"waiting for {regex} to appear on console"):
            text = ConsoleText(regex)
            begin = time.monotonic()
            while True:
                spent = time.monotonic() - begin
                left = 1.0 if timeout is None else min(1.0, max(seconds(timeout) - spent, 0.0))
                try:
                    if self.last_lines.add_to(text, left):
                        return
                except TimeoutError:
                    if text.search():
                        return
                    if timeout is not None and spent >= seconds(timeout):
                        raise self._not_on_console(regex, begin, timeout) from None

    def _not_on_console(
        self, regex: str, begin: float, timeout: Duration
    ) -> RequestedAssertionFailed:
        elapsed = time.monotonic() - begin
        text = f"action timed out after {elapsed:.2f} seconds (timeout={render(timeout)})"
        error = failed_request(self, text, elapsed, timeout, {})
        error.add_note(f"{regex} did not appear on the console")
        return error
