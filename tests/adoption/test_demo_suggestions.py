"""The demo employee has something waiting for every reason, and a second run adds nothing."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from adoption.choices import Stage
from adoption.demo.suggestions import build_suggestions
from adoption.models import Delivery, Repository, Suggestion
from adoption.suggesting import WEIGHTS
from portal.choices import Role
from portal.demo import DemoContext
from tests.adoption.factories import NOW, make_use_case, make_user, walk_to
from tests.adoption.suggestion_stories import link, make_request

pytestmark = pytest.mark.django_db


def test_every_reason_waits_for_the_employee(tmp_path: Path) -> None:
    home = walk_to(
        make_use_case(title="Test generation for the checkout service", stop_rule="At 6 %."),
        Stage.APPROVED,
    )
    make_use_case(title="Support replies with sources")
    Repository.objects.create(key="shop/checkout", name="checkout")
    link(home, "shop/checkout")
    employee = make_user(name="Employee")
    Delivery.objects.create(
        use_case=home, change=make_request(employee, 1, repository_key="shop/checkout"),
        title="Earlier", claimed_by=employee, claimed_at=NOW - dt.timedelta(days=9),
    )  # fmt: skip
    context = DemoContext(
        now=NOW, first_month=NOW.date(), spool=tmp_path, say=lambda _words: None,
        people={"employee": employee, "admin": make_user(Role.ADMINISTRATOR)},
    )  # fmt: skip
    build_suggestions(context)
    rows = list(Suggestion.objects.filter(user=employee, state="offered").values())
    kinds = {
        reason["kind"] for row in rows for each in row["candidates"] for reason in each["reasons"]
    }
    assert kinds == {*WEIGHTS, "evidence"}
    assert len(rows) == 6
    build_suggestions(context)
    assert list(Suggestion.objects.filter(user=employee, state="offered").values()) == rows
