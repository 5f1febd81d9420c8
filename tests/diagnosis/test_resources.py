"""Disks and memory that are exhausted, and clocks that are wrong."""

import pytest
from conftest import Team, add_unit

pytestmark = pytest.mark.limit(90)


def test_a_full_disk(team: Team) -> None:
    team.server.execute("fallocate -l $(df --output=avail -B1M / | tail -n 1)M /var/fill")
    team.server.fail("cat /dev/zero > /var/rest")
    screen = team.first_screen("server.succeed('head -c 1000000 /dev/zero > /var/lib/more')")
    team.server.succeed("rm -f /var/fill /var/rest /var/lib/more")
    assert "1. server: the file system / is full" in screen


def test_no_free_inodes(team: Team) -> None:
    team.server.succeed("mkdir -p /srv/mail", "mount -t tmpfs -o nr_inodes=10 none /srv/mail")
    screen = team.first_screen("server.succeed('touch $(seq -f /srv/mail/%g 20)')")
    team.server.succeed("umount /srv/mail")
    assert "1. server: the file system /srv/mail has no free inodes" in screen


def test_the_oom_killer(team: Team) -> None:
    eat = '/bin/sh -c "head -c 200M /dev/zero | tail -n 1"'
    add_unit(team.server, "eater.service", "MemoryMax=16M", "Type=oneshot", f"ExecStart={eat}")
    team.server.execute("systemctl start eater")
    screen = team.first_screen("server.wait_for_unit('eater.service')")
    assert "the OOM killer ended" in screen and "1. server:" in screen


def test_a_root_that_is_read_only(team: Team) -> None:
    # As the kernel does it after an error of the disk.
    team.client.succeed("echo u > /proc/sysrq-trigger")
    team.client.wait_until_fails("touch /var/lib/probe")
    screen = team.first_screen("client.succeed('touch /var/lib/state')")
    team.client.succeed("mount -o remount,rw /")
    assert "1. client: the root file system is read-only" in screen


def test_a_clock_that_is_two_years_behind(team: Team) -> None:
    team.server.succeed(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server"
        " -addext subjectAltName=DNS:server -keyout /run/key.pem -out /run/certificate.pem"
    )
    certificate = team.server.succeed("cat /run/certificate.pem")
    team.client.succeed(f"echo '{certificate}' > /run/certificate.pem")
    serving = team.server.spawn(
        "exec openssl s_server -accept 8443 -www -cert /run/certificate.pem -key /run/key.pem"
    )
    team.server.wait_for_open_port(8443)
    team.client.succeed("date -s '-2 years'")
    screen = team.first_screen(
        "client.succeed('curl -sS --cacert /run/certificate.pem https://server:8443/')"
    )
    team.client.succeed("date -s '+2 years'")
    serving.kill()
    serving.wait()
    assert "1. client: the clock is 2.0 years behind the host's" in screen


def test_a_panic(team: Team) -> None:
    crash = "echo 1 > /proc/sys/kernel/sysrq; sleep 1; echo c > /proc/sysrq-trigger"
    team.small.execute(f"({crash}) > /dev/null 2>&1 &", check_output=False)
    screen = team.first_screen("small.succeed('sleep 60', timeout=30)")
    assert "1. small: the kernel has panicked: sysrq triggered crash" in screen
