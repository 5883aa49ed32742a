"""Importing a registry: all of a file or nothing, and the same file again changes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction

from adoption.choices import Stage, ValueType
from adoption.inventories.contracts import (
    CLAIM_FIELDS,
    InventoryRecord,
    InventoryRow,
    reject,
)
from adoption.inventories.fields import RECORD_FIELDS
from adoption.models import UseCase, UseCaseProfile
from adoption.selectors.inventories import inventory_record
from adoption.selectors.use_cases import ENDED_STAGES
from adoption.services.refusals import RefusedError
from adoption.services.registry_places import ImportOptions, Places
from adoption.services.stages import end_use_case
from adoption.services.use_cases import create_use_case, update_use_case
from portal.imports.contracts import Rejection
from portal.models import User
from portal.wording import counted

logger = structlog.get_logger(__name__)
_ENDED_THERE = "Ended according to the imported inventory."


class RegistryRefusedError(Exception):
    """Rows of the file cannot be taken, so nothing was."""

    def __init__(self, rejections: Sequence[Rejection]) -> None:
        super().__init__(
            f"{counted(len(rejections), 'row')} cannot be taken; nothing was imported."
        )
        self.rejections = tuple(rejections)


@dataclass(frozen=True, slots=True)
class RegistryImport:
    """What an import did, or would do: slugs by outcome."""

    created: tuple[str, ...]
    updated: tuple[str, ...]
    unchanged: tuple[str, ...]
    teams_created: tuple[str, ...]

    @property
    def touched(self) -> tuple[str, ...]:
        """All use cases of the file."""
        return self.created + self.updated + self.unchanged


def import_registry(
    *,
    rows: Iterable[InventoryRow],
    options: ImportOptions,
    actor: User | None,
    at: dt.datetime,
    is_dry_run: bool = False,
    progress: Callable[[Iterable[InventoryRow]], Iterable[InventoryRow]] = iter,
) -> RegistryImport:
    """Register what is new and change what the file has changed, in one transaction.

    A row is the use case with its key, or the one that our own export named. Of a known one only
    fields are written whose cell differs from the last import, so that what was edited here since
    stays. Without `actor` each use case's owner acts; `progress` is told of each row.

    Raises:
        RegistryRefusedError: some rows cannot be taken. Nothing is written.
    """
    rows = list(rows)
    places = Places(options, at)
    outcomes: dict[str, list[str]] = {"created": [], "updated": [], "unchanged": []}
    rejections: list[Rejection] = []
    with transaction.atomic():
        known = _known_keys(rows)
        for row in progress(rows):
            try:
                with transaction.atomic():
                    outcome, slug = _take(row, places, actor, at, known)
                outcomes[outcome].append(slug)
            except (RefusedError, ValidationError) as error:
                rejections.extend(_rejections(row, error))
        if rejections or is_dry_run:
            transaction.set_rollback(True)
    if rejections:
        raise RegistryRefusedError(rejections)
    logger.info("registry_imported", **{name: len(each) for name, each in outcomes.items()})
    return RegistryImport(
        **{name: tuple(each) for name, each in outcomes.items()},
        teams_created=tuple(team.slug for team in places.teams_created),
    )


def _rejections(row: InventoryRow, error: RefusedError | ValidationError) -> list[Rejection]:
    if isinstance(error, RefusedError):
        return [reject(row.line, error.field, "", "refused", error.reason, row.raw_text)]
    by_field: Mapping[str, Sequence[str]] = (
        error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    )
    return [
        reject(row.line, name, "", "invalid", " ".join(messages), row.raw_text)
        for name, messages in by_field.items()
    ]


def _take(
    row: InventoryRow,
    places: Places,
    actor: User | None,
    at: dt.datetime,
    known: Mapping[str, int],
) -> tuple[str, str]:
    use_case = _find(row, known)
    if use_case is None:
        return "created", _create(row, places, actor, at).slug
    is_changed = _update(row, use_case, actor or use_case.owner, at)
    return ("updated" if is_changed else "unchanged"), use_case.slug


def _known_keys(rows: Sequence[InventoryRow]) -> dict[str, int]:
    """Use cases of earlier imports by key, and all others by `slug:` and their slug."""
    keys = [row.key for row in rows]
    found = UseCaseProfile.objects.filter(import_key__in=keys)
    by_slug = UseCase.objects.filter(slug__in=[row.slug for row in rows if row.slug])
    return {
        **{f"slug:{slug}": pk for slug, pk in by_slug.values_list("slug", "pk")},
        **{str(key): pk for key, pk in found.values_list("import_key", "use_case_id")},
    }


def _find(row: InventoryRow, known: Mapping[str, int]) -> UseCase | None:
    pk = known.get(row.key, known.get(f"slug:{row.slug}"))
    if pk is None:
        return None
    rows = UseCase.objects.select_for_update(of=("self",)).select_related(
        "programme", "team", "owner", "profile"
    )
    use_case = rows.get(pk=pk)
    if row.key in known or "reference" not in row.record:
        return use_case
    # An identifier that happens to read like an address is not ours: ours stands where we have
    # no reference, with the same organisation.
    record = inventory_record(use_case).record
    is_ours = not record["reference"] and record["organisation"] == row.record["organisation"]
    return use_case if is_ours else None


def _create(row: InventoryRow, places: Places, actor: User | None, at: dt.datetime) -> UseCase:
    programme = places.programme(row)
    owner = places.owner(row, programme)
    by = actor or owner
    claim: dict[str, Any] = {
        "value_type": places.options.value_type or ValueType.NOT_STATED,
        "risk_tier": "not_stated",
        **row.claim,
    }
    use_case = create_use_case(
        title=row.title,
        programme=programme,
        team=places.team(row, by),
        owner=owner,
        **claim,
        profile=row.record,
        actor=by,
        at=at,
    )
    _remember(row, use_case)
    if row.stage in ENDED_STAGES:
        _end(row, use_case, by, at)
    return use_case


def _update(row: InventoryRow, use_case: UseCase, actor: User, at: dt.datetime) -> bool:
    profile: UseCaseProfile | None = getattr(use_case, "profile", None)
    was = profile.import_digests if profile and profile.import_key == row.key else {}
    now = row.digests
    if was == now:
        return False
    current = inventory_record(use_case)
    claim, record = _differences(row, current, {name for name in now if was.get(name) != now[name]})
    has_ended = row.stage in ENDED_STAGES and use_case.stage not in ENDED_STAGES
    has_other_forms = _said(_merged_forms(row, current)) != _said(current.form_fields)
    if not (was or claim or record or has_ended or has_other_forms):
        return False
    if claim or record:
        use_case = update_use_case(
            use_case_id=use_case.pk,
            expected_version=use_case.version,
            actor=actor,
            at=at,
            profile=record,
            **claim,
        )
    _remember(row, use_case)
    if has_ended:
        _end(row, use_case, actor, at)
    return True


def _differences(
    row: InventoryRow, current: InventoryRecord, changed: set[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the file says otherwise than the record, among the fields that the file has changed."""
    claim: dict[str, Any] = {
        name: value for name, value in row.claim.items()
        if name in CLAIM_FIELDS and name in changed and value.strip() != current.claim[name]
    }  # fmt: skip
    if "title" in changed and row.title != current.title:
        claim["title"] = row.title
    # What our own export writes where the record says nothing, is not news.
    stand_ins = {"reference": current.slug, "bureau": current.team_name,
                 "contact_email": current.owner_email, "trade_name": current.title}  # fmt: skip
    record = {
        name: value for name, value in row.record.items()
        if name in changed and value != current.record[RECORD_FIELDS[name].name]
        and not (not current.record[name] and value == stand_ins.get(name))
    }  # fmt: skip
    return claim, record


