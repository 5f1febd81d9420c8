"""The page of a run that lasts, as `charioteer watch` serves it."""

from pathlib import Path

from browser import Browser

from support import traces
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
