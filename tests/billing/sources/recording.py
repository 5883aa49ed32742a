"""Answers and files that lie in `recorded/`, brought through the real import, and what they gave.

The records are written by hand from the formats, so they share no mistake with a builder; what each
comes to is worked out in `recorded/README.md`.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from django.core.management import call_command
from django.db.models import QuerySet

from billing.models import Charge, Usage
from portal.choices import RunStatus
from portal.models import Connection, ImportRun
from portal.services.connections import create_connection
from tests.billing.sources import fake_provider
from tests.billing.sources.fake_provider import FakeProvider, Params, served
from tests.billing.sources.fetched import NO_BRAKES, connect, fetch_days
from tests.billing.sources.providers import PROVIDERS
from tests.imports import START

RECORDED = Path(__file__).parent / "recorded"
_numbers = itertools.count(1)


def recorded(name: str) -> bytes:
    """A record as it lies there, byte by byte."""
    return (RECORDED / name).read_bytes()


# --- a provider that answers with records ---------------------------------------------------------


@dataclass(frozen=True)
class _Door:
    """What a request must carry, in which header."""

    secret: tuple[str, str]


@dataclass
class RecordedProvider(FakeProvider):
    """Answers exactly what is recorded of a source, chosen by path and by what is asked.

    `requests.json` of the source lists which request each record answers: its path and what its
    query or posted object holds. `null` stands for what must not be there; what is not listed does
    not matter. A request that nothing is recorded for is answered with 404.

    Attributes:
        source: the folder below `recorded/`.
        link_host: the host to which links of the answers lead; they are led here instead.
        address: here.
        given: the records that were asked for, in order.
    """

    source: str = ""
    link_host: str = ""
    address: str = ""
    given: list[str] = field(default_factory=list)

    def body(
        self, path: str, params: Params, posted: Mapping[str, Any] | None = None
    ) -> bytes | None:
        """The bytes of the record that answers."""
        for each in json.loads(recorded(f"{self.source}/requests.json")):
            if each["path"] == path and _is_asked(each["asked"], params, posted or {}):
                self.given.append(each["answer"])
                return self._with_links(recorded(f"{self.source}/{each['answer']}"))
        return None

    def _with_links(self, body: bytes) -> bytes:
        if not self.link_host:
            return body
        return body.replace(f"https://{self.link_host}".encode(), self.address.encode())


def _is_asked(wanted: Mapping[str, Any], params: Params, posted: Mapping[str, Any]) -> bool:
    asked: dict[str, Any] = dict(posted)
    for name, value in params:
        known = asked.get(name)
        asked[name] = value if known is None else [*_listed(known), value]
    return all(_same(value, asked.get(name)) for name, value in wanted.items())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _same(wanted: Any, asked: Any) -> bool:
    if isinstance(wanted, list):
        return sorted(wanted) == sorted(_listed(asked))
    return bool(wanted == asked)


class _Handler(fake_provider._Handler):
    """Behind a link no credential is wanted, and one that comes is refused."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if not path.startswith("/reports/"):
            super().do_GET()
        elif self.headers.get("Authorization"):
            self._say(400, b"{}")
        else:
            self._say(200, self.provider.body(path, []) or b"")


def fetch_recorded(
    name: str, first: date, last: date, *, link_host: str = "", **config: Any
) -> tuple[Connection, ImportRun, list[str]]:
    """Fetch what is recorded of a provider (a name of `PROVIDERS`) over HTTP and import it.

    Args:
        first, last: the window asked for, half-open, UTC.

    Returns:
        the connection, its run, and which records were asked for.
    """
    (provided,) = (each for each in PROVIDERS if each.name == name)
    shape: Any = _Door(provided.make_shape().secret)
    provider = RecordedProvider(shape, source=provided.source, link_host=link_host)
    with patch.object(fake_provider, "_Handler", _Handler), served(provider) as address:
        provider.address = address
        connection = connect(provided, address, **config)
        run = fetch_days(connection, first, last)
    assert isinstance(run, ImportRun), run
    assert run.status == RunStatus.APPLIED, run.problem or run.held_reason
    return connection, run, provider.given


