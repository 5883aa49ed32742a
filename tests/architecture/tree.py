"""The committed tree as the architecture tests see it; works without git."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = ("portal", "adoption", "billing")
NOT_OURS = {
    *(".git", ".venv", ".bootstrap", "var", "node_modules", "__pycache__", "staticfiles"),
    *(".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis"),
}


def walk(folder: Path = REPOSITORY) -> Iterator[Path]:
    """Every file of ours below `folder`, in a fixed order."""
    for entry in sorted(folder.iterdir()):
        if entry.name in NOT_OURS or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from walk(entry)
        else:
            yield entry


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def source_files() -> list[Path]:
    """The Python files that are the product: the rooms and the scripts, without migrations."""
    rooms = [path for room in ROOMS for path in walk(REPOSITORY / room) if path.suffix == ".py"]
    scripts = [REPOSITORY / "quickstart.py", REPOSITORY / "manage.py"]
    scripts += [path for path in walk(REPOSITORY / ".ci") if path.suffix == ".py"]
    return [path for path in [*rooms, *scripts] if "migrations" not in path.parts]


def layer_files(layer: str) -> list[Path]:
    """The files of one layer (`services`, …) in every room, be it a module or a package."""
    return [
        path
        for path in source_files()
        if relative(path).split("/")[1:2] in ([layer], [f"{layer}.py"])
    ]


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, nested ones too; expressions hold none and are not looked into."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node
            yield from functions(node)


def imported_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported, at any depth: `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def called_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every call whose target is a plain name or attribute chain."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)
