"""What is measured, and what it is held against."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from portal.shell.periods import Month
from tests.benchmarks.pages.plain import PLAIN, TAG
from tests.benchmarks.pages.sizes import HEAVIEST


@dataclass(frozen=True, slots=True)
class Peer:
    """A figure of `reference/performance.md`, section 4: NetBox 4 on a machine like this one.

    It was not measured in this run. `plain` pages were measured on both, so that their ratio says
    how much of a difference is the machine's.
    """

    name: str
    p50: float
    p95: float
    share: float  # the target: our p95 is at most this share of its p95


DEVICE_LIST = Peer("NetBox device list, 25 rows", 381, 836, 0.05)
DEVICE = Peer("NetBox device detail", 108, 145, 0.5)
REST_LIST = Peer("NetBox REST devices, 100", 273, 854, 0.05)
PLAIN_PEER = Peer("plain Django page", 3.0, 5.0, 1)
PLAIN_304_PEER = Peer("plain view's 304", 3.0, 4.8, 1)


@dataclass(frozen=True, slots=True)
class Page:
    """One address to measure.

    Attributes:
        most_bytes: what may be transferred at most; 0 for no target.
        rounds: how often it is asked in each way.
        is_constant: its number of queries must not depend on how much there is.
    """

    name: str
    url: str
    peer: Peer | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    most_bytes: int = 0
    rounds: int = 60
    is_constant: bool = True


def _address(name: str, *parts: str, **query: str) -> str:
    url = reverse(name, args=parts)
    return f"{url}?{urlencode(query)}" if query else url


def pages(today: dt.date) -> list[Page]:
    """Everything that is measured but the 304s of the API, which need a tag first."""
    month = Month.of(today) - 2
    half_year = {"from": str(month - 4), "to": str(month + 1)}
    of_month = {"use_case": HEAVIEST, "month": str(month), "measure": "billed"}
    to_date = {"use_case": HEAVIEST, "measure": "effective"}
    listed: dict[str, Any] = {"peer": DEVICE_LIST, "most_bytes": 35_000}
    return [
        Page("plain page, signed in", PLAIN, PLAIN_PEER, rounds=200),
        Page("plain page, 304", PLAIN, PLAIN_304_PEER, {"If_None_Match": TAG}, 304, rounds=200),
        Page("health", "/healthz"),
        Page("home", reverse("home")),
        Page("portfolio", _address("portfolio"), **listed),
        Page("portfolio, sorted by held", _address("portfolio", sort="-held"), **listed),
        Page("portfolio, filtered", _address("portfolio", stage="active", q="review"), **listed),
        Page("portfolio, page 2", _address("portfolio", page="2"), **listed),
        Page("portfolio, CSV of all", _address("portfolio", export="csv"), rounds=8,
             is_constant=False),
        Page("use case, the heaviest", _address("use-case", HEAVIEST), DEVICE),
        Page("its deliveries", _address("use-case-deliveries", HEAVIEST), **listed),
        Page("its changes", _address("use-case-changes", HEAVIEST), **listed),
        Page("costs, half a year by month", _address("costs", **half_year), DEVICE),
        Page("costs, a month by service",
             _address("costs", **{"from": str(month), "to": str(month)}, group="service"), DEVICE),
        Page("lineage, a month", _address("cost-lineage", **of_month), DEVICE),
        # Of few lines it asks for the rules and files at once, which is a query more.
        Page("lineage, to date", _address("cost-lineage", **to_date), DEVICE, is_constant=False),
        Page("its rules and files", _address("cost-lineage", **to_date, origins="1"), None,
             {"HX_Request": "true"}, rounds=20),
        Page("restatements", _address("restatements"), **listed),
        Page("import runs", _address("import-run-list"), **listed),
        Page("quarantine", _address("rejected-row-list"), **listed),
        Page("API use cases, 100", _address("api-use-cases", limit="100"), REST_LIST),
        Page("API daily costs, 100", _address("api-costs-daily", limit="100"), REST_LIST),
        Page("API daily costs of one, 100",
             _address("api-costs-daily", limit="100", use_case=HEAVIEST), REST_LIST),
        Page("API deliveries of one, 100",
             _address("api-use-case-deliveries", HEAVIEST, limit="100"), REST_LIST),
        Page("API costs of one", _address("api-use-case-costs", HEAVIEST)),
    ]  # fmt: skip


# Lists whose 304 is measured beside the plain view's.
TAGGED = ("API use cases, 100", "API daily costs, 100")
