"""Each move of a delivery leaves a dated line with its reason; reviewers are asked once."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from adoption.models import Change, Delivery, DeliveryEvent, PullRequest, Repository, UseCase
from adoption.services.deliveries import (
    BadDeliveryError,
    advance_deliveries,
    find_change,
    log_delivery,
    review_delivery,
    withdraw_delivery,
)
from adoption.services.review_notices import remind_of_reviews
from portal.choices import Role
from portal.models import Notice, User
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.adoption.suggestion_stories import make_request

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]


def later(days: float) -> dt.datetime:
    return NOW + dt.timedelta(days=days)


@pytest.fixture
def use_case() -> UseCase:
    return make_use_case(title="Answer drafts")


@pytest.fixture
def mira() -> User:
    return make_user(name="Mira")


def lines(delivery: Delivery) -> list[tuple[str, str, str]]:
    rows = DeliveryEvent.objects.filter(delivery=delivery)
    return [(line.from_state, line.to_state, line.reason) for line in rows]


def test_rollback_restoring_revert_and_revert_of_a_revert_each_say_why(
    mira: User, use_case: UseCase
) -> None:
    change = make_request(mira, 1)  # in production since 18 November
    delivery = log_delivery(use_case=use_case, actor=mira, at=NOW, change=change)

    def observe(day: float, **what: dt.datetime | None) -> None:
        Change.objects.filter(pk=change.pk).update(**what)
        advance_deliveries(at=later(day))
        advance_deliveries(at=later(day))  # repeating it adds no line

    observe(1, rolled_back_at=later(0.5))
    observe(2, restored_at=later(1.5))
    observe(16, restored_at=later(1.5))
    observe(17, reverted_at=later(16.5))
    observe(18, reverted_at=None)
    since = "In production again since 22 Nov 2026, rolled back on 21 Nov 2026"
    assert lines(delivery) == [
        ("", "deployed", "In production since 18 Nov 2026; holds on 2 Dec 2026."),
        ("deployed", "merged", "Rolled back on 21 Nov 2026; in no production deployment since."),
        ("merged", "deployed", f"{since}; holds on 6 Dec 2026."),
        ("deployed", "held", f"{since}, not undone for 14 days."),
        ("held", "reverted", "Undone on 7 Dec 2026."),
        ("reverted", "held", "What undid it was undone itself, so it counts again. "
         f"{since}, not undone for 14 days."),
    ]  # fmt: skip
    withdraw_delivery(delivery=delivery, actor=mira, at=later(19))
    assert lines(delivery)[-1][:2] == ("held", "rejected")


def test_whoever_reviews_is_asked_once_and_reminded_once_and_never_told_by_whom(
    mira: User, use_case: UseCase
) -> None:
    delivery = log_delivery(
        use_case=use_case, actor=mira, at=NOW, link="https://wiki.example/plan", title="Plan"
    )
    assert [remind_of_reviews(at=later(days)) for days in (6.9, 7, 8, 30)] == [0, 1, 0, 0]
    told = list(Notice.objects.filter(user=use_case.owner))
    assert len(told) == 2
    assert not [each for each in told if "Mira" in each.text + each.title]
    assert not Notice.objects.exclude(user=use_case.owner).exists()
    review_delivery(
        delivery=delivery, accept=False, reason="It is a draft.", reviewer=use_case.owner,
        at=later(31),
    )  # fmt: skip
    answer = Notice.objects.get(user=mira)
    assert (answer.title, answer.text) == ("Not confirmed: Plan", "It is a draft.")
    assert lines(delivery)[-1] == ("claimed", "rejected", "It is a draft.")


def test_what_an_owner_logs_for_their_own_use_case_goes_to_a_lead(use_case: UseCase) -> None:
    lead = make_user(Role.PROGRAMME_LEAD)
    log_delivery(
        use_case=use_case, actor=use_case.owner, at=NOW, link="https://wiki.example/x", title="X"
    )
    assert [notice.user for notice in Notice.objects.all()] == [lead]


def test_every_spelling_of_a_request_leads_to_its_change_and_is_kept_as_one(
    mira: User, use_case: UseCase
) -> None:
    change = make_request(mira, 7)
    for tail in ("", "/", "/files", "/commits?page=2#x"):
        assert find_change(f"{change.url}{tail}") == change
    made = log_delivery(use_case=use_case, actor=mira, at=NOW, link=f"{change.url}/files")
    assert (made.change, made.link) == (change, change.url)


def test_a_link_is_looked_up_by_an_index(engine: str) -> None:
    """There are a hundred thousand changes, and somebody waits for the answer."""
    with CaptureQueriesContext(connection) as queries:
        assert find_change(f"https://elsewhere.example/a/b/commit/{'9' * 9}") is None
    assert len(queries) == 2  # by the commit, by the address
    explain = "EXPLAIN QUERY PLAN " if engine == "sqlite" else "EXPLAIN "
    with connection.cursor() as cursor:
        if engine == "postgres":
            cursor.execute("SET LOCAL enable_seqscan = off")  # there are few rows here
        for query in queries:
            cursor.execute(explain + query["sql"])
            assert "adoption_change_by_" in str(cursor.fetchall())


def test_an_open_request_is_claimed_and_becomes_the_change_once_merged(
    mira: User, use_case: UseCase
) -> None:
    make_request(mira, 1)  # makes the repository
    url = "https://git.example.com/shop/pull/8"
    PullRequest.objects.create(
        repository=Repository.objects.get(), kind="pull_request", number="8", state="open", url=url
    )
    claim = log_delivery(
        use_case=use_case, actor=mira, at=NOW, link=f"{url}/files", title="Dunning"
    )
    assert (claim.state, claim.link) == ("claimed", url)
    with pytest.raises(BadDeliveryError, match="not merged"):
        review_delivery(delivery=claim, accept=True, reason="", reviewer=use_case.owner, at=NOW)
    PullRequest.objects.filter(number="8").delete()
    change = make_request(mira, 8)
    advance_deliveries(at=later(1))
    claim.refresh_from_db()
    assert (claim.change, claim.state) == (change, "deployed")
    assert lines(claim)[-1][:2] == ("claimed", "deployed")
