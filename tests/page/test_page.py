"""The page of a run in a browser, as people use it."""

from pathlib import Path

import pytest
from support.browser import PHONE, WIDE, Browser
from charioteer.trace import records
from conftest import EVENTS
from selenium.webdriver import Keys

from support import traces
from support.testbed import Testbed

STEPS = 10
FAILED = "must succeed: curl"


def count(browser: Browser, tab: str) -> int:
    """The number on a tab."""
    return int(browser.text(f"#tab-{tab} .count").replace(",", ""))


class TestFirstScreen:
    @pytest.mark.parametrize("size", [WIDE, PHONE])
    def test_it_names_the_cause(
        self, browser: Browser, failed: Path, size: tuple[int, int]
    ) -> None:
        browser.open(failed, size)
        cause = browser.one("#cause")
        assert "The test failed at line 9 on client after 6.80 s" in cause.text
        assert "command `curl -sf http://web/` failed (exit code 22)" in cause.text
        assert "requested URL returned error: 502" in cause.text
        assert "unit nginx.service has restarted 5 times" in cause.text
        assert "bind() to 0.0.0.0:8080 failed" in cause.text
        failing = browser.text("#cause .source.is-failing")
        assert "9" in failing and 'client.succeed("curl -sf http://web/")' in failing
        error = browser.one("#cause .cause-text")
        assert error.location["y"] + error.size["height"] < size[1]

    def test_the_details_are_those_of_the_failed_step(self, browser: Browser, failed: Path) -> None:
        browser.open(failed)
        detail = browser.text("#detail")
        assert FAILED in detail and "exit status 22" in detail and "line 9" in detail

    def test_a_run_that_passed_has_no_cause(self, browser: Browser, large: Path) -> None:
        browser.open(large)
        assert not browser.all("#cause")[0].is_displayed()
        assert "passed" in browser.text("#verdict").lower()


class TestChoosing:
    def test_a_step_shows_its_output_and_states(self, browser: Browser, failed: Path) -> None:
        browser.open(failed)
        browser.click("#steps .row", "start all VMs")
        detail = browser.text("#detail")
        assert "start all VMs" in detail and "client off running" in detail
        assert "step=2" in browser.driver.current_url
        browser.click("#steps .row", FAILED)
        assert traces.HOSTILE in browser.text("#detail")

    def test_a_span_of_time_filters_everything(self, browser: Browser, failed: Path) -> None:
        browser.open(failed)
        all_lines = count(browser, "log")
        assert count(browser, "steps") == STEPS
        browser.drag(browser.one("#lanes"), 0.5, 0.6)
        assert 0 < count(browser, "steps") < STEPS
        assert count(browser, "log") < all_lines
        assert count(browser, "files") == 0
        names = [row.text for row in browser.all("#steps .row")]
        assert any(FAILED in name for name in names)
        assert not any("start all VMs" in name for name in names)
        assert "steps" in browser.text("#span-text")
        browser.click("#span-clear")
        assert count(browser, "steps") == STEPS and count(browser, "log") == all_lines

    def test_the_search_finds_names_outputs_and_lines(self, browser: Browser, failed: Path) -> None:
        browser.open(failed)
        browser.one("#search").send_keys("Returned Error")
        browser.drawn()
        assert count(browser, "steps") == 1 and count(browser, "log") == 0
        browser.one("#search").clear()
        browser.one("#search").send_keys("unit 77 of web")
        browser.drawn()
        assert count(browser, "log") == 1
        browser.click("#tab-log")
        assert browser.text("#log mark") == "unit 77 of web"

    def test_a_machine_alone(self, browser: Browser, failed: Path) -> None:
        browser.open(failed)
        browser.click("#lane-names button", "web")
        assert count(browser, "steps") == 4
        browser.click(".chip", "web")
        assert count(browser, "steps") == STEPS

    def test_a_line_of_the_script_has_its_time_and_its_steps(
        self, browser: Browser, failed: Path
    ) -> None:
        browser.open(failed)
        browser.click("#tab-script")
        rows = [row.text for row in browser.all("#script .row")]
        assert any("6.80 s" in row and "client.succeed" in row for row in rows)
        assert "client.succeed" in browser.text("#script .is-failing")
        browser.click("#script .row", 'wait_for_unit("nginx")')
        assert "Line 5 of the script" in browser.text("#detail")
        browser.click("#detail .step-table button", "wait for unit nginx")
        assert "2.00 s" in browser.text("#detail .detail-facts")

    def test_the_address_names_what_is_chosen(self, browser: Browser, failed: Path) -> None:
        browser.open(failed)
        browser.driver.get(failed.as_uri() + "#tab=log&step=5&span=6-9")
        browser.driver.refresh()
        browser.drawn()
        assert "wait for unit nginx" in browser.text("#detail")
        assert browser.one("#tab-log").get_attribute("aria-selected") == "true"
        assert "6.000 s to 9.000 s" in browser.text("#chips")


