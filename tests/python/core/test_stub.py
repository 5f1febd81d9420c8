"""The stub files match the built module."""

import ast
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from charioteer import _core
from support import core_stub

CLASSES = [name for name, declared in core_stub.STUB.items() if inspect.isclass(declared)]
FUNCTIONS = [name for name in core_stub.STUB if name not in CLASSES]


def parameters(function: Callable[..., Any]) -> list[tuple[str, bool]]:
    """Names, and whether there is a default, from the signature that pybind11 puts in the docs."""
    if inspect.isfunction(function):
        declared = inspect.signature(function).parameters.values()
        return [(each.name, each.default is not each.empty) for each in declared]
    head = (function.__doc__ or "").splitlines()[0]
    (parsed,) = ast.parse(f"def {head}: ...").body
    assert isinstance(parsed, ast.FunctionDef)
    names = [each.arg for each in parsed.args.args]
    required = len(names) - len(parsed.args.defaults)
    return [(name, index >= required) for index, name in enumerate(names)]


def test_names() -> None:
    names = {name for name in vars(_core) if not name.startswith("_")}
    assert names == {*core_stub.STUB, *core_stub.STUB_VARIABLES}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    assert parameters(core_stub.STUB[name]) == parameters(getattr(_core, name))


@pytest.mark.parametrize("name", CLASSES)
def test_classes(name: str) -> None:
    declared, built = core_stub.STUB[name], getattr(_core, name)
    methods = core_stub.methods(declared)
    public = {each for each in vars(built) if not each.startswith("_")}
    assert public == core_stub.attributes(declared) | {
        each for each in methods if not each.startswith("_")
    }
    for each, function in methods.items():
        assert parameters(function) == parameters(getattr(built, each)), f"{name}.{each}"
