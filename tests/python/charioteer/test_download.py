"""Downloads from a server in this process, which is also the proxy."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from charioteer.errors import BuildError
from charioteer.images import download
from charioteer.images.download import Download
from charioteer.images.progress import Step

CONTENT = b"a program" * 1000
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `/file`, a truncated `/short`, and `/moved`, which redirects to `/file`.

    A URL with a host, as sent to a proxy, is served by its path.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        if self.path.endswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
        elif self.path.endswith(("/file", "/short")):
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[: 10 if self.path == "/short" else None])
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("CHARIOTEER_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def obtain(url: str, checksum: str = CHECKSUM) -> Path:
    with Step("image") as step:
        return download.obtain(Download(url, checksum, "/usr/bin/tool", 0o755), step)


def expect_nothing_kept(cache: Path) -> None:
    assert [path for path in cache.iterdir() if path.suffix not in (".lock", ".log")] == []


def test_a_file_is_downloaded_once(server: Server) -> None:
    assert obtain(f"{server.url}/file").read_bytes() == CONTENT
    assert obtain(f"{server.url}/file").read_bytes() == CONTENT
    assert server.requests == ["/file"]


def test_a_redirection_is_followed(server: Server) -> None:
    assert obtain(f"{server.url}/moved").read_bytes() == CONTENT


def test_the_proxy_of_the_environment_is_used(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert obtain("http://example.invalid/file").read_bytes() == CONTENT
    assert server.requests == ["http://example.invalid/file"]


def test_a_wrong_checksum_is_an_error(server: Server, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=f"/file: has the SHA-256 {CHECKSUM}, expected 0000"):
        obtain(f"{server.url}/file", "0" * 64)
    expect_nothing_kept(tmp_path / "cache")


def test_a_truncated_file_is_an_error(server: Server, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=f"/short: ended after 10 of {len(CONTENT)} bytes"):
        obtain(f"{server.url}/short")
    expect_nothing_kept(tmp_path / "cache")


def test_a_missing_file_is_an_error(server: Server) -> None:
    with pytest.raises(BuildError, match=f"^{server.url}/none: 404 Not Found$"):
        obtain(f"{server.url}/none")


def test_a_refused_connection_is_an_error(server: Server) -> None:
    # Nothing listens on port 1.
    with pytest.raises(BuildError, match="/file: cannot be reached: .*refused"):
        obtain("http://127.0.0.1:1/file")
