"""The Python interface of the C++ core.

Calls block without holding the interpreter lock, return as soon as the result is available, and react
to Ctrl-C within 0.1 s. A `Limit` is a number of seconds or a timedelta; `None` is no limit. Texts from
a guest are decoded as UTF-8 with U+FFFD for invalid bytes, unless stated otherwise.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

from charioteer._core_errors import *
from charioteer._core_reports import *
from charioteer._core_run import *
from charioteer._core_values import *
from charioteer._core_vlan import *

Limit = int | float | timedelta

version: str

class Process:
    """A running or ended program, similar to subprocess.Popen."""

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
        """The last 8 KiB of its output."""

def spawn(
    arguments: list[str],
    environment: list[str],
    directory: str,
    machine: str = "",
    reporter: Reporter | None = None,
) -> Process:
    """Starts a program. It ends with this process, and so do all processes that it starts.

    `arguments[0]` is searched on this process's PATH; `environment` has entries NAME=value. With
    `reporter` its output is reported as lines of the serial console of `machine`. Raises MachineError.
    """

class ScreenReading:
    """An iterator of the texts on a picture of a screen: pairs of a variant's number and its text, in
    the order in which they are recognised. Deleting the object cancels the remaining variants.

    Variant 0 is the unchanged picture, 1 is for dark letters, 2 for light letters. Texts are cached:
    an equal picture is not read again. $NIX_BUILD_CORES and $TESSDATA_PREFIX are read at the first
    picture.
    """

    def __init__(
        self, ppm: bytes, variants: int, idle: Callable[[bool], None] | None = None
    ) -> None:
        """Begins to read a binary PPM file in the first `variants`, 1 to 3, of the variants."""
    def __iter__(self) -> "ScreenReading": ...
    def __next__(self) -> tuple[int, str]:
        """Raises MachineError; when Tesseract is missing, the error names the package to install."""

class Call:
    """A running command in a guest. The command is killed when this object is deleted."""

    @property
    def pid(self) -> int:
        """The process id in the guest, also that of the process group. Raises ShellError."""
    @property
    def ended(self) -> bool:
        """Whether the command has ended; there may be output that was not read. False when the guest
        was lost."""
    @property
    def outcome(self) -> Outcome | None:
        """The outcome; None until `read` has returned None."""
    def read(self, timeout: Limit | None = None) -> Piece | None:
        """Waits for the next piece of its output; None after its end. Unread output stays in the
        guest, where the command then blocks. Raises TimeoutError, ShellError."""
    def write(self, data: bytes) -> None:
        """Writes to its standard input; returns when the guest has room for all of it."""
    def end_input(self) -> None:
        """Closes its standard input, after the data that were written."""
    def signal(self, number: int) -> None:
        """Sends a signal to its process group; 0 means SIGTERM, and SIGKILL 5 s later."""
    def detach(self) -> None:
        """Lets the command run when this object is deleted."""

class Guest:
    """The common base of virtual machines and containers.

    The `idle(polling)` of their constructors is called on the calling thread about every 50 ms while
    a call blocks; `polling` is true in the `wait_*` calls, which repeat a check. An exception of
    `idle` ends the call.
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
        error are returned. `log_output` logs the lines of its output as they arrive. On the plain
        channel `input` raises ShellError.
        """
    def begin(self, command: str, input: bool = False, timeout: Limit | None = None) -> Call:
        """Starts `command` without waiting; with `input`, `Call.write` writes its standard input.

        Raises ShellError when there is no agent in the guest.
        """
    def wait_for_command(self, command: str, success: bool = True, timeout: Limit = 900) -> str:
        """Runs `command` repeatedly until it succeeds (or fails), each time with the limit `timeout`;
        returns its last output."""
    def wait_for_probe(
        self, command: str, success: bool = True, timeout: Limit = 900, hint: Sequence[str] = ()
    ) -> None:
        """The same for a probe, which has a limit of its own (see machine/limit.hpp). `hint` is a
        program of the agent, such as ("wait-port", "80", "open"), after whose end the next probe runs.
        """
    def wait_for_unit(self, unit: str, user: str | None = None, timeout: Limit = 900) -> None: ...

    # Files
    def copy_in(self, source: str, target: str) -> None: ...
    def copy_out(self, source: str, target: str) -> None:
        """A file replaces a file at `target`. Raises FileExistsError if anything else exists there."""
    def add_console_lines(self, lines: list[bytes]) -> None:
        """Adds lines, without newlines, to the console: standard error of a command."""

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

        Raises MachineError with the process id when another running driver uses the directory.
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
        """Starts QEMU unless it is booted. `arguments` are appended to those of the driver.

        `command`, if any, replaces the machine's start command. `full_command` replaces the result of
        `driver_command`, and requires a complete `environment` of entries NAME=value; the default is
        the current environment. Raises MachineError.
        """
    def yield_directory(self) -> None:
        """Unlocks the state directory for another machine; the next start locks it again. Raises
        MachineError while QEMU runs."""
    def connect(self) -> None:
        """Starts the machine if it is off, and waits for the greeting of its root shell."""
    def poweroff(self) -> None:
        """Powers the guest off by the root shell; does not wait."""
    def crash(self) -> None:
        """Kills QEMU and waits for its end."""
    def wait_for_shutdown(self, timeout: Limit | None = None) -> None:
        """Waits for the end of QEMU, closes its connections. Raises subprocess.TimeoutExpired."""
    def release(self) -> None:
        """Ends QEMU (SIGTERM, after 5 s SIGKILL) and closes everything. Idempotent."""
    # Saving and loading the state of the guest
    def pause(self) -> None:
        """Stops the guest's processors. Raises MachineError."""
    def resume(self) -> None:
        """Continues the guest after pause(), save_state() and load_state()."""
    def reseed(self) -> None:
        """Renews the random numbers of the guest's kernel by the agent, so that two guests which were
        loaded from one state do not draw the same. No-op without an agent; a failure is logged."""
    def save_state(self, file: str) -> None:
        """Writes the RAM and the state of the devices of the paused guest to a new file of mode 0600.
        The guest stays paused.

        Raises MachineError with QEMU's reason; the guest can be continued then, and an incomplete
        file may be left.
        """
    def load_state(
        self,
        file: str,
        allow_reboot: bool = False,
        arguments: list[str] = ...,
        command: str = "",
        full_command: str = "",
        environment: list[str] | None = None,
    ) -> None:
        """Starts QEMU as start(), with the devices and disks of the machine whose state is in `file`,
        and loads it. The guest is paused then, and takes commands after resume().

        Raises MachineError when the machine is booted, and with QEMU's output when the state cannot be
        loaded; QEMU has ended then.
        """
    def console_state(self) -> ConsoleState:
        """The lines of the serial console, for `restore_console`."""
    def restore_console(self, lines: list[str], taken: int) -> None:
        """Replaces the lines of the serial console by those of a ConsoleState, without logging them.
        To be called between load_state() and resume()."""
    # Commands
    @property
    def has_agent(self) -> bool:
        """Whether commands are run by an agent in the guest now."""
    @property
    def agent_bytes(self) -> int:
        """Bytes sent to and received from the agent since QEMU started."""
    def execute(
        self,
        command: str,
        check_return: bool = True,
        check_output: bool = True,
        timeout: Limit | None = 900,
        log_output: bool = False,
    ) -> tuple[int, str]:
        """Runs `command`; returns its status and output. `log_output` logs the output as it arrives.

        Without `check_return` the status is -1, also if the guest is lost during the command; without
        `check_output` it returns (-2, "") at once.
        """
    def attach_shell(self) -> int:
        """A duplicate of the root shell's socket. The caller must close it and call detach_shell();
        until then commands wait.
        """
    def detach_shell(self) -> None: ...
    def append_by_shell(self, content: bytes, file: str) -> tuple[int, str]:
        """Appends to `file`, a word that the root shell expands, through that shell only. Returns the
        status and the output of the guest's programs."""
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
        """Presses a key or a combination of keys by its QEMU name ("ctrl-alt-delete")."""
    def set_link(self, device: str, up: bool) -> None: ...
    def forward_port(self, host_port: int, guest_port: int) -> None: ...
    def screenshot(self, path: str) -> None:
        """Writes the screen to `path` as PNG. Raises MachineError."""
    def read_screen(self, variants: int, timeout: Limit | None = None) -> ScreenReading:
        """Begins to read the current screen. `timeout` is the time until the caller's limit."""
    # Serial console
    def console_log(self) -> str:
        """All lines since the last start, joined by newlines."""
    def console_tail(self, count: int) -> list[str]:
        """At most the last `count` lines, escaped for a terminal."""
    def next_console_lines(self, timeout: Limit | None) -> list[str]:
        """Waits for lines that no earlier call has returned. Raises TimeoutError."""
    def next_console_text(self, timeout: Limit | None, seen: ConsoleMark | None) -> ConsoleText:
        """Waits for such lines, or an unterminated last line that is longer than at `seen`, the mark
        of an earlier text. Raises TimeoutError.
        """
    def consume_console_rest(self, mark: ConsoleMark) -> None:
        """Consumes the last line up to the mark; later calls get the rest of it."""
    def send_console(self, data: bytes) -> None: ...

