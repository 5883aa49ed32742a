"""What other sources would send, seeded: saved answers, a gateway's rows, seats and their invoice.

Amounts are exact decimals; days are UTC.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

_CENTS = Decimal(100)
# Model, token type, price of a million tokens in dollars, tokens on an ordinary working day.
_TOKENS = (
    ("claude-sonnet-4-5", "uncached_input_tokens", "3", 900_000),
    ("claude-sonnet-4-5", "output_tokens", "15", 160_000),
    ("claude-haiku-4-5", "uncached_input_tokens", "1", 1_500_000),
    ("claude-haiku-4-5", "output_tokens", "5", 220_000),
)
_GATEWAY_KEY = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"

Used = dict[tuple[str, str, str], int]  # workspace, model, token type → tokens


class Workspaces:
    """What two workspaces used and cost on each day.

    Args:
        first: the first day.
        until: no day on or after this one.
    """

    def __init__(self, names: Sequence[str], *, first: date, until: date, seed: int) -> None:
        source = random.Random(f"{seed}:workspaces:{first}")  # noqa: S311  (a story)
        self.days: dict[date, Used] = {}
        day = first
        while day < until:
            scale = 0.2 if day.weekday() >= 5 else 1.0
            self.days[day] = {
                (name, model, kind): int(usual * scale * source.uniform(0.6, 1.5))
                for name in names
                for model, kind, _, usual in _TOKENS
            }
            day += timedelta(days=1)

    def write(self, folder: Path) -> list[Path]:
        """The two saved answers: the cost report, and the usage report of messages."""
        cost = [_bucket(day, _costs(used)) for day, used in self.days.items()]
        usage = [_bucket(day, _usage(used)) for day, used in self.days.items()]
        return [
            _write_json(folder / "cost-report.json", _page(cost)),
            _write_json(folder / "usage-report-messages.json", _page(usage)),
        ]

    def daily_sums(self) -> Iterator[tuple[date, Decimal]]:
        """What all workspaces cost together, by day, in dollars."""
        for day, used in self.days.items():
            yield day, sum((_price(key, tokens) for key, tokens in used.items()), Decimal(0))


def _price(key: tuple[str, str, str], tokens: int) -> Decimal:
    """In dollars."""
    price = next(each[2] for each in _TOKENS if each[:2] == key[1:])
    return tokens * Decimal(price) / 1_000_000


def _costs(used: Used) -> list[dict[str, Any]]:
    return [
        {
            "currency": "USD",
            "amount": format(_price((workspace, model, kind), tokens) * _CENTS, "f"),
            "workspace_id": workspace,
            "cost_type": "tokens",
            "description": f"{model} usage, {kind.replace('_', ' ')}",
            "model": model,
            "service_tier": "standard",
            "token_type": kind,
            "context_window": "0-200k",
            "inference_geo": "global",
        }
        for (workspace, model, kind), tokens in used.items()
    ]


def _usage(used: Used) -> list[dict[str, Any]]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for (workspace, model, kind), tokens in used.items():
        row = rows.setdefault(
            (workspace, model),
            {
                "workspace_id": workspace,
                "api_key_id": None,
                "model": model,
                "service_tier": "standard",
                "cache_read_input_tokens": 0,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
                "server_tool_use": {"web_search_requests": 0},
            },
        )
        row[kind] = tokens
    return list(rows.values())


def _bucket(day: date, results: list[dict[str, Any]]) -> dict[str, Any]:
    following = day + timedelta(days=1)
    return {
        "starting_at": f"{day}T00:00:00Z",
        "ending_at": f"{following}T00:00:00Z",
        "results": results,
    }


def _page(buckets: list[dict[str, Any]]) -> dict[str, Any]:
    return {"data": buckets, "has_more": False, "next_page": None}


def write_gateway(path: Path, bill: Path) -> Path:
    """What a proxy before a provider estimates: tokens of its bill at list price, by day and model.

    Args:
        bill: the provider's FOCUS file, which says how many tokens there were.
    """
    days: dict[tuple[str, str], dict[str, Any]] = {}
    with bill.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["PricingUnit"] != "Tokens":
                continue
            day, model = row["ChargePeriodStart"][:10], row["x_Model"]
            found = days.setdefault((day, model), _gateway_row(day, model))
            kind = "completion_tokens" if "Output" in row["SkuMeter"] else "prompt_tokens"
            found[kind] += int(row["PricingQuantity"])
            found["spend"] += Decimal(row["ListCost"])
            found["api_requests"] += 1
    rows = [{**row, "spend": float(round(row["spend"], 6))} for row in days.values()]
    return _write_json(path, rows)


def _gateway_row(day: str, model: str) -> dict[str, Any]:
    return {
        "date": day, "team_id": "gateway", "api_key": _GATEWAY_KEY, "model": model,
        "model_group": model, "custom_llm_provider": "foundry", "prompt_tokens": 0,
        "completion_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0,
        "api_requests": 0, "spend": Decimal(0),
    }  # fmt: skip


def _write_json(path: Path, body: Any) -> Path:
    path.write_text(json.dumps(body), encoding="utf-8")
    return path


def seat_rows(months: Sequence[tuple[date, date]], *, seats: int) -> list[Mapping[str, str]]:
    """A row for each month (first day, first day of the next) that the seats are paid for."""
    return [
        {
            "subscription": "coding-assistant",
            "provider": "Anthropic",
            "service": "Claude Team",
            "plan": "claude-team",
            "seats": str(seats),
            "assigned_seats": str(seats - 3),
            "period_start": first.isoformat(),
            "period_end": end.isoformat(),
            "invoice_date": first.isoformat(),
            "cost_center": "CC-400",
            "team": "platform",
        }
        for first, end in months
    ]


def pdf_of(lines: Sequence[str]) -> bytes:
    """A document of one page with these lines of plain text, as an issuer would attach one."""
    text = " T* ".join(f"({line}) Tj" for line in lines)
    stream = f"BT /F1 14 Tf 20 TL 72 740 Td {text} ET".encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return (
        out
        + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(out))
    )
