"""The reference of Python names in Markdown, from the docstrings and annotations of the source.

Nothing is imported, so that the reference can be made without the compiled core.
"""

import ast
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

Definition = ast.FunctionDef | ast.ClassDef
_PLAIN = ("staticmethod", "classmethod")
"""Decorators that are shown."""


@dataclass(frozen=True)
class Member:
    """A public name of a class or module."""

    name: str
    node: ast.stmt
    text: str
    """Its docstring, as Markdown."""

    @property
    def is_attribute(self) -> bool:
        return not isinstance(self.node, ast.FunctionDef) or _is_property(self.node)


@dataclass(frozen=True)
class Class:
    """A class with its module, by which the names in it are resolved."""

    module: "Module"
    node: ast.ClassDef

    @property
    def text(self) -> str:
        return _markdown(ast.get_docstring(self.node))

    def bases(self) -> "list[Class]":
        """The base classes that are part of the project."""
        names = [each.id for each in self.node.bases if isinstance(each, ast.Name)]
        found = [self.module.find_class(name) for name in names]
        return [each for each in found if each is not None]

    def line(self) -> "list[Class]":
        """The class and all of its base classes, in the order in which Python searches them."""
        line = [self]
        for base in self.bases():
            # As in Python, a class that is the base of two comes after both.
            line = [each for each in line if each not in base.line()] + base.line()
        return line

    def members(self) -> list[Member]:
        """All public names, also of base classes; each once, with the nearest docstring."""
        found: dict[str, Member] = {}
        for each in self.line():
            for member in (*_members_of(each.node.body), *_attributes_of(each.node)):
                known = found.setdefault(member.name, member)
                if not known.text and member.text:
                    found[member.name] = Member(known.name, known.node, member.text)
        return list(found.values())


class Module:
    """The source of a module. Raises OSError if it does not exist."""

    def __init__(self, packages: Path, name: str) -> None:
        self._packages = packages
        self.name = name
        path = packages / name.replace(".", "/")
        found = [path.with_suffix(".py"), path.with_suffix(".pyi"), path / "__init__.py"]
        self._file = next((each for each in found if each.exists()), found[0])
        self._body = ast.parse(self._file.read_text()).body

    def find_class(self, name: str) -> Class | None:
        """The class that `name` means in this module; None if it is not part of the project."""
        for node in self._body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return Class(self, node)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("charioteer"):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return module(self._packages, str(node.module)).find_class(alias.name)
        return None

    def class_named(self, name: str) -> Class:
        found = self.find_class(name)
        if found is None:
            raise LookupError(f"{self._file}: there is no class {name}")
        return found

    def function(self, name: str) -> Member:
        for member in _members_of(self._body):
            if member.name == name:
                return member
        raise LookupError(f"{self._file}: there is no function {name}")

    def constant(self, name: str) -> object:
        """The value of a variable that is given by a literal."""
        for node in self._body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                return ast.literal_eval(node.value)
        raise LookupError(f"{self._file}: there is no variable {name}")

    def call_arguments(self, method: str) -> list[tuple[str, str]]:
        """The first two arguments, which must be texts, of each call of a method of this name."""
        found = []
        for node in ast.walk(ast.Module(self._body, [])):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(f".{method}"):
                first, second = (_text_of(each) for each in node.args[:2])
                found.append((first, second))
        return found


@cache
def module(packages: Path, name: str) -> Module:
    return Module(packages, name)


def class_entry(found: Class, name: str, beyond: Class | None = None) -> str:
    """The reference of a class under `name`, without members that are the same in `beyond`."""
    left = {(each.name, each.node) for each in beyond.members()} if beyond else set()
    chosen = [each for each in found.members() if (each.name, each.node) not in left]
    methods = [each for each in chosen if not each.is_attribute]
    attributes = [each for each in chosen if each.is_attribute]
    parts = [found.text]
    described = [*sorted(methods, key=_name_of), *sorted(attributes, key=_name_of)]
    if _is_record(found.node):
        described = [*attributes, *methods]
    for each in described:
        parts.append(_attribute(each, found.node) if each.is_attribute else _method(each))
    heading = name + _constructor(found)
    return _directive("py:class", heading, "\n\n".join(part for part in parts if part), 4)


def _name_of(member: Member) -> str:
    return member.name


def function_entry(member: Member) -> str:
    assert isinstance(member.node, ast.FunctionDef)
    return _directive("py:function", member.name + _signature(member.node), member.text)


def _method(member: Member) -> str:
    assert isinstance(member.node, ast.FunctionDef)
    decorators = _decorators(member.node)
    options = [f":{each}:" for each in _PLAIN if each in decorators]
    if "abstractmethod" in decorators:
        options.append(":abstractmethod:")
    shown = member.name + _signature(member.node, bound="staticmethod" not in decorators)
    return _directive("py:method", shown, member.text, options=options)


