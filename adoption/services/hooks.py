"""Hooks: stored in one small transaction, processed later, in any order, exactly once."""

from __future__ import annotations

import hashlib
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import IntegrityError, InterfaceError, OperationalError, transaction

from adoption.choices import HookState
from adoption.deploys.config import DeployConfig
from adoption.deploys.payload import BadPayloadError, parse_json
from adoption.deploys.providers import document_of
from adoption.models import HookReplay, StoredHook
from adoption.services.deploy_store import (
    PLACE_CHANGES,
    DeployStore,
    FutureStatementError,
    Stored,
    ask_for_placement,
    deploy_config,
)
from adoption.services.hook_readers import READERS
from adoption.services.refusals import RefusedError
from adoption.sources.records import Reading
from portal.audit.context import because
from portal.models import Connection, User
from portal.services.work import enqueue
from portal.work.hints import hint_after_commit, withheld
from portal.work.registry import Work, work_kinds

log = structlog.get_logger(__name__)
PROCESS_HOOKS = "adoption.process-hooks"
MOST_ATTEMPTS = 3
KEPT_FOR = timedelta(days=90)  # the body; the row says for ever that the delivery was here
PURGED_AT_ONCE = 1000
AT_ONCE = 50  # hooks between two messages and two signs of life
LONGEST_WINDOW = 0.05  # seconds for others between two transactions on SQLite
IN_ONE_TRANSACTION = 5  # on SQLite nobody else writes meanwhile, so a sender's answer waits for it


class DeliveryReusedError(ValueError):
    """The sender's id of this delivery came before with another body."""


class HookNotReplayableError(RefusedError):
    """The hook cannot be processed again; the message says why."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A delivery that is stored; `is_repeat` when it was before."""

    hook_id: int
    is_repeat: bool


def store_hook(
    *,
    connection: Connection,
    provider: str,
    delivery_id: str,
    event: str,
    headers: Mapping[str, str],
    body: bytes,
    at: datetime,
) -> Accepted:
    """Keep a proven delivery and ask for its processing, both or neither.

    The same delivery again changes nothing.

    Raises:
        DeliveryReusedError: its id belongs to a delivery with another body.
    """
    hook = StoredHook(
        connection=connection,
        delivery_id=delivery_id,
        provider=provider,
        event=event,
        headers=dict(headers),
        body=zlib.compress(body, 1),
        body_sha256=hashlib.sha256(body).hexdigest(),
        size=len(body),
        received_at=at,
    )
    try:
        # Nearly all are new, so they are written without a look: the constraint finds the others.
        with transaction.atomic():
            hook.save(force_insert=True)
            _ask(connection, None, at)
    except IntegrityError:
        known = _stored_before(hook)
        if known is None:
            raise
        return Accepted(known, is_repeat=True)
    return Accepted(hook.pk, is_repeat=False)


def _stored_before(hook: StoredHook) -> int | None:
    """The number under which this delivery was stored before, or None.

    Raises:
        DeliveryReusedError: it had another body then.
    """
    known = (
        StoredHook.objects.filter(connection=hook.connection_id, delivery_id=hook.delivery_id)
        .values_list("pk", "body_sha256")
        .first()
    )
    if known is None:
        return None
    if known[1] != hook.body_sha256:
        raise DeliveryReusedError(
            "This delivery's id came before with another body. A sender repeats a delivery byte "
            "for byte, and gives a new one a new id."
        )
    return known[0]


def _ask(connection: Connection, actor: User | None, at: datetime) -> None:
    enqueue(
        kind=PROCESS_HOOKS,
        key=f"connection:{connection.pk}",
        payload={"connection": connection.pk},
        actor=actor,
        at=at,
    )


def body_of(hook: StoredHook) -> bytes:
    """The body as it came; empty once it was purged."""
    return zlib.decompress(bytes(hook.body)) if hook.body else b""


def process_next(*, connection: Connection, at: datetime) -> bool:
    """Process the oldest waiting hook of a connection, in one transaction with the note of it.

    Returns:
        whether there was one. Two workers never take the same.
    """
    return bool(_process_batch(connection, 1, at))


def process_batch(*, connection: Connection, at: datetime) -> int:
    """Process the oldest waiting hooks of a connection, a few in one transaction; how many.

    Each has a savepoint of its own. If the database gives the transaction up (two workers met the
    same rows in another order), the oldest is tried by itself.

    Raises:
        OperationalError, InterfaceError: the database failed for a single hook as well.
    """
    try:
        return _process_batch(connection, IN_ONE_TRANSACTION, at)
    except OperationalError:
        return _process_batch(connection, 1, at)


def _process_batch(connection: Connection, most: int, at: datetime) -> int:
    with transaction.atomic():
        waiting = StoredHook.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            connection=connection, state=HookState.STORED
        )
        hooks = list(waiting.order_by("pk")[:most])
        store = DeployStore(connection, at=at)
        touched: set[int | None] = set()
        for hook in hooks:
            hook.connection = connection
            stored = _process(hook, store)
            if stored is None:  # what it had found was taken back
                store = DeployStore(connection, at=at)
            else:
                touched.update(each.repository_id for each in stored)
            hook.attempts += 1
            hook.processed_at = at
            hook.save(update_fields=["state", "reason", "outcome", "attempts", "processed_at"])
        ask_for_placement(repository_ids=list(touched), actor=None, at=at)
    return len(hooks)


