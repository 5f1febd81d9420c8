"""The man pages and the completion that scripts/make-reference makes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import charioteer._core
import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts/make-reference"
PACKAGES = Path(charioteer._core.__file__ or "").parents[1]
PROGRAMS = ["charioteer", "generate-driver-symbols", "nixos-test-driver"]

pytestmark = pytest.mark.together


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    subprocess.run([sys.executable, SCRIPT, PACKAGES, folder], check=True)
    return folder


def output(*command: str | Path) -> str:
    """What a program prints, which must succeed; skips the test if it is not installed."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100", "TERM": "dumb"}
    done = subprocess.run(
        [str(each) for each in command], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


class TestManPages:
    @pytest.mark.parametrize("program", PROGRAMS)
    def test_have_no_warnings(self, made: Path, program: str) -> None:
        output("man", "--warnings", "-l", made / f"man1/{program}.1")
        found = output("man", "--warnings", "-E", "UTF-8", "-l", "-Z", made / f"man1/{program}.1")
        assert "warning" not in found

    @pytest.mark.parametrize("program", PROGRAMS)
    def test_pass_the_lint_of_mandoc(self, made: Path, program: str) -> None:
        output("mandoc", "-T", "lint", "-W", "warning", made / f"man1/{program}.1")

    def test_have_a_name_that_can_be_searched(self, made: Path) -> None:
        found = output("lexgrog", made / "man1/charioteer.1")
        assert '"charioteer - tests systems on teams of virtual machines"' in found

    def test_have_all_commands_options_and_statuses(self, made: Path) -> None:
        text = " ".join(output("man", "-l", made / "man1/charioteer.1").split())
        for words in (
            "charioteer checkpoints prune",
            "-o DIR, --output-directory DIR where artefacts go",
            "EXIT STATUS 0 the test passed",
            "ENVIRONMENT CHARIOTEER_ACCEL kvm, tcg",
            "SEE ALSO nixos-test-driver(1), generate-driver-symbols(1)",
        ):
            assert words in text

    def test_do_not_depend_on_the_environment(
        self, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("logLevel", "debug")
        monkeypatch.setenv("COLUMNS", "30")
        subprocess.run([sys.executable, SCRIPT, PACKAGES, tmp_path], check=True)
        page = "man1/charioteer.1"
        assert (tmp_path / page).read_text() == (made / page).read_text()


class TestCompletion:
    @pytest.mark.parametrize(
        "shell, options", [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])]
    )
    def test_is_valid(self, made: Path, shell: str, options: Sequence[str]) -> None:
        files = sorted((made / shell).glob("*"))
        assert len(files) == 2, "one program has no options"
        for file in files:
            assert output(shell, *options, file) == ""

    def test_of_bash_completes_commands_and_options(self, made: Path) -> None:
        def completed(*words: str) -> list[str]:
            line = " ".join(words)
            script = (
                f"source {made}/bash/charioteer\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}"
            )
            call = "_charioteer; printf '%s\\n' \"${COMPREPLY[@]}\""
            return output("bash", "-c", f"{script}\n{call}").split()

        assert completed("charioteer", "st") == ["stubs"]
        assert completed("charioteer", "checkpoints", "sh") == ["show"]
        assert completed("charioteer", "run", "--keep") == ["--keep-machine-state", "--keep-alive"]
        assert completed("charioteer", "run", "--clock", "k") == ["kept"]
        assert completed("charioteer", "run", "--resume", "--ch") == ["--checkpoint"]
        assert completed("charioteer", "run", "exam") == [], "bash completes files itself"

    def test_of_zsh_is_found(self, made: Path) -> None:
        script = f"fpath=({made}/zsh $fpath); autoload -U compinit; compinit -D"
        found = output("zsh", "-f", "-c", f"{script}; print $_comps[charioteer]")
        assert found == "_charioteer\n"

    def test_of_fish_completes_commands_and_options(self, made: Path) -> None:
        def completed(line: str) -> list[str]:
            script = f"source {made}/fish/charioteer.fish; complete -C {line!r}"
            found = output("fish", "--no-config", "-c", script).splitlines()
            return [each.split("\t")[0] for each in found]

        assert completed("charioteer st") == ["stubs"]
        assert completed("charioteer checkpoints sh") == ["show"]
        assert completed("charioteer run --keep") == ["--keep-alive", "--keep-machine-state"]
        assert completed("charioteer run --clock ") == ["kept", "now"]
