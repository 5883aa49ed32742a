"""Asking for background work, sending it again, and deciding about what was held or failed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from portal.audit.context import because, current_actor
from portal.choices import OPEN_WORK_STATUSES, WorkAction, WorkStatus
from portal.models import ScheduledSlot, SignOfLife, User, WorkDecision, WorkItem
from portal.work.hints import Hint, hint_after_commit
from portal.work.registry import work_kinds

# The hint has this long to reach a worker before the sweeper sends the item as well.
GRACE = timedelta(seconds=10)
LONGEST_SEND_DELAY = timedelta(minutes=2)
SENT_AT_ONCE = 200  # items in one sweep
KEPT_FOR = timedelta(days=14)
TIDIED_AT_ONCE = 1000
LONGEST_PAYLOAD = 2000  # characters of JSON: room for ids, not for content


class PayloadRefusedError(ValueError):
    """The payload is no small set of ids."""


class WorkNotStoppedError(ValueError):
    """The item is neither held nor failed, so there is nothing to decide."""


class SameWorkOpenError(ValueError):
    """The same work has been asked for again meanwhile and is open."""


class ReasonMissingError(ValueError):
    """A decision needs a reason."""


def enqueue(
    *,
    kind: str,
    actor: User | None,
    at: datetime,
    key: str = "",
    payload: Mapping[str, Any] | None = None,
    not_before: datetime | None = None,
) -> WorkItem:
    """Ask for work, in the caller's transaction; make it the last thing written there.

    Of one kind and key at most one item is open. Asking for one that is queued changes nothing but
    its count; asking for one that runs has it done once more, since it may have read what was
    there before. So `key` must name everything that decides what is done.

    Args:
        payload: ids; the first asker's is kept when an item is open already.
        not_before: not to be started earlier (UTC).

    Raises:
        NotRegisteredError: there is no such kind.
        PayloadRefusedError: the payload is more than a few ids.
    """
    found = work_kinds.get(kind)
    fields = {
        "kind": kind,
        "key": key,
        "payload": _checked(payload or {}),
        "queue": found.queue,
        "not_before": not_before,
        "look_at": (not_before or at) + GRACE,
        "requested_by": actor,
        "requested_at": at,
        "request_id": current_actor().request_id[:64],
    }
    # No savepoint of its own: the hints of one transaction go out together.
    with transaction.atomic(savepoint=False):
        item, is_new = _open_item(kind, key, fields, at)
        if item.status == WorkStatus.QUEUED and _needs_hint(item, is_new, at):
            hint_after_commit(item.pk, item.queue)
    return item


def _needs_hint(item: WorkItem, is_new: bool, at: datetime) -> bool:
    """Whether no message is on its way: a burst of asking is one message, not one for each, and
    one more after each grace in which no worker came (`_ask_again` has then moved `look_at`)."""
    if item.not_before is not None:
        return item.not_before <= at
    return is_new or item.look_at == at + GRACE


def _open_item(
    kind: str, key: str, fields: Mapping[str, Any], at: datetime
) -> tuple[WorkItem, bool]:
    """The one open item, and whether it was made now."""
    for _ in range(5):
        if item := _ask_again(kind, key, at):
            return item, False
        if item := _insert(**fields):
            return item, True
    raise RuntimeError(f"work {kind!r} {key!r} opens and closes faster than it can be asked for")


def _checked(payload: Mapping[str, Any]) -> dict[str, Any]:
    plain = dict(payload)
    for name, value in plain.items():
        if not isinstance(value, str | int | bool | None):
            raise PayloadRefusedError(
                f"{name} is a {type(value).__name__}; a payload holds ids: texts and whole numbers"
            )
    if len(json.dumps(plain)) > LONGEST_PAYLOAD:
        raise PayloadRefusedError(f"the payload is longer than {LONGEST_PAYLOAD} characters")
    return plain


# The ORM takes two statements for this and writes each anew; every hook that arrives asks so, and
# with one fixed statement its answer takes 14.6 ms of processor instead of 17.3.
_ASK_AGAIN = f"""
    UPDATE {WorkItem._meta.db_table}
    SET requests = requests + 1,
        again = CASE WHEN status = %s THEN TRUE ELSE again END,
        look_at = CASE WHEN status = %s AND look_at <= %s THEN %s ELSE look_at END
    WHERE kind = %s AND key = %s AND status IN ({", ".join(["%s"] * len(OPEN_WORK_STATUSES))})
    RETURNING *
