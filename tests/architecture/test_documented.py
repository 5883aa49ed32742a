"""Every variable that is read and every command is documented, and none that is not."""

from __future__ import annotations

import re

from portal.env import Environment
from tests.architecture.tree import REPOSITORY

README = REPOSITORY / "README.md"
OPERATORS = REPOSITORY / "docs" / "operators.md"
# Read by the scripts alone, before there is an Environment.
OF_THE_SCRIPTS = {"PLUMBLINE_VENV", "REQUIRE_BROWSER", "REQUIRE_STRACE"}
OF_DJANGO = {"migrate", "check"}


def documented() -> set[str]:
    """The names in the first column of the tables of variables."""
    return set(re.findall(r"^\| `([A-Z][A-Z_]+)` \|", OPERATORS.read_text("utf-8"), re.MULTILINE))


def test_every_variable_is_documented_and_nothing_else() -> None:
    read = {name.upper() for name in Environment.model_fields}
    assert documented() == read | OF_THE_SCRIPTS


def test_the_readme_lists_every_command_of_the_rooms() -> None:
    [table] = re.findall(
        r"^\| command \| does \|$.*?\n\n", README.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    first_column = " ".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE))
    listed = set(re.findall(r"`(\w+)", first_column)) - OF_DJANGO
    commands = {
        path.stem
        for room in ("portal", "adoption", "billing")
        for path in (REPOSITORY / room / "management" / "commands").glob("[a-z]*.py")
    }
    assert listed == commands
