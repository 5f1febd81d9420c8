"""Sections 6.1 and 1.6: a test as a derivation, which real Nix builds in its sandbox.

The driver that runs in there is installed as a package would be, and the machines are those of the
example `ping`. Nothing comes from nixpkgs.
"""

import json
import os
import stat
import subprocess
import xml.etree.ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
from charioteer import paths
from charioteer.cluster import definition
from charioteer.cluster.configuration import write

from real_nix import Nix
from sandbox import Sandbox

from support import nix_system
from support.containers import why_no_containers
from support.leftovers import expect_nothing_left
from support.patience import deadline, scaled
from support.run import PROGRAMS
from support.shared_machines import BUILD_LIMIT, short_folder

TEST = Path(__file__).resolve().parent / "test.nix"
PATH = "/usr/bin:/usr/sbin"
pytestmark = pytest.mark.limit(900)


@pytest.fixture
def sandbox(nix: Nix) -> Sandbox:
    return Sandbox(nix)


@pytest.fixture(scope="module")
def module_folder() -> Iterator[Path]:
    """A folder with the installed driver in `installed`."""
    with short_folder() as folder:
        # Builds may run as other users.
        folder.chmod(0o755)
        command = ["cmake", "--install", str(PROGRAMS.parent), "--prefix", f"{folder}/installed"]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, timeout=scaled(60))
        yield folder
        expect_nothing_left(folder)


@pytest.fixture(scope="module")
def configuration(module_folder: Path) -> Path:
    """The configuration of the example `ping`."""
    with deadline(BUILD_LIMIT):
        cluster = definition.load(paths.examples() / "ping")
        return write(cluster, module_folder)


def build(
    sandbox: Sandbox, module_folder: Path, configuration: Path, name: str, **values: str
) -> subprocess.CompletedProcess[str]:
    given: dict[str, str | Path] = {
        "driver": module_folder / "installed",
        "configuration": configuration,
    }
    # Otherwise Nix would not build the test a second time.
    return sandbox.build(
        TEST,
        {
            "name": f"{name}-{module_folder.name}",
            "accelerator": "tcg",
            "path": PATH,
            **given,
            **values,
        },
        [module_folder, paths.cache(), paths.examples()],
    )


def variant(configuration: Path, script: str, name: str) -> Path:
    """A configuration with the same machines and another script."""
    test = configuration.parent / f"{name}.py"
    test.write_text(script)
    made = configuration.parent / f"{name}.json"
    example = str((paths.examples() / "ping/test.py").absolute())
    text = configuration.read_text()
    assert example in text
    made.write_text(text.replace(example, str(test)))
    return made


def test_6_1_nix_builds_the_example_ping(
    sandbox: Sandbox, module_folder: Path, configuration: Path
) -> None:
    done = build(
        sandbox,
        module_folder,
        configuration,
        "ping",
        logFile="$out/log.xml",
        extraDriverArgs="--junit-xml report.xml",
    )
    assert done.returncode == 0, done.stderr
    assert "12 of 12 pings passed" in done.stderr and "test script finished in" in done.stderr
    out = module_folder / "out-of-ping"
    sandbox.fetch(done.stdout.strip(), out)
    sandbox.delete(done.stdout.strip())
    suites = xml.etree.ElementTree.parse(out / "report.xml").getroot()
    assert suites.get("failures") == "0" and suites.get("tests") == "3"
    assert "every machine reaches every other by name" in (out / "log.xml").read_text()


def test_6_1_a_build_requires_the_feature(
    sandbox: Sandbox, module_folder: Path, configuration: Path
) -> None:
    given: dict[str, str | Path] = {
        "driver": module_folder / "installed",
        "configuration": configuration,
    }
    done = sandbox.build(TEST, {"name": "refused", "path": PATH, **given}, [], features="benchmark")
    assert done.returncode != 0
    assert "nixos-test" in done.stderr and "benchmark" in done.stderr


def test_6_1_a_test_that_fails_is_a_build_that_fails(
    sandbox: Sandbox, module_folder: Path, configuration: Path
) -> None:
    script = "primer.succeed('echo the reason >&2; exit 3')\n"
    done = build(sandbox, module_folder, variant(configuration, script, "failing"), "failing")
    assert done.returncode != 0 and done.stdout == ""
    assert "primer.succeed(" in done.stderr and "the reason" in done.stderr
    assert "(exit code 3)" in done.stderr and "exit code 1" in done.stderr