def _process(hook: StoredHook, store: DeployStore) -> list[Stored] | None:
    """Set what became of it; what it changed, or None when that was taken back.

    A fault of ours is tried again, then waits for a person; the hooks behind it go on.
    """
    try:
        with transaction.atomic():
            stored, ignored = _apply(hook, store)
    except BadPayloadError as error:
        _end(hook, HookState.REFUSED, str(error))
    except FutureStatementError as error:
        _end(hook, HookState.REFUSED, str(error))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.exception("hook_failed", hook=hook.pk)
        reason = f"A fault of the portal: {type(error).__name__}. The log has the details."
        is_last = hook.attempts + 1 >= MOST_ATTEMPTS
        _end(hook, HookState.FAILED if is_last else HookState.STORED, reason)
    else:
        _end(hook, HookState.IGNORED if ignored else HookState.PROCESSED, ignored)
        hook.outcome = dict(Counter(each.outcome for each in stored))
        return stored
    return None


def _end(hook: StoredHook, state: HookState, reason: str) -> None:
    hook.state, hook.reason, hook.outcome = state, reason[:400], {}


def _apply(hook: StoredHook, store: DeployStore) -> tuple[list[Stored], str]:
    reading = _read(hook, store.config)
    return store.apply(reading), reading.ignored


def read_stored(hook: StoredHook) -> Reading:
    """What a stored hook says.

    Raises:
        BadPayloadError: it cannot be read.
    """
    return _read(hook, deploy_config(hook.connection))


def _read(hook: StoredHook, config: DeployConfig) -> Reading:
    body = document_of(hook.headers, body_of(hook))
    return READERS[hook.provider](hook.event, parse_json(body), config)


def process_hooks(*, connection: Connection, work: Work) -> int:
    """Process all waiting hooks of a connection; how many there were."""
    waiting = StoredHook.objects.filter(connection=connection, state=HookState.STORED).count()
    done = 0
    while part := _process_some(connection, work.clock):
        done += part
        work.report(done, max(done, waiting), "hooks")
    return done


def _process_some(connection: Connection, clock: Callable[[], datetime]) -> int:
    """A few hooks, with one message to the queue for all that they ask for: a message costs more
    than a hook, and a lost one is sent by the sweeper."""
    done = 0
    with withheld() as asked:
        while done < AT_ONCE:
            began = time.monotonic()
            if not (part := process_batch(connection=connection, at=clock())):
                break
            done += part
            _give_way(began)
    placing = work_kinds.get(PLACE_CHANGES)
    for item in sorted(set(asked)):
        hint_after_commit(item, placing.queue, after=placing.rest)
    return done


def _give_way(began: float) -> None:
    """Leave a window as long as the transaction was: whoever waits for SQLite's one write lock
    looks again only now and then, and would hardly ever find it free."""
    if transaction.get_connection().vendor == "sqlite":
        time.sleep(min(time.monotonic() - began, LONGEST_WINDOW))


@transaction.atomic
def replay_hook(*, hook: StoredHook, reason: str, actor: User, at: datetime) -> None:
    """Have a stored hook processed again, for example after a mapping was mended.

    Raises:
        HookNotReplayableError: no reason was given, it is waiting already, or its body is gone.
    """
    if not reason.strip():
        raise HookNotReplayableError("Say why: whoever asks later finds it.", field="reason")
    stored = StoredHook.objects.select_for_update(of=("self",)).get(pk=hook.pk)
    if stored.purged_at is not None:
        raise HookNotReplayableError("Its body was deleted when its retention was over.")
    if stored.state == HookState.STORED:
        raise HookNotReplayableError("It is waiting to be processed already.")
    because(reason)
    HookReplay.objects.create(hook=stored, reason=reason.strip(), asked_by=actor, asked_at=at)
    stored.state, stored.attempts, stored.reason = HookState.STORED, 0, ""
    stored.save(update_fields=["state", "attempts", "reason"])
    _ask(stored.connection, actor, at)


@transaction.atomic
def purge_hooks(*, at: datetime) -> int:
    """Delete bodies and headers whose retention is over, at most a thousand at once.

    Ids and digests stay, so that a delivery that is repeated after years is still known. What
    waits or failed is kept: it has not had its effect yet.
    """
    due = StoredHook.objects.filter(
        purged_at__isnull=True,
        received_at__lt=at - KEPT_FOR,
        state__in=(HookState.PROCESSED, HookState.IGNORED, HookState.REFUSED),
    ).order_by("received_at", "pk")[:PURGED_AT_ONCE]
    ids = list(due.values_list("pk", flat=True))
    return StoredHook.objects.filter(pk__in=ids).update(body=b"", headers={}, purged_at=at)
