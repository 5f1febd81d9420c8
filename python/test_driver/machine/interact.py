"""A terminal in the guest for whoever sits at the driver's."""

import os
import select
import shutil
import subprocess
import sys
import threading

from charioteer import _core as core
from test_driver.errors import MachineError


def shell_by_socat(machine: core.Machine, address: str) -> None:
    """Connects the root shell to an address of socat, until either side ends. Ctrl-C ends it."""
    if shutil.which("socat") is None:
        raise MachineError(f"{machine.name}: shell_interact with an address needs socat")
    descriptor = machine.attach_shell()
    try:
        subprocess.run(["socat", address, f"FD:{descriptor}"], pass_fds=[descriptor])
    except KeyboardInterrupt:
        pass
    finally:
        os.close(descriptor)
        machine.detach_shell()


def shell_on_terminal(machine: core.Machine) -> None:
    """Sends lines of the terminal to the root shell and shows what it answers.

    Ends by Ctrl-D or Ctrl-C.
    """
    descriptor = machine.attach_shell()
    done = threading.Event()
    shower = threading.Thread(target=_show, args=(descriptor, done), daemon=True)
    shower.start()
    try:
        while True:
            os.write(descriptor, (input("$ ") + "\n").encode())
    except (EOFError, KeyboardInterrupt):
        print(file=sys.stderr)
    finally:
        # First of all, or it would take what later commands answer.
        done.set()
        shower.join()
        os.close(descriptor)
        machine.detach_shell()


def _show(descriptor: int, done: threading.Event) -> None:
    while not done.is_set():
        if select.select([descriptor], [], [], 0.1)[0]:
            piece = os.read(descriptor, 65536)
            if not piece:
                return
            sys.stdout.write(piece.decode(errors="replace"))
            sys.stdout.flush()


def console_on_terminal(machine: core.Machine) -> bool:
    """Sends what is typed to the serial console. False: by Ctrl-C; True: the input ended."""
    try:
        while data := sys.stdin.buffer.readline():
            machine.send_console(data)
    except KeyboardInterrupt:
        return False
    return True
