"""What a VLAN knows of the programs that connect to it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from charioteer import _core
from charioteer.testing.errors import MachineError

from support.patience import until

_CONNECT = """
import socket, sys
plug = socket.socket(socket.AF_UNIX)
plug.connect(sys.argv[1])
print("connected", flush=True)
sys.stdin.read()
"""


@contextmanager
def plug_of(machine: str | None, vlan: _core.VLan) -> Iterator[None]:
    environment = {**os.environ, **({"CHARIOTEER_MACHINE": machine} if machine else {})}
    command = [sys.executable, "-c", _CONNECT, vlan.stream_socket]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == b"connected\n"
        try:
            yield
        finally:
            process.stdin.close()


def names_become(vlan: _core.VLan, names: list[str]) -> None:
    until(lambda: vlan.plugs() == names, 30, lambda: f"the plugs are {vlan.plugs()}")


def test_plugs_have_the_names_of_their_machines(folder: Path) -> None:
    vlan = _core.VLan(1, str(folder), _core.Reporter(terminal=False))
    with plug_of("server", vlan):
        names_become(vlan, ["server"])
        with plug_of("server", vlan):
            names_become(vlan, ["server", "server#2"])
            with plug_of(None, vlan):
                names_become(vlan, ["server", "server#2", "plug2"])
    names_become(vlan, [])
    vlan.stop()


def test_a_stopped_vlan_has_no_plugs(folder: Path) -> None:
    vlan = _core.VLan(1, str(folder), _core.Reporter(terminal=False))
    vlan.stop()
    with pytest.raises(MachineError, match="the VLAN has been stopped"):
        vlan.plugs()