# --- files, through the command -------------------------------------------------------------------


def import_recorded(source: str, *paths: Path, **config: Any) -> tuple[Connection, ImportRun]:
    """Import files or a folder with `import_costs`, into a connection of this source."""
    connection = create_connection(
        slug=f"recorded-{source.replace('_', '-')}-{next(_numbers)}",
        source=source,
        config={**NO_BRAKES, **config},
        at=START,
    )
    call_command(
        "import_costs",
        *("--source", source, "--connection", connection.slug, "--json"),
        *map(str, paths),
        stdout=io.StringIO(),
        stderr=io.StringIO(),
    )
    return connection, ImportRun.objects.get(connection=connection)


# --- what came of it ------------------------------------------------------------------------------


def money(connection: Connection) -> dict[str, dict[str, str]]:
    """Sums of what holds now, by currency and basis: billed, effective and list, as text with all
    nine places. A measure that some line does not state is left out of the sum and counted."""
    found: dict[str, dict[str, str]] = {}
    for currency, basis in sorted(set(_charges(connection).values_list("currency", "cost_basis"))):
        rows = _charges(connection).filter(currency=currency, cost_basis=basis)
        found[f"{currency} {basis}"] = {
            measure: _total(rows.values_list(f"{measure}_nano", flat=True))
            for measure in ("billed", "effective", "list")
        }
    return found


def amounts(
    whose: str, billed: str, effective: str = "", listed: str = "not stated"
) -> dict[str, dict[str, str]]:
    """What `money` gives of one currency and basis; effective is as billed unless it is given."""
    return {whose: {"billed": billed, "effective": effective or billed, "list": listed}}


def _total(values: Iterable[int | None]) -> str:
    stated = list(values)
    known = [each for each in stated if each is not None]
    if not known:
        return "not stated"
    unknown = len(stated) - len(known)
    return _text(sum(known)) + (f" and {unknown} not stated" if unknown else "")


def _text(nano: int) -> str:
    whole, rest = divmod(abs(nano), 10**9)
    return f"{'-' if nano < 0 else ''}{whole}.{rest:09}"


def lines(connection: Connection) -> list[str]:
    """Each cost line that holds now as its day and billed amount, in order."""
    rows = _charges(connection).values_list("day", "billed_nano")
    return sorted(f"{day} {_text(nano)}" for day, nano in rows)


def named(connection: Connection, *fields: str) -> set[Any]:
    """What the cost lines say in these fields of their dimension."""
    rows = _charges(connection).values_list(*(f"dimension__{name}" for name in fields))
    return {row[0] if len(fields) == 1 else row for row in rows}


def quantities(connection: Connection, *, dataset: str = "") -> dict[str, str]:
    """Sums of the quantities that hold now, by metric, without trailing zeros; of one report where
    several speak of the same."""
    found: dict[str, int] = {}
    rows = _usage(connection).values_list("dimension__metric", "quantity_micro")
    if dataset:
        rows = rows.filter(dimension__dataset=dataset)
    for metric, micro in rows:
        found[metric] = found.get(metric, 0) + micro
    return {
        metric: f"{micro / 10**6:.6f}".rstrip("0").rstrip(".") for metric, micro in found.items()
    }


def usage_rows(connection: Connection) -> int:
    """How many quantities hold now."""
    return _usage(connection).count()


def days(connection: Connection) -> tuple[str, str]:
    """The first and the last day of cost lines."""
    found = sorted(_charges(connection).values_list("day", flat=True))
    return str(found[0]), str(found[-1])


def notes(run: ImportRun) -> set[str]:
    """The codes of what the run says."""
    return {code for code, _ in run.notes}


def _charges(connection: Connection) -> QuerySet[Charge]:
    return Charge.objects.filter(slice__connection=connection, superseded_at__isnull=True)


def _usage(connection: Connection) -> QuerySet[Usage]:
    return Usage.objects.filter(slice__connection=connection, superseded_at__isnull=True)
