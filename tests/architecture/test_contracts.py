"""The import contracts hold, and each of them fails when it is violated.

By default all violations stand there at once and each has to be named under its contract; in a
sweep each stands alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.tree import REPOSITORY, ROOMS

# contract, file to add, what it must not import
VIOLATIONS = [
    ("rooms", "portal/violation.py", "import adoption.choices"),
    ("rooms", "portal/violation.py", "from billing.models import Charge"),
    ("rooms", "adoption/services/violation.py", "import billing.choices"),
    ("billing-adoption", "billing/violation.py", "import adoption.services"),
    ("billing-adoption", "billing/selectors/violation.py", "from adoption import models"),
    ("billing-adoption", "billing/violation.py", "import adoption.violated"),
    ("layers", "adoption/selectors/violation.py", "import adoption.services"),
    ("layers", "portal/models/violation.py", "import portal.selectors"),
    ("layers", "billing/services/violation.py", "import billing.views"),
    ("sources", "billing/sources/focus/violation.py", "from django.db import models"),
    ("sources", "adoption/sources/git/violation.py", "import adoption.models"),
    ("sources", "billing/sources/violation.py", "import portal.indirect"),
    ("independent-sources", "billing/sources/violation.py", "import billing.sources.focus"),
    ("services", "adoption/services/violation.py", "import rest_framework"),
    ("services", "portal/services/violation.py", "from portal import tasks"),
]


@pytest.fixture(scope="module")
def copied_rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the rooms, with two harmless modules that violations point at."""
    folder = tmp_path_factory.mktemp("rooms")
    for room in ROOMS:
        ignored = shutil.ignore_patterns("__pycache__", "static", "migrations")
        shutil.copytree(REPOSITORY / room, folder / room, ignore=ignored)
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    (folder / "adoption" / "violated.py").touch()
    (folder / "portal" / "indirect.py").write_text("import django.utils.timezone\n")
    return folder


def lint(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


def test_all_contracts_are_kept() -> None:
    ended = lint(REPOSITORY)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "6 kept, 0 broken." in ended.stdout


def test_every_violation_is_named_under_the_contract_that_it_breaks(copied_rooms: Path) -> None:
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
    names = {each["id"]: each["name"] for each in contracts}
    wrong: list[tuple[str, str, Path]] = []
    for number, (contract, path, line) in enumerate(VIOLATIONS):
        file = (copied_rooms / path).with_stem(f"violation_{number}")
        file.write_text(f"{line}\n")
        wrong.append(
            (contract, ".".join(file.relative_to(copied_rooms).with_suffix("").parts), file)
        )
    try:
        ended = lint(copied_rooms)
    finally:
        for *_, file in wrong:
            file.unlink()
    assert ended.returncode == 1, ended.stdout + ended.stderr
    # Each broken contract has a paragraph under its name, underlined.
    told = re.split(r"^(.+)\n-{3,}$", ended.stdout, flags=re.MULTILINE)
    said = dict(zip(told[1::2], told[2::2], strict=True))
    missed = [
        (contract, module)
        for contract, module, _ in wrong
        if not re.search(rf"\b{module}\b", said.get(names[contract], ""))
    ]
    assert missed == [], ended.stdout


@pytest.mark.sweep
@pytest.mark.parametrize(("contract", "path", "line"), VIOLATIONS)
def test_a_violation_breaks_its_contract(
    copied_rooms: Path, contract: str, path: str, line: str
) -> None:
    violation = copied_rooms / path
    violation.write_text(f"{line}\n")
    try:
        ended = lint(copied_rooms, "--contract", contract)
    finally:
        violation.unlink()
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "0 kept, 1 broken." in ended.stdout


@pytest.mark.sweep
def test_the_harmless_copy_keeps_every_contract(copied_rooms: Path) -> None:
    ended = lint(copied_rooms)
    assert ended.returncode == 0, ended.stdout
