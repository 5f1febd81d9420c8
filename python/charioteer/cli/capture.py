"""`charioteer capture`: the frames of a running test's VLAN, for Wireshark and tcpdump."""

import argparse
import errno
import os
import select
import sys
from pathlib import Path
from typing import BinaryIO

from charioteer.errors import InputError
from charioteer.testing import capture_servers
from charioteer.testing.capture_servers import Source
from charioteer.testing.pcapng_merge import Merger

_PIECE = 1 << 18
_ABOUT = """\
Writes the frames of a VLAN, or those by and for a machine, to standard output until the run ends:

  charioteer capture vlan1 | tcpdump -n -r -
  charioteer capture web > web.pcapng

A link to this program in Wireshark's folder for extcap programs adds the VLANs to its list of
interfaces: docs/captures.md."""
_STATUSES = """\
exit status:
  0    the run has ended
  1    the driver could not be reached
  2    no such VLAN or machine, or several with that name: the message lists them
  130  Ctrl-C
  141  the reader has closed the pipe
  143  SIGTERM"""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the subcommand."""
    parser.description = _ABOUT
    parser.epilog = _STATUSES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "name",
        nargs="?",
        help="vlan1, or the name of a machine or container; NAME@PID with the driver's process id",
    )
    parser.add_argument("--list", action="store_true", help="list the VLANs that run")
    extcap = parser.add_argument_group("options that Wireshark uses")
    for option, about in (
        ("--extcap-interfaces", "list the VLANs as interfaces"),
        ("--extcap-dlts", "list the link types of the interface"),
        ("--extcap-config", "list the options of the interface; there are none"),
        ("--capture", "capture from the interface to the FIFO"),
    ):
        extcap.add_argument(option, action="store_true", help=about)
    extcap.add_argument("--extcap-interface", metavar="VLAN", help="as NAME")
    extcap.add_argument("--fifo", type=Path, help="where the frames go")
    for unused in ("--extcap-version", "--extcap-capture-filter", "--extcap-control-in",
                   "--extcap-control-out", "--extcap-reload-option"):  # fmt: skip
        extcap.add_argument(unused, help=argparse.SUPPRESS)
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Runs the subcommand. Raises InputError, OSError, BrokenPipeError."""
    if options.list:
        for each in capture_servers.all_servers():
            print(f"{each}\t{each.path.parent}")
    elif options.extcap_interfaces:
        _list_interfaces()
    elif options.extcap_dlts:
        print("dlt {number=1}{name=EN10MB}{display=Ethernet}")
    elif not options.extcap_config:
        _capture(options)
    return 0


def _list_interfaces() -> None:
    """The list of interfaces in the format of Wireshark's extcap."""
    print("extcap {version=1.0}{display=VLANs of Charioteer}")
    for each in capture_servers.all_servers():
        print(f"interface {{value={each}}}{{display=Charioteer {each.vlan} (driver {each.pid})}}")


def _capture(options: argparse.Namespace) -> None:
    name = options.extcap_interface if options.capture else options.name
    if name is None:
        raise InputError("which VLAN or machine? --list shows the VLANs that run")
    source = capture_servers.find(name)
    if options.fifo is not None:
        with options.fifo.open("wb", buffering=0) as fifo:
            _relay(source, fifo)
        return
    if sys.stdout.isatty():
        raise InputError(
            "a capture is not text: use a pipe, such as `| tcpdump -n -r -`, or a file"
        )
    _relay(source, sys.stdout.buffer)


def _relay(source: Source, output: BinaryIO) -> None:
    """Copies until the run ends. One VLAN's file is complete; those of several are joined.

    Raises BrokenPipeError as soon as the output has no reader.
    """
    connections = source.connect()
    merger = Merger()
    poll = select.poll()
    poll.register(output, 0)  # errors are always reported
    numbers = {}
    for number, connection in enumerate(connections):
        poll.register(connection, select.POLLIN)
        numbers[connection.fileno()] = number
    while numbers:
        for descriptor, _ in poll.poll():
            if descriptor not in numbers:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
            number = numbers[descriptor]
            data = connections[number].recv(_PIECE)
            if not data:
                poll.unregister(descriptor)
                del numbers[descriptor]
                continue
            output.write(data if len(connections) == 1 else merger.take(number, data))
            output.flush()
