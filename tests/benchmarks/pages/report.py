"""One table on the terminal and one JSON file, from the same figures."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.pages.addresses import PLAIN_PEER, Page

CAVEAT = (
    "NetBox figures come from reference/performance.md: the same kind of machine, another run. "
    "The plain page ties the two: `/NetBox` is our p95 over NetBox's, `norm.` the same with both "
    "divided by the plain page of their own run. Times are printed, never asserted."
)


def results_folder() -> Path:
    """Where results are kept: `benchmarks/` below the data directory of whoever started the run."""
    return Path(os.environ["PLUMBLINE_BENCH_RESULTS"])


def write_json(name: str, document: Mapping[str, Any]) -> Path:
    """Write one result; returns its path."""
    folder = results_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(json.dumps(document, indent=2, default=str) + "\n")
    return path


def page_result(page: Page, timing: Mapping[str, Any], plain_p95: float) -> dict[str, Any]:
    """The figures of one page with its ratios."""
    found: dict[str, Any] = {"name": page.name, "url": page.url, **timing}
    found["to_plain"] = round(timing["p95"] / plain_p95, 2)
    if page.peer is not None:
        found["peer"] = page.peer.name
        found["peer_p95"] = page.peer.p95
        found["to_peer"] = round(timing["p95"] / page.peer.p95, 3)
        found["to_peer_normalised"] = round(
            (timing["p95"] / plain_p95) / (page.peer.p95 / PLAIN_PEER.p95), 3
        )
        found["target"] = page.peer.share
    if page.most_bytes:
        found["most_bytes"] = page.most_bytes
    return found


def page_table(results: Sequence[Mapping[str, Any]]) -> str:
    """The results as lines of text."""
    heads = ("page", "p50", "p95", "p50x4", "p95x4", "req/s", "bytes", "sql", "1st", "/plain",
             "/NetBox", "norm.", "target", "")  # fmt: skip
    rows = [heads, *(_cells(each) for each in results)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(heads))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if not place else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _cells(found: Mapping[str, Any]) -> tuple[str, ...]:
    def text(name: str) -> str:
        value = found.get(name)
        return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)

    target = found.get("target")
    is_above = target is not None and found["to_peer"] > target
    is_heavy = "most_bytes" in found and found["bytes"] > found["most_bytes"]
    marks = [word for word, is_so in (("slow", is_above), ("big", is_heavy)) if is_so]
    return (
        found["name"],
        *map(text, ("p50", "p95", "p50_4", "p95_4", "per_second_4", "bytes", "queries",
                    "first_queries", "to_plain", "to_peer", "to_peer_normalised")),
        "" if target is None else f"{target:g}",
        ", ".join(marks),
    )  # fmt: skip
