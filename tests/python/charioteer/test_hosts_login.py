"""Connections to another host: programs that stand in for ssh, and run the program for hosts here."""

import asyncio
import errno
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from charioteer.errors import InputError
from charioteer.hosts import keeper, login
from charioteer.hosts.hosts_file import Host
from charioteer.hosts.keeper import Digests, HostFailure, Keeper
from charioteer.hosts.login import LoginFailed, Session, Turns, log_in

from support.patience import scaled

GREETING = shlex.join([sys.executable, "-c", r"print('\0charioteer')"])


@pytest.fixture(name="bin_folder")
def fixture_bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in PATH; what the program for hosts makes is in `tmp_path`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("qemu-system-x86_64", "qemu-img"):
        write(folder / name, "exit 0")
    yield folder


def write(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def fake_ssh(folder: Path, before: str = "") -> None:
    """ssh that runs its last argument here, after `before`."""
    write(folder / "ssh", f'{before}\nfor word; do :; done\nexec sh -c "$word"')


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("charioteer-*")]


class TestLogins:
    def log_in(self, folder: Path, script: str, machines: int = 1) -> list[object]:
        async def all_of_them() -> list[object]:
            one = [
                log_in("b", ["sh", "-c", script], b"", Turns(folder, "b")) for _ in range(machines)
            ]
            sessions = list(await asyncio.gather(*one, return_exceptions=True))
            for session in sessions:
                if isinstance(session, Session):
                    await session.output.read()
                    await session.end()
            # Transports close in the next turn of the loop.
            await asyncio.sleep(0.01)
            return sessions

        return asyncio.run(all_of_them())

    def test_refused_ones_are_tried_again(self, tmp_path: Path) -> None:
        script = (
            f"if [ ! -e {tmp_path}/tried ]; then touch {tmp_path}/tried\n"
            "echo 'kex_exchange_identification: Connection reset by peer' >&2; exit 255; fi\n"
            f"echo Welcome; {GREETING}"
        )
        [session] = self.log_in(tmp_path, script)
        assert isinstance(session, Session)

    @pytest.mark.parametrize("text", ["Permission denied (publickey).", "No route to host"])
    def test_other_failures_are_errors_at_once(self, tmp_path: Path, text: str) -> None:
        script = f"echo x >> {tmp_path}/tries; echo {shlex.quote(text)} >&2; exit 255"
        [failure] = self.log_in(tmp_path, script)
        assert isinstance(failure, LoginFailed)
        assert str(failure) == f"the host b cannot be reached: {text}"
        assert (tmp_path / "tries").read_text() == "x\n"

    def test_few_are_made_at_once(self, tmp_path: Path) -> None:
        script = (
            f"touch {tmp_path}/in-$$; ls {tmp_path}/in-* | wc -l >> {tmp_path}/counts; sleep 0.05\n"
            f"rm {tmp_path}/in-$$; {GREETING}"
        )
        sessions = self.log_in(tmp_path, script, 20)
        assert all(isinstance(each, Session) for each in sessions)
        counts = [int(line) for line in (tmp_path / "counts").read_text().split()]
        assert len(counts) == 20 and max(counts) <= 4

    def test_a_holder_of_standard_error_delays_no_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(login, "_END_LIMIT", 0.1)
        pid = tmp_path / "pid"

        async def ended() -> tuple[int, str]:
            script = f"sleep 600 > /dev/null & echo $! > {pid}; echo why >&2; {GREETING}; exit 255"
            session = await log_in("b", ["sh", "-c", script], b"", Turns(tmp_path, "b"))
            try:
                await session.output.read()
                return await asyncio.wait_for(session.end(), scaled(60))
            finally:
                os.kill(int(pid.read_text()), 9)
                await asyncio.sleep(0.05)

        assert asyncio.run(ended())[1].strip() == "why"


