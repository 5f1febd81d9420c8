"""What `cmake --install` installs."""

import os
import re
import signal
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

import charioteer
import charioteer._core
import pytest

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(charioteer._core.__file__ or "").parents[2]

pytestmark = pytest.mark.together


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation over one of an earlier version."""
    prefix = tmp_path_factory.mktemp("installed")
    cache = (BUILD / "CMakeCache.txt").read_text()
    packages = re.search("^CHARIOTEER_PYTHON_INSTALL_DIR:STRING=(.+)$", cache, re.MULTILINE)
    assert packages is not None
    (prefix / packages[1] / "charioteer-0.0.1.dist-info").mkdir(parents=True)
    command = ["cmake", "--install", str(BUILD), "--prefix", str(prefix)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return prefix


def test_man_pages_and_completion_are_where_their_programs_look(installed: Path) -> None:
    for file in (
        "man/man1/charioteer.1",
        "man/man1/nixos-test-driver.1",
        "bash-completion/completions/charioteer",
        "zsh/site-functions/_charioteer",
        "fish/vendor_completions.d/charioteer.fish",
    ):
        assert (installed / "share" / file).is_file(), file


def test_no_start_compiles_modules(installed: Path) -> None:
    (packages,) = installed.glob("lib*/charioteer/python")
    sources = list(packages.rglob("*.py"))
    assert len(sources) > 100
    not_compiled = [each for each in sources if not Path(cache_from_source(str(each))).is_file()]
    assert not_compiled == []


def test_the_program_runs(installed: Path) -> None:
    done = subprocess.run(
        [installed / "bin/charioteer", "list"], capture_output=True, text=True, check=True
    )
    assert "ping" in done.stdout


def test_no_metadata_of_another_version_is_left(installed: Path) -> None:
    (packages,) = installed.glob("lib*/charioteer/python")
    assert [each.name for each in packages.glob("*.dist-info")] == [
        f"charioteer-{charioteer.__version__}.dist-info"
    ]


def test_pytest_and_programs_find_the_packages(installed: Path, tmp_path: Path) -> None:
    (packages,) = installed.glob("lib*/charioteer/python")
    environment = {**os.environ, "PYTHONPATH": str(packages)}

    def output(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        return done.stdout + done.stderr

    assert "plugins: charioteer-" in output("-m", "pytest")
    code = "from charioteer.testing import Cluster; import charioteer; print(charioteer.__file__)"
    assert output("-c", code).startswith(str(packages))


class TestProgram:
    """The program that cmake/program.py.in becomes."""

    @pytest.fixture
    def program(self, tmp_path: Path) -> Path:
        text = (ROOT / "cmake/program.py.in").read_text()
        for name, value in (
            ("interpreter", sys.executable),
            ("packages", "../packages"),
            ("module", "probe"),
        ):
            text = text.replace(f"@{name}@", value)
        program = tmp_path / "bin/probe"
        program.parent.mkdir()
        program.write_text(text)
        program.chmod(0o755)
        (tmp_path / "packages").mkdir()
        (tmp_path / "packages/probe.py").write_text(
            "import os, sys; print(*sys.path, os.environ['PYTHONPATH'], sep='\\n')"
        )
        return program

    def paths(self, program: Path, inherited: str) -> tuple[list[str], str]:
        """sys.path and PYTHONPATH in the program, which has inherited this PYTHONPATH."""
        done = subprocess.run(
            [program],
            env={**os.environ, "PYTHONPATH": inherited},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        *path, exported = done.stdout.splitlines()
        return path, exported

    def test_its_packages_are_first_also_for_its_children(self, program: Path) -> None:
        packages = str(program.parents[1] / "packages")
        path, exported = self.paths(program, "/other")
        assert path[0] == packages and exported == f"{packages}{os.pathsep}/other"

    def test_the_order_of_a_path_that_has_them_is_kept(self, program: Path) -> None:
        packages = str(program.parents[1] / "packages")
        inherited = f"/other{os.pathsep}{packages}"
        path, exported = self.paths(program, inherited)
        assert path.index("/other") < path.index(packages) and path.count(packages) == 1
        assert exported == inherited

    def test_ctrl_c_during_its_imports_ends_it(self, program: Path) -> None:
        (program.parents[1] / "packages/probe.py").write_text(
            "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('runs on')"
        )
        done = subprocess.run([program], capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")

    def test_ctrl_c_that_the_caller_ignores_stays_ignored(self, program: Path) -> None:
        (program.parents[1] / "packages/probe.py").write_text(
            "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('runs on')"
        )
        command = ["env", "--ignore-signal=INT", str(program)]
        assert subprocess.run(command, capture_output=True, text=True).stdout == "runs on\n"


def test_the_component_packages_is_what_a_wheel_has(tmp_path: Path) -> None:
    command = ["cmake", "--install", str(BUILD), "--component", "packages", "--prefix"]
    subprocess.run([*command, str(tmp_path)], check=True, stdout=subprocess.DEVNULL)
    (package,) = tmp_path.glob("lib*/charioteer/python/charioteer")
    for pattern in ("_core.*.so", "charioteer-tesseract.so", "charioteer-guard"):
        assert list(package.glob(pattern)), pattern
    assert list(package.glob("charioteer-agent-*"))
    assert (tmp_path / "share/charioteer/machines/minimal/guest.toml").is_file()
    # pip makes programs, metadata and compiled modules.
    assert not (tmp_path / "bin").exists()
    assert not list(tmp_path.rglob("*.dist-info")) and not list(tmp_path.rglob("__pycache__"))
