"""A command that runs in a guest in the background of the test."""

import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from charioteer import _core as core
from charioteer.testing.cancellation import Cancelled, CancelToken, check_cancelled
from charioteer.testing.duration import Duration, seconds
from charioteer.testing.machine.result import Result

# Seconds between two checks of the polling conditions.
_POLL_INTERVAL = 0.5
# Seconds to wait for the end after SIGTERM, which SIGKILL follows after 5 s.
_END_GRACE = 30
# Bytes kept of each stream, so that a long command does not use all of the host's memory.
_KEPT = 256 * 1024 * 1024


class Host(Protocol):
    """The part of the core's machine that a Process uses."""

    def add_console_lines(self, lines: list[bytes]) -> None:
        ...


class Process:
    """A running command; `for line in process:` yields the lines of its output as they arrive.

    Its output is read as soon as it is written, so the command never blocks. The last 256 MiB of
    each stream are kept; if there was more, a warning is logged. Lines of its standard error are
    added to the console, and thus to the log. The command ends with its machine, with the block of
    `with machine.spawn(...) as process:`, or by `kill`; not with the last reference to this object.

    Thread-safe. If several threads iterate, each line is returned to one of them.
    """

    def __init__(
        self,
        machine: Any,
        command: str,
        limit: Duration | None,
        call: core.Call,
        host: Host,
        has_input: bool,
    ) -> None:
        """Starts a thread that reads the output of `call`, which runs `command`."""
        self.machine = machine
        self.command = command
        self._call: core.Call | None = call
        self._host = host
        self._has_input = has_input
        self._limit = limit
        self._begin = time.monotonic()
        self._input_lock = threading.Lock()
        # Guards the following attributes.
        self._changed = threading.Condition()
        self._output = bytearray()
        self._errors = bytearray()
        self._consumed = 0  # bytes of the output that iteration has returned
        self._searched = 0  # up to here there is no newline after `_consumed`
        self._logged = 0  # bytes of the standard error that were logged
        self._dropped: set[str] = set()  # streams that exceeded `_KEPT`
        self._result: Result | None = None
        self._failure: Exception | None = None
        self._cancel_token = CancelToken()
        # A daemon thread, so that the end of the run does not wait for it.
        threading.Thread(target=self._follow, args=(call,), daemon=True).start()

    def __repr__(self) -> str:
        state = "detached" if self._call is None else "running"
        if self._result is not None:
            state = f"status {self._result.status}"
        return f"<Process `{self.command}` on {self.machine.name}: {state}>"

    # On the reading thread

    def _follow(self, call: core.Call) -> None:
        self._cancel_token.adopt_thread()
        result: Result | None = None
        failure: Exception | None = None
        try:
            while (piece := call.read()) is not None:
                self._store(piece)
            self._log_errors(to_end=True)
            result = self._make_result(call.outcome)
        except Cancelled:
            return
        except Exception as error:  # raised in the threads that wait
            failure = error
        with self._changed:
            self._result, self._failure = result, failure
            self._changed.notify_all()

    def _store(self, piece: core.Piece) -> None:
        with self._changed:
            if not piece.is_errors:
                self._output += piece.data
                dropped = self._drop(self._output, "output")
                self._consumed = max(0, self._consumed - dropped)
                self._searched = max(0, self._searched - dropped)
                self._changed.notify_all()
                return
            self._errors += piece.data
            self._logged = max(0, self._logged - self._drop(self._errors, "error"))
        self._log_errors(to_end=False)

    def _drop(self, kept: bytearray, name: str) -> int:
        """Drops all but the newest half of `_KEPT` if there is more; returns the number of bytes."""
        if len(kept) <= _KEPT:
            return 0
        if name not in self._dropped:
            self._dropped.add(name)
            self.machine.logger.warning(
                f"warning: `{self.command}` has written more than {_KEPT} bytes to its standard "
                f"{name}; only the last of them are kept",
                {"machine": self.machine.name},
            )
        dropped = len(kept) - _KEPT // 2
        del kept[:dropped]
        return dropped

    def _log_errors(self, to_end: bool) -> None:
        """Logs the complete lines; with `to_end` also an incomplete last one."""
        end = len(self._errors) if to_end else self._errors.rfind(b"\n", self._logged) + 1
        if end > self._logged:
            text = bytes(self._errors[self._logged : end])
            self._logged = end
            self._host.add_console_lines(text.removesuffix(b"\n").split(b"\n"))

    def _make_result(self, outcome: core.Outcome | None) -> Result:
        assert outcome is not None, "the command has ended"
        return Result(
            machine=self.machine,
            command=self.command,
            status=outcome.status,
            signal=outcome.signal or None,
            stdout_bytes=bytes(self._output),
            stderr_bytes=bytes(self._errors),
            duration=outcome.duration,
            timed_out=outcome.timed_out,
            timeout=self._limit,
            waited=time.monotonic() - self._begin,
            begun=outcome.begun,
            ended=outcome.ended,
        )

    # On the threads of callers

    def _wait(self, done: Callable[[], bool], limit: float | None) -> bool:
        """Waits until `done()`, which is called with the lock held. False if `limit` has passed."""
        end = None if limit is None else time.monotonic() + limit
        while True:
            with self._changed:
                rest = _POLL_INTERVAL
                if end is not None:
                    rest = min(rest, end - time.monotonic())
                if done():
                    return True
                if rest <= 0:
                    return False
                self._changed.wait(rest)
                if done():
                    return True
            check_cancelled()
            self.machine.run_callbacks()

    def _is_over(self) -> bool:
        return self._result is not None or self._failure is not None or self._call is None

    def _attached_call(self) -> core.Call:
        if self._call is None:
            raise ValueError(f"{self.machine.name}: `{self.command}` was detached")
        return self._call

    def wait(self, timeout: Duration | None = None) -> Result:
        """Waits for the command's end. `timeout` in seconds; by default there is no limit.

        Raises subprocess.TimeoutExpired, after which the command continues; ShellError when the
        guest was lost; ValueError when the command was detached.
        """
        limit = None if timeout is None else seconds(timeout)
        if not self._wait(self._is_over, limit):
            assert limit is not None
            raise subprocess.TimeoutExpired(self.command, limit)
        if self._result is not None:
            return self._result
        if self._failure is not None:
            raise self._failure
        self._attached_call()
        raise AssertionError("unreachable: it has a result or a failure, or was detached")

    def poll(self) -> int | None:
        """Its exit status; None while it runs, and after it was detached or the guest was lost."""
        # The call is asked, and not whether the reading thread has come to the end: a script that is
        # answered from a record must see the same as in the recorded run.
        if self._call is None or not self._call.ended:
            return None
        self._await_end()
        return None if self._result is None else self._result.status

    def __iter__(self) -> "Process":
        return self

    def __next__(self) -> str:
        """Waits for the next line of its output; returns it without newline.

        Bytes that are not UTF-8 become U+FFFD. Raises StopIteration at the end, ShellError when the
        guest was lost.
        """
        found: bytes | None = None

        def find() -> bool:
            nonlocal found
            found = self._next_line()
            return found is not None or self._is_over()

        self._wait(find, None)
        if found is None:
            if self._failure is not None:
                raise self._failure
            raise StopIteration
        return found.decode(errors="replace")

    def _next_line(self) -> bytes | None:
        """Consumes the next complete line, if there is one; at the end also an incomplete one."""
        end = self._output.find(b"\n", max(self._consumed, self._searched))
        if end < 0 and self._is_over() and self._consumed < len(self._output):
            end = len(self._output)
        if end < 0:
            self._searched = len(self._output)
            return None
        line = bytes(self._output[self._consumed : end])
        self._consumed = self._searched = end + 1
        return line.removesuffix(b"\r")

    @property
    def stdout(self) -> str:
        """The kept part of its standard output so far."""
        with self._changed:
            return self._output.decode(errors="replace")

    @property
    def stderr(self) -> str:
        """The kept part of its standard error so far."""
        with self._changed:
            return self._errors.decode(errors="replace")

    # Input and signals

    @property
    def pid(self) -> int:
        """Its process id in the guest, also that of its process group. Waits until it was started.

        Raises MachineError when it cannot be started, or the guest was lost.
        """
        return self._attached_call().pid

    def write(self, data: str | bytes) -> None:
        """Writes to its standard input, text as UTF-8; waits until the guest has room for all of it.

        After the command's end the data are discarded. Raises ValueError unless it was spawned with
        `stdin`, ShellError.
        """
        if not isinstance(data, (str, bytes)):
            raise TypeError(f"write(): argument 'data' takes text or bytes, not {data!r}")
        call = self._attached_call()
        if not self._has_input:
            raise ValueError(f"`{self.command}` has no input; spawn it with stdin=True")
        with self._input_lock:
            call.write(data.encode() if isinstance(data, str) else data)

    def close_stdin(self) -> None:
        """Closes its standard input, after the data that were written."""
        with self._input_lock:
            self._attached_call().end_input()

    def kill(self, signal: int = 0) -> None:
        """Sends a signal to its process group; 0 means SIGTERM, and SIGKILL 5 s later.

        Does not wait. Does nothing if the command has ended.
        """
        if not isinstance(signal, int):
            raise TypeError(f"kill(): argument 'signal' takes a signal's number, not {signal!r}")
        self._attached_call().signal(int(signal))

    def detach(self) -> None:
        """Lets the command run without this object; its further output is discarded."""
        if self._call is not None:
            self._call.detach()
        self._cancel_token.cancel()
        with self._changed:
            self._call = None
            self._changed.notify_all()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_details: object) -> None:
        """Kills the command, unless it was detached, and waits for its end."""
        if self._call is None:
            return
        # Also if it has ended, which has no effect: when a script is answered from a record, it must
        # make the same calls as in the recorded run, but output may be read earlier or later.
        self.kill()
        if error_type is None or issubclass(error_type, Exception):
            self._await_end()

    def _await_end(self) -> None:
        end = time.monotonic() + _END_GRACE
        with self._changed:
            while not self._is_over() and (rest := end - time.monotonic()) > 0:
                self._changed.wait(rest)
