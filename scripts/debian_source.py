"""The source tree of the Debian package, made from packaging/debian; used by scripts/make-deb."""

import re
import shutil
from email.utils import formatdate
from pathlib import Path

import source_tree
from steps import ROOT

PACKAGING = ROOT / "packaging/debian"
# The revision of Debian, which follows the version.
REVISION = "1"


def version() -> str:
    """The version of CMakeLists.txt."""
    text = (ROOT / "CMakeLists.txt").read_text()
    match = re.search(r"^project\(charioteer VERSION (\S+)", text, re.MULTILINE)
    assert match is not None
    return match[1]


def fields(paragraph: str) -> dict[str, str]:
    """The fields of one paragraph of packaging/debian/control, which begins with the field given."""
    for text in (PACKAGING / "control").read_text().split("\n\n"):
        if text.startswith(f"{paragraph}:"):
            lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
            found = re.findall(r"^([\w-]+):(.*(?:\n .*)*)", lines, re.MULTILINE)
            return {name: " ".join(value.split()) for name, value in found}
    raise AssertionError(f"no paragraph {paragraph}")


def packages(field: str) -> tuple[str, ...]:
    """The packages of a field such as Depends, without substitutions.

    Of alternatives it is the first, which is that of Debian 12.
    """
    names = [re.match(r"[a-z0-9.+-]+", item.strip()) for item in field.split(",")]
    found = [name[0] for name in names if name is not None]
    return tuple("debhelper" if name == "debhelper-compat" else name for name in found)


def changelog(maintainer: str, seconds: int) -> str:
    """The text of debian/changelog, for a commit that was made at `seconds` since the epoch."""
    return (
        f"charioteer ({version()}-{REVISION}) unstable; urgency=medium\n\n"
        f"  * Version {version()}; its changes are in changelog.gz.\n\n"
        f" -- {maintainer}  {formatdate(seconds)}\n"
    )


def prepare(output: Path) -> Path:
    """Writes the source tree with its folder debian/ into the folder `output`; returns its path.

    The archive of the source, which dpkg-source needs, is beside the tree. Both have the tracked files
    of the work tree. Raises SourceError.
    """
    output.mkdir(parents=True, exist_ok=True)
    archive = output / f"charioteer_{version()}.orig.tar.gz"
    source_tree.archive(archive, f"charioteer-{version()}")
    tree = output / "charioteer"
    source_tree.unpack(archive, tree)
    shutil.copytree(tree / "packaging/debian", tree / "debian")
    text = changelog(fields("Source")["Maintainer"], source_tree.commit_time())
    (tree / "debian/changelog").write_text(text)
    return tree
