"""Scripts that run when an image is made, with a fake mmdebstrap that does not need root."""

import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from charioteer.errors import BuildError
from charioteer.images import preparation
from charioteer.images.preparation import Preparation
from charioteer.images.progress import Step

# Unpacks, runs hooks and packs like the real mmdebstrap, which cannot unpack device nodes without root,
# and adds them when it packs.
MMDEBSTRAP = r"""#!/bin/bash
set -eu
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
echo "I: a line of mmdebstrap's"
arguments=("$@")
for argument in "${arguments[@]}"; do
    hook=${argument#*=}
    case $argument in
        --*-hook=tar-in*)
            eval "set -- ${hook#tar-in}"
            tar -C "$tree" -xf "$1"
            [ ! -e "$tree/dev/null" ] || exit 1
            ;;
        --*-hook=upload*) eval "set -- ${hook#upload}"; cp "$1" "$tree$2" ;;
        --customize-hook=*) sh -c "$hook" exec "$tree" || { echo "E: a hook failed"; exit 25; } ;;
    esac
done
rm -rf "$tree/dev"
case "${arguments[*]}" in *--skip=output/dev*) ;; *) mkdir "$tree/dev"; touch "$tree/dev/null" ;; esac
tar -C "$tree" -cf "${argument}" .
"""
# Replacements of programs that need root; `chroot` only changes the working directory.
OTHERS = {
    "unshare": 'while case $1 in --*) ;; *) false ;; esac; do shift; done; exec "$@"',
    "mount": ":",
    "ip": ":",
    "chroot": 'cd "$1" && exec ".$2"',
}


@pytest.fixture(autouse=True)
def _tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in {"mmdebstrap": MMDEBSTRAP, **OTHERS}.items():
        (tools / name).write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    (tmp_path / "tree/etc").mkdir(parents=True)
    (tmp_path / "tree/etc/before").touch()
    path = tmp_path / "it's packages.tar"
    subprocess.run(["tar", "-C", tmp_path / "tree", "-cf", path, "."], check=True)
    return path


def prepare(packages: Path, *scripts: str, limit: int = 60) -> None:
    preparations = []
    for number, script in enumerate(scripts):
        file = packages.with_name(f"script {number}")
        file.write_text(f"#!/bin/sh\n{script}\n")
        preparations.append(Preparation(f"part {number}", file, limit))
    with Step("image") as step:
        preparation.run(preparations, packages, packages.with_name("log"), step)


def test_changes_by_a_script_are_in_the_tree(
    packages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(packages, "touch etc/first", "test -e etc/first && rm etc/before && touch etc/second")
    with tarfile.open(packages) as tar:
        names = sorted(tar.getnames())
    assert names == [".", "./dev", "./dev/null", "./etc", "./etc/first", "./etc/second"]
    assert "image: preparing part 0\nimage: preparing part 1\n" in capsys.readouterr().err


def test_a_failure_is_an_error_with_the_last_lines(packages: Path) -> None:
    before = packages.read_bytes()
    with pytest.raises(BuildError, match="preparing part 0 failed: one / two .whole log: .*/log"):
        prepare(packages, "touch etc/first; echo one; echo two >&2; exit 3")
    assert packages.read_bytes() == before


def test_a_script_is_killed_at_its_limit(packages: Path) -> None:
    with pytest.raises(BuildError, match="part 0 failed: it exceeded its limit of 1 s"):
        prepare(packages, "exec sleep 1000", limit=1)
