"""Writes the archives that Linux unpacks as its initial file system (cpio "newc")."""

import stat


class Archive:
    """Collects entries, which root owns by default. Missing parent folders are added.

    Paths are absolute. Times are 0, so that equal contents give equal archives.
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._folders: set[str] = {""}
        self._count = 0

    def add_folder(self, path: str, mode: int = 0o755) -> None:
        name = path.strip("/")
        if name not in self._folders:
            self._folders.add(name)
            self._add(name, stat.S_IFDIR | mode, b"", 0, 0)

    def add_file(
        self, path: str, data: bytes, mode: int = 0o644, uid: int = 0, gid: int = 0
    ) -> None:
        self._add(path.strip("/"), stat.S_IFREG | mode, data, uid, gid)

    def add_link(self, path: str, target: str) -> None:
        """A symbolic link."""
        self._add(path.strip("/"), stat.S_IFLNK | 0o777, target.encode(), 0, 0)

    def finish(self) -> bytes:
        """The archive; nothing may be added afterwards."""
        self._entry("TRAILER!!!", 0, b"", 0, 0)
        return b"".join(self._parts)

    def _add(self, name: str, mode: int, data: bytes, uid: int, gid: int) -> None:
        parent = name.rpartition("/")[0]
        if parent not in self._folders:
            self.add_folder(parent)
        self._entry(name, mode, data, uid, gid)

    def _entry(self, name: str, mode: int, data: bytes, uid: int, gid: int) -> None:
        self._count += 1
        encoded = name.encode() + b"\0"
        links = 2 if stat.S_ISDIR(mode) else 1
        # inode, mode, uid, gid, links, time, size, device and rdevice (two each), name size, checksum
        fields = (self._count, mode, uid, gid, links, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        for part in (header + encoded, data):
            self._parts.append(part)
            self._parts.append(bytes(-len(part) % 4))
