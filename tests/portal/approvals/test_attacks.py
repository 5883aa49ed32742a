"""Nobody gets anything approved without a second person: tried at random, and each guard in turn.

What is written past the services runs as the signed-in person it would be in a request. Whoever has
a shell on the machine sets up roles; that is an operator, and the audit shows it.
"""

from __future__ import annotations

import random
import sys
from collections import Counter

import pytest
from django.db import connection

from portal.approvals import second_person
from portal.approvals.triggers import guards
from portal.models import ApprovalRequest
from portal.services import approvals
from tests.plugins.proofs import Figures
from tests.plugins.sweeping import sampled
from tests.portal.approvals.attacks import Ground, combinations, make_ground, succeeds

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]
# Not those by which a room keeps what its facts point at (`billing/fact_guards.py`).
OWN_GUARDS = [
    guard
    for guard in guards
    if guard.model.startswith("portal.") and not guard.key.startswith(("charge_", "usage_"))
]


@pytest.fixture
def ground(db: None) -> Ground:
    return make_ground()


def attack(ground: Ground, rounds: int, figures: Figures) -> Counter[str]:
    """So many attempts, every combination equally often; returns how many by each way."""
    every = combinations()
    chosen: list[tuple[str, str]] = []
    while len(chosen) < rounds:
        chosen += figures.random.sample(every, len(every))
    return attempt(ground, chosen[:rounds], figures)


def attempt(ground: Ground, chosen: list[tuple[str, str]], figures: Figures) -> Counter[str]:
    """Each of these once; returns how many by each way."""
    for name, how in figures.progress(chosen, "attempts"):
        if succeeds(ground, name, how, figures.random):
            figures.bad(f"{name} succeeded by {how}")
    return Counter(how for _, how in chosen)


def every_deed_and_every_way() -> list[tuple[str, str]]:
    """Each deed by one way that it means anything by, the ways in turn."""
    used: Counter[str] = Counter()
    found = []
    for name in dict.fromkeys(name for name, _ in combinations()):
        how = min((way for deed, way in combinations() if deed == name), key=used.__getitem__)
        used[how] += 1
        found.append((name, how))
    return found


def tell(tried: Counter[str], capsys: pytest.CaptureFixture[str]) -> None:
    counts = ", ".join(f"{how} {number}" for how, number in sorted(tried.items()))
    with capsys.disabled():
        sys.stdout.write(f"\napprovals attacked by {counts}\n")


