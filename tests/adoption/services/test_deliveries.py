"""Logging, withdrawing, reviewing and advancing deliveries, on both engines."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from adoption.choices import AiAssistance, DeliveryState, Stage
from adoption.models import Change, Delivery, UseCase
from adoption.services.deliveries import (
    BadDeliveryError,
    DeliveryNotOpenError,
    advance_deliveries,
    find_change,
    log_delivery,
    review_delivery,
    withdraw_delivery,
)
from portal.models import User
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.adoption.histories import make_sha
from tests.adoption.importing import History, change, commit, day, tag

pytestmark = pytest.mark.django_db
DOCUMENT = "https://docs.example.com/plan"


@pytest.fixture
def use_case() -> UseCase:
    return make_use_case()


@pytest.fixture
def mira() -> User:
    return make_user(name="Mira")


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Change 1 in production since 2 October, change 2 merged on the 3rd and nowhere yet."""
    found = History(tmp_path, url="https://git.example.com/shop")
    found.bring([commit(1, 0, ai=True), commit(2, on=3, ai=True)], [tag("1.0", 1, 2)])
    return found


def log(use_case: UseCase, actor: User, at: dt.datetime = NOW, **what: Any) -> Delivery:
    return log_delivery(use_case=use_case, actor=actor, at=at, **what)


# --- logging ---------------------------------------------------------------------------------


def test_a_logged_change_stands_at_once_where_the_facts_say(
    history: History, use_case: UseCase, mira: User
) -> None:
    deployed = log(use_case, mira, at=day(5), change=change(1), assistance=AiAssistance.ASSISTED)
    assert deployed.state == DeliveryState.DEPLOYED
    assert deployed.title == "Change 1"
    assert deployed.link == f"https://git.example.com/shop/commit/{make_sha(1)}"
    assert deployed.deployed_at == day(2, 12)
    merged = log(use_case, mira, at=day(5), change=change(2))
    assert (merged.state, merged.merged_at) == (DeliveryState.MERGED, day(3))
    assert merged.assistance == AiAssistance.NOT_STATED


def test_a_link_that_names_one_commit_leads_to_its_change(history: History) -> None:
    for length in (7, 12, 40):
        sha = make_sha(2)[:length].upper()
        assert find_change(f"https://elsewhere.example/a/b/commit/{sha}?w=1#diff") == change(2)
    assert find_change(change(1).url) == change(1)


def test_a_link_that_names_nothing_or_several_leads_nowhere(
    history: History, tmp_path: Path
) -> None:
    assert find_change("https://git.example.com/shop/commit/abc12") is None
    assert find_change(f"https://git.example.com/shop/tree/{make_sha(1)}") is None
    History(tmp_path, "fork").bring([commit(1, 0)])
    assert Change.objects.filter(sha=make_sha(1)).count() == 2
    assert find_change(f"https://elsewhere.example/commit/{make_sha(1)}") is None
    assert find_change(Change.objects.get(sha=make_sha(1), repository__key="shop").url) is not None


def test_a_pasted_link_to_a_change_is_that_change(
    history: History, use_case: UseCase, mira: User
) -> None:
    delivery = log(use_case, mira, link=f"https://git.example.com/shop/commit/{make_sha(1)[:10]}")
    assert delivery.change == change(1)
    assert delivery.state == DeliveryState.HELD


def test_other_work_needs_a_title_and_waits_for_a_reviewer(use_case: UseCase, mira: User) -> None:
    with pytest.raises(BadDeliveryError) as refusal:
        log(use_case, mira, link=DOCUMENT)
    assert refusal.value.field == "title"
    delivery = log(use_case, mira, link=DOCUMENT, title="Training plan")
    assert (delivery.state, delivery.change) == (DeliveryState.CLAIMED, None)
    assert "reviewer" in delivery.state_reason


def test_nothing_at_all_and_a_dangerous_link_are_refused(use_case: UseCase, mira: User) -> None:
    with pytest.raises(BadDeliveryError) as refusal:
        log(use_case, mira, title="Something")
    assert refusal.value.field == "link"
    with pytest.raises(ValidationError) as invalid:
        log(use_case, mira, link="javascript:alert(1)", title="Something")
    assert "link" in invalid.value.message_dict
    assert not Delivery.objects.exists()


def test_a_use_case_that_has_ended_takes_no_delivery(
    history: History, use_case: UseCase, mira: User
) -> None:
    for stage in (Stage.STOPPED, Stage.RETIRED):
        UseCase.objects.filter(pk=use_case.pk).update(stage=stage)
        use_case.refresh_from_db()
        with pytest.raises(BadDeliveryError) as refusal:
            log(use_case, mira, change=change(1))
        assert refusal.value.field == "use_case"


@pytest.mark.both_engines
def test_a_change_counts_once_whoever_logs_it_for_whichever_use_case(
    history: History, use_case: UseCase, mira: User
) -> None:
    first = log(use_case, mira, change=change(1))
    with pytest.raises(BadDeliveryError) as picked:
        log(make_use_case(), make_user(), change=change(1))
    with pytest.raises(BadDeliveryError) as pasted:
        log(use_case, mira, link=change(1).url)
    assert (picked.value.field, pasted.value.field) == ("change", "link")
    withdraw_delivery(delivery=first, actor=mira, at=NOW)
    assert log(use_case, make_user(), change=change(1)).state == DeliveryState.HELD


