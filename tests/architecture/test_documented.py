"""Operators find every variable that is read, and none that is not."""

from __future__ import annotations

import re

from portal.env import Environment
from tests.architecture.tree import REPOSITORY

OPERATORS = REPOSITORY / "docs" / "operators.md"
# Read by the scripts alone, before there is an Environment.
OF_THE_SCRIPTS = {"PLUMBLINE_VENV", "REQUIRE_BROWSER", "REQUIRE_STRACE"}


def documented() -> set[str]:
    """The names in the first column of the tables of variables."""
    return set(re.findall(r"^\| `([A-Z][A-Z_]+)` \|", OPERATORS.read_text("utf-8"), re.MULTILINE))


def test_every_variable_is_documented_and_nothing_else() -> None:
    read = {name.upper() for name in Environment.model_fields}
    assert documented() == read | OF_THE_SCRIPTS
