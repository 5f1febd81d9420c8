"""The C++ core, as Python sees it.

Everything here blocks without holding the interpreter lock, wakes at once when its answer is there,
and notices Ctrl-C within 0.1 s. A `Limit` is a number of seconds or a timedelta; `None` is no limit.
Texts from a guest are decoded as UTF-8 with U+FFFD for what is not UTF-8, unless stated otherwise.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Literal

from charioteer._core_errors import *
from charioteer._core_run import *
from charioteer._core_values import *

Limit = int | float | timedelta

version: str

class Event:
    """Something that the core reports while it works."""

    @property
    def kind(self) -> Literal["log", "warning", "serial"]: ...
    @property
    def machine(self) -> str:
        """Name of the machine; empty when it is not about one."""
    @property
    def text(self) -> str: ...

def format_line(
    style: Literal["log", "step", "debug", "error", "serial"], text: str, machine: str | None = None
) -> str:
    """A line of the log in upstream's terminal format; `step` is the head of a step, `error` a line of
    a test's error. `machine`, if any, is put in front; `text` comes as it is to be shown.
    """

class Reporter:
    """Takes the events of the core and of the test. Thread-safe.

    With `terminal` it writes to standard error at once, in upstream's terminal format. With
    `queue` it also keeps events of the core for `drain`; at most 100000, the oldest serial lines go
    first.
    """

    def __init__(self, terminal: bool = True, queue: bool = False) -> None: ...
    terminal: bool
    queue: bool
    serial: bool
    """Whether serial lines are written at all."""
    warnings: bool
    """Whether warnings of the core are written."""
    held: bool
    """Whether lines are kept back, for as long as a shell has the terminal."""
    def drain(self) -> list[Event]:
        """The events since the last call, oldest first."""
    def write(self, text: str) -> None:
        """One line as it is, after every serial line that came before it."""
    def flush(self) -> None:
        """Returns when everything is written, or after 2 s when standard error is not read; at once
        while lines are held.
        """
    def print(self, data: bytes) -> None:
        """Adds to the calling thread's line of standard output, and writes what is complete, after
        all lines of before. Raises OSError; without a reader what is written is dropped.
        """
    def flush_print(self) -> None:
        """Writes what the calling thread has of a line."""
    def finish_print(self) -> None:
        """Writes what all threads have of lines."""
    @property
    def output_unread(self) -> bool:
        """Whether the reader of standard output went before all was written."""
    def add_report(self, report: "Report") -> None:
        """A report to be finished when the process has to end without Python."""

class Report:
    """A file about a run, which can be finished without Python. Thread-safe."""

class JunitReport(Report):
    """A JUnit report (driver/report/junit.hpp). `write` raises OSError."""

    def __init__(self, file: str) -> None: ...
    def log(self, text: str) -> None: ...
    def fail(self, text: str) -> None: ...
    def run_failed(self, reason: str) -> None: ...
    def begin_subtest(self, name: str) -> int: ...
    def leave_subtest(self, number: int) -> None: ...
    def end_subtest(self, number: int) -> None: ...
    def write(self) -> None: ...

class XmlLog(Report):
    """The log as XML (driver/report/xml_log.hpp). Raises OSError."""

    def __init__(self, file: str) -> None: ...
    def line(self, text: str, attributes: dict[str, str]) -> None: ...
    def open_nest(self, head: str, attributes: dict[str, str]) -> None: ...
    def close_nest(self) -> None: ...
    def close(self) -> None: ...

class Process:
    """A running or ended program, much like subprocess.Popen."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None:
        """Exit status; minus the signal number when a signal ended it; None while it runs."""
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
    def send_signal(self, signal: int) -> None:
        """To its whole process group."""
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def last_output(self) -> str:
        """The last 8 KiB that it wrote."""

def spawn(
    arguments: list[str],
    environment: list[str],
    directory: str,
    machine: str = "",
    reporter: Reporter | None = None,
) -> Process:
    """Starts a program, which ends with this process, and all that it starts with it.

    `arguments[0]` is looked up on our PATH; `environment` has entries NAME=value. With `reporter`
    each line that it writes is reported as one of the serial console of `machine`. Raises MachineError.
    """

class ClaimedDirectory:
    """A directory that is this driver's alone; should that be killed, sockets in it are removed."""

    def __init__(self, path: str) -> None:
        """Makes it if need be. Raises MachineError when a living driver has it."""
    def release(self) -> None:
        """Gives it back, and removes it when nothing is in it. Idempotent."""

class ScreenReading:
    """The texts on one picture of a screen with the numbers of their variants from 0, each as soon
    as it is known. What has not been read yet is called off when the object goes.

    The ways to read it are: as it is, dark letters, light letters. What was on a picture is
    remembered: the same picture is not read again. $NIX_BUILD_CORES and $TESSDATA_PREFIX count at
    the first picture.
    """

    def __init__(
        self, ppm: bytes, variants: int, idle: Callable[[bool], None] | None = None
    ) -> None:
        """Begins to read a binary PPM file in the first `variants`, 1 to 3, of the ways."""
    def __iter__(self) -> "ScreenReading": ...
    def __next__(self) -> tuple[int, str]:
        """Raises MachineError; when Tesseract is missing, the error names the package to install."""

