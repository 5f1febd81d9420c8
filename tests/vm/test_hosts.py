"""One test on two hosts: network, mount and process namespaces with a real sshd, or nodes of a real
Slurm.
"""

import os
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from charioteer import paths

from support.far_host import why_no_sshd
from support.leftovers import expect_nothing_left
from support.network_hosts import TwoHosts, why_no_networks
from support.run import PROGRAMS, Run, environment
from support.slurm import Node, slurm, why_no_slurm


@pytest.fixture(name="hosts")
def fixture_hosts(folder: Path) -> Iterator[TwoHosts]:
    if reason := why_no_networks():
        pytest.skip(reason)
    with TwoHosts(folder).running() as hosts:
        yield hosts


@pytest.mark.limit(900)
def test_four_machines_on_two_hosts_reach_each_other(hosts: TwoHosts) -> None:
    run = hosts.run(paths.examples() / "ping")
    run.expect(0, limit=800)
    assert run.stdout.splitlines()[-1] == "12 of 12 pings passed"
    assert "machines on b: primer, worker2" in run.stderr
    assert "machines on c: worker1, worker3" in run.stderr
    hosts.expect_nothing_left()


@pytest.mark.limit(900)
def test_faults_and_captures_name_machines_on_other_hosts(hosts: TwoHosts, folder: Path) -> None:
    cluster = folder / "faults"
    cluster.mkdir()
    (cluster / "cluster.toml").write_text(
        '[machines.one]\nguest = "minimal"\nhost = "b"\n'
        '[machines.two]\nguest = "minimal"\nhost = "c"\n'
    )
    (cluster / "test.py").write_text(
        textwrap.dedent(
            """
            start_all()
            one.succeed("ping -c 1 -W 20 two")
            t.assertEqual(sorted(vlan1.plugs()), ["one", "two"])
            with vlan1.drop(one, two) as fault:
                one.fail("ping -c 1 -W 2 two")
            t.assertGreater(fault.counters()["dropped"], 0)
            one.succeed("ping -c 1 -W 20 two")
            two.screenshot("two")
            """
        )
    )
    hosts.run(cluster).expect(0, limit=800)
    assert (folder / "out/two.png").stat().st_size > 1000
    hosts.expect_nothing_left()


@pytest.mark.limit(900)
def test_a_host_without_a_network_is_lost_within_a_limit(hosts: TwoHosts, folder: Path) -> None:
    cluster = folder / "lost"
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
        run = self.run(folder, variables, paths.examples() / "ping")
        run.expect(0, limit=800)
        assert run.stdout.splitlines()[-1] == "12 of 12 pings passed"
        assert "machines on n1: primer, worker2" in run.stderr
        assert "machines on n2: worker1, worker3" in run.stderr
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
