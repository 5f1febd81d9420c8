"""`charioteer run --watch` with a real guest: its screen, and its result."""

import json

import pytest

from support.patience import until
from support.testbed import Testbed
from support.watched import ADDRESS, Watched

CLUSTER = """
name = "watched"
[machines.web]
guest = "minimal"
vlans = []
"""
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.limit(600)
def test_a_page_gets_the_screen_while_the_run_lasts_and_the_result_after_it(
    testbed: Testbed,
) -> None:
    go_on = testbed.folder / "go-on"
    cluster = testbed.folder / "cluster"
    cluster.mkdir()
    (cluster / "cluster.toml").write_text(CLUSTER)
    (cluster / "test.py").write_text(
        f"import os, time\nweb.succeed('true')\nwhile not os.path.exists({str(go_on)!r}):\n"
        "    web.succeed('sleep 0.2')\n"
    )
    run = testbed.run("charioteer", "run", cluster, "-o", testbed.out, "--watch")
    run.wait_for("the run is at http://", limit=300)
    address = ADDRESS.search(run.stderr)
    assert address, run.stderr
    page = Watched(testbed.out, address[0])

    def picture() -> bytes:
        # Asking is what makes the run take pictures.
        found = json.loads(page.get("screens.json")[1] or "[]")
        return page.content(found[0]["href"]) if found else b""

    until(lambda: picture().startswith(PNG), 120, lambda: f"no picture:\n{run.report()}")
    assert page.data()["status"] == "unfinished"
    assert page.data()["pid"] > 0 and page.data()["machines"] == ["web"]
    go_on.touch()
    until(lambda: page.data().get("status") == "passed", 60, lambda: f"no result:\n{run.report()}")
    run.expect(0)
    assert not (testbed.out / ".screens").exists()
