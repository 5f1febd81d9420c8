"""`charioteer run` as a child process, for suites and for pytest."""

import os
import shutil
import signal
import site
import subprocess
import sys
from pathlib import Path
from typing import IO

import charioteer

END_GRACE = 40.0
"""Seconds in which an interrupted run ends its machines, which it does within 20 s."""
# Not resolved: the packages of a build are links, and the core is beside these.
_PACKAGES = Path(charioteer.__file__).parents[1]


def start(
    cluster: Path, output: Path, log: IO[bytes] | None = None, inherited: int | None = None
) -> "subprocess.Popen[bytes]":
    """Starts the run of a cluster file, which writes into `output`. Main thread only.

    The run ends when this process does. With `log`, that is its output and it has a session of its
    own, so that Ctrl-C is left to this process; else both share a terminal. `inherited`: a
    descriptor that the run keeps open. Raises OSError.
    """
    return subprocess.Popen(
        _command(cluster, output),
        env=_environment(),
        stdin=None if log is None else subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=log is not None,
        pass_fds=() if inherited is None else (inherited,),
    )


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ends an interrupted run, which ends its machines."""
    process.terminate()
    try:
        process.wait(END_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kills a run that has a session, and what it has left there, before it is waited for."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _command(cluster: Path, output: Path) -> list[str]:
    # -P: modules are not taken from the working directory, which is the project's.
    command = [sys.executable, "-P", "-m", "charioteer", "run", "--log"]
    command += [str(cluster), "-o", str(output)]
    # Otherwise the run would last longer than this process if that is killed.
    if setpriv := shutil.which("setpriv"):
        command[:0] = [setpriv, "--pdeathsig", "TERM"]
    return command


def _environment() -> dict[str, str]:
    """That of this process, in which Python finds the package."""
    # A folder of the interpreter, as in Debian's package, is on the path already, after the standard
    # library, which its packages must not hide.
    folders = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    if os.path.realpath(_PACKAGES) in [os.path.realpath(each) for each in folders]:
        return dict(os.environ)
    inherited = os.environ.get("PYTHONPATH")
    path = f"{_PACKAGES}{os.pathsep}{inherited}" if inherited else str(_PACKAGES)
    return {**os.environ, "PYTHONPATH": path}
