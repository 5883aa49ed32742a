"""Rows written back at once end as they would one by one, on both engines."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from portal.models import AuditEvent, WorkItem
from portal.rows import update_rows

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]
AT = dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC)
FIELDS = (
    "payload", "attempt", "again", "not_before", "requested_by", "token", "problem",
    "progress_done",
)  # fmt: skip


def _items(number: int, kind: str = "test.rows") -> list[WorkItem]:
    return WorkItem.objects.bulk_create(
        WorkItem(kind=kind, key=str(n), queue="default", look_at=AT, requested_at=AT)
        for n in range(number)
    )


def _changed(items: list[WorkItem]) -> list[WorkItem]:
    user = get_user_model().objects.create_user("rows")
    for n, item in enumerate(items):
        item.payload = {"a": [n, None, "ü"], "b": {"c": True}}
        item.attempt = n
        item.again = n % 2 == 0
        item.not_before = AT + dt.timedelta(microseconds=n) if n % 3 else None
        item.requested_by = user if n % 2 else None
        item.token = uuid.UUID(int=n) if n % 2 else None
        item.problem = 'it\'s 100 % "broken"; %s\n' * (n % 2)
        item.progress_done = 2**40 + n
    return items


def test_every_kind_of_field_is_stored_as_save_stores_it() -> None:
    at_once, one_by_one = _items(7), _items(7, "test.singly")
    changed = _changed([*at_once, *one_by_one])
    for other, item in zip(changed[7:], changed[:7], strict=True):
        for name in FIELDS:
            setattr(other, name, getattr(item, name))
        other.save()
    assert update_rows(changed[:7], FIELDS) == 7
    found = WorkItem.objects.order_by("pk").values_list(*FIELDS, "key", "requested_at")
    assert list(found[:7]) == list(found[7:])
    assert found[1][0] == {"a": [1, None, "ü"], "b": {"c": True}}


def test_it_is_one_statement_however_many_rows() -> None:
    for number in (2, 700):
        items = _changed_problem(_items(number, f"test.{number}"))
        with CaptureQueriesContext(connection) as queries:
            update_rows(items, ["problem"])
        assert len([q for q in queries if "UPDATE" in q["sql"]]) == 1


def _changed_problem(items: list[WorkItem]) -> list[WorkItem]:
    for item in items:
        item.problem = f"problem of {item.key}"
    return items


def test_fields_that_are_not_named_stay() -> None:
    (item,) = _items(1)
    item.problem, item.phase = "written", "not written"
    update_rows([item], ["problem"])
    item.refresh_from_db()
    assert (item.problem, item.phase) == ("written", "")


@pytest.mark.django_db(transaction=True)
def test_one_refused_row_and_none_is_written() -> None:
    items = _items(3)
    for item, attempt in zip(items, (1, -1, 2), strict=True):
        item.attempt = attempt
    with pytest.raises(IntegrityError):
        update_rows(items, ["attempt"])
    assert set(WorkItem.objects.values_list("attempt", flat=True)) == {0}


def test_triggers_see_each_row() -> None:
    user = get_user_model().objects.create_user("seen")
    before = AuditEvent.objects.count()
    user.is_active = False
    update_rows([user], ["is_active"])
    assert AuditEvent.objects.count() == before + 1


def test_what_was_never_stored_is_refused_and_nothing_is_no_work() -> None:
    assert update_rows([], ["problem"]) == 0
    with pytest.raises(ValueError, match="only stored rows"):
        update_rows([WorkItem(kind="test.rows")], ["problem"])
