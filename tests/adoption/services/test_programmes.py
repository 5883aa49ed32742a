"""Programmes: what a period, a currency and a zone may be."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from adoption.models import Programme
from adoption.services.programmes import BadProgrammeError, create_programme, update_programme
from tests.adoption.factories import (
    NOW,
    make_milestone,
    make_programme,
    make_use_case,
    make_user,
    registered_metric,
)

pytestmark = pytest.mark.django_db


def _update(programme: Programme, **fields: Any) -> Programme:
    values: dict[str, Any] = {
        "name": programme.name,
        "owner": programme.owner,
        "currency": programme.currency,
        "starts_on": programme.starts_on,
        "time_zone": programme.time_zone,
        "ends_on": programme.ends_on,
        "fiscal_year_start_month": 1,
    }
    return update_programme(
        programme_id=programme.pk, actor=programme.owner, at=NOW, **(values | fields)
    )


def test_slug_is_made_once_from_the_name() -> None:
    programme = make_programme(name="Finance & Légal 2026")
    assert programme.slug == "finance-legal-2026"
    assert _update(programme, name="Something else").slug == "finance-legal-2026"


def test_a_name_without_letters_still_gets_an_address() -> None:
    first, second = make_programme(name="計画"), make_programme(name="計画")
    assert (first.slug, second.slug) == ("programme", "programme-2")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"currency": "usd"}, "currency"),
        ({"currency": "EURO"}, "currency"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
        ({"ends_on": dt.date(2026, 1, 1)}, "ends_on"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(fields: dict[str, Any], field: str) -> None:
    owner = make_user()
    values: dict[str, Any] = {
        "name": "P",
        "currency": "USD",
        "starts_on": dt.date(2026, 1, 1),
    } | fields
    with pytest.raises(BadProgrammeError) as refused:
        create_programme(owner=owner, actor=owner, at=NOW, **values)
    assert refused.value.field == field
    assert not Programme.objects.exists()


def test_the_period_cannot_shrink_below_a_milestone() -> None:
    with registered_metric():
        use_case = make_use_case()
        make_milestone(use_case, due_on=dt.date(2026, 12, 1))
    with pytest.raises(BadProgrammeError, match="1 milestone"):
        _update(use_case.programme, ends_on=dt.date(2026, 12, 1))
    assert _update(use_case.programme, ends_on=dt.date(2026, 12, 2)).ends_on is not None


def test_the_currency_stays_while_an_amount_is_promised_in_it() -> None:
    with registered_metric("cost", unit="money"):
        use_case = make_use_case()
        make_milestone(use_case, metric_key="cost", comparator="lt", currency="USD")
    with pytest.raises(BadProgrammeError, match="USD"):
        _update(use_case.programme, currency="EUR")


@pytest.mark.both_engines
def test_the_database_itself_refuses_an_empty_period() -> None:
    programme = make_programme()
    with pytest.raises(IntegrityError), transaction.atomic():
        Programme.objects.filter(pk=programme.pk).update(ends_on=programme.starts_on)
