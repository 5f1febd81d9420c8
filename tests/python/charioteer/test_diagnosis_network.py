"""Findings about ports, addresses, names, routes and firewalls, from outputs of iproute2 and others."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from charioteer.testing.diagnosis import network, reachability, sockets, wrong_machine
from charioteer.testing.diagnosis.answer import Answer
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Severity
from charioteer.testing.diagnosis.request import Request

from support.diagnosed import answer, case, request, texts

SSHD = 'tcp   LISTEN 0  128  0.0.0.0:22  0.0.0.0:*  users:(("sshd",pid=300,fd=3))\n'
LOCAL = 'tcp   LISTEN 0  5  [::1]:8080  [::]:*  users:(("app",pid=412,fd=4))\n'
NEAR = 'tcp   LISTEN 0  5  *:8090  *:*  users:(("app",pid=412,fd=4))\n'
HOSTS = {"/etc/hosts": "127.0.0.1 localhost\n192.168.1.1 client\n192.168.1.2 server # it\n"}
Field = Callable[[Case], Iterable[Finding]]


def addresses(*pairs: tuple[str, str], mtu: int = 1500, flags: str = "UP,LOWER_UP") -> str:
    """The output of `ip addr`, with eth0 and an interface for each name and address."""
    lines = [
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue",
        "    inet 127.0.0.1/8 scope host",
    ]
    for number, (name, address) in enumerate((("eth0", "10.0.2.15/24"), *pairs), start=2):
        lines += [
            f"{number}: {name}: <BROADCAST,MULTICAST,{flags}> mtu {mtu} qdisc fq_codel state UP",
            f"    link/ether 52:54:00:12:01:0{number} brd ff:ff:ff:ff:ff:ff",
            f"    inet {address} brd 192.168.1.255 scope global {name}",
            "       valid_lft forever preferred_lft forever",
        ]
    return "\n".join(lines)


def pair(server: str = "192.168.1.2/24", **of_server: Any) -> list[Answer]:
    client = answer("client", HOSTS, addresses=addresses(("eth1", "192.168.1.1/24")))
    of_server = {"addresses": addresses(("eth1", server)), **of_server}
    return [client, answer("server", HOSTS, **of_server)]


def found(field: Field, asked: Request, *answers: Answer) -> list[str]:
    return texts(field(case(asked, *answers)))


class TestPorts:
    def test_nothing_listens(self) -> None:
        given = answer(sockets=SSHD + NEAR)
        assert found(sockets.findings, request(ports=["8091"]), given) == [
            "nothing listens on TCP port 8091; app (pid 412) listens on TCP port 8090 at *"
        ]
        assert found(sockets.findings, request(ports=["22"]), given) == []
        assert found(sockets.findings, request(ports=["22"]), answer()) == []

    def test_only_the_machine_itself_can_connect(self) -> None:
        asked = request(machine="client", ports=["8080"], hosts=["server"])
        (finding,) = sockets.findings(case(asked, *pair(sockets=LOCAL)))
        assert finding.severity is Severity.FATAL and finding.machine == "server"
        assert finding.text.startswith(
            "TCP port 8080 is open at ::1 only, which other machines cannot reach: app (pid 412)"
        )

    def test_only_the_other_version_of_ip(self) -> None:
        asked = request(command="curl http://127.0.0.1:8080/", ports=["8080"])
        (finding,) = sockets.findings(case(asked, answer(sockets=LOCAL)))
        assert finding.severity is Severity.FATAL

    def test_another_program_has_the_port(self) -> None:
        line = '{"MESSAGE": "bind: Address already in use", "UNIT": "web.service"}'
        given = answer(sockets=SSHD + NEAR, journal=line)
        assert found(sockets.findings, request(ports=["8090"], units=["web.service"]), given) == [
            "web.service cannot use port 8090: app (pid 412) listens on TCP port 8090 at *"
        ]

    def test_without_ss(self) -> None:
        text = (
            "  sl  local_address rem_address   st\n"
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000\n"
            "   1: 0201A8C0:0016 0101A8C0:C000 01 00000000:00000000\n"
        )
        (one,) = sockets.listeners_of(answer(files={"/proc/net/tcp": text}))
        assert (one.address, one.port, one.is_local) == ("127.0.0.1", "8080", True)


class TestAddresses:
    def test_all_is_well(self) -> None:
        assert found(network.findings, request(), *pair()) == []

    def test_a_machine_without_the_address_of_its_name(self) -> None:
        one, other = network.findings(case(request("client"), *pair("192.168.1.77/24")))
        assert (
            one.text
            == other.text
            == ("it does not have the address 192.168.1.2 of its name, but 192.168.1.77")
        )
        assert one.machine == "server" and one.severity is Severity.FATAL

    def test_two_machines_with_one_address(self) -> None:
        answers = pair("192.168.1.1/24")
        assert "client and server have the same address 192.168.1.1" in found(
            network.findings, request(), *answers
        )

    @pytest.mark.parametrize(
        ("route", "neighbours", "text"),
        [
            ("default via 192.168.1.254 dev eth1", "192.168.1.254 dev eth1 FAILED",
             "the gateway 192.168.1.254 does not answer"),
            ("default via 192.168.9.1 dev eth1 onlink", "",
             "the gateway 192.168.9.1 is in no network of this machine"),
            ("blackhole 10.1.0.0/16", "",
             "packets to 10.1.0.0/16 are discarded by the route `blackhole 10.1.0.0/16`"),
        ],
    )  # fmt: skip
    def test_routes(self, route: str, neighbours: str, text: str) -> None:
        answers = pair(routes=f"default via 10.0.2.2 dev eth0\n{route}\n", neighbours=neighbours)
        assert found(network.findings, request(), *answers)[0] == text

    def test_interfaces_that_are_down(self) -> None:
        given = answer(addresses=addresses(("eth1", "192.168.1.2/24"), flags="NO-CARRIER"))
        assert "the interface eth1 is down" in found(network.findings, request(), given)

    def test_a_lease_of_a_server_that_is_gone(self) -> None:
        lease = (
            "==> /run/systemd/netif/leases/4 <==\n# This is private data. Do not parse.\n"
            "ADDRESS=10.9.0.76\nNETMASK=255.255.255.0\nROUTER=10.9.0.1\nSERVER_ADDRESS=10.9.0.1\n"
            "\n==> /dev/null <==\n"
        )
        answers = pair(leases=lease)
        assert found(network.findings, request(), *answers) == [
            "the address 10.9.0.76 is of a DHCP lease that is stale: no machine has the address "
            "10.9.0.1 of its server any more"
        ]
        gone = pair("10.9.0.1/24", leases=lease)
        assert "the DHCP lease is stale: no interface has its address 10.9.0.76" in found(
            network.findings, request(), *gone
        )

    def test_different_mtus(self) -> None:
        answers = pair(addresses=addresses(("eth1", "192.168.1.2/24"), mtu=1400))
        assert found(network.findings, request(), *answers) == [
            "the interfaces of 192.168.1.0/24 have different MTUs: "
            "client (eth1): 1500, server (eth1): 1400"
        ]


class TestReachability:
    def of_ping(self, **outputs: str) -> list[str]:
        sections = {name.replace("_", "-") + " server": each for name, each in outputs.items()}
        given = Answer("client", sections)
        return found(reachability.findings, request("client", hosts=["server"]), given)

    def test_hosts(self) -> None:
        assert self.of_ping(ping="ping: server: Name or service not known\n") == [
            "the name server does not resolve"
        ]
        assert self.of_ping(ping="ping: bad address 'server'\n") == [
            "the name server does not resolve"
        ]
        lost = "1 packets transmitted, 0 received, 100% packet loss, time 0ms"
        assert self.of_ping(ping=f"PING server\n\n{lost}\n") == [f"server does not answer: {lost}"]
        assert self.of_ping(ping="64 bytes\n", large_ping="64 bytes\n") == []

    def test_large_packets(self) -> None:
        lost = "1 packets transmitted, 0 received, 100% packet loss, time 0ms"
        (text,) = self.of_ping(ping="64 bytes", large_ping=lost)
        assert text.startswith("packets of 1500 bytes to server are lost, and small ones are not")
        assert self.of_ping(
            ping="64 bytes", large_ping="ping: local error: message too long, mtu=1400"
        ) == ["packets of 1500 bytes cannot be sent to server: the MTU is 1400"]

    def test_a_name_in_the_output_of_the_command(self) -> None:
        note = "last lines of its standard error:\n  curl: (6) Could not resolve host: databse"
        asked = request(notes=(note,))
        assert found(reachability.findings, asked, answer()) == [
            "the name databse does not resolve"
        ]

    @pytest.mark.parametrize(
        ("line", "text"),
        [
            ("[7:420] -A INPUT -p tcp -m tcp --dport 8082 -j DROP",
             "the firewall discards packets (7 packets so far): "
             "-A INPUT -p tcp -m tcp --dport 8082 -j DROP"),
            (":INPUT DROP [3:180]",
             "the firewall discards packets (3 packets so far): the policy of the chain INPUT"),
            ("\t\ttcp dport 8082 counter packets 2 bytes 120 drop",
             "the firewall discards packets (2 packets so far): "
             "tcp dport 8082 counter packets 2 bytes 120 drop"),
            ("\t\ttype filter hook input priority filter; policy drop;",
             "the firewall discards packets: the policy of the hook input"),
        ],
    )  # fmt: skip
    def test_firewalls(self, line: str, text: str) -> None:
        given = answer(firewall=line)
        assert found(reachability.findings, request(), given) == [text]

    def test_rules_without_packets(self) -> None:
        rules = "[0:0] -A INPUT -j DROP\n:INPUT ACCEPT [3:180]\n:FORWARD DROP [0:0]\ncounter packets 0 bytes 0 drop"
        assert found(reachability.findings, request(), answer(firewall=rules)) == []

    def test_packets_that_the_firewall_of_nixos_logged(self) -> None:
        line = "[   99.5] refused connection: IN=eth1 OUT= MAC=x SRC=192.168.1.1 PROTO=TCP SPT=4 DPT=80 WINDOW=1"
        assert found(reachability.findings, request(), answer(kernel=line)) == [
            "the firewall refused a packet to port 80"
        ]


class TestWrongMachine:
    def test_units(self) -> None:
        here = answer("client", show="Id=web.service\nActiveState=inactive\n")
        there = answer("server", show="Id=web.service\nActiveState=active\n")
        asked = request("client", units=["web.service"])
        assert found(wrong_machine.findings, asked, here, there) == [
            "the unit web.service is active on server, and not on client, where the step expects it"
        ]
        assert (
            found(wrong_machine.findings, request("server", units=["web.service"]), here, there)
            == []
        )

    def test_ports_and_files(self) -> None:
        here = answer("client", sockets=SSHD, paths="missing /etc/token\n")
        there = answer(
            "server", sockets=SSHD + NEAR, paths="-rw------- 1 root root 5 Nov 29 /etc/token\n"
        )
        asked = request("client", ports=["8090"], files=["/etc/token"])
        assert found(wrong_machine.findings, asked, here, there) == [
            "port 8090 is open on server, and not on client, where the step expects it",
            "the file /etc/token exists on server, and not on client, where the step expects it",
        ]
