"""The pytest plugin: cluster files as tests, and fixtures for machines. QEMU is fake."""

import re
import sqlite3
import sys
import textwrap
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest

from charioteer.suite.demand import Demand
from charioteer.suite.ledger import Ledger, folder_name

from support.fake_guests import ONE, PAIR, fake_guests
from support.leftovers import expect_nothing_left
from support.patience import until
from support.run import Run

Pytest = Callable[..., Run]
PASSES = """
with subtest("it boots"):
    web.succeed("true")
with subtest("it answers"):
    web.succeed("true")
"""
FAILS = (
    PASSES
    + """
with subtest("it fails"):
    web.succeed("echo the reason; false")
with subtest("never reached"):
    web.succeed("true")
"""
)


@pytest.fixture
def project(folder: Path) -> Path:
    """A folder of a project; what is written into it are its tests."""
    made = folder / "project"
    made.mkdir()
    (made / "pytest.ini").write_text("[pytest]\ncharioteer_cluster = machines\n")
    (made / "machines").mkdir()
    (made / "machines/cluster.toml").write_text(PAIR)
    return made


@pytest.fixture
def run_pytest(folder: Path, project: Path) -> Pytest:
    env = fake_guests(folder)

    def run(*options: str, status: int = 0) -> Run:
        made = Run([sys.executable, "-m", "pytest", "-v", *options], env, project)
        made.expect(status, limit=120)
        expect_nothing_left(folder)
        return made

    return run


def write_script(project: Path, name: str, script: str) -> None:
    (project / name).mkdir()
    (project / name / "cluster.toml").write_text(ONE.replace("one", name))
    (project / name / "test.py").write_text(script)


def write_tests(project: Path, text: str) -> None:
    (project / "test_it.py").write_text(textwrap.dedent(text))


class TestScripts:
    def test_that_pass_are_reported_with_their_subtests(
        self, project: Path, run_pytest: Pytest
    ) -> None:
        write_script(project, "good", PASSES)
        run = run_pytest()
        lines = [line.split(" [")[0].rstrip() for line in run.stdout.splitlines()]
        begin = lines.index("good/cluster.toml::good::it boots PASSED")
        assert lines[begin + 1 : begin + 3] == [
            "good/cluster.toml::good::it answers PASSED",
            "good/cluster.toml::good PASSED",
        ]
        assert "3 passed" in run.stdout and "[100%]" in run.stdout
        assert (project / "charioteer-out/good/report.html").is_file()

    def test_that_fail_are_reported_with_the_reason(
        self, project: Path, run_pytest: Pytest
    ) -> None:
        write_script(project, "bad", FAILS)
        run = run_pytest("--junit-xml", "out.xml", status=1)
        assert "2 failed, 2 passed" in run.stdout
        assert "FAILED bad/cluster.toml::bad - RequestedAssertionFailed: command" in run.stdout
        assert 'web.succeed("echo the reason; false")' in run.stdout
        assert "__ bad: it fails __" in run.stdout and "test session _" not in run.stdout
        assert "why the test failed:" in run.stdout
        cases = ElementTree.parse(project / "out.xml").getroot().iter("testcase")
        failed = {each.get("name"): each.find("failure") is not None for each in cases}
        assert failed == {"it boots": False, "it answers": False, "it fails": True, "bad": True}

    def test_x_stops_after_the_first_that_fails(self, project: Path, run_pytest: Pytest) -> None:
        write_script(project, "bad", FAILS)
        write_script(project, "good", PASSES)
        run = run_pytest("-x", status=1)
        assert "good/cluster.toml::good" not in run.stdout

    def test_k_chooses_by_the_names_of_tests_machines_and_subtests(
        self, project: Path, run_pytest: Pytest
    ) -> None:
        write_script(project, "bad", FAILS)
        write_script(project, "good", PASSES)
        for words, chosen in (("good", "good"), ("fails", "bad"), ("web", "bad good")):
            run = run_pytest("-k", words, "--collect-only", "-qq")
            found = [line for line in run.stdout.splitlines() if "::" in line]
            assert found == [f"{each}/cluster.toml::{each}" for each in chosen.split()]

    def test_lf_runs_those_that_failed(self, project: Path, run_pytest: Pytest) -> None:
        write_script(project, "bad", FAILS)
        write_script(project, "good", PASSES)
        run_pytest(status=1)
        run = run_pytest("--lf", status=1)
        assert "run-last-failure: rerun previous 1 failure" in run.stdout
        assert "good/cluster.toml::good" not in run.stdout

    def test_are_run_by_workers_of_xdist(self, project: Path, run_pytest: Pytest) -> None:
        write_script(project, "bad", FAILS)
        write_script(project, "good", PASSES)
        run = run_pytest("-n", "2", status=1)
        assert "2 failed, 5 passed" in run.stdout
        assert "FAILED bad/cluster.toml::bad::it fails" in run.stdout

    def test_a_wrong_cluster_file_is_an_error_of_collecting(
        self, project: Path, run_pytest: Pytest
    ) -> None:
        write_script(project, "wrong", "")
        (project / "wrong/cluster.toml").write_text('[machines.web]\nguest = "none"\n')
        run = run_pytest(status=2)
        assert "wrong/cluster.toml: machines.web.guest: expected one of" in run.stdout
        assert "Traceback" not in run.stdout

    def test_a_cluster_file_without_a_script_is_no_test(self, run_pytest: Pytest) -> None:
        assert "collected 0 items" in run_pytest(status=5).stdout

    def test_end_with_pytest(self, project: Path, folder: Path) -> None:
        write_script(
            project, "long", 'web.succeed("true")\nprint("up", flush=True)\nweb.sleep(600)'
        )
        env = fake_guests(folder)
        for end in ("press_ctrl_c", "end"):
            run = Run([sys.executable, "-m", "pytest", "-s"], env, project)
            run.wait_for("up")
            getattr(run, end)()
            run.finish()
            expect_nothing_left(folder)


