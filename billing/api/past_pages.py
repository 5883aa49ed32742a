"""Pages of lists that are worked out as of a moment: the same cursors, without a table behind."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from rest_framework.request import Request
from rest_framework.response import Response

from billing.selectors.costs import SumDraft
from billing.selectors.past_costs import CostKey, PastCosts
from billing.selectors.use_cases import UseCaseName, use_case_names
from portal.api.errors import FieldProblem, Problem, invalid
from portal.api.etags import content_tag
from portal.api.pagination import (
    BACKWARD,
    FORWARD,
    MAX_CURSOR,
    Page,
    bad_cursor,
    page_links,
    read_limit,
)
from portal.api.views import conditional

PastKey = tuple[str | int, ...]


class PastCursor(NamedTuple):
    """A place in such a list, and the side of it that is asked for."""

    direction: str
    key: PastKey


def too_much(error: Exception) -> Problem:
    """400 for more than is worked out as of a moment."""
    return invalid({"as_of": [FieldProblem("too_much", str(error))]})


def write_cursor(direction: str, kind: str, key: PastKey) -> str:
    """An opaque cursor of the list `kind`."""
    text = json.dumps([kind, direction, *key], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(
    text: str | None, kind: str, shape: Sequence[Callable[[Any], str | int]]
) -> PastCursor | None:
    """What `write_cursor` wrote; None without a cursor.

    Args:
        shape: for each part of the key, what makes it of what was read, or raises ValueError.

    Raises:
        Problem: 400, it is not one of this list's cursors.
    """
    if text is None:
        return None
    if len(text) > MAX_CURSOR:
        raise bad_cursor()
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found, direction, *key = json.loads(raw)
        made = tuple(make(part) for make, part in zip(shape, key, strict=True))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise bad_cursor() from None
    if found != kind or direction not in (FORWARD, BACKWARD):
        raise bad_cursor()
    return PastCursor(direction, made)


def day_text(value: Any) -> str:
    """A day as its text.

    Raises:
        ValueError: it is none.
    """
    return dt.date.fromisoformat(str(value)).isoformat()


_DAILY = "past-daily"
_DAILY_SHAPE = (day_text, str)


def past_days_response(
    request: Request,
    costs: PastCosts,
    present: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
) -> Response:
    """A page of daily costs as of a moment, by day and then by a digest of what each is of.

    What was recorded until a moment does not change any more, so the order stays as it is.
    """
    limit = read_limit(request.query_params.get("limit"))
    cursor = read_cursor(request.query_params.get("cursor"), _DAILY, _DAILY_SHAPE)
    ordered = sorted((_place(key), key) for key in costs.costs)
    page = _page(ordered, cursor, limit)
    names = use_case_names(key.use_case_id for key in page.rows)
    rows = [_row(key, costs.costs[key], costs.connections, names) for key in page.rows]
    answer = {**page_links(request, page), "results": present(rows)}
    return conditional(request, content_tag(request, answer), lambda: answer)


def _place(key: CostKey) -> PastKey:
    text = json.dumps([str(part) for part in key])
    return (key.day.isoformat(), hashlib.sha256(text.encode()).hexdigest()[:32])


def _page(
    ordered: Sequence[tuple[PastKey, CostKey]], cursor: PastCursor | None, limit: int
) -> Page:
    backward = cursor is not None and cursor.direction == BACKWARD
    if cursor is None:
        beyond = list(ordered)
    elif backward:
        beyond = [each for each in ordered if each[0] < cursor.key]
    else:
        beyond = [each for each in ordered if each[0] > cursor.key]
    shown = beyond[-limit:] if backward else beyond[:limit]
    return made_page(shown, cursor, _DAILY, has_more=len(beyond) > limit)


def made_page(
    shown: Sequence[tuple[PastKey, Any]], cursor: PastCursor | None, kind: str, *, has_more: bool
) -> Page:
    """Rows with the cursors to their neighbours, as every list of the API has them."""
    if not shown:
        return Page([], None, None)
    backward = cursor is not None and cursor.direction == BACKWARD
    has_next = backward or has_more
    has_previous = has_more if backward else cursor is not None
    return Page(
        [row for _, row in shown],
        write_cursor(FORWARD, kind, shown[-1][0]) if has_next else None,
        write_cursor(BACKWARD, kind, shown[0][0]) if has_previous else None,
    )


def _row(
    key: CostKey,
    cost: SumDraft,
    connections: Mapping[int, str],
    names: Mapping[int, UseCaseName],
) -> dict[str, Any]:
    """One daily cost with the columns of the roll-up."""
    name = names.get(key.use_case_id or 0)
    return {
        **key._asdict(),
        "use_case__slug": name.slug if name else None,
        "connection__slug": connections[key.connection_id],
        "billed_nano": cost.billed,
        "effective_nano": cost.effective,
        "effective_unknown": cost.unknown,
        "charges": cost.lines,
        "uninvoiced": cost.uninvoiced,
        "restated": cost.restated,
        "closed": cost.closed,
        "changed_at": cost.changed_at,
    }
