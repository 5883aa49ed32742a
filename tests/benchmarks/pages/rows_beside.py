"""Cost lines and deployments by the million beside what is measured, straight into their tables."""

from __future__ import annotations

import datetime as dt
import uuid

from adoption.choices import DeploymentStatus, EnvironmentTier
from adoption.models import Deployment, Repository, Service
from billing.choices import ChargeCategory, CostBasis
from billing.models import Charge, ChargeDimension, ChargeSlice
from portal.choices import ImportKind
from portal.models import Connection, ImportFile
from tests.adoption.factories import NOW
from tests.benchmarks.pages import bulk
from tests.benchmarks.pages.costs import applied_run
from tests.benchmarks.pages.sizes import DAYS

_DIMENSIONS = 1_000
_SERVICES = 200
_START = NOW.date() - dt.timedelta(days=DAYS)


def fill_beside(*, charges: int, deployments: int) -> None:
    """So many of each, spread over a year and over dimensions and services."""
    bulk.number_table("beside_number", max(charges, deployments))
    _fill_charges(charges)
    _fill_deployments(deployments)


def _connection(source: str, kind: ImportKind) -> Connection:
    return Connection.objects.create(
        slug=f"beside-{source}", name=f"Beside {source}", source=source, kind=kind, created_at=NOW
    )


def _fill_charges(count: int) -> None:
    connection = _connection("focus", ImportKind.COSTS)
    run = applied_run(connection, NOW)
    run.save()
    file = ImportFile.objects.create(run=run, index=0, name="b.csv", sha256="0" * 64, size=1)
    dimensions = ChargeDimension.objects.bulk_create(
        ChargeDimension(
            digest=uuid.UUID(int=place),
            billing_account_id="account",
            provider="Anthropic",
            service_name=f"Service {place % 40}",
            charge_category=ChargeCategory.USAGE,
        )
        for place in range(_DIMENSIONS)
    )
    slices = ChargeSlice.objects.bulk_create(
        ChargeSlice(
            connection=connection, billing_account_id="account",
            billing_period_start=day.replace(day=1), day=day, currency="USD",
            rows=count // DAYS, digest=0, billed_nano=0, effective_nano=0, last_run=run,
            changed_at=NOW,
        )
        for day in (_START + dt.timedelta(days=number) for number in range(DAYS))
    )  # fmt: skip
    bulk.lookup_table(
        "beside_slice",
        {"place": "integer", "slice_id": "bigint", "day": "date"},
        ["place"],
        ((place, each.pk, each.day) for place, each in enumerate(slices)),
    )
    day = bulk.moment_of(_START, "s.place * 86400")
    bulk.insert_select(
        Charge,
        {
            "slice_id": "s.slice_id", "dimension_id": f"{dimensions[0].pk} + n.n % {_DIMENSIONS}",
            "run_id": str(run.pk), "file_id": str(file.pk), "line": "n.n",
            "identity": bulk.uuid_of("n.n"), "content": bulk.uuid_of("n.n"), "day": "s.day",
            "charge_period_start": day, "charge_period_end": day, "currency": "'USD'",
            "cost_basis": f"'{CostBasis.INVOICED.value}'", "billed_nano": "1000003 + n.n % 977",
            "recorded_at": day,
        },
        f"beside_number n JOIN beside_slice s ON s.place = n.n * {DAYS} / {count} "
        f"WHERE n.n < {count}",
    )  # fmt: skip


def _fill_deployments(count: int) -> None:
    connection = _connection("generic", ImportKind.DELIVERIES)
    repositories = Repository.objects.bulk_create(
        Repository(key=f"git.example/beside/{place}") for place in range(_SERVICES)
    )
    services = Service.objects.bulk_create(
        Service(key=each.key, name=f"Beside {place}", repository=each)
        for place, each in enumerate(repositories)
    )
    bulk.insert_select(
        Deployment,
        {
            "connection_id": str(connection.pk),
            "service_id": f"{services[0].pk} + n.n % {_SERVICES}",
            "external_id": "'beside-' || CAST(n.n AS text)", "environment": "'production'",
            "tier": f"'{EnvironmentTier.PRODUCTION.value}'",
            "status": f"'{DeploymentStatus.SUCCEEDED.value}'",
            "finished_at": bulk.moment_of(_START, f"n.n * {DAYS * 24 * 3600 // count}"),
            "content": bulk.uuid_of("n.n"),
        },
        f"beside_number n WHERE n.n < {count}",
    )  # fmt: skip
