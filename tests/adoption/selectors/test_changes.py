"""Changes that somebody is reminded of."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from adoption.models import Membership, RepositoryLink
from adoption.selectors.changes import changes_to_remind_of
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.adoption.importing import History, change, commit
from tests.adoption.suggestion_stories import link

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]


def test_a_link_holds_from_its_first_day_to_the_day_before_its_end(tmp_path: Path) -> None:
    use_case, mira = make_use_case(), make_user()
    Membership.objects.create(team=use_case.team, user=mira, starts_on=dt.date(2026, 1, 1))
    History(tmp_path).bring([commit(1, 0, on=8, ai=True)], at=NOW)
    link(use_case)
    merged = change(1).merged_at
    assert merged is not None
    assert merged.time() != dt.time()
    day, other = merged.date(), dt.timedelta(days=1)
    found = {}
    for name, first, end in (
        ("from that day", day, None),
        ("from the next", day + other, None),
        ("until that day", day - 9 * other, day),
        ("until the next", day - 9 * other, day + other),
    ):
        RepositoryLink.objects.update(starts_on=first, ends_on=end)
        reminded = changes_to_remind_of(mira, now=NOW, limit=5)
        found[name] = [each.change.pk for each in reminded] == [change(1).pk]
    assert found == {
        "from that day": True, "from the next": False,
        "until that day": False, "until the next": True,
    }  # fmt: skip
