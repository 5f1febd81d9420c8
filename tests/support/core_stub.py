"""The C++ core as its stub files declare it, and fakes whose calls are checked against the stubs.

The stub files are valid Python and are executed here, so that `inspect` can read the signatures of
their classes and functions.
"""

import __future__

import functools
import inspect
import re
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from charioteer import _core

_MODULE = "charioteer._core"
Fake = TypeVar("Fake", bound=type)


def _load() -> dict[str, Any]:
    """Executes the stubs; annotations stay strings, since some are forward references."""
    names: dict[str, Any] = {"__name__": _MODULE}
    stubs = sorted(Path(_core.__file__ or "").parent.glob("_core*.pyi"), reverse=True)
    for path in stubs:
        source = re.sub(r"^from charioteer\._core\w* import .*", "", path.read_text(), flags=re.M)
        flags = __future__.annotations.compiler_flag
        exec(compile(source, path, "exec", flags, dont_inherit=True), names)
    return names


_NAMES = _load()
STUB_VARIABLES = set(_NAMES["__annotations__"])
STUB = {name: each for name, each in _NAMES.items() if getattr(each, "__module__", "") == _MODULE}


def methods(declared: type) -> dict[str, Callable[..., Any]]:
    """The methods that a class of the stub declares itself."""
    return {name: each for name, each in vars(declared).items() if inspect.isfunction(each)}


def attributes(declared: type) -> set[str]:
    """Properties and variables that a class of the stub declares itself."""
    properties = {name for name, each in vars(declared).items() if isinstance(each, property)}
    return properties | set(vars(declared).get("__annotations__", {}))


def _fits(value: object, hint: Any) -> bool:
    """Whether the binding accepts `value` for a parameter with this annotation."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return any(_fits(value, each) for each in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(_fits(each, arguments[0]) for each in value)
    if hint is None:
        return value is None
    if hint is float:
        return isinstance(value, (int, float))
    if hint is Any:
        return True
    if getattr(hint, "__module__", "") == _MODULE:
        built = {each.__name__ for each in type(value).__mro__}
        return getattr(value, "fake_of", None) is hint or hint.__name__ in built
    return isinstance(value, origin or hint)


def check_call(name: str, declared: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Raises TypeError, as the binding does, when a call does not fit the signature."""
    bound = inspect.signature(declared).bind(*arguments, **options)
    hints = typing.get_type_hints(declared, _NAMES)
    for parameter, value in bound.arguments.items():
        if parameter in hints and not _fits(value, hints[parameter]):
            raise TypeError(f"{name}: {parameter}={value!r} is not {hints[parameter]}")


def fake_of(name: str, record: Callable[..., object] = lambda *_: None) -> Callable[[Fake], Fake]:
    """A decorator for a fake of the stub's class `name`: calls must match the stub's signatures.

    Methods of the stub that the fake does not define return the result of
    `record(fake, method, *arguments)`. Methods that only tests call must be marked by `for_tests`.
    """
    declared = STUB[name]
    callable_methods = {
        key: each for kind in reversed(declared.__mro__[:-1]) for key, each in methods(kind).items()
    }

    def decorate(fake: Fake) -> Fake:
        own = {key: each for key, each in vars(fake).items() if inspect.isfunction(each)}
        for key in own:
            known = key.startswith("_") or key in callable_methods
            if not known and not hasattr(own[key], "for_tests"):
                raise TypeError(f"{fake.__name__}.{key} is not in the stub of {name}")
        for key, signature in callable_methods.items():
            default = functools.partial(_call_record, record, key)
            setattr(fake, key, _checked(f"{name}.{key}", signature, own.get(key, default)))
        setattr(fake, "fake_of", declared)
        return fake

    return decorate


def value_of(name: str, **given: Any) -> Any:
    """A value of the stub's class `name`, with exactly the attributes of that class."""
    declared = STUB[name]
    if set(given) != attributes(declared):
        raise TypeError(f"{name} has {attributes(declared)}, not {set(given)}")
    return type(name, (types.SimpleNamespace,), {"fake_of": declared})(**given)


def for_tests(method: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a method of a fake that the core does not have."""
    setattr(method, "for_tests", True)
    return method


def _call_record(
    record: Callable[..., object], method: str, fake: object, *arguments: Any, **options: Any
) -> object:
    return record(fake, method, *arguments, *options.values())


def _checked(name: str, declared: Callable[..., Any], call: Callable[..., Any]) -> Any:
    @functools.wraps(declared)
    def checked(fake: object, *arguments: Any, **options: Any) -> Any:
        check_call(name, declared, fake, *arguments, **options)
        return call(fake, *arguments, **options)

    return checked
