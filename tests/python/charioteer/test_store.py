"""The cache of built images: removing images that are not in use."""

from pathlib import Path

import pytest
from charioteer.images import store


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARIOTEER_CACHE", str(tmp_path))


def _made() -> Path:
    return store.obtain("thing", lambda folder: (folder / "file").touch(), lambda: None)


def test_a_removed_image_is_built_again() -> None:
    store.remove(_made())
    assert store.find("thing") is None
    assert (_made() / "file").exists()


def test_an_image_in_use_is_not_removed() -> None:
    folder = _made()
    with store.in_use(folder), store.in_use(folder):
        store.remove(folder)
        assert (folder / "file").exists()
    store.remove(folder)
    assert not folder.exists()
