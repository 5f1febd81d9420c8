"""The bridges of the host that containers are attached to."""

import errno
import os
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest
from charioteer.testing import containers
from charioteer.testing.errors import MachineError
from charioteer.testing.logger import TerminalLogger
from log_lines import log_lines


def fail_with(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel refuses to attach an interface to a bridge."""

    def ioctl(_request: int, _argument: bytes) -> None:
        raise OSError(number, "from the kernel")

    monkeypatch.setattr(containers, "_ioctl", ioctl)
    monkeypatch.setattr(socket, "if_nametoindex", lambda _name: 3)


def test_an_interface_that_is_already_attached_is_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fail_with(errno.EBUSY, monkeypatch)
    containers.attach("vde-tap1", "br1")


def test_other_errors_of_the_kernel_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(errno.EPERM, monkeypatch)
    with pytest.raises(OSError, match="from the kernel"):
        containers.attach("vde-tap1", "br1")


@pytest.mark.skipif(os.geteuid() != 0, reason="entering a network requires root")
def test_the_addresses_of_a_process_are_those_of_its_network() -> None:
    addresses = containers.addresses_of(f"/proc/{os.getpid()}/ns/net")
    interfaces = Path("/sys/class/net").glob("*/address")
    own = {file.read_text().strip() for file in interfaces} - {"00:00:00:00:00:00"}
    assert own <= {*addresses} and all(len(each) == 17 for each in addresses)


class RecordingVLan(containers.OpenVLan):
    """Records the names that it is given."""

    def __init__(self, fails_with: Exception | None = None) -> None:
        self.nr = 1
        self.logger = TerminalLogger()
        self.named: list[tuple[str, str]] = []
        self.fails_with = fails_with
        self._is_stopped = False

    def name(self, addresses: Mapping[str, str]) -> None:
        if self.fails_with is not None:
            raise self.fails_with
        self.named += addresses.items()


def test_a_starting_container_is_named_as_soon_as_it_has_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers: list[list[str] | OSError] = [
        FileNotFoundError("no network yet"),
        [],
        ["02:00:00:00:00:01"],
        ["02:00:00:00:00:01", "02:00:00:00:00:02"],
    ]

    def addresses_of(network: str) -> list[str]:
        assert network == "/run/netns/nixos-nspawn-box"
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(containers, "addresses_of", addresses_of)
    vlan = RecordingVLan()
    names = containers.EarlyNames([vlan], "box")
    while answers:
        names.look()
    assert vlan.named == [("02:00:00:00:00:01", "box"), ("02:00:00:00:00:02", "box")]


@pytest.mark.parametrize("error", [MachineError("the VLAN has been stopped"), TimeoutError("late")])
def test_a_vlan_that_does_not_take_names_does_not_end_a_starting_container(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(containers, "addresses_of", lambda _network: ["02:00:00:00:00:01"])
    failing, other = RecordingVLan(error), RecordingVLan()
    names = containers.EarlyNames([failing, other], "box")
    for _ in range(2):
        names.look()
    assert other.named == [("02:00:00:00:00:01", "box")]
    warning = f"vlan1: faults and captures do not find box: {error}"
    assert [line for line in log_lines(failing.logger) if "find" in line] == [warning]


def test_a_vlan_that_was_stopped_is_given_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "addresses_of", lambda _network: ["02:00:00:00:00:01"])
    stopped = RecordingVLan(MachineError("the VLAN has been stopped"))
    stopped._is_stopped = True
    containers.EarlyNames([stopped], "box").look()
    assert not any("find" in line for line in log_lines(stopped.logger))
