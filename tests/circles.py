"""Circles of imports, read off the syntax trees: ``python -m tests.circles`` names the files of each.

Every import counts, also one inside a function or for types alone: none of the files of a circle can be understood, or
moved, without the others. Importing a module runs the ``__init__`` of each package around it first, so these count as
imported too, except those that stand around the importing module as well.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "src" / "casepool", ROOT / "benchmarks", ROOT / "tests")
Graph = Mapping[str, Mapping[str, int]]
"""By module: the modules it imports, and in which line."""


def modules(*folders: Path) -> dict[str, Path]:
    """Return the files of top-level packages by the names of their modules."""
    found = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder.parent).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def graph(files: Mapping[str, Path]) -> Graph:
    """Return what every module imports of the others."""
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in files.items()}
    own = {name: _names(tree) for name, tree in trees.items() if files[name].name == "__init__.py"}
    return {name: _imports(name, tree, own, trees.keys()) for name, tree in trees.items()}


def _names(tree: ast.Module) -> set[str]:
    """Return the names a package's ``__init__`` hands on, so that whoever imports one imports it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def _imports(name: str, tree: ast.Module, packages: Mapping[str, set[str]], known: Collection[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for node in ast.walk(tree):
        for target in _targets(node, name, packages):
            whole = _around(target)
            imported = next((module for module in whole if module in known), None)
            run_first = [module for module in whole[1:] if module in packages and module not in _around(name)]
            for module in filter(None, [imported, *run_first]):
                found.setdefault(module, node.lineno)
    return found


def _targets(node: ast.AST, name: str, packages: Mapping[str, set[str]]) -> list[str]:
    """Return what an import statement may mean: modules, and names of modules."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        package = _around(name)[node.level - (name in packages) :][:1]
        base = ".".join(filter(None, [*package, base]))
    handed_on = [base for alias in node.names if alias.name in packages.get(base, ())]
    return [*handed_on, *(f"{base}.{alias.name}" for alias in node.names)]


def _around(name: str) -> list[str]:
    """Return a module and the packages around it, the innermost first."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(len(parts), 0, -1)]


def circles(imports: Graph) -> list[list[str]]:
    """Return the sets of modules each of which reaches all others of its set."""
    reached = {name: _reached(name, imports) for name in imports}
    sets = {frozenset(other for other in reached[name] if name in reached[other]) for name in imports}
    return sorted(sorted(one) for one in sets if one)


def _reached(name: str, imports: Graph) -> set[str]:
    found: set[str] = set()
    left = list(imports[name])
    while left:
        module = left.pop()
        if module not in found:
            found.add(module)
            left += imports[module]
    return found


def told(circle: list[str], files: Mapping[str, Path], imports: Graph) -> Iterator[str]:
    """Yield the files of a circle, each with the lines that close it."""
    yield f"a circle of {len(circle)} files:"
    for name in circle:
        lines = [f"{module} (line {line})" for module, line in imports[name].items() if module in circle]
        path = files[name]
        shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        yield f"  {shown} imports {', '.join(lines)}"


def main(*folders: Path) -> int:
    """Print every circle; return how many there are."""
    files = modules(*(folders or FOLDERS))
    imports = graph(files)
    found = circles(imports)
    for circle in found:
        print("\n".join(told(circle, files, imports)))
    return len(found)


if __name__ == "__main__":
    sys.exit(bool(main()))