"""  # noqa: S608  (names of our own model; values are parameters)


def _ask_again(kind: str, key: str, at: datetime) -> WorkItem | None:
    """Count one more request at the open item. The row stays locked until the caller commits, so
    that neither its start nor its end can miss what the caller has written."""
    parameters = [WorkStatus.RUNNING, WorkStatus.QUEUED, at, at + GRACE, kind, key]
    found: list[WorkItem] = list(
        WorkItem.objects.raw(_ASK_AGAIN, [*parameters, *OPEN_WORK_STATUSES])
    )
    return found[0] if found else None


def _insert(**fields: Any) -> WorkItem | None:
    try:
        with transaction.atomic():
            return WorkItem.objects.create(**fields)
    except IntegrityError:
        return None  # somebody was faster: ask again


def claim_to_send(*, at: datetime, limit: int = SENT_AT_ONCE) -> list[Hint]:
    """Open items that should be in the queue and may not be: oldest first, `limit` at most.

    Claimed by moving the time of the next look, so that of several sweepers each sends its own.
    An item that was sent and is still open is sent again after a growing while: a message more is
    harmless, one too few is work that waits.
    """
    with transaction.atomic():
        due = list(
            WorkItem.objects.select_for_update(skip_locked=True)
            .filter(status__in=OPEN_WORK_STATUSES, look_at__lte=at)
            .order_by("look_at", "pk")
            .values_list("pk", "queue", "sends")[:limit]
        )
        for pk, _queue, sends in due:
            delay = min(GRACE * 2 ** min(sends, 10), LONGEST_SEND_DELAY)
            WorkItem.objects.filter(pk=pk).update(look_at=at + delay, sends=F("sends") + 1)
    return [Hint(pk, queue) for pk, queue, _sends in due]


def unclaim(*, items: Sequence[Hint], at: datetime) -> None:
    """Give back what could not be sent: it is due as before."""
    WorkItem.objects.filter(
        pk__in=[item.item_id for item in items], status__in=OPEN_WORK_STATUSES, sends__gt=0
    ).update(look_at=at, sends=F("sends") - 1)


@transaction.atomic
def retry_item(*, item: WorkItem, reason: str, actor: User, at: datetime) -> WorkItem:
    """Queue a held or failed item once more, with all its attempts.

    Raises:
        ReasonMissingError: no reason was given.
        WorkNotStoppedError: it is not held or failed (any more).
        SameWorkOpenError: the same work has been asked for again and is open.
    """
    problem = _stopped(item, reason)
    try:
        with transaction.atomic():
            changed = _still_stopped(item).update(
                status=WorkStatus.QUEUED,
                attempt=0,
                token=None,
                again=False,
                sends=0,
                not_before=None,
                finished_at=None,
                look_at=at + GRACE,
            )
    except IntegrityError as error:
        raise SameWorkOpenError(
            "The same work has been asked for again meanwhile and is open. Discard this one."
        ) from error
    _decide(item, changed, WorkAction.RETRY, reason, problem, actor, at)
    hint_after_commit(item.pk, item.queue)
    return item


@transaction.atomic
def discard_item(*, item: WorkItem, reason: str, actor: User, at: datetime) -> WorkItem:
    """Decide that a held or failed item is never done.

    Raises:
        ReasonMissingError: no reason was given.
        WorkNotStoppedError: it is not held or failed (any more).
    """
    problem = _stopped(item, reason)
    changed = _still_stopped(item).update(status=WorkStatus.DISCARDED, finished_at=at)
    _decide(item, changed, WorkAction.DISCARD, reason, problem, actor, at)
    return item


def _still_stopped(item: WorkItem) -> Any:
    return WorkItem.objects.filter(pk=item.pk, status__in=(WorkStatus.HELD, WorkStatus.FAILED))


def _stopped(item: WorkItem, reason: str) -> str:
    """The problem that stopped the item, and the reason put into the audit's context."""
    if not reason.strip():
        raise ReasonMissingError("Say why: whoever asks later finds it.")
    because(reason)
    problem: str | None = _still_stopped(item).values_list("problem", flat=True).first()
    if problem is None:
        raise WorkNotStoppedError(f"Work {item.pk} is not held or failed (any more).")
    return problem


def _decide(
    item: WorkItem,
    changed: int,
    action: WorkAction,
    reason: str,
    problem: str,
    actor: User,
    at: datetime,
) -> None:
    if not changed:
        raise WorkNotStoppedError(f"Work {item.pk} is not held or failed (any more).")
    WorkDecision.objects.create(
        item=item,
        action=action,
        reason=reason.strip(),
        problem=problem,
        decided_by=actor,
        decided_at=at,
    )
    item.refresh_from_db()


def note_sign_of_life(*, name: str, at: datetime, detail: str = "") -> None:
    """Note that a part of the background work did something just now. Never moves back."""
    later = Q(name=name, seen_at__lt=at)
    if not SignOfLife.objects.filter(later).update(seen_at=at, detail=detail[:200]):
        SignOfLife.objects.get_or_create(
            name=name, defaults={"seen_at": at, "detail": detail[:200]}
        )


@transaction.atomic
def tidy_work(*, at: datetime) -> int:
    """Delete finished work that nobody decided about and past due times, after two weeks.

    The newest due time of each job stays: it says up to when the job has been looked after.

    Returns:
        how many rows went; at most a thousand of each in one call.
    """
    before = at - KEPT_FOR
    old_items = WorkItem.objects.filter(
        status=WorkStatus.DONE, finished_at__lt=before, decisions__isnull=True
    ).order_by("pk")[:TIDIED_AT_ONCE]
    _, items = WorkItem.objects.filter(pk__in=list(old_items.values_list("pk", flat=True))).delete()
    newest = set()
    for job in ScheduledSlot.objects.order_by().values_list("job", flat=True).distinct():
        newest.add(ScheduledSlot.objects.filter(job=job).latest("slot").pk)
    old_slots = (
        ScheduledSlot.objects.filter(slot__lt=before)
        .exclude(pk__in=newest)
        .order_by("slot", "pk")
        .values_list("pk", flat=True)[:TIDIED_AT_ONCE]
    )
    _, slots = ScheduledSlot.objects.filter(pk__in=list(old_slots)).delete()
    return items.get("portal.WorkItem", 0) + slots.get("portal.ScheduledSlot", 0)
