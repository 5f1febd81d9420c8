"""What a failed step asked for: its machine, command and subjects."""

import pytest
from charioteer.testing.diagnosis.failed_step import StepObserver
from charioteer.testing.diagnosis.request import request_of
from charioteer.testing.diagnosis.subjects import Subjects, subjects_of
from charioteer.testing.duration import Duration
from charioteer.testing.errors import RequestedAssertionFailed
from charioteer.testing.logger import CompositeLogger
from charioteer.testing.machine import Machine
from charioteer.testing.script_trace import SCRIPT, remember_source

MACHINES = ["client", "db-1", "server"]


def of(text: str, machine: str | None = "client", **arguments: object) -> Subjects:
    return subjects_of(text, arguments, MACHINES, machine)


def test_arguments() -> None:
    assert of("", unit="web").units == ("web.service",)
    assert of("", unit="boot.mount").units == ("boot.mount",)
    assert of("", port=80, addr="localhost") == Subjects(ports=("80",))
    assert of("", port="http", addr="192.168.1.2").hosts == ("192.168.1.2",)
    assert of("", filename="/etc/x").files == ("/etc/x",)
    assert of("", addr="/run/x.sock").files == ("/run/x.sock",)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("systemctl start --no-block web", Subjects(units=("web.service",))),
        ("systemctl --user is-active a@1.timer", Subjects(units=("a@1.timer",))),
        ("journalctl -u nginx.service | grep x", Subjects(units=("nginx.service",))),
        ("curl -sS http://server:8080/x?y", Subjects(ports=("8080",), hosts=("server",))),
        ("curl https://user:word@db.example/", Subjects(hosts=("db.example",))),
        ("nc -z -w 2 server 22", Subjects(ports=("22",), hosts=("server",))),
        ("ping -c 1 -W 1 192.168.1.9", Subjects(hosts=("192.168.1.9",))),
        ("ssh -p 2222 -i /root/key root@db-1 true",
         Subjects(ports=("2222",), files=("/root/key",), hosts=("db-1",))),
        ("psql -h db-1 --port 5432", Subjects(ports=("5432",), hosts=("db-1",))),
        ("cat /etc/passwd > /dev/null", Subjects(files=("/etc/passwd",))),
        ("mount server:/export /mnt", Subjects(files=("/mnt",), hosts=("server",))),
        ("echo 12:30", Subjects()),
        ("client --help", Subjects()),
    ],
)  # fmt: skip
def test_commands(command: str, expected: Subjects) -> None:
    assert of(command) == expected


def test_names_are_bounded() -> None:
    assert len(of(" ".join(f"/etc/{number}" for number in range(99))).files) == 6


class Failing(Machine):
    """A machine whose commands fail."""

    def __init__(self) -> None:
        self.name = "server"
        self.logger = CompositeLogger([StepObserver()])

    def succeed(
        self, *commands: str, timeout: Duration | None = None, stream: bool | None = None
    ) -> str:
        with self.nested(f"must succeed: {commands[0]}"):
            error = RequestedAssertionFailed("command failed (exit code 1)")
            error.add_note("last lines of its output:\n  no such table")
            error.add_note("last lines of the console:\n  booted")
            raise error


def failure_of(script: str) -> BaseException:
    remember_source(script)
    with pytest.raises((Exception, SystemExit)) as raised:
        exec(compile(script, SCRIPT, "exec"), {"server": Failing()})
    return raised.value


SCRIPT_TEXT = """
def ask():
    server.succeed("sqlite /var/db 'select 1'", timeout=7)

ask()
"""


def test_a_failed_command() -> None:
    made = request_of(failure_of(SCRIPT_TEXT), MACHINES)
    assert [(each.number, each.source) for each in made.lines] == [
        (5, "ask()"),
        (3, "server.succeed(\"sqlite /var/db 'select 1'\", timeout=7)"),
    ]
    assert made.machine == "server" and made.error == "command failed (exit code 1)"
    assert made.command == "sqlite /var/db 'select 1'" and made.arguments["timeout"] == 7
    assert made.step == "must succeed: sqlite /var/db 'select 1'"
    assert made.subjects.files == ("/var/db",)
    assert "table" in made.words() and "booted" not in made.words()


def test_a_failure_that_ended_the_run_by_an_exit() -> None:
    script = "import sys\ntry:\n  server.succeed('x')\nexcept Exception:\n  sys.exit(1)"
    made = request_of(failure_of(script), MACHINES)
    assert made.machine == "server" and made.error == "command failed (exit code 1)"


def test_an_assertion_of_the_script() -> None:
    made = request_of(failure_of("assert 1 == 2, 'numbers differ'"), MACHINES)
    assert made.machine is None and made.step == "" and made.error == "numbers differ"
    assert [each.source for each in made.lines] == ["assert 1 == 2, 'numbers differ'"]
