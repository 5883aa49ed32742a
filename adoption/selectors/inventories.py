"""Use cases on their way out, as plain records that every form can write."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet

from adoption.inventories.contracts import CLAIM_FIELDS, InventoryRecord
from adoption.models import UseCase, UseCaseProfile
from adoption.selectors.records import record_values


def inventory_record(use_case: UseCase) -> InventoryRecord:
    """One use case; programme, team, owner and profile must be loaded."""
    profile = getattr(use_case, "profile", None) or UseCaseProfile(use_case=use_case)
    return InventoryRecord(
        slug=use_case.slug,
        title=use_case.title,
        stage=use_case.stage,
        programme=use_case.programme.slug,
        team=use_case.team.slug,
        team_name=use_case.team.name,
        owner=use_case.owner.username,
        owner_email=use_case.owner.email,
        claim={name: getattr(use_case, name) for name in CLAIM_FIELDS},
        record=record_values(profile),
        form_fields=profile.form_fields,
    )


def inventory_records(rows: QuerySet[UseCase]) -> Iterator[InventoryRecord]:
    """All of `rows` in the order in which they were registered. One query."""
    found = rows.select_related("programme", "team", "owner", "profile").order_by("pk")
    for use_case in found.iterator(chunk_size=500):
        yield inventory_record(use_case)
