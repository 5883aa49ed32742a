"""`Idempotency-Key`: a repeated POST is answered again and not done again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from portal.api.errors import IN_PROGRESS, KEY_REUSED, FieldProblem, Problem, invalid
from portal.models import ApiToken
from portal.services.idempotency import (
    Claim,
    KeyInUseError,
    KeyReusedError,
    StoredAnswer,
    claim_key,
    give_back,
    hold_claim,
    keep_answer,
)

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a write answers: status, JSON-able data, and headers."""

    status: int
    data: Any
    headers: dict[str, str] = field(default_factory=dict)


def answer_once(request: Request, work: Callable[[], Answer]) -> HttpResponse:
    """Do `work` in one transaction, at most once for each person or token and key.

    Without the header the work is simply done. A failure is not kept: nothing was changed, so the
    same key may try again.

    Raises:
        Problem: 400 for a malformed key, 422 for a key that belongs to another request, 409 while
            the same request is being worked on.
    """
    key = request.headers.get(HEADER)
    if key is None:
        with transaction.atomic():
            stored = _rendered(work())
        return _response(stored)
    if not _KEY.fullmatch(key):
        raise invalid({HEADER: [FieldProblem("invalid", "1 to 255 printable ASCII characters.")]})
    claim = _claim(request, key)
    if claim.answer is not None:
        response = _response(claim.answer)
        response[REPLAYED] = "true"
        return response
    try:
        return _response(_do(claim, work))
    except KeyInUseError:
        raise _in_progress() from None
    except BaseException:
        give_back(claim)
        raise


def _claim(request: Request, key: str) -> Claim:
    user_id = request.user.pk
    if user_id is None:
        raise TypeError("an idempotency key belongs to somebody who is signed in")
    text = json.dumps([request.method, request.get_full_path(), request.data], sort_keys=True)
    try:
        return claim_key(
            user_id=user_id,
            api_token_id=request.auth.pk if isinstance(request.auth, ApiToken) else None,
            key=key,
            request_digest=hashlib.sha256(text.encode()).hexdigest(),
            now=timezone.now(),
        )
    except KeyReusedError:
        raise Problem(
            KEY_REUSED,
            "You sent this Idempotency-Key before with another method, address or payload. Use a "
            "new key for a new request.",
        ) from None
    except KeyInUseError:
        raise _in_progress() from None


def _do(claim: Claim, work: Callable[[], Answer]) -> StoredAnswer:
    with transaction.atomic():
        hold_claim(claim, now=timezone.now())
        stored = _rendered(work())
        keep_answer(claim, stored, now=timezone.now())
    return stored


def _in_progress() -> Problem:
    return Problem(
        IN_PROGRESS,
        "A request with this Idempotency-Key is being worked on. Try again in a moment.",
        headers={"Retry-After": "1"},
    )


def _rendered(answer: Answer) -> StoredAnswer:
    body = json.dumps(answer.data, cls=JSONEncoder, ensure_ascii=False)
    return StoredAnswer(answer.status, answer.headers, body)


def _response(stored: StoredAnswer) -> HttpResponse:
    response = HttpResponse(stored.body, status=stored.status, content_type="application/json")
    for name, value in stored.headers.items():
        response[name] = value
    return response
