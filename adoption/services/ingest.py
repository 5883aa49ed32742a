"""Changes, deployments and incidents that a program sends by itself, item by item."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from adoption.deploys.payload import BadPayloadError
from adoption.services.deploy_store import (
    DeployStore,
    FutureStatementError,
    ask_for_placement,
)
from adoption.sources.generic.parser import read_change, read_deployment, read_incident
from portal.models import Connection, User

READERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "changes": read_change,
    "deployments": read_deployment,
    "incidents": read_incident,
}
REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """What became of one item; `field` and `detail` say why it was rejected."""

    external_id: str
    status: str
    field: str = ""
    detail: str = ""


@transaction.atomic
def ingest(
    *,
    connection: Connection,
    noun: str,
    items: Sequence[Any],
    actor: User | None,
    at: datetime,
) -> list[ItemOutcome]:
    """Store items of one noun of `READERS`; a bad one never fails the others."""
    store = DeployStore(connection, at=at)
    outcomes: list[ItemOutcome] = []
    touched: list[int | None] = []
    for item in items:
        name = str(item.get("external_id", ""))[:200] if isinstance(item, Mapping) else ""
        try:
            if not isinstance(item, Mapping):
                raise BadPayloadError("", item, "an object")
            stored = store.store(READERS[noun](item))
        except BadPayloadError as error:
            outcomes.append(ItemOutcome(name, REJECTED, error.field, str(error)))
        except FutureStatementError as error:
            outcomes.append(ItemOutcome(name, REJECTED, "observed_at", str(error)))
        else:
            touched.append(stored.repository_id)
            outcomes.append(ItemOutcome(stored.external_id, stored.outcome))
    ask_for_placement(repository_ids=touched, actor=actor, at=at)
    return outcomes
