"""Suggestions in the daily digest: at one's hour, only with news, each once, no comparison."""

from __future__ import annotations

import datetime as dt
import importlib
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from adoption.models import Suggestion, UseCase
from portal.digests import digest_sections
from portal.models import DigestSetting, Notice, NoticePreference, User, WorkItem
from portal.selectors.notice_settings import Ways
from portal.services.digests import send_due_digests
from portal.services.notice_settings import save_notice_settings
from portal.services.notices import CHAT_KIND, MAIL_KIND
from tests.adoption.factories import NOW, make_programme, make_use_case, make_user
from tests.adoption.suggestion_stories import link, make_request, offer

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]
DAILY = "portal.daily_digest"


def at(hour: int, day: int = 21, minute: int = 10) -> dt.datetime:
    return dt.datetime(2026, 11, day, hour, minute, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _sends_mail(settings: Any) -> None:
    settings.SENDS_MAIL = True


@pytest.fixture
def mira() -> User:
    found = make_user(name="Mira", email="mira@acme.example", date_joined=at(0, 1))
    save_notice_settings(user=found, ways={}, time_zone="Europe/Amsterdam", hour=9, weekday=0)
    return found


@pytest.fixture
def use_case(mira: User) -> UseCase:
    """One change is suggested on 20 November; nine in Amsterdam is eight in UTC."""
    found = make_use_case(title="Answer drafts", programme=make_programme())
    make_request(mira, 1, strength="assisted", involvement="ai")
    link(found)
    offer()
    return found


def told(person: User) -> list[Notice]:
    return list(Notice.objects.filter(user=person, key__startswith=DAILY).order_by("pk"))


def test_at_ones_hour_in_ones_zone_by_every_way_there_is(mira: User, use_case: UseCase) -> None:
    send_due_digests(at=at(7))  # 08:10 there
    assert told(mira) == []
    send_due_digests(at=at(8))
    (notice,) = told(mira)
    assert (notice.title, notice.link) == ("Your day: 21 Nov 2026", "/deliveries/#inbox")
    assert "Request 1: for “Answer drafts”?" in notice.text
    assert notice.text.endswith("nobody asks again.")
    assert WorkItem.objects.filter(kind=MAIL_KIND).count() == 1
    assert not WorkItem.objects.filter(kind=CHAT_KIND).exists()


def test_each_suggestion_is_told_once_and_a_day_without_news_is_silent(
    mira: User, use_case: UseCase
) -> None:
    for hour, day in ((8, 21), (9, 21), (8, 22)):
        send_due_digests(at=at(hour, day))
    assert len(told(mira)) == 1
    make_request(mira, 2, strength="assisted", involvement="ai")
    offer(at(9, 22))
    send_due_digests(at=at(10, 22))
    assert len(told(mira)) == 1  # at most one a day
    make_request(mira, 3, strength="assisted", involvement="ai")
    offer(at(11, 22))
    send_due_digests(at=at(8, 23))
    texts = [notice.text for notice in told(mira)]
    assert [sum(f"Request {n}:" in text for text in texts) for n in (1, 2, 3)] == [1, 1, 1]
    assert len(texts) == 2


def test_answered_and_expired_suggestions_are_not_brought_up(mira: User, use_case: UseCase) -> None:
    send_due_digests(at=at(8) + dt.timedelta(days=14))
    Suggestion.objects.update(state="dismissed", dismissal="not_this", decided_at=NOW)
    send_due_digests(at=at(8))
    assert told(mira) == []


def test_who_wants_none_is_told_later_of_what_still_waits(mira: User, use_case: UseCase) -> None:
    off = {DAILY: Ways(in_portal=False, by_email=False)}
    where: dict[str, Any] = {"time_zone": "UTC", "hour": 8, "weekday": 0}
    save_notice_settings(user=mira, ways=off, **where)
    for day in (21, 22, 23, 24):
        send_due_digests(at=at(8, day))
    assert Suggestion.objects.get().digested_at is None  # nothing counts as told
    save_notice_settings(user=mira, ways={DAILY: Ways()}, **where)
    send_due_digests(at=at(8, 25))
    assert "Request 1:" in told(mira)[0].text


def test_nobody_is_told_of_anothers_suggestions(mira: User, use_case: UseCase) -> None:
    other = make_user(date_joined=at(0, 1))
    send_due_digests(at=at(9))
    assert told(other) == []
    section = digest_sections.get("adoption.suggestions")
    assert list(section.build(other, NOW - dt.timedelta(days=1), at(9))) == []
    assert section.told is not None
    lines = section.build(mira, NOW, at(9))
    section.told(other, lines, at(9))  # not theirs: nothing is noted
    assert Suggestion.objects.get(user=mira).digested_at == at(9)


@pytest.mark.django_db(transaction=True)
def test_what_was_chosen_before_the_settings_were_one_is_carried_over() -> None:
    people = [make_user(name=name) for name in ("Chat", "Quiet", "Both")]
    DigestSetting.objects.create(user=people[2], hour=6, time_zone="Asia/Kathmandu")
    loader = MigrationLoader(connection)
    apps = loader.project_state(("adoption", "0011_delivery_digest_choices")).apps
    old = apps.get_model("adoption", "DigestChoice")
    with connection.schema_editor() as editor:
        editor.create_model(old)
    try:
        old.objects.create(user_id=people[0].pk, hour=17, chat_host="chat.example",
                           chat_key_number=1, chat_ciphertext="sealed")  # fmt: skip
        old.objects.create(user_id=people[1].pk, by_email=False, hour=7)
        old.objects.create(user_id=people[2].pk, hour=20, chat_host="c", chat_ciphertext="s")
        module = importlib.import_module("adoption.migrations.0011_delivery_digest_choices")
        module.carry_over(apps, None)
        module.carry_over(apps, None)  # repeatable
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(old)
    chosen = {each.user_id: each for each in DigestSetting.objects.all()}
    chat, quiet, both = (chosen[person.pk] for person in people)
    assert (chat.hour, chat.time_zone, chat.chat_host, chat.chat_ciphertext) == (
        17, "UTC", "chat.example", "sealed",
    )  # fmt: skip
    assert (both.hour, both.time_zone, both.chat_host) == (6, "Asia/Kathmandu", "c")
    assert quiet.hour == 7
    off = NoticePreference.objects.get()
    assert (off.user_id, off.kind, off.in_portal, off.by_email, off.by_chat) == (
        people[1].pk, DAILY, False, False, True,
    )  # fmt: skip
