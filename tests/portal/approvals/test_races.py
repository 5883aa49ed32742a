"""Two people at once, in real threads with connections of their own: one safe outcome each time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from portal.approvals.errors import ApprovalRefusedError
from portal.choices import ApprovalOutcome, Role
from portal.models import (
    ApprovalDecision,
    ApprovalPolicy,
    ApprovalRequest,
    Connection,
    RoleGrant,
    User,
)
from portal.services.approval_policies import request_policy
from portal.services.approvals import decide, recheck, withdraw
from portal.services.roles import revoke_role
from tests.plugins.proofs import Figures
from tests.portal.approvals import kinds
from tests.portal.approvals.people import Cast, make_cast

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]
Deed = Callable[[], object]


class Race:
    """One request, and what two people do about it at the same moment."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.number = ApprovalRequest.objects.count()
        Connection.objects.filter(pk=cast.cloud.pk).update(name="Cloud", is_active=True)
        RoleGrant.objects.get_or_create(
            user=cast.kwame, role=Role.APPROVER, defaults={"granted_at": timezone.now()}
        )
        self.asked = cast.ask()

    def approve(self, by: User | None = None, asked: ApprovalRequest | None = None) -> None:
        asked = asked or self.asked
        decide(
            request_id=asked.pk,
            approver=by or self.cast.kwame,
            outcome=ApprovalOutcome.APPROVE,
            seen_hash=asked.content_hash,
            reason="",
            at=timezone.now(),
        )

    def edit(self) -> None:
        """As a service does: lock, change, look at what waits again."""
        with transaction.atomic():
            kinds.lock(self.asked.subject)
            Connection.objects.filter(pk=self.asked.subject).update(is_active=False)
            recheck(kind=kinds.KEY, subject=self.asked.subject, at=timezone.now())

    def withdraw(self) -> None:
        withdraw(request_id=self.asked.pk, actor=self.cast.ruth, reason="", at=timezone.now())

    def revoke(self) -> None:
        revoke_role(
            user=self.cast.kwame,
            role=Role.APPROVER,
            reason="Moved on.",
            actor=self.cast.ada,
            at=timezone.now(),
        )

    def run(self, *deeds: Deed) -> list[str]:
        """Do them at once; returns what became of each: `done` or a code."""
        barrier = threading.Barrier(len(deeds))
        told = [""] * len(deeds)

        def one(number: int, deed: Deed) -> None:
            try:
                barrier.wait(timeout=30)
                deed()
                told[number] = "done"
            except ApprovalRefusedError as error:
                told[number] = error.code
            except DatabaseError as error:
                told[number] = f"database: {error}"
            finally:
                connections.close_all()

        threads = [
            threading.Thread(target=one, args=(number, deed)) for number, deed in enumerate(deeds)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        self.asked.refresh_from_db()
        return told

    def problem(self, told: list[str], *, allowed: set[tuple[str, ...]]) -> str:
        """What is wrong with how it ended; empty when it is safe."""
        decisions = ApprovalDecision.objects.filter(request=self.asked).count()
        is_approved = self.asked.status == "approved"
        name = Connection.objects.get(pk=self.asked.subject).name
        if tuple(told) not in allowed:
            return f"ended as {told}"
        if decisions != is_approved or (name == "New") != is_approved:
            return f"{told}: {decisions} decisions, {self.asked.status}, called {name}"
        return ""


def approve_and_edit(race: Race) -> str:
    told = race.run(race.approve, race.edit)
    return race.problem(
        told, allowed={("done", "done"), ("not_pending", "done"), ("changed", "done")}
    )


def approve_twice(race: Race) -> str:
    told = race.run(race.approve, lambda: race.approve(race.cast.lead_approver))
    return race.problem(told, allowed={("done", "not_pending"), ("not_pending", "done")})


def approve_and_withdraw(race: Race) -> str:
    told = race.run(race.approve, race.withdraw)
    return race.problem(told, allowed={("done", "not_pending"), ("not_pending", "done")})


def approve_and_revoke(race: Race) -> str:
    told = race.run(race.approve, race.revoke)
    return race.problem(told, allowed={("done", "done"), ("no_role", "done")})


def approve_and_change_rules(race: Race) -> str:
    live = ApprovalPolicy.objects.filter(kind=kinds.KEY, retired_at__isnull=True).first()
    days = (live.request_days % 90) + 1 if live else 20
    rule = request_policy(
        kind=kinds.KEY,
        approver_roles=[Role.APPROVER, Role.FINANCE],
        request_days=days,
        reason="",
        actor=race.cast.ada,
        at=timezone.now(),
    )
    told = race.run(race.approve, lambda: race.approve(race.cast.lead_approver, rule))
    return race.problem(
        told, allowed={("done", "done"), ("not_pending", "done"), ("changed", "done")}
    )


RACES: dict[str, Callable[[Race], str]] = {
    "approve and edit": approve_and_edit,
    "approve twice": approve_twice,
    "approve and withdraw": approve_and_withdraw,
    "approve and revoke": approve_and_revoke,
    "approve and change rules": approve_and_change_rules,
}


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def hold_races(cast: Cast, name: str, rounds: int, figures: Figures) -> None:
    for _ in figures.progress(range(rounds), name):
        if problem := RACES[name](Race(cast)):
            figures.bad(f"{name}: {problem}")
        for waiting in ApprovalRequest.objects.filter(status="pending"):
            withdraw(request_id=waiting.pk, actor=waiting.author, reason="", at=timezone.now())


@pytest.mark.parametrize("name", RACES)
def test_two_at_once_have_one_safe_outcome(cast: Cast, name: str, figures: Figures) -> None:
    hold_races(cast, name, 4, figures)


@pytest.mark.prove("Races of approvals")
@pytest.mark.parametrize("name", RACES)
def test_two_at_once_have_one_safe_outcome_a_thousand_times(
    cast: Cast, name: str, figures: Figures
) -> None:
    rounds = figures.scaled(1_000)
    hold_races(cast, name, rounds, figures)
    figures("rounds", rounds, target=rounds)
    figures("unsafe outcomes", len(figures.bad_states), 0, at_most=True)


def test_without_the_lock_and_the_comparison_an_edit_slips_in(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red run: an edit between looking and deciding, and what nobody was shown is approved."""
    race = Race(cast)
    describing, edited = threading.Event(), threading.Event()
    shown = kinds.describe

    def describe_slowly(subject: str, payload: Any) -> Any:
        content = shown(subject, payload)
        describing.set()
        edited.wait(timeout=0.5 if connection.vendor == "sqlite" else 5)
        return content

    def edit() -> None:
        describing.wait(timeout=30)
        Connection.objects.filter(pk=race.asked.subject).update(is_active=False)
        edited.set()

    with _spec_of(describe=describe_slowly, lock=lambda _subject: None):
        race.run(race.approve, edit)
    is_unsafe = race.asked.status == "approved" and edited.is_set()
    if connection.vendor == "sqlite":
        # A writer at a time: here the transaction itself is the lock, and the edit comes after.
        assert race.asked.status == "approved"
        return
    assert is_unsafe


@contextmanager
def _spec_of(**changes: Any) -> Any:
    from dataclasses import replace

    from portal.approvals.registry import approval_kinds

    kept = approval_kinds.get(kinds.KEY)
    approval_kinds._items[kinds.KEY] = replace(kept, **changes)
    try:
        yield
    finally:
        approval_kinds._items[kinds.KEY] = kept
