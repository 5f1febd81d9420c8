"""Services that do not start, that crash, or that wait for each other."""

from conftest import Team, add_unit

import pytest

pytestmark = pytest.mark.limit(90)


def test_a_program_that_does_not_exist(team: Team) -> None:
    # Units of other types are active until the program cannot be executed.
    add_unit(team.server, "web.service", "Type=exec", "ExecStart=/usr/bin/webserver --port 80")
    team.server.succeed("systemctl start --no-block web")
    screen = team.first_screen("start_all()\nserver.wait_for_unit('web.service')")
    assert "line 2: server.wait_for_unit('web.service')" in screen
    assert "1. server: web.service has failed: its program cannot be executed" in screen
    assert "/usr/bin/webserver" in screen


def test_a_missing_file_of_the_environment(team: Team) -> None:
    add_unit(team.server, "app.service", "EnvironmentFile=/etc/app.env", "ExecStart=/bin/sleep 99")
    screen = team.first_screen("server.succeed('systemctl start app')")
    assert "1. server: app.service has failed: systemd could not prepare its start" in screen
    assert "environment files" in screen


def test_a_key_that_the_service_cannot_read(team: Team) -> None:
    team.server.succeed("install -m 600 /dev/null /etc/signer.key")
    add_unit(
        team.server,
        "signer.service",
        "Type=oneshot",
        "User=nobody",
        "ExecStart=/bin/cat /etc/signer.key",
    )
    team.server.execute("systemctl start signer")
    screen = team.first_screen("server.wait_for_unit('signer')")
    assert "1. server: signer.service has failed" in screen
    assert "/etc/signer.key: Permission denied" in screen


def test_a_limit_of_open_files(team: Team) -> None:
    many = "for each in $(seq 20); do exec {number}</dev/null; done; sleep 99"
    team.server.succeed(f"echo '{many}' > /run/opener")
    add_unit(team.server, "opener.service", "LimitNOFILE=12", "ExecStart=/bin/bash /run/opener")
    team.server.succeed("systemctl start opener")
    screen = team.first_screen("server.wait_until_fails('systemctl is-active opener', timeout=9)")
    assert "opener.service has reached its limit of open files" in screen


def test_two_units_that_wait_for_each_other(team: Team) -> None:
    add_unit(team.server, "first.service", "Type=oneshot", "ExecStart=/bin/systemctl start second")
    team.server.succeed(
        "printf '[Unit]\\nAfter=first.service\\n[Service]\\nExecStart=/bin/sleep 99\\n'"
        " > /run/systemd/system/second.service",
        "systemctl daemon-reload",
        "systemctl start --no-block first",
    )
    team.server.wait_until_succeeds("systemctl list-jobs | grep second.service")
    screen = team.first_screen("server.wait_for_unit('second.service', timeout=3)")
    team.server.succeed("systemctl stop first second")
    assert "second.service/start waits for first.service/start" in screen


def test_a_core_dump_of_which_no_log_knows(team: Team) -> None:
    team.small.succeed("echo '/core.%e' > /proc/sys/kernel/core_pattern")
    team.small.execute("ulimit -c unlimited; sh -c 'kill -SEGV $$'")
    screen = team.first_screen("small.fail('true')")
    team.small.succeed("rm /core.*", "echo core > /proc/sys/kernel/core_pattern")
    assert "1. small: a program crashed with a core dump" in screen
    assert "       /core." in screen


def test_a_crash(team: Team) -> None:
    add_unit(team.server, "parser.service", 'ExecStart=/bin/sh -c "kill -SEGV $$$$"')
    team.server.succeed("systemctl start parser")
    # It is active until it has crashed.
    team.server.wait_until_succeeds("systemctl is-failed parser")
    screen = team.first_screen("server.wait_for_unit('parser.service', timeout=30)")
    assert "1. server: parser.service" in screen
    assert "SEGV" in screen or "core dump" in screen


def test_a_unit_of_another_machine(team: Team) -> None:
    add_unit(team.server, "registry.service", "ExecStart=/bin/sleep infinity")
    team.server.succeed("systemctl start registry")
    screen = team.first_screen("client.wait_for_unit('registry.service', timeout=10)")
    assert "1. client: the unit registry.service is active on server, and not on client" in screen


def test_a_collector_of_the_guest(team: Team) -> None:
    team.server.succeed("touch /run/queue-is-stuck")
    screen = team.first_screen("server.succeed('test -e /run/queue-is-empty')")
    team.server.succeed("rm /run/queue-is-stuck")
    assert "server: the queue is stuck" in screen and "12 messages wait" in screen
