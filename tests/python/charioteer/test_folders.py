"""Folders of the cache: removing those that are not in use."""

from pathlib import Path

import pytest
from charioteer.folders import in_use, remove
from charioteer.images import store


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARIOTEER_CACHE", str(tmp_path))


def _made() -> Path:
    return store.obtain("thing", lambda folder: (folder / "file").touch(), lambda: None)


def test_a_removed_image_is_built_again() -> None:
    assert remove(_made())
    assert store.find("thing") is None
    assert (_made() / "file").exists()


def test_an_image_in_use_is_not_removed() -> None:
    folder = _made()
    with in_use(folder), in_use(folder):
        assert not remove(folder)
        assert (folder / "file").exists()
    assert remove(folder)
    assert not folder.exists()


def test_a_folder_that_is_renamed_stays_in_use(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with in_use(tmp_path / "one"):
        (tmp_path / "one").rename(tmp_path / "two")
        assert not remove(tmp_path / "two")
    assert remove(tmp_path / "two")
    assert not remove(tmp_path / "two")
