"""Suggestions: made after imports and hooks, answered by one person's click, never by silence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q

from adoption.choices import AiAssistance, DeliveryState, Dismissal, Involvement, SuggestionState
from adoption.models import Change, Delivery, Suggestion, UseCase
from adoption.selectors.changes import logged
from adoption.selectors.suggestions import background, changes_to_suggest
from adoption.services.declarations import correct_change
from adoption.services.deliveries import log_delivery
from adoption.services.refusals import RefusedError
from adoption.services.suggestion_states import LOGGED_BY_A_COLLEAGUE, lock_suggestions_of
from adoption.suggesting import EXPIRES_AFTER, Ranked
from portal.models import User
from portal.rows import update_rows
from portal.shell.formats import date_text

log = structlog.get_logger(__name__)
# How long what has expired is still looked at; beyond it, confirming refuses what must be refused.
WATCHED_AFTER = timedelta(days=90)
_BATCH = 500
_RANKED = ("use_case", "candidates", "score")
_STATED = ("state", "state_reason")


class NoSuggestionError(LookupError):
    """There is no such suggestion for this person; whether for another, is not told."""


class SuggestionClosedError(RefusedError):
    """The suggestion was answered or withdrawn; the reason says what can be done instead."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How many suggestions were made, ranked anew, withdrawn, offered again, and ran out."""

    made: int
    ranked: int
    withdrawn: int
    revived: int
    expired: int


@transaction.atomic
def refresh_suggestions(*, at: datetime, repository_ids: Iterable[int] | None = None) -> Refreshed:
    """Bring suggestions up to date with what is delivered; repeating it changes nothing.

    A constant number of queries. What a person answered stays answered. A suggestion is made for
    the person whose identity the author is, for 14 days from when it is made.

    Args:
        repository_ids: only for changes of these repositories; all when None.
    """
    only = None if repository_ids is None else sorted(set(repository_ids))
    expired = Suggestion.objects.filter(state=SuggestionState.OFFERED, expires_at__lte=at).update(
        state=SuggestionState.EXPIRED
    )
    changes = changes_to_suggest(at, only)
    withdrawn = _withdraw(at, only)
    users = {change.author.user_id for change in changes}
    behind = background(changes, users, at)
    ranked = {
        change.pk: found
        for change in changes
        if (found := behind.rank(change, change.author.user_id)).is_worth_asking
    }
    known = {
        (row.user_id, row.change_id): row
        for row in Suggestion.objects.select_for_update(of=("self",))
        .filter(change_id__in=list(ranked))
        .order_by("pk")
    }
    rows = [
        _new(change, ranked[change.pk], at)
        for change in changes
        if change.pk in ranked and (change.author.user_id, change.pk) not in known
    ]
    made = Suggestion.objects.bulk_create(rows, batch_size=_BATCH, ignore_conflicts=True)
    revived = _revive(known.values(), changes, at)
    moved = [row for row in known.values() if _rank_anew(row, ranked[row.change_id])]
    update_rows(moved, _RANKED)
    done = Refreshed(len(made), len(moved), withdrawn, revived, expired)
    if any((done.made, done.withdrawn, done.revived, done.expired)):
        log.info("suggestions_refreshed", made=done.made, withdrawn=done.withdrawn,
                 revived=done.revived, expired=done.expired)  # fmt: skip
    return done


def _stored(found: Ranked) -> list[dict[str, Any]]:
    """Candidates as a row keeps them; what speaks for asking at all is the last reason of each."""
    return [
        {
            "use_case": each.use_case,
            "points": each.points,
            "reasons": [reason._asdict() for reason in (*each.reasons, found.evidence)],
        }
        for each in found.candidates
    ]


def _new(change: Any, found: Ranked, at: datetime) -> Suggestion:
    return Suggestion(
        user_id=change.author.user_id,
        change=change,
        use_case_id=found.candidates[0].use_case,
        candidates=_stored(found),
        score=found.score,
        offered_at=at,
        expires_at=at + EXPIRES_AFTER,
    )


def _rank_anew(row: Suggestion, found: Ranked) -> bool:
    if row.state != SuggestionState.OFFERED:
        return False
    candidates = _stored(found)
    if (row.candidates, row.score) == (candidates, found.score):
        return False
    row.candidates, row.score = candidates, found.score
    row.use_case_id = found.candidates[0].use_case
    return True


def _revive(rows: Iterable[Suggestion], changes: Sequence[Any], at: datetime) -> int:
    """What was withdrawn and delivers again is offered again, within its first 14 days."""
    authors = {change.pk: change.author.user_id for change in changes}
    back = []
    for row in rows:
        if row.state == SuggestionState.WITHDRAWN and authors[row.change_id] == row.user_id:
            over = row.expires_at <= at
            row.state = SuggestionState.EXPIRED if over else SuggestionState.OFFERED
            row.state_reason = ""
            back.append(row)
    update_rows(back, _STATED)
    return len(back)