class TestFiles:
    def test_links_lead_to_the_files(self, browser: Browser, failed: Path) -> None:
        browser.open(failed)
        browser.click("#tab-files")
        browser.click("#files a", "script:x.txt")
        first, *others = browser.driver.window_handles
        (opened,) = others
        browser.driver.switch_to.window(opened)
        try:
            assert browser.text("body") == "odd name"
        finally:
            browser.driver.close()
            browser.driver.switch_to.window(first)

    def test_screenshots_are_shown_and_enlarged(self, browser: Browser, failed: Path) -> None:
        browser.open(failed)
        browser.click("#tab-files")
        image = browser.one("#files img")
        assert browser.run("return arguments[0].naturalWidth", image) == 320
        browser.click("#files .picture")
        assert browser.one("#picture[open] img").is_displayed()
        browser.click("#picture button")
        assert not browser.all("#picture[open]")


def background(browser: Browser) -> list[int]:
    """Red, green and blue of the page."""
    value = browser.run("return getComputedStyle(document.body).backgroundColor")
    return [int(part) for part in value[4:-1].split(",")]


class TestThemes:
    def test_it_follows_the_system(self, browser: Browser, failed: Path) -> None:
        browser.open(failed)
        assert min(background(browser)) > 200
        browser.open(failed, scheme="dark")
        assert max(background(browser)) < 60

    def test_the_switch_overrides_it(self, browser: Browser, failed: Path) -> None:
        browser.open(failed)
        for label, is_dark in (("light", False), ("dark", True), ("auto", False)):
            browser.click("#theme")
            assert label in browser.text("#theme")
            assert (max(background(browser)) < 60) == is_dark


class TestKeyboard:
    def test_everything_is_done_without_a_mouse(self, browser: Browser, failed: Path) -> None:
        browser.open(failed)
        browser.press("/", "n", "g", "i", "n", "x")
        assert count(browser, "steps") == 1
        browser.press(Keys.ENTER, Keys.ARROW_DOWN)
        assert browser.has_focus("#steps")
        assert "wait for unit nginx" in browser.text("#detail .detail-title")
        browser.press(Keys.ESCAPE)
        assert count(browser, "steps") == STEPS
        browser.press("f")
        assert FAILED in browser.text("#detail .detail-title")
        browser.press("k")
        assert "subtest: the client reads it" in browser.text("#detail .detail-title")
        browser.press("2")
        assert browser.one("#log").is_displayed()
        browser.press("?")
        assert browser.one("#help[open]").is_displayed()
        browser.press(Keys.ESCAPE)
        assert not browser.all("#help[open]")

    def test_the_timeline_selects_and_opens(self, browser: Browser, failed: Path) -> None:
        browser.open(failed)
        for _ in range(40):
            browser.press(Keys.TAB)
            if browser.has_focus("#lanes"):
                break
        assert browser.has_focus("#lanes")
        browser.press(*[Keys.ARROW_RIGHT] * 16)
        for _ in range(3):
            browser.press_with_shift(Keys.ARROW_RIGHT)
        assert 0 < count(browser, "steps") < STEPS
        browser.press(Keys.ENTER)
        assert "wait for unit nginx" in browser.text("#detail .detail-title")
        browser.press("+")
        assert browser.one("#zoom-fit").is_displayed()
        browser.press("0")
        assert not browser.all("#zoom-fit:not([hidden])")

    def test_rows_and_tabs_have_names_for_screen_readers(
        self, browser: Browser, failed: Path
    ) -> None:
        browser.open(failed)
        row = browser.one("#steps [role=option][aria-selected=true]")
        assert browser.one("#steps").get_attribute("aria-activedescendant") == row.get_attribute(
            "id"
        )
        unnamed = browser.run(
            "return [...document.querySelectorAll('button, input, [role]')].filter((each) =>"
            " !each.textContent.trim() && !each.getAttribute('aria-label')"
            " && !each.getAttribute('role')?.match(/presentation|tabpanel|listbox/)"
            " && !each.labels?.length).map((each) => each.outerHTML)"
        )
        assert unnamed == []


class TestPhone:
    def test_it_fits_and_opens_details_over_the_page(self, browser: Browser, failed: Path) -> None:
        browser.open(failed, PHONE)
        assert browser.run("return document.documentElement.scrollWidth") <= PHONE[0]
        assert not [each for each in browser.all("#detail") if each.is_displayed()]
        browser.click("#steps .row", "start all VMs")
        detail = browser.one("#detail")
        assert detail.size["width"] == PHONE[0] and "start all VMs" in detail.text
        browser.click("#detail .detail-close")
        assert not [each for each in browser.all("#detail") if each.is_displayed()]
        for tab in ("log", "script", "files"):
            browser.click(f"#tab-{tab}")
            assert browser.run("return document.documentElement.scrollWidth") <= PHONE[0]


