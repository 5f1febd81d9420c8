"""The library and the pytest plugin with real guests, which one run of pytest shares."""

import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import charioteer._core
import pytest
from charioteer.cluster import configuration, definition

from support.leftovers import expect_nothing_left
from support.patience import deadline
from support.run import Run, environment
from support.shared_machines import BUILD_LIMIT, short_folder

PAIR = '[machines.client]\nguest = "minimal"\n[machines.web-1]\nguest = "minimal"\n'
TESTS = """
import time

import pytest
from charioteer.testing import Cluster
from charioteer.testing.embedding import TimeLimit
from charioteer.testing.errors import MachineTimeout, RequestedAssertionFailed

testinfra_hosts = ["charioteer://web-1"]

def test_machines_reach_each_other(client, web_1):
    client.succeed("ping -c 1 -W 60 web-1")
    web_1.succeed("touch /tmp/of-a-test")

def test_panic(client):
    client.succeed("echo 1 > /proc/sys/kernel/sysrq")
    with pytest.raises(Exception):
        client.succeed("echo c > /proc/sysrq-trigger; sleep 600")

def test_after_a_panic_all_machines_are_restored(client, web_1):
    client.succeed("ping -c 1 -W 60 web-1")
    web_1.fail("test -e /tmp/of-a-test")

def test_silence(client):
    client.qmp_client.send("stop")

def test_after_silence_all_machines_are_restored(client):
    client.succeed("ping -c 1 -W 60 web-1")

def test_a_command_ends_at_the_time_limit(client):
    client.limit = TimeLimit(0.5)
    with pytest.raises(MachineTimeout, match="the time limit of the cluster, 0.5 s"):
        client.succeed("sleep 600")
    client.limit = TimeLimit()

def test_another_cluster_of_the_file_is_separate(client, cluster, request):
    with Cluster.load(request.config.rootpath) as other:
        other.web_1.succeed("true")
        client.succeed("ping -c 1 -W 60 web-1")
        # The client of the other cluster is off, and this one has its address.
        other.web_1.fail("ping -c 1 -W 2 client")

def test_testinfra(host):
    assert host.check_output("hostname") == "web-1"
    assert host.file("/etc/passwd").exists

def test_fails(client):
    client.succeed("cat /none")
"""

pytestmark = pytest.mark.limit(400)


@pytest.fixture(scope="module")
def outcome() -> Iterator[tuple[Run, dict[str, bool]]]:
    """The run of the tests above, and whether each has passed."""
    with short_folder() as folder:
        (folder / "cluster.toml").write_text(PAIR)
        (folder / "pytest.ini").write_text("[pytest]\ncharioteer_cluster = .\n")
        (folder / "test_it.py").write_text(textwrap.dedent(TESTS))
        (folder / "built").mkdir()
        with deadline(BUILD_LIMIT):
            configuration.write(definition.load(folder, needs_script=False), folder / "built")
        packages = Path(charioteer._core.__file__ or "").parents[1]
        env = environment(PYTHONPATH=str(packages), TMPDIR=str(folder), HOME=os.environ["HOME"])
        run = Run(
            [sys.executable, "-m", "pytest", "-v", "--durations=9", "--junit-xml=out.xml"],
            env,
            folder,
        )
        run.finish(limit=380)
        print(run.report())
        cases = ElementTree.parse(folder / "out.xml").getroot().iter("testcase")
        yield run, {str(each.get("name")): len(each) == 0 for each in cases}
        expect_nothing_left(folder)


@pytest.mark.parametrize(
    "name",
    [
        "test_machines_reach_each_other",
        "test_after_a_panic_all_machines_are_restored",
        "test_after_silence_all_machines_are_restored",
        "test_a_command_ends_at_the_time_limit",
        "test_another_cluster_of_the_file_is_separate",
    ],
)
def test_passes(outcome: tuple[Run, dict[str, bool]], name: str) -> None:
    _, passed = outcome
    assert passed[name]


def test_the_host_of_testinfra_is_a_machine(outcome: tuple[Run, dict[str, bool]]) -> None:
    pytest.importorskip("testinfra")
    _, passed = outcome
    assert passed["test_testinfra[charioteer://web-1]"]


def test_a_failed_test_has_what_the_machines_report(outcome: tuple[Run, dict[str, bool]]) -> None:
    run, passed = outcome
    assert not passed["test_fails"]
    shown = run.stdout.partition("Charioteer: what the machines report")[2]
    assert "asked: must succeed: cat /none, on client" in shown
    assert "can't open '/none': No such file or directory" in shown
