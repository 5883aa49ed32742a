"""Suggestions: offered for what is delivered, one answer each, never a delivery by silence."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from adoption.choices import DeliveryState, Dismissal, Involvement, SuggestionState
from adoption.models import Delivery, Suggestion, UseCase, UseCaseMark
from adoption.services.deliveries import BadDeliveryError, log_delivery, withdraw_delivery
from adoption.services.suggestions import (
    NoSuggestionError,
    SuggestionClosedError,
    confirm_suggestion,
    confirm_suggestions,
    dismiss_suggestion,
    refresh_suggestions,
)
from portal.models import User
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.adoption.suggestion_stories import link, make_request, offer, suggested

pytestmark = pytest.mark.django_db


@pytest.fixture
def mira() -> User:
    return make_user(name="Mira")


@pytest.fixture
def use_case(mira: User) -> UseCase:
    """Linked to the repository in which requests are made."""
    found = make_use_case(title="Answer drafts")
    make_request(mira, 900, delivered_at=None, delivered_by=None)  # makes the repository
    link(found)
    return found


def later(days: float) -> dt.datetime:
    return NOW + dt.timedelta(days=days)


# --- offering --------------------------------------------------------------------------------


def test_what_is_in_production_with_a_sign_is_offered_to_its_author_alone(
    mira: User, use_case: UseCase
) -> None:
    change = make_request(mira, 1, strength="assisted", involvement="ai")
    make_request(mira, 2)  # no sign: the repository alone is no reason to ask
    make_request(make_user(), 3, strength="assisted", involvement="ai")
    make_request(mira, 4, strength="assisted", involvement="ai", reverted_at=NOW)
    make_request(mira, 5, strength="assisted", involvement="human")
    make_request(mira, 6, strength="assisted", delivered_at=NOW - dt.timedelta(days=15))
    done = refresh_suggestions(at=NOW)
    row = Suggestion.objects.get(user=mira)
    assert (row.change, row.use_case, row.state) == (change, use_case, SuggestionState.OFFERED)
    assert row.expires_at == later(14)
    assert [reason["kind"] for reason in row.candidates[0]["reasons"]] == ["repository", "evidence"]
    assert done.made == 2  # the colleague's too, to the colleague
    assert not Delivery.objects.exists()


def test_a_mark_or_ones_own_history_is_reason_enough_without_a_sign(
    mira: User, use_case: UseCase
) -> None:
    other = make_use_case(title="Billing")
    UseCaseMark.objects.create(use_case=other, kind="ticket", value="BILL")
    ticket = make_request(mira, 1, branch="feat/BILL-42-dunning")
    plain = make_request(mira, 2)
    offer()
    assert suggested(mira, ticket).use_case == other
    assert not Suggestion.objects.filter(change=plain).exists()
    log_delivery(use_case=use_case, actor=mira, at=NOW, change=make_request(mira, 3))
    offer()
    row = suggested(mira, plain)
    assert row.use_case == use_case
    assert "1 of your last 1 from this repository" in str(row.candidates)


@pytest.mark.both_engines
def test_repeating_writes_nothing_and_costs_the_same_for_many(
    mira: User, use_case: UseCase
) -> None:
    make_request(mira, 1, strength="assisted", involvement="ai")
    offer()
    before = list(Suggestion.objects.values())

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            offer()
        return len(queries)

    one = cost()
    assert list(Suggestion.objects.values()) == before
    for number in range(2, 22):
        make_request(make_user(), number, strength="assisted", involvement="ai")
    offer()
    assert cost() == one
    assert Suggestion.objects.count() == 21


@pytest.mark.both_engines
def test_what_is_undone_is_withdrawn_with_the_reason_and_comes_back_with_it(
    mira: User, use_case: UseCase
) -> None:
    change = make_request(mira, 1, strength="assisted", involvement="ai")
    offer()
    change.reverted_at = later(1)
    change.save()
    offer(later(1))
    row = suggested(mira, change)
    assert (row.state, row.state_reason) == (
        SuggestionState.WITHDRAWN, "The change was undone on 21 Nov 2026.",
    )  # fmt: skip
    with pytest.raises(SuggestionClosedError):
        confirm_suggestion(pk=row.pk, actor=mira, at=later(1))
    change.reverted_at = None
    change.save()
    offer(later(2))
    assert suggested(mira, change).state == SuggestionState.OFFERED


@pytest.mark.parametrize(
    ("field", "value"),
    [("rolled_back_at", NOW), ("involvement", "human"), ("author", None)],
)
def test_it_is_withdrawn_too_when_rolled_back_declared_human_or_no_longer_ones_own(
    mira: User, use_case: UseCase, field: str, value: Any
) -> None:
    change = make_request(mira, 1, strength="assisted", involvement="ai")
    offer()
    setattr(change, field, value)
    change.save()
    offer()
    row = suggested(mira, change)
    assert row.state == SuggestionState.WITHDRAWN
    assert row.state_reason


def test_silence_expires_and_never_becomes_a_delivery_but_can_still_be_logged(
    mira: User, use_case: UseCase
) -> None:
    change = make_request(mira, 1, strength="assisted", involvement="ai")
    offer()
    offer(later(13.9))
    assert suggested(mira, change).state == SuggestionState.OFFERED
    offer(later(14))
    row = suggested(mira, change)
    assert row.state == SuggestionState.EXPIRED
    offer(later(30))
    assert suggested(mira, change).state == SuggestionState.EXPIRED
    assert not Delivery.objects.exists()
    made = confirm_suggestion(pk=row.pk, actor=mira, at=later(30))
    assert made.change == change
    assert suggested(mira, change).state == SuggestionState.CONFIRMED


# --- answering -------------------------------------------------------------------------------


@pytest.mark.both_engines
def test_confirming_twice_gives_the_same_delivery(mira: User, use_case: UseCase) -> None:
    change = make_request(mira, 1, strength="assisted", involvement="ai")
    offer()
    row = suggested(mira, change)
    first = confirm_suggestion(pk=row.pk, actor=mira, at=NOW)
    again = confirm_suggestion(pk=row.pk, actor=mira, at=later(1))
    assert first.pk == again.pk
    assert first.assistance == "assisted"
    assert (first.state, first.use_case) == (DeliveryState.DEPLOYED, use_case)
    withdraw_delivery(delivery=first, actor=mira, at=NOW)
    third = confirm_suggestion(pk=row.pk, actor=mira, at=later(1))
    assert third.pk != first.pk


def test_another_use_case_is_one_click_too(mira: User, use_case: UseCase) -> None:
    change = make_request(mira, 1, strength="assisted", involvement="ai")
    offer()
    other = make_use_case(title="Call notes")
    made = confirm_suggestion(pk=suggested(mira, change).pk, actor=mira, at=NOW, use_case=other)
    assert made.use_case == other


def test_not_ai_is_the_authors_word_and_stays(mira: User, use_case: UseCase) -> None:
    change = make_request(mira, 1, strength="assisted", involvement="ai")
    offer()
    row = suggested(mira, change)
    dismiss_suggestion(pk=row.pk, actor=mira, at=NOW, why=Dismissal.NOT_AI)
    dismiss_suggestion(pk=row.pk, actor=mira, at=NOW, why=Dismissal.NOT_AI)
    change.refresh_from_db()
    assert (change.strength, change.involvement) == ("", Involvement.HUMAN)
    row.refresh_from_db()
    assert (row.state, row.dismissal) == (SuggestionState.DISMISSED, Dismissal.NOT_AI)
    offer(later(1))
    assert suggested(mira, change).state == SuggestionState.DISMISSED
    with pytest.raises(SuggestionClosedError):
        confirm_suggestion(pk=row.pk, actor=mira, at=NOW)


def test_not_this_says_nothing_about_the_change(mira: User, use_case: UseCase) -> None:
    change = make_request(mira, 1, strength="assisted", involvement="ai")
    offer()
    dismiss_suggestion(pk=suggested(mira, change).pk, actor=mira, at=NOW, why=Dismissal.NOT_THIS)
    change.refresh_from_db()
    assert change.involvement == Involvement.AI
    confirm = log_delivery(use_case=use_case, actor=mira, at=NOW, link=change.url)
    assert confirm.change == change
    row = suggested(mira, change)
    assert (row.state, row.delivery) == (SuggestionState.CONFIRMED, confirm)
    with pytest.raises(SuggestionClosedError):
        dismiss_suggestion(pk=row.pk, actor=mira, at=NOW, why=Dismissal.NOT_THIS)


def test_somebody_elses_suggestion_does_not_exist(mira: User, use_case: UseCase) -> None:
    change = make_request(mira, 1, strength="assisted", involvement="ai")
    offer()
    pk = suggested(mira, change).pk
    for somebody in (make_user(), use_case.owner):
        with pytest.raises(NoSuggestionError):
            confirm_suggestion(pk=pk, actor=somebody, at=NOW)
        with pytest.raises(NoSuggestionError):
            dismiss_suggestion(pk=pk, actor=somebody, at=NOW, why=Dismissal.NOT_THIS)


def test_several_are_confirmed_each_by_itself(mira: User, use_case: UseCase) -> None:
    changes = [make_request(mira, n, strength="assisted", involvement="ai") for n in (1, 2, 3)]
    offer()
    log_delivery(use_case=use_case, actor=make_user(), at=NOW, change=changes[1])
    pks = [suggested(mira, change).pk for change in changes]
    made, refused = confirm_suggestions(pks=[*pks, pks[0], 10**9], actor=mira, at=NOW)
    assert {delivery.change for delivery in made} == {changes[0], changes[2]}
    assert set(refused) == {pks[1], 10**9}
    assert "logged already" in refused[pks[1]]


@pytest.mark.both_engines
def test_the_database_keeps_one_row_a_person_and_change(mira: User, use_case: UseCase) -> None:
    change = make_request(mira, 1, strength="assisted", involvement="ai")
    offer()
    row = suggested(mira, change)
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


# --- races -----------------------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_two_tabs_and_a_colleague_at_once_make_one_delivery(mira: User, use_case: UseCase) -> None:
    change = make_request(mira, 1, strength="assisted", involvement="ai")
    offer()
    pk, colleague = suggested(mira, change).pk, make_user()
    gate = threading.Barrier(4)
    made: list[int] = []
    refused: list[str] = []

    def act(work: Any) -> None:
        gate.wait()
        try:
            made.append(work().pk)
        except (BadDeliveryError, SuggestionClosedError) as error:
            refused.append(error.reason)
        finally:
            connection.close()

    def confirm() -> Delivery:
        return confirm_suggestion(pk=pk, actor=mira, at=NOW)

    def paste() -> Delivery:
        return log_delivery(use_case=use_case, actor=colleague, at=NOW, link=change.url)

    threads = [threading.Thread(target=act, args=(work,)) for work in (confirm, confirm, confirm,
                                                                       paste)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(made) + len(refused) == 4
    assert len(set(made)) == 1
    assert Delivery.objects.count() == 1
    assert all("logged already" in reason for reason in refused)
