"""Digests and notice settings: once a slot, at one's hour, by the ways one chose."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.choices import Cadence
from portal.digests import DigestLine, DigestSection, digest_sections
from portal.models import DigestSetting, DigestSlot, Notice, User, WorkItem
from portal.selectors.notice_settings import Ways
from portal.services import digests
from portal.services.digests import due_slot, send_due_digests
from portal.services.notice_settings import save_notice_settings
from portal.services.notices import notify
from tests.adoption.factories import make_user

MONDAY = dt.datetime(2026, 11, 23, 8, 0, tzinfo=dt.UTC)
WEEK = dt.timedelta(days=7)


class Section:
    """A section that a test fills; it keeps what it was asked."""

    def __init__(self, cadence: Cadence) -> None:
        self.lines = [DigestLine("Something happened", "/x/")]
        self.asked: list[tuple[User, dt.datetime, dt.datetime]] = []
        self.readers: set[int] | None = None
        self.section = DigestSection(
            f"test.{cadence}", "Test section", cadence, 1, self.is_for, self.build
        )

    def is_for(self, user: User) -> bool:
        return self.readers is None or user.pk in self.readers

    def build(self, user: User, since: dt.datetime, until: dt.datetime) -> Sequence[DigestLine]:
        self.asked.append((user, since, until))
        return self.lines


@pytest.fixture(params=[Cadence.WEEKLY])
def weekly(request: Any) -> Iterator[Section]:
    yield from _only(Section(request.param))


@pytest.fixture
def daily() -> Iterator[Section]:
    yield from _only(Section(Cadence.DAILY))


def _only(section: Section) -> Iterator[Section]:
    """This section and no other, so that a test knows what is said."""
    with mock.patch.dict(digest_sections._items, clear=True):
        digest_sections.register(section.section)
        yield section


def person(**fields: Any) -> User:
    return make_user(date_joined=MONDAY - 10 * WEEK, **fields)


@pytest.mark.django_db
@pytest.mark.both_engines
def test_each_week_is_told_once_whoever_looks_and_periods_join(weekly: Section) -> None:
    user = person()
    assert send_due_digests(at=MONDAY - dt.timedelta(seconds=1)) == 1  # last week's
    for minutes in (0, 0, 15, 600, 6000):
        send_due_digests(at=MONDAY + dt.timedelta(minutes=minutes))
    assert [(since, until) for _, since, until in weekly.asked] == [
        (MONDAY - 2 * WEEK, MONDAY - WEEK), (MONDAY - WEEK, MONDAY),
    ]  # fmt: skip
    told = Notice.objects.filter(user=user).order_by("pk")
    assert [each.key for each in told] == [
        "portal.weekly_digest:2026-11-16", "portal.weekly_digest:2026-11-23",
    ]  # fmt: skip
    assert told[1].text == "Test section\n- Something happened"
    assert DigestSlot.objects.filter(user=user).count() == 2


@pytest.mark.django_db
@pytest.mark.both_engines
def test_a_second_scheduler_that_was_faster_leaves_nothing_to_tell(weekly: Section) -> None:
    """It writes the slot after this one looked and before it writes: the row decides."""
    user = person()
    since = digests._since

    def while_another_writes(user: User, cadence: Cadence, due: digests.Due) -> Any:
        DigestSlot.objects.create(
            user=user, cadence=cadence, slot_on=due.slot_on, since=due.moment - WEEK,
            until=due.moment, made_at=MONDAY,
        )  # fmt: skip
        return since(user, cadence, due) or due.moment - WEEK

    with mock.patch.object(digests, "_since", while_another_writes):
        assert send_due_digests(at=MONDAY) == 0
    assert not Notice.objects.exists()
    assert weekly.asked == []
    assert DigestSlot.objects.filter(user=user).count() == 1


@pytest.mark.django_db
def test_nothing_to_say_is_not_said_and_not_asked_again(weekly: Section) -> None:
    person()
    weekly.lines = []
    for _ in range(3):
        assert send_due_digests(at=MONDAY) == 0
    assert len(weekly.asked) == 1
    assert not Notice.objects.exists()


@pytest.mark.django_db
def test_who_has_no_part_in_it_is_told_nothing(weekly: Section) -> None:
    lead, other, left = person(), person(), person(is_active=False)
    weekly.readers = {lead.pk, left.pk}
    send_due_digests(at=MONDAY)
    assert {each.user for each in Notice.objects.all()} == {lead}
    assert other.notices.count() == 0


@pytest.mark.django_db
def test_a_section_that_fails_does_not_keep_the_others_back(weekly: Section) -> None:
    user = person()

    def fail(*_: Any) -> Sequence[DigestLine]:
        raise RuntimeError("a fault")

    digest_sections.register(
        DigestSection("test.broken", "Broken", Cadence.WEEKLY, 0, lambda _: True, fail)
    )
    assert send_due_digests(at=MONDAY) == 1
    text = Notice.objects.get(user=user).text
    assert "Broken\n- This part could not be made" in text
    assert "Something happened" in text
    assert "a fault" not in text


@pytest.mark.django_db
def test_a_daily_digest_comes_on_its_day_only(daily: Section) -> None:
    user = person()
    save_notice_settings(user=user, ways={}, time_zone="America/New_York", hour=7, weekday=0)
    noon = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)  # seven in New York
    assert send_due_digests(at=noon - dt.timedelta(minutes=1)) == 0
    assert send_due_digests(at=noon) == 1
    assert send_due_digests(at=noon + dt.timedelta(hours=16)) == 0  # still that day there
    assert send_due_digests(at=noon + dt.timedelta(days=2)) == 1
    (_, first_since, first_until), (_, since, until) = daily.asked
    assert (first_since, first_until) == (noon - dt.timedelta(days=1), noon)
    # The day between was not told, so the next one begins where the last ended.
    assert (since, until) == (noon, noon + dt.timedelta(days=2))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2 * 365 * 24 * 60),
    st.integers(0, 23),
    st.integers(0, 6),
    st.sampled_from(("UTC", "Europe/Amsterdam", "America/New_York", "Asia/Kathmandu")),
)
def test_a_slot_has_come_and_is_the_newest(
    minutes: int, hour: int, weekday: int, zone: str
) -> None:
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes)
    setting = DigestSetting(time_zone=zone, hour=hour, weekday=weekday)
    found = due_slot(Cadence.WEEKLY, setting, at)
    assert found is not None
    assert found.moment <= at < found.moment + WEEK + dt.timedelta(hours=1)
    assert found.slot_on.weekday() == weekday
    daily = due_slot(Cadence.DAILY, setting, at)
    local = at.astimezone(ZoneInfo(zone))
    assert daily is None or (daily.moment <= at and daily.slot_on == local.date())


@pytest.mark.django_db
def test_each_chooses_by_which_way_and_is_never_told_twice_of_a_fact(settings: Any) -> None:
    settings.SENDS_MAIL = True
    ways = {
        "both": Ways(), "portal": Ways(True, False), "mail": Ways(False, True),
        "off": Ways(False, False),
    }  # fmt: skip
    people = {name: make_user(email=f"{name}@example.com") for name in ways}
    for name, user in people.items():
        save_notice_settings(
            user=user, ways={"adoption.milestone": ways[name]}, time_zone="UTC", hour=8, weekday=0
        )

    def tell(key: str) -> set[User]:
        made = notify(
            users=people.values(), key=key, title="Missed", text="It is.", link="/", at=MONDAY
        )
        return {each.user for each in made}

    assert tell("adoption.milestone:1") == {people[name] for name in ("both", "portal", "mail")}
    shown = Notice.objects.filter(is_hidden=False)
    assert {each.user for each in shown} == {people["both"], people["portal"]}
    assert WorkItem.objects.filter(kind="portal.mail-notice").count() == 2
    save_notice_settings(
        user=people["off"], ways={"adoption.milestone": Ways()}, time_zone="UTC", hour=8, weekday=0
    )
    assert tell("adoption.milestone:1") == set()  # switched on again, it is no news
    assert tell("adoption.target:1") == set(people.values())  # of another kind


@pytest.mark.django_db
def test_the_page_keeps_what_was_chosen_and_nobody_elses(weekly: Section) -> None:
    user, other = person(), person()
    client = Client()
    client.force_login(user)
    page = reverse("notice-settings")
    assert "Milestones" in client.get(page).content.decode()
    wrong = client.post(page, {"hour": 9, "weekday": 4, "time_zone": "Mars/Base"})
    assert "no time zone" in wrong.content.decode()
    client.post(page, {"hour": 9, "weekday": 4, "time_zone": "Europe/Amsterdam"})
    kept = DigestSetting.objects.get(user=user)
    assert (kept.hour, kept.weekday, kept.time_zone) == (9, 4, "Europe/Amsterdam")
    assert not DigestSetting.objects.filter(user=other).exists()
    # No box was marked: everything is off, but for what always stands in the portal.
    send_due_digests(at=MONDAY + dt.timedelta(days=5))
    assert {each.user for each in Notice.objects.all()} == {other}
    notify(users=[user], key="billing.breaker:1", title="Open", text="", link="/", at=MONDAY)
    assert Notice.objects.filter(user=user, is_hidden=False).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong", [{"time_zone": "Nowhere"}, {"hour": 24}, {"hour": -1}, {"weekday": 7}]
)
def test_an_hour_that_does_not_exist_is_refused(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"time_zone": "UTC", "hour": 8, "weekday": 0}
    with pytest.raises(ValidationError):
        save_notice_settings(user=make_user(), ways={}, **(right | wrong))
