"""Tokens: everybody has their own, administrators and auditors see all, and nobody a secret."""

from __future__ import annotations

from typing import Any

from tests.access.matrix import EVERYBODY, Column, Door, Row, form_function, listing, only, page
from tests.access.readers import Reader
from tests.api_tokens import make_token

SEE_ALL = only(Column.ADMINISTRATOR, Column.AUDITOR)
WHY = "Whether a number is anybody's token is told to nobody."
SEEN = SEE_ALL | {Column.OWNER}
UNSEEN = EVERYBODY - SEEN
REVOKE = only(Column.OWNER, Column.ADMINISTRATOR)

ROWS = [
    listing("api-token-list", EVERYBODY),
    listing("api-token-list-all", SEE_ALL),
    form_function("api-token-new", EVERYBODY),
    page(
        "api-token",
        SEEN,
        refused=404,
        values={"pk": "api_token.pk"},
        unseen=UNSEEN,
        why=WHY,
    ),
    Row(
        "api-token-rotate",
        {method: Door(only(Column.OWNER), refused=404) for method in ("GET", "POST")},
        values={"pk": "api_token.pk"},
        unseen=EVERYBODY - {Column.OWNER},
        why=WHY,
    ),
    Row(
        "api-token-revoke",
        {
            method: Door(REVOKE, refused=404, but={Column.AUDITOR: 403})
            for method in ("GET", "POST")
        },
        values={"pk": "api_token.pk"},
        unseen=UNSEEN,
        why=WHY,
    ),
]
_SELECTORS = "portal.selectors.api_tokens"
READERS = [
    Reader(f"{_SELECTORS}:api_tokens_visible_to", SEEN, arguments={"at": "@now"}),
    Reader(f"{_SELECTORS}:own_api_tokens", only(Column.OWNER), arguments={"at": "@now"}),
]


def prepare(world: Any) -> None:
    token, _ = make_token(world.people[Column.OWNER], name="Token of the owner")
    make_token(world.people[Column.LEAVER], name="Token of a leaver")  # found by nobody who left
    world.add(api_token=token)