@pytest.mark.both_engines
def test_the_database_itself_keeps_a_change_from_counting_twice(
    history: History, use_case: UseCase, mira: User
) -> None:
    log(use_case, mira, change=change(1))
    double = Delivery(
        use_case=use_case, change=change(1), title="x", claimed_by=mira, claimed_at=NOW
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        double.save()


def test_other_work_counts_once_too(use_case: UseCase, mira: User) -> None:
    log(use_case, mira, link=DOCUMENT, title="Training plan")
    with pytest.raises(BadDeliveryError) as refusal:
        log(use_case, make_user(), link=DOCUMENT, title="The same plan")
    assert refusal.value.field == "link"


# --- withdrawing and reviewing ---------------------------------------------------------------


def test_only_the_person_who_logged_it_withdraws_and_only_once(
    history: History, use_case: UseCase, mira: User
) -> None:
    delivery = log(use_case, mira, change=change(1))
    with pytest.raises(DeliveryNotOpenError):
        withdraw_delivery(delivery=delivery, actor=use_case.owner, at=NOW)
    withdraw_delivery(delivery=delivery, actor=mira, at=NOW)
    assert delivery.state == DeliveryState.REJECTED
    with pytest.raises(DeliveryNotOpenError):
        withdraw_delivery(delivery=delivery, actor=mira, at=NOW)
    assert advance_deliveries(at=NOW) == frozenset()
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.REJECTED


def test_a_reviewer_confirms_or_rejects_with_a_reason(use_case: UseCase, mira: User) -> None:
    reviewer = use_case.owner
    good = log(use_case, mira, link=DOCUMENT, title="Plan")
    review_delivery(delivery=good, accept=True, reason="", reviewer=reviewer, at=day(20))
    assert (good.state, good.reviewed_by, good.reviewed_at) == (
        DeliveryState.CONFIRMED, reviewer, day(20),
    )  # fmt: skip
    bad = log(use_case, mira, link=f"{DOCUMENT}/2", title="Plan 2")
    with pytest.raises(BadDeliveryError) as refusal:
        review_delivery(delivery=bad, accept=False, reason=" ", reviewer=reviewer, at=NOW)
    assert refusal.value.field == "reason"
    review_delivery(delivery=bad, accept=False, reason="A draft.", reviewer=reviewer, at=NOW)
    assert (bad.state, bad.state_reason) == (DeliveryState.REJECTED, "A draft.")
    with pytest.raises(DeliveryNotOpenError):
        review_delivery(delivery=bad, accept=True, reason="", reviewer=reviewer, at=NOW)


@pytest.mark.both_engines
def test_nobody_reviews_what_they_logged(use_case: UseCase, mira: User) -> None:
    delivery = log(use_case, mira, link=DOCUMENT, title="Plan")
    with pytest.raises(BadDeliveryError):
        review_delivery(delivery=delivery, accept=True, reason="", reviewer=mira, at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.filter(pk=delivery.pk).update(
            state=DeliveryState.CONFIRMED, reviewed_by=mira, reviewed_at=NOW
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.CONFIRMED)


def test_code_is_not_confirmed_by_a_person(history: History, use_case: UseCase, mira: User) -> None:
    delivery = log(use_case, mira, change=change(2))
    with pytest.raises(DeliveryNotOpenError):
        review_delivery(delivery=delivery, accept=True, reason="", reviewer=use_case.owner, at=NOW)


# --- links that are recognised later ---------------------------------------------------------


def test_a_claim_whose_change_is_imported_later_becomes_that_change(
    tmp_path: Path, use_case: UseCase, mira: User
) -> None:
    link = f"https://git.example.com/shop/commit/{make_sha(1)}"
    delivery = log(use_case, mira, at=day(1), link=link, title="Faster search")
    History(tmp_path).bring([commit(1, 0)], [tag("1.0", 1, 2)], at=day(5))
    delivery.refresh_from_db()
    assert delivery.change == change(1)
    assert delivery.state == DeliveryState.DEPLOYED
    assert delivery.title == "Faster search"


def test_a_claim_for_a_change_that_counts_already_is_neither_tied_nor_confirmed(
    tmp_path: Path, use_case: UseCase, mira: User
) -> None:
    link = f"https://git.example.com/shop/commit/{make_sha(1)[:9]}"
    claim = log(use_case, mira, at=day(1), link=link, title="Faster search")
    History(tmp_path).bring([commit(1, 0)], [tag("1.0", 1, 2)], at=day(5))
    log(use_case, make_user(), change=change(1))
    advance_deliveries(at=NOW)
    claim.refresh_from_db()
    assert claim.change is None
    with pytest.raises(BadDeliveryError, match="imported change"):
        review_delivery(delivery=claim, accept=True, reason="", reviewer=use_case.owner, at=NOW)


# --- advancing -------------------------------------------------------------------------------


@pytest.mark.both_engines
def test_a_delivery_moves_on_with_the_facts_and_with_time(
    history: History, use_case: UseCase, mira: User
) -> None:
    delivery = log(use_case, mira, at=day(4), change=change(2))

    def state_at(moment: dt.datetime) -> str:
        advance_deliveries(at=moment)
        delivery.refresh_from_db()
        return delivery.state

    assert state_at(day(5)) == DeliveryState.MERGED
    history.bring(tags=[tag("1.1", 2, 6)], at=day(7))
    delivery.refresh_from_db()
    assert (delivery.state, delivery.deployed_at) == (DeliveryState.DEPLOYED, day(6, 12))
    assert state_at(day(20, 11)) == DeliveryState.DEPLOYED
    assert state_at(day(20, 12)) == DeliveryState.HELD
    assert delivery.held_at == day(20, 12)


def test_a_revert_demotes_and_its_revert_restores(
    history: History, use_case: UseCase, mira: User
) -> None:
    delivery = log(use_case, mira, at=day(20), change=change(1))
    assert delivery.state == DeliveryState.HELD
    held_at = delivery.held_at
    history.bring([commit(3, on=21, message='Revert "Change 1"')], at=day(22))
    delivery.refresh_from_db()
    assert (delivery.state, delivery.held_at) == (DeliveryState.REVERTED, None)
    assert delivery.reverted_at == day(21)
    history.bring([commit(4, on=23, message='Reapply "Change 1"')], at=day(24))
    delivery.refresh_from_db()
    assert (delivery.state, delivery.held_at) == (DeliveryState.HELD, held_at)
    assert delivery.reverted_at is None


def test_advancing_again_changes_nothing_and_says_which_use_cases_moved(
    history: History, use_case: UseCase, mira: User
) -> None:
    other = make_use_case()
    log(use_case, mira, at=day(4), change=change(1))
    log(other, mira, at=day(4), change=change(2))
    assert advance_deliveries(at=day(16, 12)) == frozenset({use_case.pk})
    before = list(Delivery.objects.order_by("pk").values())
    assert advance_deliveries(at=day(16, 12)) == frozenset()
    assert list(Delivery.objects.order_by("pk").values()) == before


def test_only_deliveries_of_the_given_repositories_move(
    history: History, use_case: UseCase, mira: User
) -> None:
    delivery = log(use_case, mira, at=day(4), change=change(1))
    assert advance_deliveries(at=NOW, repository_ids=[]) == frozenset()
    repository = change(1).repository_id
    assert advance_deliveries(at=NOW, repository_ids=[repository]) == {use_case.pk}
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.HELD


# --- several at once -------------------------------------------------------------------------


def _at_once(*works: Callable[[], object]) -> list[object]:
    """Run every work in a thread of its own, all let loose together; their results or errors."""
    results: list[object] = [None] * len(works)
    gate = threading.Barrier(len(works))

    def run(number: int, work: Callable[[], object]) -> None:
        try:
            gate.wait(timeout=20)
            results[number] = work()
        except Exception as error:  # noqa: BLE001 - the test looks at what went wrong
            results[number] = error
        finally:
            connection.close()

    threads = [
        threading.Thread(target=run, args=(number, work)) for number, work in enumerate(works)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_one_change_logged_by_six_people_at_once_is_one_delivery(
    history: History, use_case: UseCase
) -> None:
    wanted = change(1)
    people = [make_user() for _ in range(6)]
    results = _at_once(
        *(lambda person=person: log(use_case, person, change=wanted) for person in people)
    )
    assert sum(isinstance(result, Delivery) for result in results) == 1
    assert sum(isinstance(result, BadDeliveryError) for result in results) == 5
    assert Delivery.objects.count() == 1


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_one_link_logged_by_six_people_at_once_is_one_delivery(use_case: UseCase) -> None:
    link = "https://wiki.example/guide"
    people = [make_user() for _ in range(6)]
    results = _at_once(
        *(
            lambda person=person: log(use_case, person, link=link, title="A guide")
            for person in people
        )
    )
    assert sum(isinstance(result, Delivery) for result in results) == 1
    assert sum(isinstance(result, BadDeliveryError) for result in results) == 5


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_a_withdrawal_during_advancing_is_not_lost(
    history: History, use_case: UseCase, mira: User, engine: str
) -> None:
    if engine == "sqlite":
        pytest.skip("SQLite lets one transaction write at a time, so there is no such moment")
    delivery = log(use_case, mira, at=day(4), change=change(1))
    withdrawn, go_on = threading.Event(), threading.Event()

    def withdraw() -> None:
        with transaction.atomic():
            withdraw_delivery(delivery=delivery, actor=mira, at=NOW)
            withdrawn.set()
            go_on.wait(timeout=2)  # the other one meets the uncommitted row meanwhile

    def advance() -> object:
        withdrawn.wait(timeout=20)
        return advance_deliveries(at=NOW)

    _at_once(withdraw, advance)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.REJECTED