class Call:
    """A command under way in a guest. It is ended there when this object is gone."""

    @property
    def pid(self) -> int:
        """Of the process in the guest, which leads a process group of its own. Raises ShellError."""
    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None until `read` has returned None."""
    def read(self, timeout: Limit | None = None) -> Piece | None:
        """The next piece of its output, as it comes; None once it has ended. Output that is not read
        stays in the guest, where the command then waits. Raises TimeoutError, ShellError."""
    def write(self, data: bytes) -> None:
        """Gives it input; returns when the guest has room for all of it."""
    def end_input(self) -> None:
        """It reads the end of its input after what was written."""
    def signal(self, number: int) -> None:
        """Sends a signal to its process group; 0 is SIGTERM, and SIGKILL 5 s later to the rest."""
    def detach(self) -> None:
        """It runs on when this object is gone."""

class Guest:
    """What virtual machines and containers have in common.

    `idle(polling)` of their constructors is called on the waiting thread about every 50 ms while a
    call blocks; `polling` is true in calls that try again and again (the `wait_*` calls). What it
    raises ends the call.
    """

    def run(
        self,
        command: str,
        input: bytes | None = None,
        timeout: Limit | None = None,
        keep_errors: bool = True,
        log_output: bool = False,
    ) -> Outcome:
        """Runs `command` as `execute` does.

        `input` is its standard input. Without `keep_errors` only the last 8 to 16 KiB of the standard
        error are returned. `log_output` logs the lines of its output as they come. On the plain channel
        `input` raises ShellError.
        """
    def begin(self, command: str, input: bool = False, timeout: Limit | None = None) -> Call:
        """Starts `command` and returns at once; with `input` it reads what `Call.write` gives it.

        Raises ShellError when there is no agent in the guest.
        """
    def wait_for_command(self, command: str, success: bool = True, timeout: Limit = 900) -> str:
        """Runs `command`, each time under `timeout`, until it succeeds (or fails); its last output."""
    def wait_for_probe(
        self, command: str, success: bool = True, timeout: Limit = 900, hint: Sequence[str] = ()
    ) -> None:
        """The same for a question, which no limit of the wait cuts off (see machine/limit.hpp); it is
        asked at once when `hint` ends, as ("wait-port", "80", "open")."""
    def wait_for_unit(self, unit: str, user: str | None = None, timeout: Limit = 900) -> None: ...

    # Files
    def copy_in(self, source: str, target: str) -> None: ...
    def copy_out(self, source: str, target: str) -> None:
        """A file at `target` is replaced by a file; FileExistsError for all else that is there."""
    def add_console_lines(self, lines: list[bytes]) -> None:
        """Lines, without their ends, that came by another way: standard error of a command."""

class Machine(Guest):
    """One virtual machine: QEMU, its root shell, its monitors and its serial console."""

    def __init__(
        self,
        name: str,
        start_command: str,
        state_dir: str,
        shared_dir: str,
        reporter: Reporter,
        idle: Callable[[bool], None] | None = None,
        keep_state: bool = False,
    ) -> None:
        """Locks the state directory and, unless `keep_state`, empties it.

        Raises MachineError, naming the process id, when a living driver uses the directory.
        """
    @property
    def name(self) -> str: ...
    @property
    def state_dir(self) -> str: ...
    booted: bool
    connected: bool
    @property
    def pid(self) -> int | None: ...
    @property
    def process(self) -> Process | None: ...

    # Life cycle
    def start(
        self,
        allow_reboot: bool = False,
        arguments: list[str] = ...,
        command: str = "",
        full_command: str = "",
        environment: list[str] | None = None,
    ) -> None:
        """Starts QEMU; no-op when booted. `arguments` follow the driver's own on the command line.

        `command`, if any, is started instead of the machine's own. `full_command` is what
        `driver_command` would return, and comes together with a complete `environment` of entries
        NAME=value; without, that of this moment is taken. Raises MachineError.
        """
    def yield_directory(self) -> None:
        """Lets another machine have the state directory until the next start, which claims it
        again. Raises MachineError while QEMU runs.
        """
    def connect(self) -> None:
        """Starts the machine if need be and waits for the greeting of its root shell."""
    def poweroff(self) -> None:
        """Has the root shell power the guest off; does not wait."""
    def crash(self) -> None:
        """Ends QEMU at once and waits for it."""
    def wait_for_shutdown(self, timeout: Limit | None = None) -> None:
        """Waits for QEMU to end, forgets its connections. Raises subprocess.TimeoutExpired."""
    def release(self) -> None:
        """Ends QEMU (SIGTERM, after 5 s SIGKILL) and closes everything. Idempotent."""
    # Commands
    @property
    def has_agent(self) -> bool:
        """Whether an agent in the guest takes commands now."""
    @property
    def agent_bytes(self) -> int:
        """Bytes that went over the agent's line, in both directions, since QEMU started."""
    def execute(
        self,
        command: str,
        check_return: bool = True,
        check_output: bool = True,
        timeout: Limit | None = 900,
        log_output: bool = False,
    ) -> tuple[int, str]:
        """Runs `command`; its status and output. `log_output` logs the lines of its output as they come.

        Without `check_return` the status is -1, also when the guest is lost meanwhile; without
        `check_output` the answer is (-2, "") at once.
        """
    def attach_shell(self) -> int:
        """A duplicate of the root shell's socket for the caller alone, who closes it and calls
        detach_shell(). Commands wait meanwhile.
        """
    def detach_shell(self) -> None: ...
    def append_by_shell(self, content: bytes, file: str) -> tuple[int, str]:
        """Appends to a file, which is a word of the root shell, through that shell alone. Returns the
        status and what the guest's programs say."""
    # Monitors, keys, screen
    def monitor_command(self, command: str) -> str:
        """Runs a command of QEMU's human monitor. Returns its echo, its output and the prompt."""
    def qmp(self, command: str, arguments: str = "{}") -> str:
        """Sends a QMP command with arguments in JSON; returns the whole reply as JSON.
        Raises QMPAPIError.
        """
    def next_qmp_event(self, timeout: Limit) -> str:
        """The next QMP event as JSON. Raises TimeoutError; RuntimeError before the start."""
    def send_key(self, key: str) -> None:
        """Presses a key or chord by its QEMU name ("ctrl-alt-delete")."""
    def set_link(self, device: str, up: bool) -> None: ...
    def forward_port(self, host_port: int, guest_port: int) -> None: ...
    def screenshot(self, path: str) -> None:
        """Writes the screen to `path` as PNG. Raises MachineError."""
    def read_screen(self, variants: int, timeout: Limit | None = None) -> ScreenReading:
        """Begins to read the screen as it is now. `timeout` is what the caller's limit leaves."""
    # Serial console
    def console_log(self) -> str:
        """All lines since the last start, joined by newlines."""
    def console_tail(self, count: int) -> list[str]:
        """The last `count` lines, or all there are, fit to be shown."""
    def next_console_lines(self, timeout: Limit | None) -> list[str]:
        """Lines that no earlier call has returned, at least one. Raises TimeoutError."""
    def next_console_text(self, timeout: Limit | None, seen: ConsoleMark | None) -> ConsoleText:
        """Such lines, or a last line without an end that goes beyond `seen`, the mark of an earlier
        text. Raises TimeoutError.
        """
    def take_console_rest(self, mark: ConsoleMark) -> None:
        """Takes the last line up to the mark; later calls get what follows in it."""
    def send_console(self, data: bytes) -> None: ...

