"""The cache of built things: what is removed from it, and what stays."""

from pathlib import Path

import pytest
from charioteer.images import store


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARIOTEER_CACHE", str(tmp_path))


def _made() -> Path:
    return store.obtain("thing", lambda folder: (folder / "file").touch(), lambda: None)


def test_what_is_removed_is_made_again() -> None:
    store.remove(_made())
    assert store.find("thing") is None
    assert (_made() / "file").exists()


def test_what_is_in_use_is_not_removed() -> None:
    folder = _made()
    with store.in_use(folder), store.in_use(folder):
        store.remove(folder)
        assert (folder / "file").exists()
    store.remove(folder)
    assert not folder.exists()
