"""Everything that answers with values of metrics, asked at random by everybody who may."""

from __future__ import annotations

import datetime as dt
import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.choices import Role
from portal.models import ApprovalRequest, User
from portal.services.api_tokens import create_api_token
from tests.adoption.reading.house import AFTER, DAY, METRICS, MOMENTS, MONTHS, House

# Who sees groups of ten only: who leads, and who owns a programme or a use case.
MANAGERS = frozenset({"owner", Role.PROGRAMME_LEAD.value})
PARQUET = "application/vnd.apache.parquet"


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody, or a program that acts as somebody, with a connection of their own."""

    name: str
    client: Client
    headers: Mapping[str, str]
    is_program: bool

    @property
    def k(self) -> int:
        return 10 if self.name in MANAGERS else 5


@dataclass(frozen=True, slots=True)
class Answer:
    """Which values one answer tells."""

    asker: Asker
    what: str
    told: frozenset[int]


def askers_of(house: House) -> list[Asker]:
    """Every role in a browser, and programs of an employee and of a lead."""
    found = []
    for name, person in house.people.items():
        client = Client()
        client.force_login(person)
        found.append(Asker(name, client, {}, is_program=False))
    for name in ("employee", Role.PROGRAMME_LEAD.value):
        found.append(Asker(name, Client(), _token(house.people[name]), is_program=True))
    return found


def _token(owner: User) -> dict[str, str]:
    now = timezone.now()
    _, text = create_api_token(
        owner=owner, name="Report", scopes=["metrics:read"], actor=owner, at=now,
        expires_at=now + DAY,
    )  # fmt: skip
    return {"Authorization": f"Bearer {text}"}


def ask(house: House, asker: Asker, source: random.Random) -> Answer:
    """One question of any kind, and which values its answer tells."""
    kinds = [_values, _values, _values, _explained, _dashboard, _snapshot]
    if not asker.is_program:
        kinds += [_series_page, _value_page, _metric_page, _board_page, _approval_page]
    path, query = source.choice(kinds)(house, source)
    answer = asker.client.get(path, query, headers=dict(asker.headers))
    what = f"{asker.name}: {path} {query} → {answer.status_code}"
    if answer.status_code >= 500:
        raise AssertionError(what)
    return Answer(asker, what, house.told_in(_text(answer)))


def _text(answer: Any) -> str:
    body = answer.content if not answer.streaming else b"".join(answer.streaming_content)
    if answer.headers.get("Content-Type", "").split(";")[0] != PARQUET or answer.status_code != 200:
        return str(body.decode())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "values.parquet"
        path.write_bytes(body)
        return str(
            duckdb.connect()
            .execute("SELECT COLUMNS(*)::VARCHAR FROM read_parquet(?)", [str(path)])
            .fetchall()
        )


Question = tuple[str, dict[str, str]]


def _some(source: random.Random, query: dict[str, str], chance: float = 0.5) -> dict[str, str]:
    return {name: said for name, said in query.items() if source.random() < chance}


def _values(house: House, source: random.Random) -> Question:
    key, ref = source.choice(house.scope_refs)
    days = [*MONTHS, AFTER, dt.date(2026, 1, 15)]
    query = {
        "scope": ref,
        "from": source.choice(days).isoformat(),
        "to": source.choice(days).isoformat(),
        "as_of": (source.choice(MOMENTS) + source.choice((0, 1)) * DAY / 2).isoformat(),
        "compare": "previous",
        "version": "1.0.0",
        "format": source.choice(("json", "csv", "parquet")),
    }
    return f"/api/v1/metrics/{key}/values/", _some(source, query)


def _explained(house: House, source: random.Random) -> Question:
    return f"/api/v1/explain/{source.choice(house.rows).pk}/", {}


def _dashboard(house: House, source: random.Random) -> Question:
    return f"/api/v1/dashboards/{house.board.slug if house.board else 'none'}/", {}


def _snapshot(house: House, source: random.Random) -> Question:
    return reverse("api-snapshot", args=[1]), {}


def _series_page(house: House, source: random.Random) -> Question:
    key, ref = source.choice(house.scope_refs)
    return reverse("metric-values", args=[key]), _some(source, {"scope": ref}, 0.8)


def _value_page(house: House, source: random.Random) -> Question:
    return reverse("metric-value", args=[source.choice(house.rows).pk]), {}


def _metric_page(house: House, source: random.Random) -> Question:
    return reverse("metric", args=[source.choice(METRICS)[0]]), {}


def _board_page(house: House, source: random.Random) -> Question:
    name = source.choice(
        ("dashboard", "dashboard-print", "dashboard-export", "dashboard-version", "dashboard-tile")
    )
    slug = house.board.slug if house.board else "none"
    args: list[Any] = [slug]
    if name == "dashboard-version":
        args.append(1)
    elif name == "dashboard-tile":
        args.append(source.randint(1, 20))
    return reverse(name, args=args), {}


def _approval_page(house: House, source: random.Random) -> Question:
    pks = list(ApprovalRequest.objects.values_list("pk", flat=True))
    return reverse("approval", args=[source.choice(pks)]), {}