class Container(Guest):
    """What runs in one container, by an agent in its namespaces."""

    def __init__(
        self,
        name: str,
        reporter: Reporter,
        idle: Callable[[bool], None] | None = None,
    ) -> None: ...
    def enter(self, leader: int, nsenter: str) -> None:
        """It has started; `leader` is its first process, as the host sees it, and `nsenter` the path
        of that program, which starts the agent with the first command. Raises MachineError.
        """
    def leave(self) -> None:
        """Its end was waited for. Idempotent."""

class VLan:
    """One Ethernet segment that machines plug into."""

    def __init__(self, nr: int, tmp_dir: str, reporter: Reporter, tap: str = "") -> None:
        """With `tap` the segment reaches the kernel by a tap device of that name; it takes root.

        Raises MachineError, naming the process id, when a living driver uses the directory.
        """
    @property
    def nr(self) -> int: ...
    @property
    def socket_dir(self) -> str:
        """The value of `QEMU_VDE_SOCKET_{nr}`."""
    @property
    def stream_socket(self) -> str:
        """The value of `CHARIOTEER_VLAN_SOCKET_{nr}`: QEMU's stream netdev connects to it."""
    def counters(self) -> dict[str, int]:
        """Frames received, copies of them delivered, and what was dropped, by reason."""
    def stop(self) -> None: ...

class Session:
    """What a run owns: its time limit and the clean-up of its machines and VLANs."""

    def __init__(self, reporter: Reporter) -> None: ...
    def adopt_machine(self, machine: Machine) -> None: ...
    def adopt_vlan(self, vlan: VLan) -> None: ...
    def arm_timeout(self, timeout: Limit) -> None:
        """After `timeout`: logs it and ends this process as `terminate` does."""
    def cancel_timeout(self) -> None: ...
    def close(self) -> list[str]:
        """Ends machines in parallel, then VLANs, in at most 20 s. Idempotent. Returns what went
        wrong, a sentence each.
        """

def driver_command(
    start_command: str, monitor: str, qmp: str, shell: str, allow_reboot: bool = False
) -> str:
    """The start command with the flags that every driver of NixOS tests adds; the sockets are
    given by their paths."""

def machine_name(start_command: str) -> str:
    """The NAME in `run-NAME-vm`, or "machine"."""

def key_name(character: str) -> str:
    """What QEMU calls the key for a character; names of keys pass unchanged."""
