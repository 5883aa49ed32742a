"""The daily digest: at the chosen hour, only with news, each suggestion once, no comparison."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest

from adoption.models import DigestChoice, Suggestion, UseCase
from adoption.services import delivery_digests
from adoption.services.delivery_digests import (
    CHAT_KIND,
    DigestRefusedError,
    choose_digest,
    send_digests,
    send_to_chat,
)
from portal.models import Notice, User, WorkItem
from portal.services.notices import MAIL_KIND
from portal.work.registry import Work, work_kinds
from portal.work.runner import Outcome, execute_item
from tests.adoption.factories import NOW, make_programme, make_use_case, make_user
from tests.adoption.suggestion_stories import link, make_request, offer
from tests.imports import Clock
from tests.portal.imports.outbound.faults import LOOPBACK, QUICK, FaultServer, answer

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]


def at(hour: int, day: int = 21, minute: int = 10) -> dt.datetime:
    return dt.datetime(2026, 11, day, hour, minute, tzinfo=dt.UTC)


@pytest.fixture
def mira() -> User:
    return make_user(name="Mira", email="mira@acme.example")


@pytest.fixture
def use_case(mira: User) -> UseCase:
    """In a programme of Amsterdam, an hour ahead of UTC in November; one change is suggested."""
    zone = make_programme(time_zone="Europe/Amsterdam")
    found = make_use_case(title="Answer drafts", programme=zone)
    make_request(mira, 1, strength="assisted", involvement="ai")
    link(found)
    offer()
    return found


def test_by_default_a_letter_at_nine_of_the_programmes_zone(mira: User, use_case: UseCase) -> None:
    assert send_digests(at=at(7)) == 0  # 08:10 there
    assert send_digests(at=at(8)) == 1
    notice = Notice.objects.get()
    assert (notice.user, notice.link) == (mira, "/deliveries/#inbox")
    assert notice.title == "Did AI help? 1 change of yours reached production"
    assert "Request 1: for “Answer drafts”?" in notice.text
    assert WorkItem.objects.filter(kind=MAIL_KIND).count() == 1
    assert not WorkItem.objects.filter(kind=CHAT_KIND).exists()


def test_each_suggestion_is_told_once_and_a_day_without_news_is_silent(
    mira: User, use_case: UseCase
) -> None:
    assert [send_digests(at=at(hour, day)) for hour, day in ((8, 21), (9, 21), (8, 22))] == [
        1,
        0,
        0,
    ]
    make_request(mira, 2, strength="assisted", involvement="ai")
    offer(at(9, 22))
    assert send_digests(at=at(10, 22)) == 1  # the day's first
    make_request(mira, 3, strength="assisted", involvement="ai")
    offer(at(11, 22))
    assert send_digests(at=at(12, 22)) == 0  # at most one a day
    assert send_digests(at=at(8, 23)) == 1
    told = [notice.text for notice in Notice.objects.order_by("pk")]
    assert [sum(f"Request {n}:" in text for text in told) for n in (1, 2, 3)] == [1, 1, 1]


def test_answered_and_expired_suggestions_are_not_brought_up(mira: User, use_case: UseCase) -> None:
    assert send_digests(at=at(8) + dt.timedelta(days=14)) == 0
    Suggestion.objects.update(state="dismissed", dismissal="not_this", decided_at=NOW)
    assert send_digests(at=at(8)) == 0


def test_the_hour_and_the_way_are_ones_own_choice(mira: User, use_case: UseCase) -> None:
    choose_digest(user=mira, by_email=True, hour=17)
    assert send_digests(at=at(15)) == 0
    choose_digest(user=mira, by_email=False, hour=17)
    assert send_digests(at=at(16)) == 0
    assert Suggestion.objects.get().digested_at is None  # nothing counts as told
    with pytest.raises(DigestRefusedError):
        choose_digest(user=mira, by_email=True, hour=24)
    with pytest.raises(DigestRefusedError):
        choose_digest(user=mira, by_email=True, hour=9, chat_address="http://169.254.169.254/x")


def test_a_chat_gets_it_too_and_its_address_is_never_kept_in_clear(
    mira: User, use_case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_digests, "outbound_policy", lambda: LOOPBACK)
    sent: list[bytes] = []
    with FaultServer(scripts=[answer(500, b""), answer(200, b"ok")]) as server:
        address = server.url("/services/secret-path")
        choose_digest(user=mira, by_email=False, hour=0, chat_address=address)
        choice = DigestChoice.objects.get()
        assert "secret-path" not in str(DigestChoice.objects.values())
        assert choice.chat_host == "provider.test"
        kind = work_kinds.get(CHAT_KIND)
        limits = replace(QUICK, attempts=1)

        def run(work: Work) -> None:
            def client(url: str) -> Any:
                made: Any = server.client(origins=[url], limits=limits)
                post = made.post

                def keep(to: str, body: bytes) -> Any:
                    sent.append(body)
                    return post(to, body)

                made.post = keep
                return made

            send_to_chat(work, make_client=client)

        monkeypatch.setitem(work_kinds._items, CHAT_KIND, replace(kind, run=run))
        assert send_digests(at=at(8)) == 1
        assert not Notice.objects.exists()
        item = WorkItem.objects.get(kind=CHAT_KIND)
        execute_item(item.pk, clock=Clock(at(8)))
        choice.refresh_from_db()
        assert choice.chat_problem
        assert execute_item(item.pk, clock=Clock(at(9))) == Outcome.DONE
        choice.refresh_from_db()
        assert choice.chat_problem == ""
    body = json.loads(sent[-1])
    assert len(sent) == 2
    assert "Request 1: for “Answer drafts”?" in body["text"]
    assert body["text"].splitlines()[-1].endswith("/deliveries/#inbox")
