"""`charioteer watch` serves the page of a running test, to those who know its address only."""

import json
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest
from charioteer.cli import watch
from charioteer.cli.program import main
from charioteer.report import screens

from support import traces
from support.patience import until
from support.watched import ADDRESS, Watched, watching

BEGIN = [traces.header(), {"kind": "console", "t": 1, "machine": "web", "text": "booting"}]
RESULT = {"kind": "result", "t": 2, "status": "passed", "exit_status": 0}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with watching(tmp_path) as server:
        yield server


def test_the_data_is_that_of_the_trace_as_it_grows(watched: Watched) -> None:
    assert watched.get("data.json")[0] == 204
    traces.write(watched.folder, BEGIN)
    until(lambda: watched.data().get("status") == "unfinished", 30, lambda: "no data")
    version = watched.get("data.json")[2]["X-Version"]
    assert watched.get(f"data.json?after={version}")[0] == 204
    traces.write(watched.folder, [*BEGIN, RESULT])
    until(lambda: watched.data().get("status") == "passed", 30, lambda: "no result")
    assert watched.data()["log"]["text"] == ["booting"]


def test_the_page_may_only_connect_to_its_server(watched: Watched) -> None:
    status, text, headers = watched.get()
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert " data-live>" in text and "connect-src 'self';" in text


def test_without_the_token_there_is_nothing(watched: Watched) -> None:
    root = watched.address[: watched.address.index("/", 8) + 1]
    for address in (root, root + "data.json", watched.address[:-2] + "/"):
        watched.address = address
        assert watched.get()[0] == 404


def test_files_are_served_without_rights(watched: Watched) -> None:
    (watched.folder / "page.html").write_text("<script>1</script>")
    status, text, headers = watched.get("page.html")
    assert (status, text) == (200, "<script>1</script>")
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize("name", ["../outside", "%2e%2e/outside", "link", "..%2foutside"])
def test_files_of_other_folders_are_not(watched: Watched, name: str) -> None:
    outside = watched.folder.parent / "outside"
    outside.write_text("secret")
    (watched.folder / "link").symlink_to(outside)
    assert watched.get(name)[0] == 404


def test_a_server_beside_a_run_ends_with_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    printed: list[str] = []

    def is_printed() -> bool:
        printed.append(capfd.readouterr().err)
        return ADDRESS.search("".join(printed)) is not None

    with watch.beside(tmp_path):
        until(is_printed, 30, lambda: "".join(printed))
        found = ADDRESS.search("".join(printed))
        assert found
        server = Watched(tmp_path, found[0])
        traces.write(tmp_path, BEGIN)
        until(lambda: server.data().get("status") == "unfinished", 30, lambda: "no data")
        traces.write(tmp_path, [*BEGIN, RESULT])
        until(lambda: server.data().get("status") == "passed", 30, lambda: "no result")
    with pytest.raises(urllib.error.URLError):
        server.get()


def test_it_needs_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(tmp_path / "none")]) == 2
    assert "is not a directory" in capsys.readouterr().err


@pytest.fixture
def wanted_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are wanted for an hour, not for seconds, after a page has asked for them."""
    monkeypatch.setattr(screens, "_WANTED_FOR", 3600.0)


@pytest.mark.usefixtures("wanted_for_long")
def test_pictures_are_wanted_while_a_page_asks(watched: Watched) -> None:
    traces.write(watched.folder, BEGIN)
    screens.offer(watched.folder)
    assert not screens.are_wanted(watched.folder)
    status, text, _ = watched.get("screens.json")
    assert (status, text) == (200, "[]") and screens.are_wanted(watched.folder)
    screens.path_of(watched.folder, "web").write_bytes(traces.png(32, 20))
    (picture,) = json.loads(watched.get("screens.json")[1])
    assert picture["machine"] == "web"
    assert watched.content(picture["href"]) == traces.png(32, 20)
    assert "web.png" not in str(watched.data()["files"])


@pytest.mark.usefixtures("wanted_for_long")
def test_a_page_that_asks_when_the_run_ends_leaves_no_folder(watched: Watched) -> None:
    traces.write(watched.folder, BEGIN)
    screens.offer(watched.folder)
    assert watched.get("screens.json")[0] == 200 and screens.are_wanted(watched.folder)
    # The result comes later.
    screens.withdraw(watched.folder)
    assert watched.get("screens.json")[:2] == (200, "[]")
    assert not (watched.folder / screens.FOLDER).exists()


def test_pictures_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
    screens.offer(tmp_path)
    screens.path_of(tmp_path, "web").write_bytes(traces.png(32, 20))
    screens.want(tmp_path)
    screens.offer(tmp_path)
    assert screens.versions(tmp_path) == {} and not screens.are_wanted(tmp_path)
