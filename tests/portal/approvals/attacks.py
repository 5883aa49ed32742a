"""Every way we know to get something approved without a second person, tried for real.

A *deed* makes a decision illegitimate (self-approval, a second account, an edit in between, …); a
*way* tries to make it all the same (page, API, token, service, ORM, SQL). Each attempt runs in a
savepoint that is undone. Whether it succeeded is told by rows alone: something was decided,
approved, granted or put in force that was not before.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any

from django.db import transaction

from portal.approvals.registry import SubjectGoneError
from tests.portal.approvals import past_services, ways  # noqa: F401
from tests.portal.approvals.deeds import decided  # noqa: F401  (importing them registers)
from tests.portal.approvals.ground import (
    DEEDS,
    RAW,
    RAW_WAYS,
    REFUSALS,
    WAYS,
    Ground,
    Succeeded,
    make_ground,
    state_of_things,
)


class _Undo(Exception):  # noqa: N818
    pass


def works_by(name: str, how: str) -> bool:
    """Whether a deed means anything by this way.

    The database knows no page: what somebody saw, and what a subject shows now, is the service's to
    compare. `recheck` is why an edit through a service is refused by the database as well.
    """
    if name in {
        "approves_what_was_edited_past_the_service",
        "approves_after_editing_it_meanwhile",
    }:
        return how not in RAW_WAYS
    if name in {"approves_in_the_name_of_an_approver", "decides_in_the_future"} or (
        name.startswith("backdates")
    ):
        return how in {"service", *RAW_WAYS}
    return True


def combinations() -> list[tuple[str, str]]:
    """Every deed by every way that it means anything by, and every write past the services."""
    found = [(name, how) for name in DEEDS for how in WAYS if works_by(name, how)]
    return found + [(name, "past the services") for name in RAW]


def succeeds(
    ground: Ground,
    name: str,
    how: str,
    chance: random.Random,
    *,
    mutant: Callable[[], None] | None = None,
) -> bool:
    """Whether this attempt got through. Nothing of it stays."""
    won = False
    try:
        with transaction.atomic():
            if mutant is not None:
                mutant()
            won = _attempt(ground, name, how, chance)
            raise _Undo
    except _Undo:
        pass
    return won


def _attempt(ground: Ground, name: str, how: str, chance: random.Random) -> bool:
    if how == "past the services":
        write = RAW[name]  # not within the refusals: a name that is not there is no refusal
        before = state_of_things()
        try:
            with transaction.atomic():
                write(ground, chance)
        except Succeeded:
            return True
        except REFUSALS:
            return False
        after = state_of_things()
        return _gained(before, after)
    attempt = DEEDS[name](ground, chance)
    before = state_of_things()
    with contextlib.suppress(*REFUSALS, SubjectGoneError), transaction.atomic():
        WAYS[how](ground, attempt)
    return _gained(before, state_of_things())


def _gained(before: tuple[Any, ...], after: tuple[Any, ...]) -> bool:
    return before != after


__all__ = ["Ground", "combinations", "make_ground", "succeeds"]