class TestUntrustedContent:
    def test_texts_of_guests_do_not_act(self, browser: Browser, failed: Path) -> None:
        browser.open(failed)
        for tab in ("steps", "log", "script", "files"):
            browser.click(f"#tab-{tab}")
        browser.one("#search").send_keys("</script>")
        browser.click("#tab-log")
        assert traces.HOSTILE in browser.text("#log .row-text")
        browser.click("#log .row", "</script>")
        assert traces.HOSTILE in browser.text("#detail pre")
        assert browser.run("return window.acted") is None
        assert not browser.all("main b:not(.row-text b)")
        assert not browser.complaints()

    def test_the_page_asks_for_nothing(self, browser: Browser, failed: Path) -> None:
        browser.open(failed)
        browser.click("#tab-files")
        assert browser.requests() == [failed.as_uri()]

    @pytest.mark.parametrize(
        "attempt",
        [
            "fetch('http://127.0.0.1:9/')",
            "new Image().src = 'http://127.0.0.1:9/x.png'",
            "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))",
            "document.body.append(Object.assign(document.createElement('iframe'), {src: '//a'}))",
        ],
    )
    def test_the_policy_refuses_what_would_act(
        self, browser: Browser, failed: Path, attempt: str
    ) -> None:
        browser.open(failed)
        refused = browser.driver.execute_async_script(
            "const done = arguments[0];"
            "addEventListener('securitypolicyviolation', (event) => done(event.disposition));"
            f"Promise.resolve({attempt}).catch(() => 0);"
        )
        assert refused == "enforce"
        assert browser.requests() == [failed.as_uri()]


class TestLargeRun:
    def test_only_visible_rows_have_elements(self, browser: Browser, large: Path) -> None:
        browser.open(large)
        assert count(browser, "steps") == EVENTS // 4 and count(browser, "log") == EVENTS // 2
        browser.run("document.getElementById('steps').scrollTop = 300000")
        browser.drawn()
        rows = browser.all("#steps .row")
        assert 5 < len(rows) < 100
        assert any("echo 10000;" in row.text for row in rows)
        browser.click("#tab-log")
        browser.press(Keys.TAB, Keys.END)
        assert browser.run("return document.querySelectorAll('.row').length") < 200

    def test_a_span_and_a_search_narrow_it(self, browser: Browser, large: Path) -> None:
        browser.open(large)
        browser.drag(browser.one("#lanes"), 0.3, 0.31)
        assert 100 < count(browser, "steps") < 1000
        browser.one("#search").send_keys("unit-7.service")
        browser.drawn()
        assert 0 < count(browser, "steps") < 100

    def test_the_lanes_are_drawn(self, browser: Browser, large: Path) -> None:
        browser.open(large)
        colours = browser.run(
            "const canvas = document.getElementById('lanes');"
            "const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);"
            "return new Set(new Uint32Array(data.buffer)).size"
        )
        assert colours > 5


def test_lanes_show_what_machines_send(browser: Browser, failed: Path) -> None:
    browser.open(failed)
    tips = browser.run(
        """
        const canvas = document.getElementById("lanes");
        const { left, top, width, height } = canvas.getBoundingClientRect();
        const tips = new Set();
        for (let y = 0; y < height; y += 2) {
          const place = { clientX: left + width / 2, clientY: top + y, pointerId: 1 };
          canvas.dispatchEvent(new PointerEvent("pointermove", place));
          const tip = document.getElementById("tip");
          if (!tip.hidden) tips.add(tip.querySelector("strong").textContent);
        }
        return [...tips];
        """
    )
    # The tenth second of 20.
    assert "sent 200 frames, 195 KiB on VLAN 1" in tips
    assert "400 frames, 293 KiB (web.1 195 KiB, client.1 98 KiB, plug3 100 B)" in tips
    assert not browser.complaints()


def test_the_page_of_a_real_run(browser: Browser, testbed: Testbed) -> None:
    script = "web.succeed('echo hello')\nwith subtest('a part'):\n    web.succeed('exit 3')\n"
    testbed.run_driver(testbed.configuration(script), "--report").expect(1)
    assert records.load(testbed.out).status == "failed"
    browser.open(testbed.out / "report.html")
    assert "at line 3 on web" in browser.text("#cause .cause-where")
    assert "web.succeed('exit 3')" in browser.text("#cause .is-failing")
    browser.click("#steps .row", "echo hello")
    assert "hello" in browser.text("#detail pre")
    assert not browser.complaints()
