"""scripts/python_layers.py: the imports that are errors in python/."""

import importlib
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty folder `python`."""
    root = tmp_path / "python"
    root.mkdir()
    return root


def write(root: Path, **modules: str) -> None:
    """Writes modules with these texts; `__` in a name stands for a dot."""
    for name, text in modules.items():
        file = root / (name.replace("__", "/") + ".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        (file.parent / "__init__.py").touch()
        file.write_text(text)


def errors(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
    found: list[str] = importlib.import_module("python_layers").errors(root)
    return found


def test_imports_of_lower_layers_are_allowed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        root,
        charioteer__errors="import os\n",
        charioteer__testing__run="from charioteer.errors import A\n",
        charioteer__cli__program="import charioteer.testing.run\n",
        test_driver__driver="from charioteer.testing import run\n",
    )
    assert errors(root, monkeypatch) == []


@pytest.mark.parametrize(
    "text",
    [
        "from charioteer.cli import program\n",
        "from charioteer.cli.program import main\n",
        "import charioteer.cli.program\n",
        "def later() -> None:\n    from charioteer.cli import program\n",
    ],
)
def test_imports_of_higher_layers_are_errors(
    root: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    write(root, charioteer__cli__program="", charioteer__testing__run=text)
    line = text.count("\n")
    assert errors(root, monkeypatch) == [
        f"python/charioteer/testing/run.py:{line}: charioteer.testing must not use "
        "charioteer.cli, which is not below it"
    ]


def test_import_cycles_are_errors(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        root,
        charioteer__images__a="from charioteer.images import b\n",
        charioteer__images__b="if TYPE_CHECKING:\n    from charioteer.images.c import C\n",
        charioteer__images__c="from charioteer.images.a import A\n",
        charioteer__images__d="from charioteer.images import a\n",
    )
    assert errors(root, monkeypatch) == [
        "import cycle: charioteer.images.a -> charioteer.images.b -> charioteer.images.c"
        " -> charioteer.images.a"
    ]
