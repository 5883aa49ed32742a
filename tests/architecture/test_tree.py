"""What holds for the tree and what import-linter cannot see.

Every rule is a function from files to findings; the last tests show each rule a violation, so
that a rule which finds nothing is known to look.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.architecture import tree

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
LARGEST_STATIC = 64 * 1024  # bytes; our own style sheet and script are far below
REQUEST_MODULES = (
    *("django.http", "django.shortcuts", "django.views", "django.urls", "django.template"),
    *("django.core.files.uploadedfile", "django.contrib.messages"),
)
CLOCKS = re.compile(
    r"^(datetime|date|timezone|datetime\.datetime|dt\.datetime)\.(now|utcnow|today)$"
)
# Written in two parts, because this file is looked at as well.
MACHINE_PATHS = re.compile(
    r"(?<!\w)/wo" + r"rk/(?:main|shared|\.)|/ro" + r"ot\b|/home/" + r"[a-z]|py" + "env"
)
MAY_READ_THE_ENVIRONMENT = {
    "portal/env.py": "the one door",
    "portal/run/processes.py": "passes the environment on to the children, reads nothing in it",
    "portal/credentials/references.py": "a credential may be a variable that a connection names",
    "adoption/sources/git/program.py": "hands PATH to git and withholds the rest",
}
TEXT_SUFFIXES = {
    *(".py", ".html", ".css", ".js", ".md", ".toml", ".yaml", ".yml", ".txt", ".json", ".svg"),
    *("", ".tpl"),
}


def long_files(paths: Iterable[Path]) -> list[str]:
    counted = ((path, path.read_text(encoding="utf-8").count("\n")) for path in paths)
    return [f"{path}: {lines} lines" for path, lines in counted if lines > LONGEST_FILE]


def long_functions(paths: Iterable[Path]) -> list[str]:
    return [
        f"{path}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path in paths
        if path.read_text("utf-8").count("\n") >= LONGEST_FUNCTION
        for node in tree.functions(tree.parsed(path))
        if node.end_lineno is not None and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    ]


def hidden_model_imports(paths: Iterable[Path]) -> list[str]:
    """`get_model` reaches across rooms without an import that the contracts could see."""
    return [
        f"{path}:{line} {name}"
        for path in paths
        if "get_model" in path.read_text("utf-8")
        for line, name in tree.called_names(tree.parsed(path))
        if name.rpartition(".")[2] == "get_model"
    ]


def request_knowledge(paths: Iterable[Path]) -> list[str]:
    """Services that know pages: imports of the request's world, or a parameter `request` that is
    no request for approval."""
    found = [
        f"{path}:{line} imports {name}"
        for path in paths
        for line, name in tree.imported_names(tree.parsed(path))
        if name.startswith(REQUEST_MODULES)
    ]
    return found + [
        f"{path}:{node.lineno} takes a request"
        for path in paths
        for node in ast.walk(tree.parsed(path))
        if isinstance(node, ast.arg)
        and node.arg == "request"
        and not (isinstance(node.annotation, ast.Name) and node.annotation.id == "ApprovalRequest")
    ]


def clock_readings(paths: Iterable[Path]) -> list[str]:
    return [
        f"{path}:{line} {name}()"
        for path in paths
        if re.search(r"\b(now|utcnow|today)\b", path.read_text("utf-8"))
        for line, name in tree.called_names(tree.parsed(path))
        if CLOCKS.match(name)
    ]


def environment_readings(paths: Iterable[Path]) -> list[str]:
    """Variables read past `portal/env.py`, where they would be unchecked and unlisted."""
    return [
        f"{path}:{number} {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(r"os\.getenv|os\.environ(?!\.setdefault\(\"DJANGO_SETTINGS_MODULE\")", line)
    ]


def third_party_files(paths: Iterable[Path]) -> list[str]:
    """Copied libraries: minified files, fonts, licence headers, or simply too large to be ours."""
    found = []
    for path in paths:
        if re.search(r"\.min\.|\.map$|\.woff2?$|\.ttf$|\.whl$", path.name):
            found.append(f"{path}: a built file")
        elif path.suffix in {".js", ".css"}:
            text = path.read_text(encoding="utf-8")
            if re.search(r"@license|@preserve|Copyright|Released under", text):
                found.append(f"{path}: carries somebody's licence")
            elif len(text) > LARGEST_STATIC:
                found.append(f"{path}: {len(text)} bytes")
    return found


def machine_paths(paths: Iterable[Path]) -> list[str]:
    return [
        f"{path}:{number} {line.strip()[:80]}"
        for path in paths
        if path.suffix in TEXT_SUFFIXES and path.name != "uv.lock"
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
        )
        if MACHINE_PATHS.search(line)
    ]


def repeated_migration_numbers(paths: Iterable[Path]) -> list[str]:
    """Two migrations with one number: two branches met, and their order is luck.

    One that replaces others has the number of the first of them.
    """
    numbers = Counter(
        (path.parent, path.name[:4])
        for path in paths
        if re.match(r"\d{4}_", path.name) and "    replaces = [" not in path.read_text("utf-8")
    )
    return [f"{folder}: {number} twice" for (folder, number), times in numbers.items() if times > 1]


def migration_files() -> list[Path]:
    return [
        path
        for room in tree.ROOMS
        for path in tree.walk(tree.REPOSITORY / room)
        if path.parent.name == "migrations"
    ]


def files_that_may_not_read_the_environment() -> list[Path]:
    return [
        path
        for path in tree.source_files()
        if tree.relative(path).split("/")[0] in tree.ROOMS
        and tree.relative(path) not in MAY_READ_THE_ENVIRONMENT
    ]


RULES: list[tuple[Callable[[Iterable[Path]], list[str]], Callable[[], list[Path]]]] = [
    (long_files, tree.source_files),
    (long_functions, tree.source_files),
    (hidden_model_imports, tree.source_files),
    (request_knowledge, lambda: tree.layer_files("services")),
    (clock_readings, lambda: tree.layer_files("services")),
    (environment_readings, files_that_may_not_read_the_environment),
    (third_party_files, lambda: list(tree.walk())),
    (machine_paths, lambda: list(tree.walk())),
    (repeated_migration_numbers, migration_files),
]


@pytest.mark.parametrize(("rule", "files"), RULES, ids=[rule.__name__ for rule, _ in RULES])
def test_the_tree_keeps_the_rule(
    rule: Callable[[Iterable[Path]], list[str]], files: Callable[[], list[Path]]
) -> None:
    looked_at = files()
    assert looked_at, "a rule over no files holds nothing"
    assert rule(looked_at) == []


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (long_files, "a.py", "x = 1\n" * 401),
        (long_functions, "a.py", "def f():\n" + "    x = 1\n" * 60),
        (hidden_model_imports, "a.py", "from django.apps import apps\napps.get_model('b', 'C')\n"),
        (request_knowledge, "a.py", "from django.http import HttpResponse\n"),
        (request_knowledge, "a.py", "from django.core.files.uploadedfile import UploadedFile\n"),
        (request_knowledge, "a.py", "def add(*, request):\n    return request\n"),
        (clock_readings, "a.py", "from django.utils import timezone\nt = timezone.now()\n"),
        (clock_readings, "a.py", "import datetime as dt\nt = dt.datetime.now(dt.UTC)\n"),
        (environment_readings, "a.py", "import os\nx = os.environ['HOME']\n"),
        (environment_readings, "a.py", "import os\nx = os.getenv('HOME')\n"),
        (third_party_files, "lib.min.js", "x"),
        (third_party_files, "lib.js", "/*! @license MIT */"),
        (third_party_files, "lib.css", "a" * (LARGEST_STATIC + 1)),
        (machine_paths, "a.md", "see /wo" + "rk/main/here"),
    ],
)
def test_the_rule_finds_a_violation(
    rule: Callable[[Iterable[Path]], list[str]], name: str, text: str, tmp_path: Path
) -> None:
    violation = tmp_path / name
    violation.write_text(text)
    assert len(rule([violation])) == 1


def test_a_repeated_migration_number_is_found(tmp_path: Path) -> None:
    twins = [tmp_path / "0002_one.py", tmp_path / "0002_two.py", tmp_path / "0003_three.py"]
    for twin in twins:
        twin.write_text("class Migration:\n    operations = []\n")
    assert len(repeated_migration_numbers(twins)) == 1
    twins[1].write_text("class Migration:\n    replaces = [('room', '0002_one')]\n")
    assert repeated_migration_numbers(twins) == []


def test_every_command_is_mentioned_in_a_test() -> None:
    tests = "\n".join(
        path.read_text(encoding="utf-8")
        for path in tree.walk(tree.REPOSITORY / "tests")
        if path.suffix == ".py"
    )
    commands = [
        path.stem
        for path in tree.source_files()
        if path.parent.name == "commands" and not path.name.startswith("_")
    ]
    assert [name for name in commands if f'"{name}"' not in tests] == []
