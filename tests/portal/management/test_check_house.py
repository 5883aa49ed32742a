"""`check_house` finds what is out of order, and says so with its exit code."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from portal import house
from portal.approvals.triggers import guards

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]


def test_a_house_in_order_is_told_part_by_part() -> None:
    output = io.StringIO()
    call_command("check_house", "--json", stdout=output)
    parts = {each["part"]: each["outcome"] for each in json.loads(output.getvalue())["parts"]}
    assert parts == {
        "system checks": "ok",
        "migrations": "ok",
        "guards of approvals": "ok",
        "triggers of the audit": "ok",
        "import contracts": "ok",
    }


def test_a_guard_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house, "PARTS", (house._guards,))
    guard = guards.get("decision_by_another")
    on = "" if connection.vendor == "sqlite" else f" ON {guard.table}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {guard.name}{on}")
    output = io.StringIO()
    with pytest.raises(CommandError, match="guards of approvals"):
        call_command("check_house", stdout=output)
    assert "'decision_by_another' is missing" in output.getvalue()