def test_no_way_around_the_second_person(
    ground: Ground, figures: Figures, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = every_deed_and_every_way()
    assert {name for name, _ in chosen} == {name for name, _ in combinations()}
    assert {how for _, how in chosen} == {how for _, how in combinations()}
    tell(attempt(ground, chosen, figures), capsys)


@pytest.mark.sweep
def test_no_way_around_the_second_person_for_any_deed_by_any_way(
    ground: Ground, figures: Figures, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(attack(ground, max(200, len(combinations())), figures), capsys)


@pytest.mark.prove("Four eyes", adds_up=True)
def test_no_way_around_the_second_person_in_ten_thousand_attempts(
    ground: Ground, figures: Figures, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds = figures.scaled(10_000)
    tried = attack(ground, rounds, figures)
    figures("attempts", sum(tried.values()), target=rounds)
    figures("succeeded", len(figures.bad_states), 0, at_most=True)
    tell(tried, capsys)


# --- Each guard and each check taken away --------------------------------------------------------

PAST = "past the services"
TRIES = 16  # an attack chooses among variants: so many may be needed until one gets through
IN_VAIN = sampled((2, TRIES), 2)  # so many that get nowhere show that a guard stands
# What gets through when the guard alone is gone.
LETS_THROUGH = {
    "request_starts_pending": ("asks_for_something_approved", PAST),
    "request_is_fixed": ("rewrites_what_was_approved", PAST),
    "request_follows_decision": ("calls_it_approved", PAST),
    "request_by_author": ("asks_in_the_name_of_another", PAST),
    "decision_on_open": ("approves_what_was_withdrawn", "orm"),
    "decision_now": ("decides_in_the_future", "orm"),
    "decision_on_content": ("approves_something_else_than_was_asked", "orm"),
    "decision_by_another": ("approves_what_they_asked_for", "sql"),
    "decision_by_role": ("approves_without_a_role", "orm"),
    "decision_by_person": ("approves_after_having_left", "orm"),
    "decision_by_oneself": ("approves_in_the_name_of_an_approver", "orm"),
    "decision_under_glass": ("uses_the_break_glass_of_another", "orm"),
    "decision_is_fixed": ("turns_a_rejection_round", PAST),
    "decision_stays": ("turns_a_rejection_round", PAST),
    "party_is_fixed": ("takes_their_hand_out_of_it", PAST),
    "party_stays": ("takes_their_hand_out_of_it", PAST),
    "glass_is_short": ("keeps_the_glass_open", PAST),
    "glass_by_administrator": ("breaks_the_glass_without_being_administrator", PAST),
    "glass_is_fixed": ("keeps_the_glass_open", PAST),
    "glass_stays": ("reviews_or_removes_their_own_break_glass", PAST),
    "grant_counts_later": ("gives_themselves_the_role", PAST),
    "grant_at_set_up": ("gives_themselves_the_role", PAST),
    "grant_is_fixed": ("takes_the_role_of_another", PAST),
    "policy_by_approval": ("puts_other_rules_in_force", PAST),
    "policy_is_fixed": ("takes_the_rules_out_of_force", PAST),
    "policy_stays": ("takes_the_rules_out_of_force", PAST),
}
# Guards behind which another stands: what is tried, and what else has to go before it works.
BACKED_UP = {
    "decision_by_rules": (
        ("approves_by_rules_that_changed_meanwhile", "orm"),
        "decision_on_open",  # a change of the rules voids what waits
    ),
    "grant_by_approval": (("gives_themselves_the_role", PAST), "grant_counts_later"),
    "request_stays": None,  # its parties point at it, and a deleted request approves nothing
    "party_in_time": None,  # a party more only keeps one person more from deciding
    "party_is_real": None,  # as above: the author's own party stays, and is asked for
}


def take_away(*keys: str) -> None:
    with connection.cursor() as cursor:
        for key in keys:
            guard = guards.get(key)
            on = "" if connection.vendor == "sqlite" else f" ON {guard.table}"
            cursor.execute(f"DROP TRIGGER {guard.name}{on}")


def gets_through(ground: Ground, what: tuple[str, str], *without: str, tries: int = TRIES) -> bool:
    return any(
        succeeds(ground, *what, random.Random(seed), mutant=lambda: take_away(*without))  # noqa: S311  (attacks, no secret)
        for seed in range(tries)
    )


def test_every_guard_is_spoken_of_here() -> None:
    ours = {guard.key for guard in OWN_GUARDS}
    assert ours == {*LETS_THROUGH, *BACKED_UP}


def test_without_a_guard_an_attack_gets_through_that_it_alone_stops(ground: Ground) -> None:
    idle = [key for key, what in LETS_THROUGH.items() if not gets_through(ground, what, key)]
    assert not idle, f"these guards stop nothing that is tried: {idle}"


@pytest.mark.parametrize("tries", IN_VAIN)
def test_a_guard_that_is_backed_up_by_another_matters_when_that_is_gone(
    ground: Ground, tries: int
) -> None:
    for key, what in BACKED_UP.items():
        if what is not None:
            attack_, other = what
            assert not gets_through(ground, attack_, key, tries=tries), key
            if key == "grant_by_approval":
                assert gets_through(ground, attack_, key, other), key


ALL_KEYS = tuple(guard.key for guard in OWN_GUARDS)
# Check of the service → what it stops, and whether the database stops that by itself.
CHECKS = {
    "_check_channel": (("approves_in_the_name_of_an_approver", "service"), True),
    "_check_pending": (("approves_what_was_withdrawn", "service"), True),
    "_check_seen": (("approves_something_else_than_was_asked", "service"), True),
    "check_second_person": (("approves_what_they_asked_for", "service"), True),
    "content_hash": (("approves_what_was_edited_past_the_service", "service"), False),
    "_part_of": (("approves_after_editing_it_meanwhile", "service"), False),
}


def without_check(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "_part_of":  # only parties that were noted when it was asked
        kept = second_person._part_of
        monkeypatch.setattr(
            second_person, "_part_of", lambda asked, person, _content: kept(asked, person, None)
        )
    elif name == "content_hash":
        stored = ApprovalRequest.objects.values_list("content_hash", flat=True)
        monkeypatch.setattr(
            approvals,
            "content_hash",
            lambda **given: stored.filter(kind=given["kind"], status="pending").first() or "0" * 64,
        )
    else:
        monkeypatch.setattr(approvals, name, lambda *_, **__: None)


@pytest.mark.parametrize("tries", IN_VAIN)
@pytest.mark.parametrize("name", CHECKS)
def test_without_a_check_of_the_service_the_database_still_refuses_or_it_gets_through(
    ground: Ground, name: str, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    what, is_backed_up = CHECKS[name]
    assert not gets_through(ground, what, tries=tries)
    without_check(name, monkeypatch)
    if is_backed_up:
        assert not gets_through(ground, what, tries=tries), "the database is to refuse it by itself"
        assert gets_through(ground, what, *ALL_KEYS), "the attack does not attack"
    else:
        assert gets_through(ground, what), "only this check stops it"
