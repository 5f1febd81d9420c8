"""Root disks of guests: a file system image from a tar of packages."""

import os
import shlex
import subprocess
from pathlib import Path

from charioteer.errors import BuildError
from charioteer.images import apt

# No journal and no checksums: an image is thrown away after the run, and they cost time.
_FEATURES = "^has_journal,^metadata_csum,^resize_inode,^64bit"


def make(tar: Path, image: Path, size: int) -> None:
    """Makes the ext4 file system `image` of `size` MB from `tar`, without mounting anything.

    Owners and modes come out right for root, and for others by fakeroot. Raises BuildError.
    """
    tools = {"mke2fs": "e2fsprogs", "tar": "tar"}
    wrapper = []
    if os.geteuid() != 0:
        tools["fakeroot"] = "fakeroot"
        wrapper = ["fakeroot"]
    apt.require(tools)
    tree = image.with_suffix(".tree")
    tree.mkdir()
    # Devices come from the kernel; making them takes more than a container's root may do.
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
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise BuildError(f"the root disk could not be made: {lines[-1]}")