class TestFixtures:
    def test_are_the_cluster_and_its_machines(self, project: Path, run_pytest: Pytest) -> None:
        write_tests(
            project,
            """
            def test_machines(cluster, db, web_1):
                assert web_1 is cluster["web-1"] and db is cluster.db
                assert db.is_up() and web_1.is_up()
                assert db.succeed("echo hello") == "hello\\n"
            """,
        )
        run_pytest()

    def test_machines_are_shared_in_the_scope_of_the_ini_file(
        self, project: Path, run_pytest: Pytest
    ) -> None:
        ini = project / "pytest.ini"
        write_tests(
            project,
            """
            def test_one(db): print("machine", db.pid, "end")
            def test_two(db): print("machine", db.pid, "end")
            """,
        )
        for scope, count in (("session", 1), ("function", 2)):
            ini.write_text(f"[pytest]\ncharioteer_cluster = machines\ncharioteer_scope = {scope}\n")
            found = re.findall("machine [0-9]+ end", run_pytest("-s").stdout)
            assert len(found) == 2 and len(set(found)) == count

    def test_a_failed_test_has_what_the_machines_report(
        self, project: Path, run_pytest: Pytest
    ) -> None:
        write_tests(project, 'def test_fails(db): db.succeed("false")')
        run = run_pytest(status=1)
        assert "Charioteer: what the machines report" in run.stdout
        assert "why the test failed:" in run.stdout and "asked: must succeed: false" in run.stdout
        assert "asking the machines" not in run.stdout + run.stderr
        assert "RequestedAssertionFailed" in run.stdout and "result.check()" not in run.stdout
        assert "result.check()" in run_pytest("--full-trace", status=1).stdout

    def test_are_found_by_every_version_of_pytest(self, project: Path, run_pytest: Pytest) -> None:
        write_tests(
            project,
            """
            import types
            def test_it(pytestconfig):
                plugin = pytestconfig.pluginmanager.get_plugin("charioteer-fixtures")
                # Those of an instance are ignored since pytest 9.
                assert isinstance(plugin, types.ModuleType)
            """,
        )
        run_pytest()

    @pytest.mark.parametrize("checkpoint", ["true", "false"])
    def test_broken_machines_are_repaired(
        self, project: Path, run_pytest: Pytest, checkpoint: str
    ) -> None:
        with (project / "pytest.ini").open("a") as ini:
            ini.write(f"charioteer_checkpoint = {checkpoint}\n")
        write_tests(
            project,
            """
            import os
            def test_breaks(db):
                os.kill(db.pid, 9)
                db.process.wait(60)
            def test_works(db, web_1): assert db.succeed("echo hello") == web_1.succeed("echo hello")
            def test_turns_off(db): db.crash()
            def test_works_again(db, cluster):
                assert db.succeed("echo hello") == "hello\\n"
                cluster.logger.log("the end")
            """,
        )
        run = run_pytest("-s")
        log = run.stderr
        assert "db cannot be used since test_it.py::test_breaks: " in log
        assert "db cannot be used since test_it.py::test_turns_off: it is off" in log
        repair = "all machines are restored" if checkpoint == "true" else "booted anew: db"
        assert log.count(repair) == 2

    def test_need_a_setting(self, project: Path, run_pytest: Pytest) -> None:
        (project / "pytest.ini").write_text("[pytest]\n")
        write_tests(project, "def test_it(cluster): pass")
        run = run_pytest(status=1)
        assert "the fixture `cluster` needs the setting charioteer_cluster" in run.stdout

    @pytest.mark.parametrize(
        "setting, named",
        [
            ("charioteer_cluster = none", "none: no such file"),
            ("charioteer_scope = test", "charioteer_scope: expected one of session"),
        ],
    )
    def test_wrong_settings_are_named(
        self, project: Path, run_pytest: Pytest, setting: str, named: str
    ) -> None:
        (project / "pytest.ini").write_text(f"[pytest]\n{setting}\n")
        run = run_pytest(status=4)
        assert named in run.stderr and "Traceback" not in run.stderr

    def test_a_project_can_have_its_own(self, project: Path, run_pytest: Pytest) -> None:
        write_tests(
            project,
            """
            import pytest
            @pytest.fixture
            def cluster(): return "its own"
            def test_it(cluster): assert cluster == "its own"
            """,
        )
        run_pytest()


