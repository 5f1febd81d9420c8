"""What a step is about: the units, ports, files and hosts that its command and arguments name."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

_UNIT = re.compile(
    r"(?<![\w./-])[\w@:.\\-]+\.(?:service|socket|target|mount|timer|path|device|slice|scope|swap)\b"
)
_OF_SYSTEMCTL = re.compile(
    r"systemctl\s+(?:-\S+\s+)*(?:(?:re)?start|stop|reload|enable|status|is-active|is-failed|show)"
    r"(?:\s+-\S+)*\s+([\w@:.\\-]+)"
)
_FILE = re.compile(r"(?<![\w:/.])/[\w./+@%-]*[\w+@%-]")
_NOT_FILES = ("/dev/null", "/dev/tcp", "/dev/udp", "/bin/", "/usr/bin/", "/run/current-system/")
_URL = re.compile(
    r"\b[a-z][a-z0-9+]*://(?:[^/\s@'\"]*@)?\[?([\w.:-]*?[\w.-])\]?(?::(\d+))?(?=[/\s'\"?]|$)"
)
_AT_HOST = re.compile(r"(?<![\w/])[\w-]+@([\w][\w.-]*)")
_AFTER_COMMAND = re.compile(
    r"\b(ping6?|nc|ncat|telnet|ssh|getent\s+\w+|nslookup|dig|host)\s+([^|;&<>]*)"
)
_NAME = re.compile(r"(?!-)[A-Za-z0-9][A-Za-z0-9.:-]*")
_PORT_OPTION = re.compile(r"(?:\bport[ =]|--port[ =]|-[pP] )(\d{1,5})\b")
_ADDRESS = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?::(\d{1,5}))?(?![\w.])")
# Options of ping, nc and ssh that take a value.
_VALUED = frozenset("-c -W -w -i -s -M -I -p -o -l -q -X -x -m -t -F -J -L -R -D".split())
_LOCAL = frozenset(["localhost", "127.0.0.1", "::1", "0.0.0.0", "::"])
_MOST = 6


@dataclass(frozen=True)
class Subjects:
    """Each without duplicates, in the order in which they were named."""

    units: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    """Names and addresses of other hosts."""

    def names(self) -> frozenset[str]:
        return frozenset((*self.units, *self.ports, *self.files, *self.hosts))


def unit_name(name: str) -> str:
    """The full name of a unit, as systemctl completes it."""
    return name if _UNIT.fullmatch(name) else f"{name}.service"


def subjects_of(
    text: str, arguments: Mapping[str, object], machines: Collection[str], machine: str | None
) -> Subjects:
    """The subjects of a step with the command `text` and these arguments, on `machine`.

    `machines`: the names of the team's machines, which are hosts wherever `text` has them as words.
    """
    units = [unit_name(str(arguments[key])) for key in ("unit", "jobname") if key in arguments]
    units += [*_UNIT.findall(text), *(unit_name(each) for each in _OF_SYSTEMCTL.findall(text))]
    files = [str(arguments[key]) for key in ("filename",) if key in arguments]
    ports, hosts = _ports_and_hosts(text)
    if "port" in arguments:
        ports.insert(0, str(arguments["port"]))
    address = str(arguments.get("addr", ""))
    (files if "/" in address else hosts).append(address)
    found = _FILE.findall(re.sub(r"\b[a-z][a-z0-9+]*://\S*", " ", text))
    files += [each for each in found if not each.startswith(_NOT_FILES)]
    words = re.split(r"[^\w.-]+", text)
    hosts += [each for each in machines if each in words and each != machine]
    return Subjects(
        _distinct(units),
        _distinct(ports),
        _distinct(files),
        _distinct(each for each in hosts if each not in _LOCAL),
    )


def _ports_and_hosts(text: str) -> tuple[list[str], list[str]]:
    ports, hosts = _PORT_OPTION.findall(text), _AT_HOST.findall(_UNIT.sub("", text))
    for host, port in (*_URL.findall(text), *_ADDRESS.findall(text)):
        hosts.append(host)
        ports.append(port)
    for host, port in re.findall(r"\b([\w.-]+):(\d{2,5})\b", text):
        if not host.isdecimal():
            hosts.append(host)
            ports.append(port)
    for command, rest in _AFTER_COMMAND.findall(text):
        words = _without_options(rest.split())
        hosts += [each for each in words[:1] if _NAME.fullmatch(each) and not each.isdecimal()]
        if command in ("nc", "ncat", "telnet"):
            ports += [each for each in words[:2] if each.isdecimal()]
    return ports, hosts


def _without_options(words: list[str]) -> list[str]:
    """The words of a command line that are neither options nor their values."""
    kept, is_value = [], False
    for word in words:
        if not is_value and not word.startswith("-"):
            kept.append(word.partition("@")[2] or word)
        is_value = word in _VALUED
    return kept


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in names if each))[:_MOST]
