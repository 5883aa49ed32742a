"""The security rules of the linter are on, and whoever goes round one says why in the same line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.architecture import tree

EXCEPTION = re.compile(r"#\s*noqa\b(?P<codes>:?\s*[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)?(?P<reason>.*)")
MARK = "# no" + "qa"  # in two parts, because this file is looked at as well
SHORTEST_REASON = 6  # letters: enough for "a story", too much for "ok"


def unexplained(paths: Iterable[Path]) -> list[str]:
    """Exceptions from everything, and exceptions from a security rule without a reason."""
    found = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            match = EXCEPTION.search(line)
            if match is None:
                continue
            codes = re.findall(r"[A-Z]+\d+", match["codes"] or "")
            is_security = any(re.fullmatch(r"S\d+", code) for code in codes)
            letters = len(re.sub(r"[^A-Za-z]", "", match["reason"]))
            if not codes or (is_security and letters < SHORTEST_REASON):
                found.append(f"{path}:{number} {line.strip()[-80:]}")
    return found


def python_files() -> list[Path]:
    return [path for path in tree.walk() if path.suffix == ".py"]


def test_every_exception_from_a_security_rule_says_why() -> None:
    assert unexplained(python_files()) == []


def test_the_rules_are_on_and_what_is_left_out_is_explained() -> None:
    text = (tree.REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    lint = text.partition("[tool.ruff.lint]")[2].partition("[tool.ruff.format]")[0]
    assert '"S",' in lint.partition("ignore = [")[0]
    files = text.partition("[tool.ruff.lint.per-file-ignores]")[2].partition("[tool.mypy]")[0]
    left_out = [
        line
        for line in (lint.partition("ignore = [")[2] + files).splitlines()
        if re.search(r'"S\d*"', line)
    ]
    assert left_out
    assert [line for line in left_out if "#" not in line] == []


@pytest.mark.parametrize(
    "line",
    [
        f"x = 1  {MARK}",
        f"x = y  {MARK}: S608",
        f"x = y  {MARK}: S608  (ok)",
        f"x = 1  {MARK}: E501, S105",
    ],
)
def test_a_missing_reason_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "one.py").write_text(line)
    assert len(unexplained([tmp_path / "one.py"])) == 1


@pytest.mark.parametrize(
    "line", [f"x = y  {MARK}: S608  (names of the catalogue)", f"x = 1  {MARK}: E501", "x = 1"]
)
def test_a_given_reason_is_enough(tmp_path: Path, line: str) -> None:
    (tmp_path / "one.py").write_text(line)
    assert unexplained([tmp_path / "one.py"]) == []
