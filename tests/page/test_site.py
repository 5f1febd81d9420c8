"""The documentation site in a browser: from disk, without requests to other hosts."""

import subprocess
from pathlib import Path

import pytest
from support.browser import PHONE, Browser

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site."""
    folder = tmp_path_factory.mktemp("site") / "made"
    done = subprocess.run([ROOT / "scripts/make-site", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.limit(300)
@pytest.mark.parametrize("name", ["index", "docs/architecture", "reference/machine", "search"])
def test_pages_load_only_files(site: Path, browser: Browser, name: str) -> None:
    browser.open(site / f"{name}.html")
    requests = browser.requests()
    assert len(requests) > 3, "styles and scripts are files"
    assert [each for each in requests if not each.startswith(site.as_uri())] == []
    assert browser.complaints() == []


@pytest.mark.limit(300)
def test_the_search_finds_a_method_and_a_page(site: Path, browser: Browser) -> None:
    browser.open(site / "index.html")
    browser.run(f"location.href = '{(site / 'search.html').as_uri()}?q=wait_for_unit'")
    assert browser.one("#search-results a", "wait_for_unit")
    browser.run(f"location.href = '{(site / 'search.html').as_uri()}?q=partition'")
    assert browser.one("#search-results a", "Network faults")


@pytest.mark.limit(300)
def test_options_have_their_hyphens(site: Path, browser: Browser) -> None:
    browser.open(site / "reference/programs.html")
    assert "at the end of each subtest, for --resume" in browser.text("article")


@pytest.mark.limit(300)
def test_it_is_dark_where_the_system_is(site: Path, browser: Browser) -> None:
    brightness = (
        "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3)"
        ".reduce((sum, each) => sum + Number(each), 0)"
    )
    browser.open(site / "index.html", scheme="light")
    assert browser.run(brightness) > 3 * 200
    browser.open(site / "index.html", scheme="dark")
    assert browser.run(brightness) < 3 * 60


@pytest.mark.limit(300)
def test_drawings_are_dark_where_the_page_is(site: Path, browser: Browser) -> None:
    changes = "return getComputedStyle(document.querySelector('article img')).filter"
    browser.open(site / "docs/architecture.html", scheme="light")
    assert browser.run(changes) == "none"
    browser.open(site / "docs/architecture.html", scheme="dark")
    assert "invert" in browser.run(changes)
    # Pictures have dark colours of their own.
    for page in ("report", "terminal"):
        browser.open(site / f"docs/{page}.html", scheme="dark")
        assert browser.run(changes) == "none"
        assert browser.run("return document.querySelector('article img').naturalWidth") > 0


@pytest.mark.limit(300)
@pytest.mark.parametrize("name", ["index", "docs/tutorial", "reference/machine"])
def test_pages_fit_a_phone(site: Path, browser: Browser, name: str) -> None:
    browser.open(site / f"{name}.html", size=PHONE)
    assert browser.run("return document.documentElement.scrollWidth") <= PHONE[0]
