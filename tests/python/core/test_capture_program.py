"""`charioteer capture` and Wireshark's extcap, with the real core and stations on this host."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support import tshark
from support.leftovers import expect_nothing_left
from support.patience import until
from support.pcapng import statistics_of
from support.run import PROGRAMS, Run
from support.shared_machines import short_folder
from support.station import Station, connected_station
from support.testbed import Testbed

VLANS = (1, 2)
INTERFACE = b"plug0"


class Network:
    """A run with two VLANs and a station on the first, and a machine with a fake QEMU."""

    def __init__(self, testbed: Testbed, run: Run, alice: Station, bob: Station) -> None:
        self.testbed = testbed
        self.run = run
        self.alice = alice
        self.bob = bob

    def send(self, text: str) -> None:
        """Returns when it was delivered."""
        self.alice.send(self.bob.address, text.encode())
        self.bob.receive(lambda frame: frame.payload == text.encode())

    def capture(self, *arguments: str) -> "Follower":
        return Follower(self.testbed, *arguments)

    def end(self) -> None:
        self.run.enter("")
        self.run.expect(0)


class Follower:
    """`charioteer capture` that writes to a file."""

    def __init__(self, testbed: Testbed, *arguments: str) -> None:
        self.path = testbed.folder / "followed.pcapng"
        command = f'"$0" capture "$@" > {self.path}'
        self.run = testbed.run("/bin/sh", "-c", command, PROGRAMS / "charioteer", *arguments)

    def wait_for(self, content: bytes) -> None:
        def has_it() -> bool:
            return self.path.exists() and content in self.path.read_bytes()

        until(has_it, 60, lambda: f"{content!r} did not come:\n{self.run.report()}")

    def texts(self) -> list[str]:
        values = tshark.fields(self.path, "data.data", only="eth.type == 0x88b5")
        return [bytes.fromhex(value).decode() for (value,) in values]


@contextmanager
def running(testbed: Testbed) -> Iterator[Network]:
    testbed.keyboard = True
    script = """\