def _withdraw(at: datetime, repository_ids: Sequence[int] | None) -> int:
    """End what is offered for a change that is no delivery (any more) of this person."""
    watched = Q(state=SuggestionState.OFFERED) | Q(
        state=SuggestionState.EXPIRED, expires_at__gt=at - WATCHED_AFTER
    )
    rows = (
        Suggestion.objects.select_for_update(of=("self",))
        .filter(watched)
        .annotate(is_logged=logged("change_id"))
        .select_related("change__author")
        .defer("change__message")
        .order_by("pk")
    )
    if repository_ids is not None:
        rows = rows.filter(change__repository_id__in=repository_ids)
    ended = []
    for row in rows:
        reason = _why_not(row, at)
        if reason:
            row.state, row.state_reason = SuggestionState.WITHDRAWN, reason
            ended.append(row)
    update_rows(ended, _STATED)
    return len(ended)


def _why_not(row: Any, at: datetime) -> str:
    change: Change = row.change
    if row.is_logged:
        return LOGGED_BY_A_COLLEAGUE
    if change.reverted_at is not None:
        return f"The change was undone on {date_text(change.reverted_at.date())}."
    if change.rolled_back_at is not None and change.restored_at is None:
        return f"It was rolled back on {date_text(change.rolled_back_at.date())}."
    if change.delivered_at is None or change.delivered_at > at:
        return "No production deployment contains it (any more)."
    if change.part_of_id is not None:
        return "It is a step of a pull request and counts with it."
    if change.involvement == Involvement.HUMAN:
        return "It is declared that AI had no part in it."
    if change.author is None or change.author.user_id != row.user_id:
        return "Its author is not known to be you (any more)."
    return ""


# --- answers ---------------------------------------------------------------------------------


def _own(pk: int, actor: User) -> Suggestion:
    """One's own suggestion, all of its change locked.

    Raises:
        NoSuggestionError: there is none, or it is somebody else's.
    """
    change_id = (
        Suggestion.objects.filter(pk=pk, user=actor).values_list("change_id", flat=True).first()
    )
    if change_id is not None:
        for row in lock_suggestions_of(change_id):
            if row.pk == pk and row.user_id == actor.pk:
                return row
    raise NoSuggestionError(f"no suggestion {pk} for this person")


@transaction.atomic
def confirm_suggestion(
    *, pk: int, actor: User, at: datetime, use_case: UseCase | None = None
) -> Delivery:
    """Make a suggestion a delivery, for the use case proposed or another one.

    Idempotent: confirming what is confirmed gives the same delivery, in whichever tab.

    Raises:
        NoSuggestionError: this person has none of that number.
        SuggestionClosedError: it was put aside or withdrawn.
        BadDeliveryError: somebody logged the change a moment ago, or the use case has ended.
    """
    row = _own(pk, actor)
    if row.state == SuggestionState.CONFIRMED:
        known = row.delivery
        if known is not None and known.state != DeliveryState.REJECTED:
            return known
    elif row.state == SuggestionState.WITHDRAWN:
        raise SuggestionClosedError(row.state_reason)
    elif row.state == SuggestionState.DISMISSED:
        raise SuggestionClosedError(
            "You put this aside. Log the change by its link if it was a delivery after all."
        )
    return log_delivery(
        use_case=use_case or row.use_case,
        actor=actor,
        at=at,
        change=row.change,
        assistance=AiAssistance.ASSISTED,
    )


@transaction.atomic
def dismiss_suggestion(*, pk: int, actor: User, at: datetime, why: Dismissal) -> Suggestion:
    """Put a suggestion aside for good; `not_ai` also says that AI had no part in the change.

    Idempotent; the later of two reasons holds.

    Raises:
        NoSuggestionError: this person has none of that number.
        SuggestionClosedError: it was confirmed.
    """
    row = _own(pk, actor)
    if row.state == SuggestionState.CONFIRMED:
        raise SuggestionClosedError("You confirmed this. Withdraw the delivery instead.")
    row.state, row.state_reason = SuggestionState.DISMISSED, ""
    row.dismissal, row.decided_at = why, at
    row.save(update_fields=["state", "state_reason", "dismissal", "decided_at"])
    author = row.change.author
    if why == Dismissal.NOT_AI and author is not None and author.user_id == actor.pk:
        correct_change(change=row.change, says=Involvement.HUMAN, actor=actor, at=at)
    return row


def confirm_suggestions(
    *, pks: Sequence[int], actor: User, at: datetime
) -> tuple[list[Delivery], Mapping[int, str]]:
    """Confirm several, each by itself: one that is refused keeps none of the others back.

    Returns:
        the deliveries, and for what was refused the reason by number.
    """
    made: list[Delivery] = []
    refused: dict[int, str] = {}
    for pk in dict.fromkeys(pks):
        try:
            made.append(confirm_suggestion(pk=pk, actor=actor, at=at))
        except RefusedError as error:
            refused[pk] = error.reason
        except NoSuggestionError:
            refused[pk] = "There is no such suggestion."
    return made, refused
