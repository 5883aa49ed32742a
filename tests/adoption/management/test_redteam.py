"""The command that tries the attacks, and the page that it makes."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from adoption.management.commands import redteam
from adoption.redteam import report
from adoption.redteam.readings import VALUES

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module", autouse=True)
def _each_attack_tried_once() -> Iterator[None]:
    """The same seed gives the same outcomes: they are worked out once for all of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redteam, "try_all", functools.cache(report.try_all))
        yield


def test_the_page_is_what_the_command_makes(tmp_path: Path) -> None:
    made = tmp_path / "attacks.md"
    call_command("redteam", docs=made, stdout=StringIO())
    assert made.read_text() == (ROOT / "docs" / "attacks.md").read_text(), (
        "run `python manage.py redteam --docs docs/attacks.md`"
    )


def test_figures_say_what_the_table_says() -> None:
    out = StringIO()
    call_command("redteam", json=True, stdout=out)
    found = {each["attack"]: each for each in json.loads(out.getvalue())}
    assert found["tokens"]["token_rank"][1] == 1
    assert all(not each["unexpected"] for each in found.values())
    values = found["tokens"]["metrics"]
    assert all(values[key]["before_nano"] == values[key]["after_nano"] for key in VALUES)
    assert not found["daily"]["improvements"]
    assert set(found["few_logged"]["improvements"]) >= {"ndu", "ndi"}


def test_an_unknown_improvement_ends_the_command_with_a_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = StringIO()
    call_command("redteam", stdout=out)
    assert out.getvalue().strip().endswith("climb the token leaderboard.")
    assert "0 improvements that were not known" in out.getvalue()
    monkeypatch.setattr(report.Outcome, "unexpected", ["ndu"])
    with pytest.raises(CommandError, match="not known to move"):
        call_command("redteam", stdout=StringIO())
    with pytest.raises(CommandError, match="1 to 20"):
        call_command("redteam", amount=21, stdout=StringIO())