web.start()
vlan1.handle.name_address("02:00:00:00:00:02", "box")
print("begun", flush=True)
input()
"""
    run = testbed.run_driver(testbed.configuration(script, None, VLANS))
    testbed.keyboard = False
    run.wait_for("begun")
    control = testbed.state / "vde1.ctl"
    with (
        connected_station(control, "02:00:00:00:00:01") as alice,
        connected_station(control, "02:00:00:00:00:02") as bob,
    ):
        # The driver creates a socket for each station, and then forwards its frames.
        until(lambda: len([*control.glob("data.*")]) == 2, 30, lambda: "no stations")
        yield Network(testbed, run, alice, bob)


@pytest.fixture
def network(testbed: Testbed) -> Iterator[Network]:
    with running(testbed) as made:
        yield made


@pytest.fixture(scope="module")
def lasting() -> Iterator[Network]:
    """The network of the tests with the mark `together`, each of which leaves it unchanged."""
    with short_folder() as folder:
        testbed = Testbed(folder)
        try:
            with running(testbed) as made:
                yield made
                made.end()
        finally:
            testbed.close()
        expect_nothing_left(folder)


def test_the_frames_of_a_vlan_from_now_on(network: Network) -> None:
    network.send("before")
    follower = network.capture("vlan1@" + str(network.run.pid))
    follower.wait_for(INTERFACE)
    network.send("one")
    follower.wait_for(b"one")
    network.send("two")
    network.end()
    follower.run.expect(0)
    assert follower.texts() == ["one", "two"]
    assert statistics_of(follower.path.read_bytes())["lost"] == 0


def test_a_machine_on_several_vlans(network: Network) -> None:
    follower = network.capture(f"web@{network.run.pid}")
    follower.wait_for(INTERFACE)
    network.send("for another")
    network.alice.send("ff:ff:ff:ff:ff:ff", b"for all")
    follower.wait_for(b"for all")
    network.end()
    follower.run.expect(0)
    assert follower.texts() == ["for all"]


def test_the_reader_may_go(network: Network) -> None:
    command = f'"$0" capture vlan1@{network.run.pid} | head -c 1'
    reader = network.testbed.run("/bin/sh", "-c", command, PROGRAMS / "charioteer")
    # Without a frame that shows it.
    reader.expect(0)
    network.end()


def test_a_container_is_found_by_its_addresses(network: Network) -> None:
    follower = network.capture(f"box@{network.run.pid}")
    follower.wait_for(b"box.1")
    network.bob.send(network.alice.address, b"for another")
    network.send("for it")
    network.end()
    follower.run.expect(0)
    assert follower.texts() == ["for it"]


def test_tcpdump_reads_it(network: Network) -> None:
    command = f'"$0" capture vlan1@{network.run.pid} | tcpdump -n -c 1 -r - -e'
    tcpdump = network.testbed.run("/bin/sh", "-c", command, PROGRAMS / "charioteer")
    tcpdump.wait_for("reading from file")
    network.send("one")
    tcpdump.wait_for("02:00:00:00:00:01 > 02:00:00:00:00:02")
    network.end()
    tcpdump.expect(0)


@pytest.mark.together
def test_the_list_has_the_vlans(lasting: Network) -> None:
    run = lasting.testbed.run("charioteer", "capture", "--list")
    run.expect(0)
    lines = [line.split("\t") for line in run.stdout.splitlines()]
    for number in VLANS:
        directory = str(lasting.testbed.state / f"vde{number}.ctl")
        assert [f"vlan{number}@{lasting.run.pid}", directory] in lines


@pytest.mark.together
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no-such-vlan"], "no running VLAN or machine is called no-such-vlan; running are vlan1@"),
        ([], "which VLAN or machine? --list shows the VLANs that run"),
        (["--capture", "--extcap-interface", "vlan9@1", "--fifo", "x"], "is called vlan9@1"),
    ],
)
def test_wrong_names(lasting: Network, words: list[str], message: str) -> None:
    run = lasting.testbed.run("charioteer", "capture", *words)
    run.expect(2)
    assert message in run.stderr


@pytest.mark.together
def test_a_terminal_gets_no_capture(lasting: Network) -> None:
    terminal = lasting.testbed.terminal("charioteer", "capture", f"vlan1@{lasting.run.pid}")
    terminal.wait_for("a capture is not text: use a pipe")


@pytest.mark.together
class TestExtcap:
    @pytest.fixture
    def extcap(self, lasting: Network) -> dict[str, str]:
        """The environment of a tshark whose extcap folder has a link to the program."""
        folder = lasting.testbed.folder / "extcap"
        if not folder.exists():
            folder.mkdir()
            (folder / "charioteer").symlink_to(PROGRAMS / "charioteer")
        return {"WIRESHARK_EXTCAP_DIR": str(folder), "HOME": str(lasting.testbed.folder)}

    def test_the_list_of_interfaces_has_the_vlans(
        self, lasting: Network, extcap: dict[str, str]
    ) -> None:
        listed = tshark.run("-D", changes=extcap)
        for number in VLANS:
            name = f"vlan{number}@{lasting.run.pid}"
            assert f"{name} (Charioteer vlan{number} (driver {lasting.run.pid}))" in listed

    def test_a_vlan_has_the_link_type_ethernet(
        self, lasting: Network, extcap: dict[str, str]
    ) -> None:
        listed = tshark.run("-i", f"vlan1@{lasting.run.pid}", "-L", changes=extcap)
        assert "EN10MB (Ethernet)" in listed

    def test_frames_are_shown_while_they_pass(
        self, lasting: Network, extcap: dict[str, str]
    ) -> None:
        words = [
            *tshark.command_with_extcap(),
            "-n",
            "-l",
            "-c",
            "1",
            "-T",
            "fields",
            "-e",
            "eth.src",
        ]
        command = shlex.join([*words, "-i", f"vlan1@{lasting.run.pid}"])
        shown = lasting.testbed.run("/bin/sh", "-c", command, **extcap)
        shown.wait_for("Capturing on")

        def is_seen() -> bool:
            lasting.send("one")
            return "02:00:00:00:00:01" in shown.stdout

        until(is_seen, 60, shown.report)
        shown.expect(0)
