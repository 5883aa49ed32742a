"""What is withheld over the states of a window and over its readers, without a database."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from adoption.models import MetricVersion
from adoption.selectors.metric_withholding import (
    StoredRow,
    floors_for,
    smallest_group,
    withheld_rows,
)

WINDOW = (dt.date(2026, 1, 1), dt.date(2026, 2, 1))
FIRST = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
LATER = FIRST + dt.timedelta(days=1)


def row(
    pk: int, people: int | None, since: dt.datetime = FIRST, until: dt.datetime | None = None
) -> StoredRow:
    """Of scope `pk % 10`."""
    size = people or 0
    return StoredRow(pk, ("use_case", pk % 10), WINDOW, True, people, size, since, until)


def hidden(*rows: StoredRow, floors: tuple[int, ...] = (5,)) -> list[int]:
    return sorted(withheld_rows(rows, floors, {}))


def test_what_covered_a_group_goes_on_covering_it_once_the_group_is_large() -> None:
    """Shown later, the seven less the total of the first day would tell of the four."""
    twelve, seven = row(1, 12), row(2, 7)
    assert hidden(twelve, seven, row(3, 4)) == [2, 3]
    assert hidden(twelve, seven, row(3, 4, until=LATER), row(13, 5, LATER)) == [2, 3]


def test_what_was_shown_before_is_taken_back_when_it_must_cover_later() -> None:
    twelve, seven = row(1, 12), row(2, 7)
    assert hidden(twelve, seven, row(3, 5)) == []
    assert hidden(twelve, seven, row(3, 5, until=LATER), row(13, 4, LATER)) == [2, 13]


def test_a_row_that_took_its_place_stands_for_itself() -> None:
    rows = (
        row(1, 12), row(2, 7, until=LATER), row(3, 4, until=LATER),
        row(12, 8, LATER), row(13, 6, LATER),
    )  # fmt: skip
    assert hidden(*rows) == [2, 3]


def test_no_floor_and_no_small_group_withhold_nothing() -> None:
    assert hidden(row(1, 1), floors=()) == []
    assert hidden(row(1, 5), row(2, 9)) == []
    assert hidden(row(1, None), row(2, 9)) == [1, 2]


def test_who_sees_larger_groups_sees_nothing_that_others_do_not() -> None:
    """Each floor by itself takes another cover here; what both show would give the three away."""
    families = {
        ("use_case", 1): ("house", "c"), ("use_case", 2): ("house", "b"),
        ("use_case", 3): ("house", "a"), ("use_case", 4): ("house", "c"),
    }  # fmt: skip
    rows = [replace(row(1, 6), has_value=False), row(2, 10), row(3, 3), row(4, 12)]
    five, ten, both = (
        set(withheld_rows(rows, floors, families)) for floors in ((5,), (10,), (5, 10))
    )
    assert (five, ten) == ({2, 3}, {1, 3, 4})
    assert both == five | ten


def test_floors_are_those_of_the_stored_definition() -> None:
    def version(**catalogue: int) -> MetricVersion:
        return MetricVersion(definition={"catalogue": catalogue} if catalogue else {})

    assert floors_for(version(k=0), for_managers=True) == ()
    assert floors_for(version(k=5), for_managers=False) == (5,)
    assert floors_for(version(k=8), for_managers=True) == (8, 10)
    assert floors_for(version(k=12), for_managers=True) == (12,)
    assert smallest_group(version(), for_managers=True) == 10  # says nothing: about people
