"""One test on two hosts: network, mount and process namespaces with a real sshd, or nodes of a real
Slurm.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from charioteer import paths

from support.far_host import why_no_sshd
from support.leftovers import expect_nothing_left
from support.network_hosts import TwoHosts, why_no_networks
from support.patience import deadline
from support.run import PROGRAMS, Run, environment
from support.shared_machines import short_folder
from support.slurm import Node, slurm, why_no_slurm


# After the script of the example `ping`, with its machines.
FAULTS = """
t.assertEqual(sorted(vlan1.plugs()), [machine.name for machine in all_nodes])
with vlan1.drop(primer, worker1) as fault:
    primer.fail("ping -c 1 -W 2 worker1")
t.assertGreater(fault.counters()["dropped"], 0)
primer.succeed("ping -c 1 -W 20 worker1")
worker1.screenshot("shown")
print("mended")
"""


@pytest.fixture(scope="module", name="hosts")
def fixture_hosts() -> Iterator[TwoHosts]:
    if reason := why_no_networks():
        pytest.skip(reason)
    with short_folder() as folder, TwoHosts(folder).running() as hosts:
        yield hosts


@pytest.fixture(scope="module", name="pinged")
def fixture_pinged(hosts: TwoHosts) -> Run:
    """A run with two machines on each of both hosts, which has passed."""
    cluster = hosts.folder / "pinged"
    shutil.copytree(paths.examples() / "ping", cluster)
    with (cluster / "test.py").open("a") as script:
        script.write(FAULTS)
    with deadline(1200):
        run = hosts.run(cluster)
        try:
            run.expect(0, limit=800)
        finally:
            run.end()
        hosts.expect_nothing_left()
    return run


def test_four_machines_on_two_hosts_reach_each_other(pinged: Run) -> None:
    assert "12 of 12 pings passed" in pinged.stdout
    assert "machines on b: primer, worker2" in pinged.stderr
    assert "machines on c: worker1, worker3" in pinged.stderr


def test_faults_and_captures_name_machines_on_other_hosts(hosts: TwoHosts, pinged: Run) -> None:
    assert pinged.stdout.splitlines()[-1] == "mended"
    assert (hosts.folder / "out/shown.png").stat().st_size > 1000


@pytest.mark.limit(900)
def test_a_host_without_a_network_is_lost_within_a_limit(hosts: TwoHosts) -> None:
    cluster = hosts.folder / "lost"
    cluster.mkdir()
    (cluster / "cluster.toml").write_text(
        '[machines.one]\nguest = "minimal"\nhost = "b"\n'
        '[machines.two]\nguest = "minimal"\nhost = "c"\n'
    )
    (cluster / "test.py").write_text(
        "start_all()\none.succeed('true')\ntwo.succeed('true')\n"
        "print('both are up', flush=True)\ntwo.succeed('sleep 3000')\n"
    )
    run = hosts.run(cluster)
    run.wait_for("both are up", limit=800)
    hosts.c.cut()
    run.expect(75, limit=120)
    assert "two: the host c was lost: Timeout, server " in run.stderr
    assert "sleep 3000" in run.stderr
    hosts.c.mend()
    hosts.expect_nothing_left()


class TestSlurm:
    @pytest.fixture(name="variables")
    def fixture_variables(self, folder: Path) -> Iterator[dict[str, str]]:
        if reason := why_no_slurm() or why_no_sshd():
            pytest.skip(reason)
        with slurm(folder / "slurm", [Node("n1"), Node("n2")]) as made:
            yield made.variables

    def run(self, folder: Path, variables: dict[str, str], cluster: Path) -> Run:
        state = folder / "near"
        state.mkdir()
        command = [str(PROGRAMS / "charioteer"), "run", str(cluster), "--hosts", "slurm", "--log"]
        salloc = shutil.which("salloc")
        assert salloc is not None
        return Run(
            [salloc, "--nodes=2", *command, "--no-diagnosis", "-o", str(folder / "out")],
            environment(TMPDIR=str(state), **variables),
            folder,
        )

    @pytest.mark.limit(900)
    def test_machines_run_on_the_nodes_of_an_allocation(
        self, folder: Path, variables: dict[str, str]
    ) -> None:
        cluster = folder / "pair"
        cluster.mkdir()
        (cluster / "cluster.toml").write_text(
            '[machines.one]\nguest = "minimal"\n[machines.two]\nguest = "minimal"\n'
        )
        (cluster / "test.py").write_text(
            "start_all()\none.succeed('ping -c 1 -W 20 two')\n"
            "two.succeed('ping -c 1 -W 20 one')\nprint('both were reached')\n"
        )
        run = self.run(folder, variables, cluster)
        run.expect(0, limit=800)
        assert run.stdout.splitlines()[-1] == "both were reached"
        assert "machines on n1: one" in run.stderr
        assert "machines on n2: two" in run.stderr
        expect_nothing_left(folder / "near")

    @pytest.mark.limit(900)
    def test_a_cancelled_job_leaves_nothing(self, folder: Path, variables: dict[str, str]) -> None:
        cluster = folder / "waits"
        cluster.mkdir()
        (cluster / "cluster.toml").write_text('[machines.one]\nguest = "minimal"\nhost = "n2"\n')
        (cluster / "test.py").write_text(
            "start_all()\none.succeed('true')\nprint('it is up', flush=True)\n"
            "one.succeed('sleep 3000')\n"
        )
        run = self.run(folder, variables, cluster)
        run.wait_for("it is up", limit=800)
        command = ["scancel", "--state=running", "--user=root"]
        subprocess.run(command, env={**os.environ, **variables}, check=True)
        assert run.finish(limit=120) != 0
        expect_nothing_left(folder / "near")
