"""The folder of a run on another host, and the cache of files there."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from typing import Any, Dict, Iterator

from charioteer.hosts.remote_base import (
    KEPT,
    RUNNING,
    Ended,
    Input,
    answer,
    kill_all,
    machines_in,
    name_of,
)

UNUSED = 30 * 24 * 3600
"""Seconds after which a file of the cache that no run has used is removed."""


class Cache:
    """Files by their SHA-256, which stay for later runs."""

    def __init__(self) -> None:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        self.folder = os.path.join(base, "charioteer-hosts")
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            try:
                if time.time() - os.stat(path).st_mtime > UNUSED:
                    os.unlink(path)
            except OSError:
                pass  # another run has removed it

    def has(self, digest: str, size: int) -> bool:
        path = os.path.join(self.folder, digest)
        try:
            if os.stat(path).st_size != size:
                return False
            os.utime(path)
        except OSError:
            return False
        return True

    def has_room(self, size: int) -> bool:
        return shutil.disk_usage(self.folder).free >= size

    def store(self, digest: str, pieces: Iterator[bytes]) -> None:
        """Raises OSError, also for other contents."""
        descriptor, path = tempfile.mkstemp(prefix="partial-", dir=self.folder)
        try:
            state = hashlib.sha256()
            with open(descriptor, "wb") as file:
                for piece in pieces:
                    state.update(piece)
                    file.write(piece)
            if state.hexdigest() != digest:
                raise OSError("the contents of a file were changed on the way")
            os.chmod(path, 0o600)
            os.rename(path, os.path.join(self.folder, digest))
        except BaseException:
            os.unlink(path)
            raise


def free_in_groups() -> Iterator[int]:
    """KB that the control group of this process and those above it leave, where they have limits."""
    try:
        with open("/proc/self/cgroup") as file:
            own = next((line[3:].strip() for line in file if line.startswith("0::")), "/")
    except OSError:
        return
    while own != "/":
        base = f"/sys/fs/cgroup{own}"
        try:
            with open(f"{base}/memory.max") as limit, open(f"{base}/memory.current") as used:
                free = int(limit.read()) - int(used.read())
            with open(f"{base}/memory.stat") as file:
                free += next((int(line.split()[1]) for line in file if "inactive_file" in line), 0)
            yield free // 1024
        except (OSError, ValueError):
            pass  # no such file, or "max"
        own = os.path.dirname(own)


def facts(folder: str, cache: Cache) -> Dict[str, object]:
    with open("/proc/meminfo") as file:
        fields = {line.split(":")[0]: int(line.split()[1]) for line in file}
    free = fields["MemAvailable"] - fields["MemTotal"] // 20
    free = min([free, *free_in_groups()])
    return {
        "folder": folder,
        "cache": cache.folder,
        "memory": max(free, 0) // 1024,
        "processors": len(os.sched_getaffinity(0)),
        "programs": [each for each in ("qemu-system-x86_64", "qemu-img") if shutil.which(each)],
    }


def keep(source: Input, header: Dict[str, Any]) -> None:
    """Until the end of the run; all that belongs to it is removed then."""
    try:
        folder = tempfile.mkdtemp(prefix="charioteer-", dir=header["parent"] or None)
    except OSError as error:
        answer(error=name_of(error))
        return
    try:
        with open(os.path.join(folder, KEPT), "w") as kept:
            fcntl.flock(kept, fcntl.LOCK_EX)
            for name in header["machines"]:
                os.mkdir(os.path.join(folder, name), 0o700)
            cache = Cache()
            answer(**facts(folder, cache))
            serve_requests(source, cache, folder)
    finally:
        left = kill_all(folder)
        shutil.rmtree(folder, ignore_errors=True)
    answer(left=left, folder=folder if os.path.exists(folder) else "")


def serve_requests(source: Input, cache: Cache, folder: str) -> None:
    """Until that for the end."""
    while True:
        try:
            request = source.line()
        except Ended:
            # Each machine has a connection of its own, whose loss it reports.
            for name in machines_in(folder):
                await_end(name)
            raise
        if "end" in request:
            return
        if "need" in request:
            missing = {d: size for d, size in request["need"] if not cache.has(d, size)}
            if cache.has_room(sum(missing.values())):
                answer(missing=list(missing))
            else:
                answer(error="ENOSPC", size=sum(missing.values()))
        if "file" in request:
            receive(source, cache, request["file"], request["size"])


def receive(source: Input, cache: Cache, digest: str, size: int) -> None:
    pieces = source.pieces(size)
    try:
        cache.store(digest, pieces)
        answer(stored=digest)
    except OSError as error:
        for _ in pieces:
            pass  # the other side reads no answer before it has sent all
        answer(error=name_of(error))


def await_end(folder: str) -> None:
    """Waits while the machine of this folder runs."""
    try:
        with open(os.path.join(folder, RUNNING)) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
    except FileNotFoundError:
        pass  # it was never started
