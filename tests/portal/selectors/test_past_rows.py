"""What governed rows held at a moment, read from the audit of their changes."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest
from django.utils import timezone

from portal.choices import ImportKind
from portal.models import Connection
from portal.selectors.past_rows import columns_at

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]
AT = dt.datetime(2026, 11, 2, 9, 30, tzinfo=dt.UTC)


def make(slug: str) -> Connection:
    return Connection.objects.create(
        slug=slug, name="First", source="focus", kind=ImportKind.COSTS, created_at=AT
    )


def moment() -> dt.datetime:
    """Now, apart from what is written before and after: SQLite counts milliseconds."""
    time.sleep(0.003)
    found = timezone.now()
    time.sleep(0.003)
    return found


def test_the_oldest_change_since_says_what_there_was(django_assert_num_queries: Any) -> None:
    one, other, untouched = make("one"), make("other"), make("untouched")
    moments = [moment()]
    for name in ("Second", "Third"):
        Connection.objects.filter(pk=one.pk).update(name=name)
        moments.append(moment())
    Connection.objects.filter(pk=other.pk).update(name="Other", source="aws")
    keys = [one.pk, other.pk, untouched.pk]
    was_other = {"name": "First", "source": "focus"}
    with django_assert_num_queries(1):
        found = columns_at(Connection, keys, moments[0])
    assert found == {one.pk: {"name": "First"}, other.pk: was_other}
    assert columns_at(Connection, keys, moments[1]) == {
        one.pk: {"name": "Second"},
        other.pk: was_other,
    }
    assert columns_at(Connection, keys, moments[2]) == {other.pk: was_other}
    assert columns_at(Connection, keys, moment()) == {}
    assert columns_at(Connection, [one.pk], moments[2]) == {}
