"""Answers of an interface with cost lines and quantities, as a fetch lands them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import starmap
from typing import Any
from uuid import UUID

from billing.models import Usage, UsageSlice
from portal.imports.fetching import spool_line
from portal.services.connections import create_connection
from tests.imports import START

FIRST = datetime(2026, 5, 1, tzinfo=UTC)
DAYS = 3


def make_interface() -> None:
    """The connection that reads them."""
    config = {"hold_jump_percent": 10_000, "hold_jump_floor": 10**9}
    create_connection(slug="interface", source="openai", config=config, at=START)


def answers(version: int) -> bytes:
    """Three days of three projects; of one project they differ from version to version."""
    projects = [(f"p{n}", version if n == 0 else n) for n in range(3)]
    cost = [
        {
            "object": "organization.costs.result",
            "amount": {"value": f"{much}.25", "currency": "usd"},
            "line_item": "model-1, input",
            "project_id": name,
        }
        for name, much in projects
    ]
    usage = [
        {
            "object": "organization.usage.completions.result",
            "input_tokens": 100 * much + 7,
            "input_cached_tokens": 7,
            "output_tokens": 10,
            "num_model_requests": much,
            "project_id": name,
            "model": "model-1",
        }
        for name, much in projects
    ]
    pages = (("costs", cost), ("usage/completions", usage))
    return b"".join(spool_line(name, _page(rows)) for name, rows in pages)


def _page(rows: list[dict[str, Any]]) -> bytes:
    starts = [FIRST + timedelta(days=day) for day in range(DAYS)]
    buckets = [
        {
            "object": "bucket",
            "start_time": int(start.timestamp()),
            "end_time": int((start + timedelta(days=1)).timestamp()),
            "results": rows,
        }
        for start in starts
    ]
    return json.dumps({"object": "page", "data": buckets, "has_more": False}).encode()


def problems_of_quantities() -> list[str]:
    """Slices that say another number of rows than there are, or another sum of their digests."""
    live = Usage.objects.filter(superseded_at=None)
    found = []
    for each in UsageSlice.objects.all():
        rows = live.filter(slice=each).values_list("identity", "quantity_micro")
        if each.rows != len(rows):
            found.append(f"{each} says {each.rows} quantities and has {len(rows)}")
        elif each.digest != sum(starmap(_digest, rows)) % 2**63:
            found.append(f"{each} does not say what its quantities are")
    return found


def _digest(identity: UUID, micro: int) -> int:
    told = blake2b(identity.bytes + str(micro).encode(), digest_size=8).digest()
    return int.from_bytes(told, "big") >> 1
