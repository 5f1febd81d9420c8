"""A command that runs in a guest while the test does something else."""

import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from charioteer import _core as core
from charioteer.testing.cancellation import Cancelled, CancelToken, check_cancelled
from charioteer.testing.duration import Duration, seconds
from charioteer.testing.machine.result import Result

# Seconds.
_LOOK_EVERY = 0.5
_END_GRACE = 30  # of what is killed with SIGTERM, and 5 s later with SIGKILL
# Bytes of each stream. What runs as long as the test must not take all of the host's memory.
_KEPT = 256 * 1024 * 1024


class Host(Protocol):
    """What a Process needs of the core."""

    def add_console_lines(self, lines: list[bytes]) -> None:
        ...


class Process:
    """A command under way; `for line in process:` gives the lines of its output as they come.

    All that it writes is read at once, so it never waits for the test, and the last 256 MiB of
    either stream are kept; a warning says when there was more. Lines of its standard error go to the
    console and so into the log. It ends with its machine, with the block of
    `with machine.spawn(...) as process:`, or by `kill`; not with the last reference to this object.

    May be used from several threads; each line is given to one of those who iterate.
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
        """Reads what `call`, which runs `command`, writes from now on, on a thread of its own."""
        self.machine = machine
        self.command = command
        self._call: core.Call | None = call
        self._host = host
        self._has_input = has_input
        self._limit = limit
        self._begin = time.monotonic()
        self._input_lock = threading.Lock()
        # Guards what follows.
        self._changed = threading.Condition()
        self._output = bytearray()
        self._errors = bytearray()
        self._shown = 0  # bytes of the output that iteration has given
        self._searched = 0  # bytes of the output in which there is no line end after `_shown`
        self._logged = 0  # bytes of the standard error that were logged
        self._dropped: set[str] = set()  # streams of which there was more than is kept
        self._result: Result | None = None
        self._failure: Exception | None = None
        self._cancel_token = CancelToken()
        # A daemon, so that a run that ends does not wait for it.
        threading.Thread(target=self._follow, args=(call,), daemon=True).start()

    def __repr__(self) -> str:
        status = self.poll()
        state = "detached" if self._call is None else "running"
        if status is not None:
            state = f"status {status}"
        return f"<Process `{self.command}` on {self.machine.name}: {state}>"

    # On its own thread

    def _follow(self, call: core.Call) -> None:
        self._cancel_token.adopt_thread()
        result: Result | None = None
        failure: Exception | None = None
        try:
            while (piece := call.read()) is not None:
                self._take(piece)
            self._log_errors(to_end=True)
            result = self._make_result(call.outcome)
        except Cancelled:
            return
        except Exception as error:  # raised in the threads that wait
            failure = error
        with self._changed:
            self._result, self._failure = result, failure
            self._changed.notify_all()

    def _take(self, piece: core.Piece) -> None:
        with self._changed:
            if not piece.is_errors:
                self._output += piece.data
                dropped = self._drop(self._output, "output")
                self._shown = max(0, self._shown - dropped)
                self._searched = max(0, self._searched - dropped)
                self._changed.notify_all()
                return
            self._errors += piece.data
            self._logged = max(0, self._logged - self._drop(self._errors, "error"))
        self._log_errors(to_end=False)

    def _drop(self, kept: bytearray, name: str) -> int:
        """Drops the older half of what is too much; how many bytes that was."""
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
        """Hands on the lines that are complete, at the end also one that is not."""
        end = len(self._errors) if to_end else self._errors.rfind(b"\n", self._logged) + 1
        if end > self._logged:
            text = bytes(self._errors[self._logged : end])
            self._logged = end
            self._host.add_console_lines(text.removesuffix(b"\n").split(b"\n"))

    def _make_result(self, outcome: core.Outcome | None) -> Result:
        assert outcome is not None, "it has ended"
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
        )

    # On the threads that wait

    def _wait(self, done: Callable[[], bool], limit: float | None) -> bool:
        """Waits until `done()`, which is asked with the lock; false when `limit` passed before."""
        end = None if limit is None else time.monotonic() + limit
        while True:
            with self._changed:
                rest = _LOOK_EVERY if end is None else min(_LOOK_EVERY, end - time.monotonic())
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

    def _held(self) -> core.Call:
        if self._call is None:
            raise ValueError(f"{self.machine.name}: `{self.command}` was detached")
        return self._call

    def wait(self, timeout: Duration | None = None) -> Result:
        """Waits for its end. `timeout` in seconds; by default there is none.

        Raises subprocess.TimeoutExpired, after which it goes on; ShellError when the guest is gone;
        ValueError when it was detached.
        """
        limit = None if timeout is None else seconds(timeout)
        if not self._wait(self._is_over, limit):
            assert limit is not None
            raise subprocess.TimeoutExpired(self.command, limit)
        if self._result is not None:
            return self._result
        if self._failure is not None:
            raise self._failure
        self._held()
        raise AssertionError("what is over has a result or a failure, or was detached")

    def poll(self) -> int | None:
        """Its exit status; None while it runs, or when that will never be known."""
        return None if self._result is None else self._result.status

    def __iter__(self) -> "Process":
        return self

    def __next__(self) -> str:
        """The next line of its output without its end, as UTF-8 with U+FFFD.

        Waits for it. Raises StopIteration at the end, ShellError when the guest is gone.
        """
        found: bytes | None = None

        def look() -> bool:
            nonlocal found
            found = self._next_line()
            return found is not None or self._is_over()

        self._wait(look, None)
        if found is None:
            if self._failure is not None:
                raise self._failure
            raise StopIteration
        return found.decode(errors="replace")

    def _next_line(self) -> bytes | None:
        """Takes a line that is there; at the end also what has no line end."""
        end = self._output.find(b"\n", max(self._shown, self._searched))
        if end < 0 and self._is_over() and self._shown < len(self._output):
            end = len(self._output)
        if end < 0:
            self._searched = len(self._output)
            return None
        line = bytes(self._output[self._shown : end])
        self._shown = self._searched = end + 1
        return line.removesuffix(b"\r")

    @property
    def stdout(self) -> str:
        """Its standard output so far, as far as it is kept."""
        with self._changed:
            return self._output.decode(errors="replace")

    @property
    def stderr(self) -> str:
        """Its standard error so far, as far as it is kept."""
        with self._changed:
            return self._errors.decode(errors="replace")

    # Input and signals

    @property
    def pid(self) -> int:
        """Its process in the guest, which leads a process group. Waits until it was started.

        Raises MachineError when it could not be, or the guest is gone.
        """
        return self._held().pid

    def write(self, data: str | bytes) -> None:
        """Gives it input, text as UTF-8; waits until the guest has room for all of it.

        What comes after its end is dropped. Raises ValueError unless it was spawned with `stdin`,
        ShellError.
        """
        if not isinstance(data, (str, bytes)):
            raise TypeError(f"write(): argument 'data' takes text or bytes, not {data!r}")
        call = self._held()
        if not self._has_input:
            raise ValueError(f"`{self.command}` has no input; spawn it with stdin=True")
        with self._input_lock:
            call.write(data.encode() if isinstance(data, str) else data)

    def close_stdin(self) -> None:
        """It reads the end of its input after what was written."""
        with self._input_lock:
            self._held().end_input()

    def kill(self, signal: int = 0) -> None:
        """Sends a signal to its process group; 0: SIGTERM, and SIGKILL 5 s later to the rest.

        Does not wait. Does nothing when it has ended.
        """
        if not isinstance(signal, int):
            raise TypeError(f"kill(): argument 'signal' takes the number of one, not {signal!r}")
        self._held().signal(int(signal))

    def detach(self) -> None:
        """It goes on without this object, and its output is discarded."""
        if not self._is_over():
            self._held().detach()
        self._cancel_token.cancel()
        with self._changed:
            self._call = None
            self._changed.notify_all()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_details: object) -> None:
        """Ends it, unless it was detached, and waits until it is gone."""
        if self._is_over():
            return
        self.kill()
        if error_type is None or issubclass(error_type, Exception):
            self._await_end()

    def _await_end(self) -> None:
        end = time.monotonic() + _END_GRACE
        with self._changed:
            while not self._is_over() and (rest := end - time.monotonic()) > 0:
                self._changed.wait(rest)
