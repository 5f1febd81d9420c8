"""A headless Chromium that shows pages from disk, and what it reports about them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from support.patience import scaled

WIDE = (1440, 900)
PHONE = (390, 844)


class Browser:
    """One window. Sizes are in CSS pixels."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, page: Path, size: tuple[int, int] = WIDE, scheme: str = "light") -> None:
        """Shows a page from disk, with `scheme` as the colours that the system prefers."""
        self.open_address(page.as_uri(), size, scheme)

    def open_address(
        self, address: str, size: tuple[int, int] = WIDE, scheme: str = "light"
    ) -> None:
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.get("about:blank")
        self.driver.get_log("performance")  # of the page before
        self.driver.get_log("browser")
        self.driver.get(address)
        self.run("try { localStorage.clear(); } catch {}")
        self.drawn()

    def drawn(self) -> None:
        """Returns when the page has done what follows from the last action.

        A page that another window hides draws nothing.
        """
        self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done));"
            "if (document.hidden) done();"
            "document.addEventListener('visibilitychange', done);"
        )

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[WebElement]:
        found: list[WebElement] = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return found

    def one(self, selector: str, text: str = "") -> WebElement:
        """The first visible element that contains `text`, as soon as there is one."""

        def find(_driver: object) -> WebElement | None:
            shown = (each for each in self.all(selector) if each.is_displayed())
            return next((each for each in shown if text in each.text), None)

        found: WebElement = WebDriverWait(
            self.driver, scaled(10), ignored_exceptions=[StaleElementReferenceException]
        ).until(find, f"no {selector} with {text!r}")
        return found

    def text(self, selector: str) -> str:
        return str(self.one(selector).text)

    def click(self, selector: str, text: str = "") -> None:
        self.one(selector, text).click()
        self.drawn()

    def press(self, *keys: str) -> None:
        """Presses keys one after the other, wherever the focus is."""
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()
        self.drawn()

    def press_with_shift(self, key: str) -> None:
        ActionChains(self.driver).key_down(Keys.SHIFT).send_keys(key).key_up(Keys.SHIFT).perform()
        self.drawn()

    def drag(self, element: WebElement, begin: float, end: float) -> None:
        """Drags over an element; begin and end are shares of its width."""
        width = element.size["width"]
        actions = ActionChains(self.driver).move_to_element_with_offset(
            element, int((begin - 0.5) * width), 0
        )
        actions.click_and_hold().move_by_offset(int((end - begin) * width), 0).release().perform()
        self.drawn()

    def has_focus(self, selector: str) -> bool:
        return bool(self.run("return document.activeElement.matches(arguments[0])", selector))

    def requests(self) -> list[str]:
        """The addresses that were asked for since the page was opened, without those of data and
        those that the page's policy has refused.
        """
        messages = (json.loads(each["message"]) for each in self.driver.get_log("performance"))
        events = (each["message"] for each in messages)
        sent: dict[str, str] = {}
        for event in events:
            parameters = event["params"]
            if event["method"] == "Network.requestWillBeSent":
                sent[parameters["requestId"]] = parameters["request"]["url"]
            elif parameters.get("blockedReason") == "csp":
                sent.pop(parameters["requestId"], None)
        return [each for each in sent.values() if not each.startswith("data:")]

    def complaints(self) -> list[str]:
        """Errors of scripts and of the page's policy."""
        return [str(each["message"]) for each in self.driver.get_log("browser")]


@contextmanager
def running() -> Iterator[Browser]:
    """A browser that ends with the block."""
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    # Chromium's sandbox does not work for root; the pages are those of these tests.
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    try:
        driver.set_script_timeout(scaled(30))
        yield Browser(driver)
    finally:
        driver.quit()
