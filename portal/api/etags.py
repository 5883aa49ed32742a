"""Entity tags: a 304 for what has not changed, and no write over somebody else's write.

Where the state of an answer can be told from a few numbers (versions, newest change, count), the
tag is made of those, and a 304 costs that one query. Otherwise the tag is a digest of the answer:
always right, and a 304 still saves rendering and sending it.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from rest_framework.request import Request

from portal.api.errors import STALE_VERSION, VERSION_REQUIRED, Problem

# Raised when the shape of answers changes, so that no client keeps an old shape.
REPRESENTATION = 1
_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_VERSION = re.compile(r"v([0-9]{1,9})(?:-[0-9a-f]+)?")
_CONTENT = re.compile(r"([0-9a-f]{64})(?:-[0-9a-f]+)?")


def _digest(*parts: Any) -> str:
    text = json.dumps([REPRESENTATION, *parts], default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def state_tag(request: Request, *state: Any) -> str:
    """A tag for what this person gets at this address in this `state` (JSON-able or dated)."""
    return f'"{_digest(request.get_full_path(), request.user.pk, state)[:32]}"'


def content_tag(request: Request, answer: Any) -> str:
    """A tag for an answer whose state no few numbers tell."""
    return state_tag(request, answer)


def version_tag(request: Request, version: int, *state: Any) -> str:
    """A tag of one thing that `If-Match` can name: its version, then a digest of what is shown."""
    return f'"v{version}-{_digest(request.user.pk, state)[:16]}"'


def hash_tag(request: Request, content_hash: str, *state: Any) -> str:
    """A tag of one thing whose version is the SHA-256 of its content, then of what is shown."""
    return f'"{content_hash}-{_digest(request.user.pk, state)[:16]}"'


def matches(request: Request, tag: str) -> bool:
    """Whether `If-None-Match` names `tag`, or whatever there is; only for what there is."""
    return request.headers.get("If-None-Match", "").strip() == "*" or is_named(request, tag)


def is_named(request: Request, tag: str) -> bool:
    """Whether `If-None-Match` names this very tag (weak comparison: compression weakens tags)."""
    return tag[1:-1] in _TAG.findall(request.headers.get("If-None-Match", ""))


def required_version(request: Request) -> int:
    """The version named by `If-Match`.

    A tag that compression made weak is taken all the same: its version is as exact as before.

    Raises:
        Problem: 428 when the header is missing or names no version, 412 when it is no tag of ours.
    """
    return int(_named_version(request, _VERSION))


def required_hash(request: Request) -> str:
    """The SHA-256 of the content named by `If-Match`, for what is tagged by `hash_tag`.

    Raises:
        Problem: 428 when the header is missing or names no version, 412 when it is no tag of ours.
    """
    return _named_version(request, _CONTENT)


def _named_version(request: Request, form: re.Pattern[str]) -> str:
    given = request.headers.get("If-Match", "").strip()
    if not given or given == "*":
        raise Problem(
            VERSION_REQUIRED,
            "Send the ETag of what you read as If-Match, so that no change of somebody else is "
            "overwritten. `*` does not say which version you saw.",
        )
    tags = _TAG.findall(given)
    versions = {found[1] for tag in tags if (found := form.fullmatch(tag))}
    if len(versions) != 1:
        raise stale("If-Match names no version of this; read it again and send its ETag.")
    return versions.pop()


def stale(detail: str = "") -> Problem:
    """412: it was changed since it was read."""
    return Problem(
        STALE_VERSION,
        detail or "Somebody changed it since you read it. Read it again, then send your change.",
    )
