"""What a metric can be about: programmes, use cases, teams, services; and their days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from adoption.choices import ScopeKind
from adoption.models import Programme, Service, Team, UseCase
from portal.models import User

ALL = 0  # the scope id that stands for all of a kind
FALLBACK_ZONE = "UTC"


@dataclass(frozen=True, slots=True)
class Scope:
    """One thing that values are about.

    Attributes:
        ref: how addresses and the API name it (`use_case:answer-drafts`).
        zone: in which its days are cut (IANA).
        families: the totals that its values are part of.
        owner_ids: who answers for it, and so neither approves its figures nor sees small groups.
    """

    kind: ScopeKind
    pk: int
    ref: str
    name: str
    zone: str
    families: tuple[str, ...]
    owner_ids: frozenset[int] = frozenset()


def first_day() -> dt.date | None:
    """The day on which the first programme starts: nothing is filled before it."""
    return Programme.objects.order_by("starts_on").values_list("starts_on", flat=True).first()


def house_zone() -> str:
    """The zone of what belongs to no programme: that of the oldest one."""
    zone = Programme.objects.order_by("pk").values_list("time_zone", flat=True).first()
    return zone or FALLBACK_ZONE


def scopes_of(kind: str, pks: Iterable[int] | None = None) -> dict[int, Scope]:
    """The scopes of a kind by key, in one or two queries; all of them unless some are named."""
    readers = {
        ScopeKind.PROGRAMME: _programmes,
        ScopeKind.USE_CASE: _use_cases,
        ScopeKind.TEAM: _teams,
        ScopeKind.SERVICE: _services,
    }
    wanted = None if pks is None else list(pks)
    return {scope.pk: scope for scope in readers[ScopeKind(kind)](wanted)}


def _programmes(pks: list[int] | None) -> list[Scope]:
    rows = Programme.objects.all() if pks is None else Programme.objects.filter(pk__in=pks)
    return [
        Scope(
            ScopeKind.PROGRAMME, row.pk, f"programme:{row.slug}", row.name, row.time_zone,
            ("house",), frozenset({row.owner_id}),
        )
        for row in rows
    ]  # fmt: skip


def _use_cases(pks: list[int] | None) -> list[Scope]:
    rows = UseCase.objects.select_related("programme").only(
        "slug", "title", "owner_id", "programme__owner_id", "programme__time_zone"
    )
    rows = rows if pks is None else rows.filter(pk__in=pks)
    return [
        Scope(
            ScopeKind.USE_CASE, row.pk, f"use_case:{row.slug}", row.title,
            row.programme.time_zone, ("house", f"programme:{row.programme_id}"),
            frozenset({row.owner_id, row.programme.owner_id}),
        )
        for row in rows
    ]  # fmt: skip


def _teams(pks: list[int] | None) -> list[Scope]:
    rows = Team.objects.all() if pks is None else Team.objects.filter(pk__in=pks)
    zone = house_zone()
    return [
        Scope(
            ScopeKind.TEAM, row.pk, f"team:{row.slug}", row.name, zone,
            ("house", f"team:{row.parent_id or 0}"),
        )
        for row in rows
    ]  # fmt: skip


def _services(pks: list[int] | None) -> list[Scope]:
    rows = Service.objects.all() if pks is None else Service.objects.filter(pk__in=pks)
    zone = house_zone()
    return [
        Scope(
            ScopeKind.SERVICE, row.pk, f"service:{row.pk}", row.name, zone,
            ("house", f"repository:{row.repository_id}"),
        )
        for row in rows
    ]  # fmt: skip


def scope_or_none(kind: str, ref: str) -> Scope | None:
    """The scope that an address names: by slug, a service by its number."""
    if kind not in ScopeKind.values:
        return None
    if kind == ScopeKind.SERVICE:
        pk = int(ref) if ref.isascii() and ref.isdigit() and len(ref) < 19 else None
    else:
        model = {
            ScopeKind.PROGRAMME: Programme, ScopeKind.USE_CASE: UseCase, ScopeKind.TEAM: Team,
        }[ScopeKind(kind)]  # fmt: skip
        pk = model._default_manager.filter(slug=ref[:100]).values_list("pk", flat=True).first()
    return scopes_of(kind, [pk]).get(pk) if pk is not None else None


def scope_names(keys: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], str]:
    """Names of scopes by kind and key; key 0 is all of the kind."""
    wanted: dict[str, set[int]] = {}
    for kind, pk in keys:
        wanted.setdefault(kind, set()).add(pk)
    found: dict[tuple[str, int], str] = {}
    for kind, pks in wanted.items():
        label = ScopeKind(kind).label.lower()
        found[kind, ALL] = f"Every {label}"
        for pk, scope in scopes_of(kind, pks - {ALL}).items():
            found[kind, pk] = scope.name
    return found


def answers_for_others(person: User) -> bool:
    """Whether somebody owns a programme or a use case: a manager, in the words of privacy."""
    return (
        Programme.objects.filter(owner=person).exists()
        or UseCase.objects.filter(owner=person).exists()
    )
