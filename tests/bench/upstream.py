"""The baseline: a client of the plain protocol of the NixOS test driver."""

import base64
import os
import shlex
import socket
import subprocess
import threading
import time
from pathlib import Path


class UpstreamShell:
    """A guest's root shell, used in two round trips for each command: output, then status."""

    def __init__(self, descriptor: int) -> None:
        """Takes over `descriptor`, the shell's socket."""
        self._socket = socket.socket(fileno=descriptor)
        # A timeout makes the socket non-blocking, which the driver, with which it is shared, requires.
        self._socket.settimeout(60)
        self.transferred = 0
        """The number of bytes sent and received."""

    def close(self) -> None:
        self._socket.close()

    def execute(self, command: str, timeout: int = 900) -> tuple[int, str]:
        """Runs `command` with the guest's limit of `timeout` seconds."""
        quoted = shlex.quote(f"set -euo pipefail; {command}")
        self._send(f"timeout {timeout} bash -c {quoted} | (base64 -w 0; echo)\n")
        output = base64.b64decode(self._line())
        self._send("echo ${PIPESTATUS[0]}\n")
        return int(self._line()), output.decode(errors="replace")

    def wait_until(self, command: str, interval: float = 1.0) -> None:
        """Runs `command` every `interval` seconds until it succeeds."""
        while self.execute(command)[0] != 0:
            time.sleep(interval)

    def _send(self, text: str) -> None:
        self._socket.sendall(text.encode())
        self.transferred += len(text.encode())

    def _line(self) -> bytes:
        received = b""
        while not received.endswith(b"\n"):
            chunk = self._socket.recv(4096)
            if not chunk:
                raise ConnectionError("the guest's shell has ended")
            received += chunk
            self.transferred += len(chunk)
        return received


class UpstreamMachine:
    """A machine whose QEMU is a child of this process and of its session, with what is needed to boot
    it and to switch it off."""

    _GREETING = b"Spawning backdoor root shell..."

    def __init__(self, start_script: str, folder: Path) -> None:
        """Waits for the greeting of the root shell."""
        (state := folder / "state").mkdir()
        (shared := folder / "shared").mkdir()
        listeners = {name: self._listen(folder / name) for name in ("monitor", "shell")}
        options = (
            f"-qmp unix:{folder}/qmp,server=on,wait=off -monitor unix:{folder}/monitor "
            f"-chardev socket,id=shell,path={folder}/shell -device virtio-serial "
            "-device virtconsole,chardev=shell -device virtio-rng-pci -serial stdio "
            "-no-reboot -nographic"
        )
        accelerator = "" if _kvm_works() else " -machine accel=tcg"
        self._process = subprocess.Popen(
            f"{start_script} {options}{accelerator}",
            shell=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=state,
            env={**os.environ, "TMPDIR": str(state), "SHARED_DIR": str(shared), "USE_TMPDIR": "1"},
        )
        self._reader = threading.Thread(target=self._read_console)
        self._reader.start()
        self._sockets = {name: one.accept()[0] for name, one in listeners.items()}
        for listener in listeners.values():
            listener.close()
        received = b""
        while self._GREETING + b"\n" not in received:
            piece = self._sockets["shell"].recv(4096)
            if not piece:
                raise RuntimeError("the guest ended before the greeting of its root shell")
            received += piece

    def shutdown(self) -> None:
        """Powers the guest off, and waits for the end of QEMU."""
        self._sockets["shell"].sendall(b"poweroff\n")
        self._process.wait()

    def release(self) -> None:
        """Kills QEMU if it still runs."""
        self._process.terminate()
        self._process.wait()
        self._reader.join()
        for connection in self._sockets.values():
            connection.close()

    @staticmethod
    def _listen(path: Path) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(60)
        return listener

    def _read_console(self) -> None:
        assert self._process.stdout
        for _ in self._process.stdout:
            pass


def _kvm_works() -> bool:
    """Whether KVM works: /dev/kvm may exist although guests hang with it."""
    flags = Path("/proc/cpuinfo").read_text()
    return os.access("/dev/kvm", os.W_OK) and ("vmx" in flags or "svm" in flags)
