"""Containers of systemd-nspawn."""

import os
import re
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from charioteer import _core as core
from charioteer.testing.duration import Duration, seconds
from charioteer.testing.errors import MachineError
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.machine.backend import Command, Wait
from charioteer.testing.machine.container_backend import ContainerBackend
from charioteer.testing.machine.copies import Copies
from charioteer.testing.machine.notify import NotifySocket
from charioteer.testing.parameters import checked
from charioteer.testing.replaced import Replaced

# Seconds.
_RELEASE_GRACE = 30
_REMINDER = 10
_POLL_INTERVAL = 0.05
_JOURNAL_INTERVAL = 0.5


def container_name(start_command: str) -> str:
    """The NAME in `run-NAME-nspawn`. Raises AssertionError for other names."""
    match = re.search("run-(.+)-nspawn", os.path.basename(start_command))
    assert match, f"a container's start script is called run-NAME-nspawn, not {start_command}"
    return match[1]


class NspawnMachine(Copies):
    """A container. Its processes end with the driver, even if the driver is killed."""

    _stream_journal = Replaced("the driver follows the journal as soon as it exists")
    machine_name_from_start_command = staticmethod(container_name)
    """The name that the path of a start script has. Raises AssertionError if it has none."""

    def __init__(
        self,
        out_dir: Path,
        tmp_dir: Path,
        start_command: str,
        logger: AbstractLogger,
        name: str | None = None,
        keep_machine_state: bool = False,
        callbacks: list[Callable[[], None]] | None = None,
    ) -> None:
        """`start_command` is the path of a program `run-NAME-nspawn`; NAME is the default name.

        Unless `keep_machine_state`, the state of an earlier run is deleted.
        """
        super().__init__(
            out_dir=out_dir,
            name=name or container_name(start_command),
            logger=logger,
            callbacks=callbacks,
            tmp_dir=tmp_dir,
            keep_machine_state=keep_machine_state,
        )
        self.start_command = start_command
        self.handle = core.Container(self.name, logger.reporter, self._idle)
        self.process: core.Process | None = None
        self._notify: NotifySocket | None = None
        self._journal: core.Process | None = None
        self._journal_lock = threading.Lock()
        self._next_journal_check = 0.0  # by waits, of time.monotonic()
        self._leader: int | None = None
        self.starting: Callable[[], None] = lambda: None
        """Called again and again while it starts."""
        self.started: Callable[[], None] = lambda: None
        """Called after each start, so that the driver connects its networks."""
        if self._state_is_reset:
            self.cleanup_statedir()

    @property
    def pid(self) -> int | None:
        """The process id of the start script.

        A test script that ends the container itself may set this, and `process`, to None.
        """
        return None if self.process is None else self.process.pid

    @pid.setter
    def pid(self, pid: None) -> None:
        if pid is not None:
            raise ValueError(f"machine.pid can only be set to None, not to {pid!r}")
        if self.process is not None and self.process.poll() is not None:
            self._forget()

    @property
    def get_systemd_process(self) -> int:
        """The process id of its systemd on the host. Raises AssertionError when it is off."""
        assert self._leader is not None, f"{self.name} is not running"
        return self._leader

    def is_up(self) -> bool:
        return self.process is not None

    # Life cycle

    def start(self) -> None:
        """Starts the container and waits until its systemd is ready. Raises MachineError."""
        if self.process is not None:
            return
        self._notify = notify = NotifySocket(self.tmp_dir / f"{self.name}-nspawn.sock")
        environment = [
            f"RUN_NSPAWN_ROOT_DIR={self.state_dir}",
            f"RUN_NSPAWN_SHARED_DIR={self.shared_dir}",
            f"NOTIFY_SOCKET={notify.path}",
        ]
        try:
            self.process = core.spawn([self.start_command], environment, str(self.state_dir))
            self.log(f"systemd-nspawn running (pid {self.process.pid})")
            self._record_state("start", {"pid": str(self.process.pid)})
            self._wait_until_ready(notify, self.process)
            self.handle.enter(self.get_systemd_process, self._find_nsenter())
            self._record_state("ready")
        except BaseException:
            self._end()
            self._forget()
            raise
        self.started()

    def _wait_until_ready(self, notify: NotifySocket, process: core.Process) -> None:
        begin = reminded = time.monotonic()
        while not notify.wait_for(_POLL_INTERVAL, "READY", "X_NSPAWN_LEADER_PID"):
            self.logger.collect()
            self.starting()
            if process.poll() is not None:
                error = MachineError("systemd-nspawn process exited unexpectedly")
                error.add_note(
                    f"on {self.name}, exit status {process.poll()} after "
                    f"{time.monotonic() - begin:.2f} s"
                )
                error.add_note(f"its output:\n{process.last_output()}")
                raise error
            self._follow_journal()
            if time.monotonic() - reminded >= _REMINDER:
                reminded = time.monotonic()
                self.logger.warning(
                    f"still waiting for container '{self.name}' to reach ready state..."
                )
        self._leader = int(notify.value("X_NSPAWN_LEADER_PID") or 0)
        self._follow_journal()

    def _find_nsenter(self) -> str:
        program = shutil.which("nsenter")
        if program is None:
            raise MachineError(f"{self.name}: commands in containers need nsenter, of util-linux")
        return program

    def _follow_journal(self) -> None:
        """Logs the journal as serial lines, as soon as it exists."""
        # Another thread may be starting it.
        if self.process is None or not self._journal_lock.acquire(blocking=False):
            return
        try:
            # journalctl exits at once if the journal has no entry yet, and is then started again.
            if self._journal is None or self._journal.poll() is not None:
                self._start_journal()
        finally:
            self._journal_lock.release()

    def _start_journal(self) -> None:
        journal = self.state_dir / "var/log/journal"
        if not any(journal.glob("*/system.journal")):
            return
        command = ["journalctl", "--follow", f"--directory={journal}", "--lines=all"]
        environment = [f"PATH={os.environ.get('PATH', os.defpath)}"]
        self._journal = core.spawn(
            [*command, "--output=short-monotonic"],
            environment,
            str(self.state_dir),
            self.name,
            self.logger.reporter,
        )

    def shutdown(self) -> None:
        """Powers the container off and waits for its end."""
        if self.process is None:
            return
        self.execute("systemctl poweroff", timeout=None)
        self.wait_for_shutdown()

    @checked
    def wait_for_shutdown(self, timeout: Duration | None = None) -> None:
        if self.process is None:
            return
        with self.nested("waiting for the container to power off"):
            self.process.wait(None if timeout is None else seconds(timeout))
            self._forget()

    def release(self) -> None:
        """Ends the container; kills it after 30 s."""
        if self.process is None:
            return
        self.logger.info(f"kill {type(self).__name__} (pid {self.pid})")
        self._end()

    def _end(self) -> None:
        # A failed start on another thread may have ended it.
        if (process := self.process) is None:
            return
        process.terminate()
        try:
            process.wait(_RELEASE_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_RELEASE_GRACE)
        self._forget()

    def _record_state(self, state: str, details: dict[str, str] | None = None) -> None:
        self.logger.record(
            "state", {"state": state, "machine": self.name, "details": details or None}
        )

    def _forget(self) -> None:
        journal, notify = self._journal, self._notify
        if self.process is not None:
            self._record_state("end", {"status": f"exit status {self.process.poll()}"})
        self.process = self._journal = self._notify = self._leader = None
        self.handle.leave()
        if journal is not None:
            journal.kill()
        if notify is not None:
            notify.close()

    # Commands

    def _execute(
        self, command: str, check_return: bool, check_output: bool, timeout: Duration | None
    ) -> tuple[int, str]:
        """Runs `command`; always returns status and output. Raises subprocess.TimeoutExpired."""
        request = Command(command, timeout=timeout, stream=self.streams)
        result = self._own_backend().execute(request)
        return result.status, result.stdout

    _builtin_execute = _execute

    def _own_backend(self) -> ContainerBackend:
        return ContainerBackend(self)

    def _connected(self) -> core.Container:
        self.start()
        self._follow_journal()
        return self.handle

    def _idle(self, polling: bool) -> None:
        super()._idle(polling)
        # In a slow container there may have been no journal when it was ready.
        if time.monotonic() >= self._next_journal_check:
            self._next_journal_check = time.monotonic() + _JOURNAL_INTERVAL
            self._follow_journal()

    # Keyboard and screen

    @checked
    def send_key(self, key: str, delay: float | None = 0.01, log: bool | None = True) -> None:
        """Types a character, or presses a combination of keys, in the container's X server."""
        text = shlex.quote(key)
        command = f"type --clearmodifiers --delay 0 -- {text}"
        if len(key) > 1:
            command = f"key --clearmodifiers {text}"
        if log:
            with self.nested(f"sending key {key!r}"):
                self.succeed(f"xdotool {command}")
        else:
            self.succeed(f"xdotool {command}")
        if delay is not None:
            time.sleep(delay)

    def _write_screenshot(self, path: str) -> None:
        Path(path).write_bytes(self._convert("pnmtopng", self._picture()))

    def _read_screen(self, variants: int, left: float | None = None) -> Iterator[tuple[int, str]]:
        return core.ScreenReading(self._picture(), variants)

    def _picture(self) -> bytes:
        """The screen of its X server as PPM picture."""
        import tempfile  # costs some milliseconds

        with tempfile.TemporaryDirectory(dir=self.shared_dir) as folder:
            inside = f"/tmp/shared/{os.path.basename(folder)}/screen.xwd"
            self.succeed(f"xwd -root -silent -out {inside}")
            picture = self._convert("xwdtopnm", (Path(folder) / "screen.xwd").read_bytes())
        # The picture may have 16 bits per colour; tools such as Tesseract need 8.
        return self._convert("pamdepth", picture, "255")

    def _convert(self, program: str, picture: bytes, *arguments: str) -> bytes:
        if shutil.which(program) is None:
            raise MachineError(f"{self.name}: screenshots of containers need {program}, of netpbm")
        done = subprocess.run([program, *arguments], input=picture, capture_output=True)
        if done.returncode != 0:
            raise MachineError(
                f"Cannot convert screenshot ({program} returned code {done.returncode})"
            )
        return done.stdout

    @checked
    def wait_for_x(self, timeout: Duration = 900) -> None:
        """Waits for the X server."""
        with self.nested("waiting for the X11 server"):
            probe = "xwininfo -root >/dev/null 2>&1"
            self._command_backend.wait_for_probe(Wait(probe, True, timeout))

    def ssh_backdoor_command(self) -> str:
        """The command to log in from the host."""
        proxy = f"socat - UNIX-CLIENT:/run/systemd/nspawn/unix-export/{self.name}/ssh"
        return f'ssh -o User=root -o ProxyCommand="{proxy}" bash'