class TestKeeper:
    HOST = Host("b", ("b",))

    def test_what_a_login_shell_prints_is_skipped(self, bin_folder: Path, tmp_path: Path) -> None:
        fake_ssh(bin_folder, "printf 'Welcome\\nto b: '")
        kept = Keeper(self.HOST, ["web"])
        assert kept.folder.startswith(f"{tmp_path}/charioteer-")
        assert kept.end() == "" and not left(tmp_path)

    def test_a_login_shell_that_waits_is_quoted(
        self, bin_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keeper, "_START_LIMIT", 2)
        fake_ssh(bin_folder, "echo 'Which project?'; exec sleep 600")
        with pytest.raises(HostFailure, match="the host b did not answer .*'Which project\\?'"):
            Keeper(self.HOST, ["web"])

    def test_its_folder_is_named_when_it_cannot_be_made(self, bin_folder: Path) -> None:
        fake_ssh(bin_folder)
        with pytest.raises(InputError, match=r"hosts\.b\.folder: /none: ENOENT") as caught:
            Keeper(Host("b", ("b",), folder="/none"), ["web"])
        assert caught.value.status == 2

    def test_ssh_does_not_ask(self, bin_folder: Path) -> None:
        fake_ssh(bin_folder, '[ "$SSH_ASKPASS_REQUIRE" = never ] || exit 255')
        assert Keeper(self.HOST, ["web"]).end() == ""

    def test_an_interruption_within_a_file_leaves_nothing(
        self, bin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake_ssh(bin_folder)
        kept = Keeper(self.HOST, ["web"])
        file = tmp_path / "image"
        file.write_bytes(b"image" * 1000)

        def interrupted(*_: object) -> Iterator[bytes]:
            yield b"ima"
            raise KeyboardInterrupt

        monkeypatch.setattr(keeper, "_pieces", interrupted)
        with pytest.raises(KeyboardInterrupt):
            kept.send(Digests().of([file]))
        assert kept.end() == "" and not left(tmp_path)
        assert not os.listdir(tmp_path / "cache/charioteer-hosts")

    def test_an_interruption_of_an_answer_leaves_nothing(
        self, bin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake_ssh(bin_folder)
        kept = Keeper(self.HOST, ["web"])

        def interrupted(*_: object) -> bytes:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(kept, "_exchange", interrupted)
            with pytest.raises(KeyboardInterrupt):
                kept.send({})
        assert kept.end() == "" and not left(tmp_path)

    def test_a_file_that_cannot_be_read_is_no_loss(
        self, bin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake_ssh(bin_folder)
        kept = Keeper(self.HOST, ["web"])
        file = tmp_path / "image"
        file.write_bytes(b"image")

        def broken(*_: object) -> Iterator[bytes]:
            yield b"im"
            raise OSError(errno.EIO, "Input/output error", str(file))

        monkeypatch.setattr(keeper, "_pieces", broken)
        with pytest.raises(OSError, match="Input/output error"):
            kept.send(Digests().of([file]))
        assert kept.end() == "" and not left(tmp_path)

    def test_files_without_room_are_named_by_their_size(
        self, bin_folder: Path, tmp_path: Path
    ) -> None:
        fake_ssh(bin_folder)
        kept = Keeper(self.HOST, ["web"])
        file = tmp_path / "image"
        with file.open("wb") as opened:
            opened.truncate(1 << 42)
        with pytest.raises(HostFailure, match="the host b has no room for 4194304 MB .*: ENOSPC"):
            kept.send({file: "0" * 64})
        assert kept.end() == "" and not left(tmp_path)

    def test_a_killed_program_is_a_loss(self, bin_folder: Path, tmp_path: Path) -> None:
        fake_ssh(bin_folder)
        kept = Keeper(self.HOST, ["web"])
        [folder] = tmp_path.glob("charioteer-*")
        pid = lock_holder(folder / "kept")
        os.kill(pid, 9)
        assert kept.end() == (
            "the host b was lost: the program there has ended without a message;"
            f" it may still have {folder}"
        )


def lock_holder(path: Path) -> int:
    inode = path.stat().st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if fields[5].rpartition(":")[2] == str(inode):
            return int(fields[4])
    raise AssertionError(f"{path} is not locked")