def _attribute(member: Member, owner: ast.ClassDef) -> str:
    options = []
    node = member.node
    if isinstance(node, ast.FunctionDef):
        if node.returns is not None:
            options.append(f":type: {_annotation(node.returns)}")
    elif isinstance(node, ast.AnnAssign):
        options.append(f":type: {_annotation(node.annotation)}")
        if node.value is not None and _is_record(owner):
            options.append(f":value: {ast.unparse(node.value)}")
    return _directive("py:attribute", member.name, member.text, options=options)


def _directive(kind: str, heading: str, text: str, ticks: int = 3, options: list[str] = []) -> str:
    fence = "`" * (ticks if "```" not in text or ticks > 3 else 4)
    return "\n".join([f"{fence}{{{kind}}} {heading}", *options, "", text, fence])


def _constructor(found: Class) -> str:
    """The arguments of the class, for those that scripts make."""
    for member in (node for each in found.line() for node in each.node.body):
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            return _signature(member).partition(" -> ")[0]
    return ""


def _signature(node: ast.FunctionDef, bound: bool = True) -> str:
    arguments = ast.parse(ast.unparse(node)).body[0]
    assert isinstance(arguments, ast.FunctionDef)
    listed = arguments.args
    if bound:
        (listed.posonlyargs or listed.args)[:1] = []
    for each in (*listed.args, *listed.kwonlyargs, listed.vararg, listed.kwarg):
        if each is not None and isinstance(each.annotation, ast.Constant):
            each.annotation = ast.parse(str(each.annotation.value), mode="eval").body
    result = f" -> {_annotation(node.returns)}" if node.returns is not None else ""
    return f"({ast.unparse(listed)}){result}"


def _annotation(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)


def _attributes_of(node: ast.ClassDef) -> Iterator[Member]:
    """The public attributes that the constructor makes and documents."""
    for made in node.body:
        if isinstance(made, ast.FunctionDef) and made.name == "__init__":
            for first, second in pairwise(made.body):
                if not isinstance(second, ast.Expr) or not isinstance(
                    first, ast.AnnAssign | ast.Assign
                ):
                    continue
                target = first.target if isinstance(first, ast.AnnAssign) else first.targets[0]
                if isinstance(second.value, ast.Constant) and isinstance(target, ast.Attribute):
                    if not target.attr.startswith("_"):
                        text = inspect.cleandoc(str(second.value.value))
                        yield Member(target.attr, first, _markdown(text))


def _text_of(node: ast.expr) -> str:
    """A text, in which the value of an expression is replaced by its source."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text_of(each) for each in node.values)
    if isinstance(node, ast.FormattedValue):
        return f"`{ast.unparse(node.value)}`"
    return str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)


def _members_of(body: list[ast.stmt]) -> Iterator[Member]:
    """The public functions, variables and classes; of a setter nothing."""
    following: list[ast.stmt | None] = [*body[1:], None]
    for node, after in zip(body, following, strict=True):
        names: list[str] = []
        text = None
        if isinstance(node, ast.FunctionDef):
            if not any(each.endswith(".setter") for each in _decorators(node)):
                names, text = [node.name], ast.get_docstring(node)
        elif isinstance(node, ast.ClassDef):
            inner = ", ".join(f"`{each.name}`" for each in _members_of(node.body))
            names, text = [node.name], f"{ast.get_docstring(node) or ''} A class with {inner}."
        elif isinstance(node, ast.AnnAssign | ast.Assign):
            targets: Sequence[ast.expr]
            targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
            # In place of what only upstream's driver has there is an error with a text.
            if not (node.value is not None and ast.unparse(node.value).startswith("Replaced(")):
                names = [each.id for each in targets if isinstance(each, ast.Name)]
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                text = inspect.cleandoc(str(after.value.value))
        for name in names:
            if not name.startswith("_"):
                yield Member(name, node, _markdown(text))


def _markdown(text: str | None) -> str:
    """A docstring as Markdown, in which `*` and `_` outside of code have no meaning."""
    parts = (text or "").split("`")
    for number in range(0, len(parts), 2):
        lines = parts[number].split("\n")
        lines = [
            line if line.startswith("    ") else line.replace("*", "\\*").replace("<", "&lt;")
            for line in lines
        ]
        parts[number] = "\n".join(lines)
    return "`".join(parts)


def _decorators(node: ast.FunctionDef) -> list[str]:
    return [ast.unparse(each) for each in node.decorator_list]


def _is_property(node: ast.FunctionDef) -> bool:
    return any(each in ("property", "cached_property") for each in _decorators(node))


def _is_record(node: ast.ClassDef) -> bool:
    """Whether its attributes have defaults that a caller can rely on."""
    named = [ast.unparse(each) for each in node.decorator_list + node.bases]
    return any(each.startswith("dataclass") or each == "NamedTuple" for each in named)