class Container(Guest):
    """One container, in whose namespaces an agent runs."""

    def __init__(
        self,
        name: str,
        reporter: Reporter,
        idle: Callable[[bool], None] | None = None,
    ) -> None: ...
    def enter(self, leader: int, nsenter: str) -> None:
        """To be called after the start. `leader` is the host's process id of its first process;
        the program at `nsenter` starts the agent at the first command. Raises MachineError."""
    def leave(self) -> None:
        """To be called after its end. Idempotent."""

class Session:
    """The time limit of a run, and the clean-up of its machines and VLANs."""

    def __init__(self, reporter: Reporter) -> None: ...
    def adopt_machine(self, machine: Machine) -> None: ...
    def adopt_vlan(self, vlan: VLan) -> None: ...
    def arm_timeout(self, timeout: Limit) -> None:
        """After `timeout`, logs a message and ends this process as `terminate` does."""
    def cancel_timeout(self) -> None: ...
    def close(self, clients: Limit = 0, disks: Limit = 0) -> list[str]:
        """Ends the machines in parallel, in at most 20 s, then the VLANs, as VLan.stop() of each.

        Returns messages of errors.
        Idempotent."""

def driver_command(
    start_command: str, monitor: str, qmp: str, shell: str, allow_reboot: bool = False
) -> str:
    """The start command with the options that every driver of NixOS tests adds. The sockets are
    paths."""

def machine_name(start_command: str) -> str:
    """The NAME in `run-NAME-vm`, or "machine"."""

def key_name(character: str) -> str:
    """QEMU's name of the key for a character; names of keys are returned unchanged."""
