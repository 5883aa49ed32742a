"""Do a repeated request once: claim its key, answer it in the same transaction as the work."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from portal.models.idempotency import IdempotencyKey

# A request that has not answered by now was killed with its process; web workers end sooner.
CLAIM_LASTS = dt.timedelta(seconds=60)
KEPT_FOR = dt.timedelta(hours=24)
_TRIES = 5


class KeyReusedError(ValueError):
    """The key came before with another method, path or payload."""


class KeyInUseError(RuntimeError):
    """Another request with this key is at work now."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was answered under a key."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do the work of a key, or the answer when it has been done."""

    id: int
    token: uuid.UUID
    answer: StoredAnswer | None = None


def claim_key(
    *,
    user_id: int,
    key: str,
    request_digest: str,
    now: dt.datetime,
    api_token_id: int | None = None,
) -> Claim:
    """Claim `key` for one request of `user_id`, or find its answer. Commits by itself.

    Each token of a person has keys of its own, apart from those of the person. Keys older than
    `KEPT_FOR` are forgotten first. A claim whose process was killed is taken over after
    `CLAIM_LASTS`.

    Args:
        request_digest: of method, path and payload; a retry must have the same.
        now: aware moment.
        api_token_id: the token that is used, if one is.

    Raises:
        KeyReusedError: the key belongs to another request.
        KeyInUseError: the request is being worked on.
    """
    mine = IdempotencyKey.objects.filter(user_id=user_id, api_token_id=api_token_id)
    mine.filter(claimed_at__lt=now - KEPT_FOR).delete()
    token = uuid.uuid4()
    for _ in range(_TRIES):
        # Looked for first: an insert would wait for the twin's whole transaction to end.
        found = mine.filter(key=key).first()
        if found is not None:
            return _claim_found(found, token, request_digest, now)
        claim = IdempotencyKey(
            user_id=user_id,
            api_token_id=api_token_id,
            key=key,
            request_digest=request_digest,
            token=token,
            claimed_at=now,
        )
        IdempotencyKey.objects.bulk_create([claim], ignore_conflicts=True)
        # Whose insert came first, and whether a twin failed and gave its claim back meanwhile,
        # shows in the next round.
    raise KeyInUseError(key)


def _claim_found(
    found: IdempotencyKey, token: uuid.UUID, request_digest: str, now: dt.datetime
) -> Claim:
    if found.token == token:
        return Claim(found.pk, token)
    if found.request_digest != request_digest:
        raise KeyReusedError(found.key)
    if found.status is not None:
        return Claim(
            found.pk, found.token, StoredAnswer(found.status, dict(found.headers), found.body)
        )
    taken = IdempotencyKey.objects.filter(
        pk=found.pk, token=found.token, answered_at=None, claimed_at__lte=now - CLAIM_LASTS
    ).update(token=token, claimed_at=now)
    if not taken:
        raise KeyInUseError(found.key)
    return Claim(found.pk, token)


def hold_claim(claim: Claim, *, now: dt.datetime) -> None:
    """Lock the claim for the transaction of the work. Call it first in that transaction.

    Raises:
        KeyInUseError: somebody took the claim over in the meantime.
    """
    held = IdempotencyKey.objects.filter(pk=claim.id, token=claim.token, answered_at=None).update(
        claimed_at=now
    )
    if not held:
        raise KeyInUseError(str(claim.id))


def keep_answer(claim: Claim, answer: StoredAnswer, *, now: dt.datetime) -> None:
    """Write the answer. Call it last in the transaction of the work."""
    IdempotencyKey.objects.filter(pk=claim.id, token=claim.token).update(
        answered_at=now, status=answer.status, headers=answer.headers, body=answer.body
    )


def give_back(claim: Claim) -> None:
    """The work failed and changed nothing: forget the key, so that it can be tried again."""
    IdempotencyKey.objects.filter(pk=claim.id, token=claim.token, answered_at=None).delete()
