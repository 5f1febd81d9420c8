"""Checks the imports of the modules of python/: only from packages below their own, no cycles."""

import ast
from collections.abc import Iterator
from pathlib import Path

# The packages that each package may import. Modules outside these packages belong to `charioteer`.
USES = {
    "charioteer": set[str](),
    "charioteer.images": {"charioteer"},
    "charioteer.cluster": {"charioteer", "charioteer.images"},
    "charioteer.doctor": {"charioteer", "charioteer.images"},
    "charioteer.trace": {"charioteer"},
    "charioteer.report": {"charioteer", "charioteer.trace"},
    "charioteer.testing": {
        *("charioteer", "charioteer.images", "charioteer.cluster", "charioteer.report"),
    },
    "charioteer.suite": {
        *("charioteer", "charioteer.images", "charioteer.cluster", "charioteer.report"),
        "charioteer.trace",
    },
    "charioteer.hosts": {
        *("charioteer", "charioteer.images", "charioteer.cluster", "charioteer.suite"),
    },
    "charioteer.pytest_plugin": {
        *("charioteer", "charioteer.images", "charioteer.cluster", "charioteer.testing"),
        *("charioteer.suite", "charioteer.trace"),
    },
    "charioteer.cli": {
        *("charioteer", "charioteer.images", "charioteer.cluster", "charioteer.testing"),
        *("charioteer.trace", "charioteer.report", "charioteer.doctor", "charioteer.suite"),
        "charioteer.hosts",
    },
    "test_driver": {"charioteer", "charioteer.testing"},
}
# `python3 -m charioteer` runs the command-line program.
PART_OF = {"charioteer.__main__": "charioteer.cli"}

Modules = dict[str, Path]


def modules_of(root: Path) -> Modules:
    """All modules below `root` by the name by which they are imported."""
    found = {}
    for file in sorted([*root.rglob("*.py"), *root.rglob("*.pyi")]):
        parts = file.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports_of(file: Path, modules: Modules) -> Iterator[tuple[int, str]]:
    """Line and name of each import of `modules` in `file`, also in functions and for types."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in modules:
                    yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                if submodule in modules:
                    yield node.lineno, submodule
                elif node.module in modules:
                    yield node.lineno, node.module


def package_of(module: str) -> str:
    if module in PART_OF:
        return PART_OF[module]
    return max((each for each in USES if f"{module}.".startswith(f"{each}.")), key=len)


def errors(root: Path) -> list[str]:
    """The forbidden imports below `root`, one line for each."""
    modules = modules_of(root)
    graph: dict[str, set[str]] = {}
    wrong = []
    for module, file in modules.items():
        graph[module] = set()
        package = package_of(module)
        for line, used in imports_of(file, modules):
            graph[module].add(used)
            other = package_of(used)
            if other != package and other not in USES[package]:
                where = f"{root.name}/{file.relative_to(root)}:{line}"
                wrong.append(f"{where}: {package} must not use {other}, which is not below it")
    return wrong + [f"import cycle: {' -> '.join(cycle)}" for cycle in cycles(graph)]


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """One cycle for each strongly connected set of modules, beginning with its first name."""

    def reached(start: str) -> dict[str, str]:
        """The modules reachable from `start`, each with the module that imports it."""
        before: dict[str, str] = {}
        waiting = [start]
        for module in waiting:
            for used in sorted(graph.get(module, ())):
                if used not in before:
                    before[used] = module
                    waiting.append(used)
        return before

    found: list[list[str]] = []
    for module in sorted(graph):
        if any(module in cycle for cycle in found):
            continue
        before = reached(module)
        if module in before:
            path = [module]
            while (previous := before[path[-1]]) != module:
                path.append(previous)
            found.append([module, *reversed(path[1:]), module])
    return found
