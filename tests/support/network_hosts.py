"""Two hosts on this machine: network, mount and process namespaces of their own, with a real sshd."""

import os
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from support.far_host import (
    SSHD,
    client_options,
    configuration,
    make_keys,
    make_run_folder,
    why_no_sshd,
    write_hosts,
)
from support.leftovers import expect_nothing_left
from support.patience import scaled, until
from support.run import Run, environment

# sshd in namespaces of its own, with an empty folder for temporary files.
_START = """
mount -t tmpfs tmpfs {folder}/tmp
exec {sshd} -D -f {folder}/sshd_config
"""


def why_no_networks() -> str:
    """Why this machine cannot have such hosts; empty if it can."""
    if reason := why_no_sshd():
        return reason
    if os.getuid() != 0:
        return "network namespaces need root"
    tried = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "network namespaces cannot be made here"


class NetworkHost:
    """A host at the other end of a pair of interfaces."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder / name
        self._space = f"ch{os.getpid()}-{name}"
        self._interface = f"ch{os.getpid() % 100000}-{name}"
        # Of the addresses for tests of networks (RFC 2544); other runs of the tests use others.
        network = f"198.{18 + ord(name) % 2}.{os.getpid() % 256}"
        self.address = f"{network}.2"
        self._near_address = f"{network}.1"
        (self.folder / "tmp").mkdir(parents=True)
        key = make_keys(self.folder)
        text = configuration(self.folder) + f'SetEnv "TMPDIR={self.folder}/tmp"\n'
        (self.folder / "sshd_config").write_text(text)
        self.ssh = f"{client_options(key)} root@{self.address}"

    @contextmanager
    def running(self) -> Iterator[None]:
        make_run_folder()
        with ExitStack() as stack:
            _ip("netns", "add", self._space)
            stack.callback(_ip, "netns", "delete", self._space)
            peer = ["peer", "name", "uplink", "netns", self._space]
            _ip("link", "add", self._interface, "type", "veth", *peer)
            # The end of the name space would remove it, but later than the next test may add it.
            stack.callback(_ip, "link", "delete", self._interface)
            _ip("address", "add", f"{self._near_address}/24", "dev", self._interface)
            _ip("link", "set", self._interface, "up")
            inside = ["-n", self._space]
            _ip(*inside, "address", "add", f"{self.address}/24", "dev", "uplink")
            _ip(*inside, "link", "set", "uplink", "up")
            _ip(*inside, "link", "set", "lo", "up")
            script = _START.format(folder=shlex.quote(str(self.folder)), sshd=SSHD)
            own = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
            command = ["ip", "netns", "exec", self._space, *own, "sh", "-c", script]
            process = stack.enter_context(subprocess.Popen(command))
            stack.callback(process.kill)
            until(self._answers, 30, lambda: f"sshd of {self.name} does not answer")
            yield

    def cut(self) -> None:
        """Ends the network between this host and the driver; nothing there sees an end."""
        _ip("link", "set", self._interface, "down")

    def mend(self) -> None:
        _ip("link", "set", self._interface, "up")

    def execute(self, script: str) -> str:
        """The output of a script there."""
        command = ["ssh", *shlex.split(self.ssh), script]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=scaled(60)
        )
        return done.stdout

    def expect_nothing_left(self) -> None:
        def left() -> str:
            found = "for each in /proc/[0-9]*; do tr '\\0' ' ' < $each/cmdline; echo; done"
            text = self.execute(f"ls {self.folder}/tmp; {found} | grep -e qemu -e CHARIOTEER; true")
            return "\n".join(line for line in text.splitlines() if "grep -e qemu" not in line)

        # A host that was cut off notices it after a minute.
        until(lambda: not left(), 120, lambda: f"left on {self.name}: {left()}")

    def _answers(self) -> bool:
        time.sleep(0.1)
        return self.execute("echo yes") == "yes\n"


class TwoHosts:
    """The hosts b and c, and the file that names them."""

    def __init__(self, folder: Path) -> None:
        self.b = NetworkHost("b", folder)
        self.c = NetworkHost("c", folder)
        self.folder = folder
        self._file = folder / "hosts.toml"
        self._near = folder / "near"
        self._near.mkdir()
        write_hosts(self._file, {"b": self.b.ssh, "c": self.c.ssh})

    @contextmanager
    def running(self) -> Iterator[Self]:
        with self.b.running(), self.c.running():
            yield self

    def run(self, cluster: Path) -> Run:
        """Starts `charioteer run` on this machine, for machines on both hosts; see `Run`."""
        options = ["--hosts", str(self._file), "--log", "--no-diagnosis"]
        command = ["charioteer", "run", str(cluster), *options, "-o", str(self.folder / "out")]
        return Run(command, environment(TMPDIR=str(self._near)), self.folder)

    def expect_nothing_left(self) -> None:
        """Neither on this machine nor on the hosts, where the ends of drivers may take a minute."""
        expect_nothing_left(self._near)
        self.b.expect_nothing_left()
        self.c.expect_nothing_left()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
