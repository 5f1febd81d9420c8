"""Root disks of guests: file system images, made from a tar of packages."""

import os
import shlex
import subprocess
from pathlib import Path

from charioteer.errors import BuildError
from charioteer.images import apt

# No journal and no checksums, which cost time: a machine's disk is discarded after the run.
_FEATURES = "^has_journal,^metadata_csum,^resize_inode,^64bit"


def make(tar: Path, image: Path, size: int) -> None:
    """Makes the ext4 file system `image` of `size` MB from `tar`, without mounting anything.

    Owners and modes are those of the tar; users other than root need fakeroot for that. Raises
    BuildError.
    """
    tools = {"mke2fs": "e2fsprogs", "tar": "tar"}
    wrapper = []
    if os.geteuid() != 0:
        tools["fakeroot"] = "fakeroot"
        wrapper = ["fakeroot"]
    apt.require(tools)
    tree = image.with_suffix(".tree")
    tree.mkdir()
    # Root of a container cannot create devices, and a guest gets them from its kernel.
    unpack = ["tar", "-C", str(tree), "-xpf", str(tar), "--numeric-owner", "--exclude=./dev/*"]
    make_image = ["mke2fs", "-q", "-F", "-t", "ext4", "-O", _FEATURES, "-L", "root", "-m", "0"]
    make_image += ["-E", "lazy_itable_init=0,assume_storage_prezeroed=1,root_owner=0:0"]
    make_image += ["-d", str(tree), str(image), f"{size}M"]
    script = f"{shlex.join(unpack)} && chmod 755 {shlex.quote(str(tree))} && "
    script += f"{shlex.join(make_image)}; status=$?; rm -rf {shlex.quote(str(tree))}; exit $status"
    environment = {**os.environ, "PATH": os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"}
    done = subprocess.run(
        [*wrapper, "sh", "-c", script], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no output"]
        raise BuildError(f"cannot make the root disk: {lines[-1]}")
