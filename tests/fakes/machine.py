"""Imitates QEMU without a machine: connects to the driver and runs bash on this host as root shell.

Parses the options that the driver adds to the command line. FAKE_QEMU_MODE selects a failure:

exit                  exits immediately
exit-connected        exits after it has connected to the driver
never-connect         never connects to the driver
no-shell              connects, but starts no shell
panic                 prints a kernel panic and starts no shell
panic-after-greeting  prints a kernel panic, then the shell's greeting, and ignores commands
die                   prints two console lines and exits when the shell receives the first byte
ignore-commands       ignores commands to the shell
one-agent             installs an agent once, and ignores commands that install another one
ignore-exit           ignores SIGTERM and the QMP command `quit`
no-screendump         never replies to the QMP command `screendump`
old-version           is QEMU 8.2.1
blocked               its state cannot be saved
migration-fails       has no space for its saved state
migration-hangs       does not finish saving or loading its state unless that is cancelled
dies-migrating        ends while its state is saved

With FAKE_QEMU_AGENT the guest has a port for an agent: the command that installs the agent is
handled here, and the agent runs on this host. FAKE_QEMU_AGENT=deny: the guest has no port.

The saved state of a guest is its devices and the program of its agent, which is started again when
a loaded guest is continued.

Only what is always used is imported with the module, since tests start it thousands of times.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from typing import Any, TextIO

MODE = os.environ.get("FAKE_QEMU_MODE", "")
AGENT = os.environ.get("FAKE_QEMU_AGENT", "")
AGENT_PORT = "charioteer.agent"

DEVICES = [value for flag, value in zip(sys.argv, sys.argv[1:]) if flag == "-device"]
REFUSALS = {"no-such-command": "not found"}

LOADS_STATE = "-incoming" in sys.argv
run_state = "inmigrate" if LOADS_STATE else "running"
#: The answers of query-migrate; the last one stays.
migration: list[dict[str, object]] = [
    {"blocked-reasons": ["'share' is mounted", "no memory"]} if MODE == "blocked" else {}
]
#: The nonce and the program of the agent that runs, or ran when the guest was saved.
saved_agent: tuple[str, bytes] | None = None

qmp_ready = threading.Event()
qmp_lock = threading.Lock()
qmp_stream: TextIO | None = None
agent_port: socket.socket | None = None


def option(name: str, start: str = "") -> str:
    """The value of the last option `name` whose value begins with `start`, without it."""
    values = [
        value
        for flag, value in zip(sys.argv, sys.argv[1:])
        if flag == name and value.startswith(start)
    ]
    return values[-1].removeprefix(start).split(",")[0] if values else ""


def save(file: str) -> None:
    global migration, run_state
    if MODE == "dies-migrating":
        print("fake-qemu: the disk is gone", flush=True)
        os._exit(5)
    last: dict[str, object] = {"status": "completed"}
    if MODE == "migration-fails":
        last = {"status": "failed", "error-desc": "Unable to write: No space left on device"}
    migration = [{"status": "setup"}, {"status": "active"}]
    if MODE == "migration-hangs":
        print("saving does not end", flush=True)
        return
    migration.append(last)
    import base64

    nonce, program = saved_agent or ("", b"")
    state = {"devices": DEVICES, "nonce": nonce, "program": base64.b64encode(program).decode()}
    with open(file, "w") as stream:
        json.dump(state, stream)
    if MODE != "migration-fails":
        run_state = "postmigrate"


def load(file: str) -> None:
    global migration, run_state, saved_agent
    try:
        with open(file) as stream:
            state = json.load(stream)
    except ValueError:
        sys.stderr.write("fake-qemu: the file is damaged\n")
        os._exit(1)
    if MODE == "migration-hangs":
        print("loading does not end", flush=True)
        migration = [{"status": "active"}]
        return
    if state["devices"] != DEVICES:
        sys.stderr.write("fake-qemu: unknown device\n")
        os._exit(1)
    if state["nonce"]:
        import base64

        saved_agent = state["nonce"], base64.b64decode(state["program"])
    migration = [{"status": "active"}, {"status": "completed"}]
    run_state = "paused"


def refusal(command: str, arguments: dict[str, Any]) -> str:
    """Runs a command that changes the guest; returns why it cannot be run."""
    global migration, run_state
    if command == "stop":
        run_state = "paused"
        send({"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 2}})
    if command == "cont":
        run_state = "running"
        send({"event": "RESUME", "timestamp": {"seconds": 3, "microseconds": 4}})
    if command == "migrate_cancel" and migration[-1].get("status") == "active":
        print("cancelled", flush=True)
        migration = [{"status": "cancelling"}, {"status": "cancelled"}]
    try:
        if command == "migrate":
            save(arguments["channels"][0]["addr"]["filename"])
        if command == "migrate-incoming":
            load(arguments["channels"][0]["addr"]["filename"])
    except OSError as error:
        return f"Failed to open '{error.filename}': {error.strerror}"
    return REFUSALS.get(command, "")


def answer(command: str, arguments: dict[str, str]) -> object:
    if command == "human-monitor-command":
        line = arguments["command-line"]
        return "" if line.startswith(("sendkey", "set_link", "hostfwd_add")) else f"ran {line}\r\n"
    if command == "query-target":
        return {"arch": os.uname().machine}
    if command == "query-status":
        return {"status": run_state, "running": run_state == "running"}
    if command == "qom-list" and arguments["path"] == "/machine/peripheral-anon":
        kinds = [each.split(",")[0] for each in DEVICES]
        return [{"name": f"device[{i}]", "type": f"child<{k}>"} for i, k in enumerate(kinds)]
    if command == "query-memory-size-summary":
        return {"base-memory": 16, "plugged-memory": 0}
    if command == "query-migrate":
        return migration.pop(0) if len(migration) > 1 else migration[0]
    if command == "screendump":
        with open(arguments["filename"], "wb") as picture:
            # Random pixels: each screendump differs, and recognising its text takes long.
            pixels = os.urandom(300 * 200 * 3)
            is_ppm = arguments.get("format") == "ppm"
            picture.write(b"P6 300 200 255\n" + pixels if is_ppm else b"\x89PNG a screen")
    return {}


def send(message: dict[str, object]) -> None:
    assert qmp_stream
    with qmp_lock:
        qmp_stream.write(json.dumps(message) + "\r\n")
        qmp_stream.flush()


def send_port_event(is_open: bool) -> None:
    qmp_ready.wait()
    send({"event": "VSERPORT_CHANGE", "data": {"id": AGENT_PORT, "open": is_open}})


def serve_qmp(listener: socket.socket) -> None:
    global qmp_stream
    connection, _ = listener.accept()
    # Two streams: what one for both has read beyond a line is lost when it is written to.
    requests = connection.makefile("r")
    qmp_stream = connection.makefile("w")
    number = {"major": 10, "minor": 0, "micro": 2}
    if MODE == "old-version":
        number = {"major": 8, "minor": 2, "micro": 1}
    send({"QMP": {"version": {"qemu": number, "package": "fake"}, "capabilities": []}})
    for line in requests:
        qmp_ready.set()
        request = json.loads(line)
        command = request["execute"]
        reply = {"id": request["id"]} if "id" in request else {}
        if command == "screendump" and MODE == "no-screendump":
            continue
        arguments = request.get("arguments", {})
        was_loaded = run_state == "paused" and migration[-1].get("status") == "completed"
        if why := refusal(command, arguments):
            kind = "CommandNotFound" if command in REFUSALS else "GenericError"
            send({**reply, "error": {"class": kind, "desc": why}})
            continue
        send({**reply, "return": answer(command, arguments)})
        if command == "cont" and was_loaded and agent_port:
            continue_agent(agent_port)
        if command == "quit":
            send({"event": "SHUTDOWN", "data": {"guest": False, "reason": "host-qmp-quit"}})
        if command == "quit" and MODE != "ignore-exit":
            os._exit(0)


def connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    return connection


def serve_shell(connection: socket.socket, port: socket.socket | None) -> None:
    if MODE == "no-shell":
        threading.Event().wait()
    if MODE.startswith("panic"):
        print("[    0.5] Kernel panic - not syncing: No working init found.", flush=True)
    if MODE == "panic":
        threading.Event().wait()
    if not LOADS_STATE:
        connection.sendall(b"hello from the guest\nSpawning backdoor root shell...\n")
    if MODE == "die":
        connection.recv(1)
        print("out of memory\ngoing down", flush=True)
        os._exit(7)
    if MODE in ("ignore-commands", "panic-after-greeting"):
        while connection.recv(65536):
            pass
    environment = {
        **os.environ,
        "BASH_FUNC_poweroff%%": f"() {{ kill -KILL {os.getpid()}; }}",
    }
    if not AGENT:
        copies = [(os.POSIX_SPAWN_DUP2, connection.fileno(), number) for number in (0, 1)]
        # Which Python ignores.
        defaults = [signal.SIGPIPE, signal.SIGXFSZ]
        bash = ["bash", "--norc"]
        pid = os.posix_spawnp("bash", bash, environment, file_actions=copies, setsigdef=defaults)
        os.waitpid(pid, 0)
    else:
        import subprocess

        with subprocess.Popen(
            ["bash", "--norc"], stdin=subprocess.PIPE, stdout=connection.fileno(), env=environment
        ) as shell:
            relay(connection, shell, port)
    connection.close()
    threading.Event().wait()


def relay(
    connection: socket.socket, shell: subprocess.Popen[bytes], port: socket.socket | None
) -> None:
    """Passes lines on to the shell, except for the command that installs the agent."""
    import re

    assert shell.stdin and port
    lines = connection.makefile("rb")
    installed = False
    for line in lines:
        if not line.startswith(b"word=$("):
            shell.stdin.write(line)
            shell.stdin.flush()
            continue
        while not re.search(rb":0 0\"$", line):
            line += lines.readline()
        if MODE == "one-agent" and installed:
            continue
        installed = True
        number = found(r'"#""([0-9]+)~', line.decode())
        word = "no-port" if AGENT == "deny" else install(line.decode(), port)
        connection.sendall(f"#{number}~{word}\n#{number}:0 0\n".encode())


def found(pattern: str, text: str) -> str:
    import re

    match = re.search(pattern, text)
    assert match
    return match[1]


def start_agent(port: socket.socket, nonce: str, program: bytes) -> None:
    import subprocess
    import tempfile

    global saved_agent
    saved_agent = nonce, program
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(program)
    os.chmod(file.name, 0o700)
    agent = subprocess.Popen([file.name, str(port.fileno()), nonce], pass_fds=[port.fileno()])
    send_port_event(True)

    def wait_for_exit() -> None:
        agent.wait()
        os.unlink(file.name)
        send_port_event(False)

    threading.Thread(target=wait_for_exit, daemon=True).start()


def continue_agent(port: socket.socket) -> None:
    if saved_agent:
        start_agent(port, *saved_agent)
    else:
        send_port_event(False)


def install(script: str, port: socket.socket) -> str:
    nonce = found(r" 0 ([0-9a-f]+) detach", script)
    size = int(found(r"head -c ([0-9]+)", script))
    # A previous agent has set O_NONBLOCK on the shared socket.
    port.setblocking(True)
    send_port_event(True)
    stream = port.makefile("rb", buffering=0)
    line = b""
    while line != nonce.encode() + b"\n":
        line = stream.readline()
    program = b""
    while len(program) < size:
        program += stream.read(size - len(program)) or b""
    send_port_event(False)
    # Before the agent greets the driver: tests compare the console after that.
    print("installed an agent", flush=True)
    start_agent(port, nonce, program)
    return "started"


def echo_console() -> None:
    for line in sys.stdin:
        print(f"you typed: {line.strip()}", flush=True)


def main() -> None:
    global agent_port
    if MODE == "exit":
        sys.exit("fake-qemu: no machine specified")
    if MODE == "ignore-exit":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    if MODE == "never-connect":
        print("formatting a disk", flush=True)
        threading.Event().wait()
    listener = socket.socket(socket.AF_UNIX)
    path = option("-qmp", "unix:")
    # QEMU also removes the socket of a previous run.
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    listener.bind(path)
    listener.listen(1)
    connect(option("-monitor", "unix:")).detach()
    shell = connect(option("-chardev", "socket,id=shell,path="))
    path = option("-chardev", "socket,id=agent,path=")
    port = agent_port = connect(path) if path else None
    if MODE == "exit-connected":
        print("fake-qemu: no such processor", flush=True)
        os._exit(3)
    print("loading" if LOADS_STATE else "booting", flush=True)
    for work in (lambda: serve_qmp(listener), lambda: serve_shell(shell, port), echo_console):
        threading.Thread(target=work, daemon=True).start()
    while True:
        signal.pause()
