"""The page of a running test, as `charioteer watch` serves it."""

from pathlib import Path

from support.browser import Browser
from charioteer.report import screens

from support import traces
from support.patience import until
from support.watched import watching

BEGIN = [
    traces.header(),
    {"kind": "state", "t": 1, "state": "start", "machine": "web"},
    {"kind": "begin", "t": 2, "span": 1, "type": "step", "name": "first", "machine": "web"},
]
REST = [
    {"kind": "end", "t": 3, "span": 1, "duration": 1.0, "ok": True, "output": "of the first"},
    *traces.step(2, 4, 1, "second", machine="web"),
    {"kind": "result", "t": 6, "status": "passed", "exit_status": 0},
]


def test_it_shows_what_happens_as_it_comes(browser: Browser, tmp_path: Path) -> None:
    with watching(tmp_path) as server:
        browser.open_address(server.address)
        browser.one("#verdict", "Running")
        traces.write(tmp_path, BEGIN)
        browser.one("#steps .row", "first").click()
        browser.one("#detail .detail-facts", "not finished")
        assert not browser.all("#cause")[0].is_displayed()
        traces.write(tmp_path, [*BEGIN, *REST])
        browser.one("#verdict", "Passed")
        browser.one("#steps .row", "second")
        browser.one("#detail pre", "of the first")
        assert all(each.startswith(server.address) for each in browser.requests())
        assert not browser.complaints()


def test_machines_that_run_have_their_screens_and_commands_for_shells(
    browser: Browser, tmp_path: Path
) -> None:
    with watching(tmp_path) as server:
        traces.write(tmp_path, BEGIN)
        screens.offer(tmp_path)
        browser.open_address(server.address)
        card = browser.one("#machines figure", "web")
        assert "charioteer shell web@7" in card.text and "running" in card.text
        assert not browser.all("#machines img")[0].is_displayed()
        until(lambda: screens.are_wanted(tmp_path), 30, lambda: "the page asks for no pictures")
        screens.path_of(tmp_path, "web").write_bytes(traces.png(320, 200))
        image = browser.one("#machines img")
        until(
            lambda: bool(browser.run("return arguments[0].naturalWidth == 320", image)),
            30,
            lambda: "the picture was not loaded",
        )
        traces.write(tmp_path, [*BEGIN, *REST])
        browser.one("#verdict", "Passed")
        assert not browser.all("#machines figure") and not browser.complaints()
