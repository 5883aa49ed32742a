"""The command that reads evidence anew by the present rules."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from adoption.evidence import classify, rules
from tests.adoption.importing import History, commit

pytestmark = pytest.mark.django_db


def run(*options: str) -> str:
    out = StringIO()
    call_command("reclassify_evidence", *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_it_does_nothing_until_the_rules_change_and_then_says_what_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    History(tmp_path).bring([commit(1, 0, ai=True), commit(2, on=2)])
    assert "already" in run()
    assert json.loads(run("--json")) == {"done": False}
    left = tuple(rule for rule in rules.LINE_RULES if rule.key != "claude-coauthor")
    monkeypatch.setattr(classify, "LINE_RULES", left)
    found: dict[str, Any] = json.loads(run("--again", "--json"))
    assert (found["read"], found["removed"], found["moved"]) == (2, 1, 1)
    assert (found["before"], found["after"]) == ({"assisted": 1, "none": 1}, {"none": 2})
    assert "as before" in run("--again")