class TestRoom:
    """Tests wait until there is room on the host, as those of suites do."""

    def test_is_awaited_by_scripts_and_machines_of_all_workers(
        self, folder: Path, project: Path
    ) -> None:
        write_script(project, "script", PASSES)
        write_tests(project, "def test_machines(db): pass")
        ledger = folder / folder_name()
        with Ledger(ledger).locked():
            others = Ledger(ledger).claim(Demand(1 << 40, 1))
        command = [sys.executable, "-m", "pytest", "-v", "-n", "2"]
        run = Run(command, fake_guests(folder), project)
        until(lambda: len(list(ledger.glob("*.wish"))) == 2, 60, run.report)
        assert "PASSED" not in run.stdout
        others.release()
        run.expect(0, limit=120)
        assert {each.name for each in ledger.iterdir()} == {"ledger.lock"}
        expect_nothing_left(folder)

    def test_depends_on_what_earlier_runs_took(
        self, folder: Path, project: Path, run_pytest: Pytest
    ) -> None:
        write_script(project, "script", PASSES)
        run_pytest("script")
        (file,) = (folder / "cache/history").iterdir()
        with sqlite3.connect(file) as connection:
            assert connection.execute("SELECT test FROM runs").fetchall() == [("script",)]

    def test_does_not_need_the_history(
        self, folder: Path, project: Path, run_pytest: Pytest
    ) -> None:
        write_script(project, "script", PASSES)
        run_pytest("script")
        (file,) = (folder / "cache/history").iterdir()
        file.write_bytes(b"no database" * 100)
        run = run_pytest("script")
        assert "PytestWarning" in run.stdout and "not a history of tests" in run.stdout


class TestTestinfra:
    def test_its_host_is_a_machine(self, project: Path, run_pytest: Pytest) -> None:
        pytest.importorskip("testinfra")
        write_tests(
            project,
            """
            testinfra_hosts = ["charioteer://web-1", "charioteer://db"]
            def test_commands(host):
                assert host.check_output("echo %s", "a b") == "a b"
                assert host.run("exit 3").rc == 3
                assert host.run("false | true").succeeded
                assert host.run("echo problem >&2").stderr == "problem\\n"
                assert host.file("/").is_directory
            """,
        )
        run = run_pytest()
        assert "test_commands[charioteer://web-1] PASSED" in run.stdout
        assert "test_commands[charioteer://db] PASSED" in run.stdout