def _merged_forms(row: InventoryRow, current: InventoryRecord) -> dict[str, Mapping[str, str]]:
    """What forms said, with what this one says; another form's words stay."""
    merged = dict(current.form_fields) | dict(row.form_fields)
    return {form: cells for form, cells in merged.items() if cells}


def _said(forms: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Without empty cells: that a form is silent is no news."""
    said = {form: {name: cell for name, cell in cells.items() if cell}
            for form, cells in forms.items()}  # fmt: skip
    return {form: cells for form, cells in said.items() if cells}


def _remember(row: InventoryRow, use_case: UseCase) -> None:
    """Who the row is, what it said, and what our words would not write the same."""
    profile = use_case.profile
    if profile.import_key is None or profile.import_key == row.key:
        profile.import_key = row.key
        profile.import_digests = row.digests
    profile.form_fields = {
        form: dict(cells) for form, cells in _merged_forms(row, inventory_record(use_case)).items()
    }
    profile.save(update_fields=["import_key", "import_digests", "form_fields"])


def _end(row: InventoryRow, use_case: UseCase, actor: User, at: dt.datetime) -> None:
    end_use_case(
        use_case_id=use_case.pk,
        to_stage=Stage(row.stage),
        expected_version=use_case.version,
        reason=_ENDED_THERE,
        actor=actor,
        at=at,
    )