def test_1_6_a_build_keeps_state_in_its_folder_and_has_no_home(
    sandbox: Sandbox, module_folder: Path, configuration: Path
) -> None:
    """HOME does not exist in a build."""
    script = """
paths = [str(path) for path in (primer.state_dir, primer.shared_dir, vlan1.socket_dir)]
print("own", all(path.startswith(os.environ["NIX_BUILD_TOP"] + "/") for path in paths))
print("home", os.environ["HOME"], os.path.exists(os.environ["HOME"]))
primer.start()
primer.copy_from_host(__import__("sys").executable, "/tmp/program")
primer.copy_from_machine("/proc/version", "copied")
primer.screenshot("screen")
print("left", sorted(os.listdir(driver.out_dir)))
"""
    done = build(sandbox, module_folder, variant(configuration, script, "state"), "state")
    assert done.returncode == 0, done.stderr
    assert "own True" in done.stderr
    assert "home /homeless-shelter False" in done.stderr
    assert "left ['copied', 'screen.png']" in done.stderr
    sandbox.delete(done.stdout.strip())


def test_5_4_start_scripts_of_nixpkgs_run_in_a_build(sandbox: Sandbox, module_folder: Path) -> None:
    """QEMU, which is not root there, serves their 9p shares."""
    script = """
alpha.succeed("grep '^xchg /tmp/xchg 9p' /proc/mounts")
with open(alpha.shared_dir / "note", "w") as note:
    note.write("from the build")
print("seen:", alpha.succeed("cat /tmp/shared/note"))
alpha.succeed("echo from the guest > /tmp/xchg/answer")
print("answer:", open(alpha.state_dir / "xchg/answer").read())
alpha.succeed("test -x /nix/.ro-store/*-nixos-system-alpha/init")
alpha.shutdown()
"""
    with deadline(BUILD_LIMIT):
        made = nix_system.write(module_folder, ["alpha"], script)
    done = build(sandbox, module_folder, made, "shape", path="/usr/bin")
    assert done.returncode == 0, done.stderr
    assert "seen: from the build" in done.stderr and "answer: from the guest" in done.stderr
    sandbox.delete(done.stdout.strip())


def test_1_6_a_build_can_run_containers(
    sandbox: Sandbox, module_folder: Path, configuration: Path
) -> None:
    """The driver sets up what systemd-nspawn needs: /run, control groups and a machine id."""
    if reason := why_no_containers() or sandbox.why_not_as_root():
        pytest.skip(reason)
    # The host's may be inaccessible for a user who is root only in the sandbox.
    (module_folder / "net").mkdir()
    os.mknod(module_folder / "net/tun", stat.S_IFCHR, os.makedev(10, 200))
    (module_folder / "net/tun").chmod(0o666)
    script = """
print("root", os.geteuid() == 0)
print("netns", os.path.isdir("/run/netns"), os.path.samefile("/var/run", "/run"))
print("groups", os.path.exists("/sys/fs/cgroup/cgroup.controllers"))
print("identity", os.path.getsize("/etc/machine-id"), os.path.exists("/etc/os-release"))
print("links", os.popen("ip -brief link").read().replace("\\n", "; "))
"""
    made = variant(configuration, script, "containers")
    content = json.loads(made.read_text())
    content["containers"] = {"box": {"name": "box", "start_script": "/bin/true"}}
    made.write_text(json.dumps(content))
    done = sandbox.build(
        TEST,
        {
            "name": f"containers-{module_folder.name}",
            "driver": module_folder / "installed",
            "configuration": made,
            "path": PATH,
            "accelerator": "tcg",
            "containers": "1",
        },
        [module_folder, paths.cache(), paths.examples(), f"/dev/net={module_folder}/net"],
        features="nixos-test uid-range",
    )
    assert done.returncode == 0, done.stderr
    for line in ("root True", "netns True True", "groups True", "identity 33 True"):
        assert line in done.stderr
    assert "vde-tap1" in done.stderr
    sandbox.delete(done.stdout.strip())


def test_1_7_the_time_limit_of_a_run_ends_the_build(
    sandbox: Sandbox, module_folder: Path, configuration: Path
) -> None:
    """The driver ends all its processes before Nix would kill them."""
    limited = variant(configuration, "primer.start()\nprimer.sleep(600)\n", "late")
    text = limited.read_text()
    assert '"global_timeout": 300' in text
    limited.write_text(text.replace('"global_timeout": 300', '"global_timeout": 5'))
    done = build(sandbox, module_folder, limited, "late")
    assert done.returncode != 0
    assert "timeout reached; test terminating..." in done.stderr
