"""The names of use cases, for those who read costs without a person (commands, background work)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from adoption.selectors.use_cases import use_cases_visible_to
from billing.models import AllocationShare
from portal.policies import AnyUser


@dataclass(frozen=True, slots=True)
class UseCaseName:
    """What a page needs to name a use case and to link to it."""

    pk: int
    slug: str
    title: str

    def __str__(self) -> str:
        return self.title


def _rows(user: AnyUser | None) -> QuerySet[Any]:
    """What this person may see; everything for None, who is the operator at the terminal."""
    if user is not None:
        return use_cases_visible_to(user)
    # Billing points at adoption's model by string, so it reaches it through its own foreign key.
    model: Any = AllocationShare._meta.get_field("use_case").related_model
    rows: QuerySet[Any] = model.objects.all()
    return rows


def use_case_by_slug(slug: str, user: AnyUser | None) -> UseCaseName | None:
    """One use case, or None when there is none for this person."""
    found = _rows(user).filter(slug=slug).values_list("pk", "slug", "title").first()
    return None if found is None else UseCaseName(*found)


def use_case_by_name(text: str, user: AnyUser | None) -> UseCaseName | None:
    """One use case by its slug or its exact title; None when that names none, or several."""
    found = use_case_by_slug(text, user)
    if found is not None:
        return found
    rows = list(_rows(user).filter(title=text).values_list("pk", "slug", "title")[:2])
    return UseCaseName(*rows[0]) if len(rows) == 1 else None


def use_case_names(ids: Iterable[int | None]) -> dict[int, UseCaseName]:
    """Names by id; ids that are None or unknown are left out. One query."""
    wanted = {pk for pk in ids if pk is not None}
    if not wanted:
        return {}
    rows = _rows(None).filter(pk__in=wanted).values_list("pk", "slug", "title")
    return {pk: UseCaseName(pk, slug, title) for pk, slug, title in rows}


def all_use_case_names(user: AnyUser) -> list[UseCaseName]:
    """Every use case that this person may see, by title."""
    rows = use_cases_visible_to(user).order_by("title", "pk")
    return [UseCaseName(*row) for row in rows.values_list("pk", "slug", "title")]


def teams_of_use_cases(ids: Iterable[int | None]) -> dict[int, str]:
    """The slug of the team that owns each; without those that have none. One query."""
    wanted = {pk for pk in ids if pk is not None}
    rows = _rows(None).filter(pk__in=wanted, team__isnull=False)
    return dict(rows.values_list("pk", "team__slug"))


def use_cases_of_team(slug: str) -> list[int]:
    """Numbers of the use cases that a team owns, the teams below it aside. One query."""
    return list(_rows(None).filter(team__slug=slug).values_list("pk", flat=True))
