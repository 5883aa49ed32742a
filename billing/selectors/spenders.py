"""Use cases and programmes as those who spend: what budgets and alerts need to name them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from billing.models import Budget
from portal.models import User
from portal.policies import AnyUser
from portal.shell.periods import FiscalCalendar


@dataclass(frozen=True, slots=True)
class Spender:
    """A use case: its name, who owns it, and its programme with the fiscal year of that."""

    pk: int
    slug: str
    title: str
    owner_id: int
    programme_id: int
    fiscal_month: int

    @property
    def calendar(self) -> FiscalCalendar:
        return FiscalCalendar(self.fiscal_month)


@dataclass(frozen=True, slots=True)
class SpendingProgramme:
    """A programme: its name, who owns it, its fiscal year."""

    pk: int
    slug: str
    title: str
    owner_id: int
    fiscal_month: int

    @property
    def calendar(self) -> FiscalCalendar:
        return FiscalCalendar(self.fiscal_month)


def _model(name: str) -> Any:
    # Billing points at adoption's models by string, and reaches them through its own foreign keys.
    return Budget._meta.get_field(name).related_model


def spenders(ids: Iterable[int] | None = None) -> dict[int, Spender]:
    """Use cases by id; all of them for None. One query."""
    rows = _model("use_case").objects.all()
    if ids is not None:
        rows = rows.filter(pk__in=set(ids))
    names = ("pk", "slug", "title", "owner_id", "programme_id",
             "programme__fiscal_year_start_month")  # fmt: skip
    return {row[0]: Spender(*row) for row in rows.values_list(*names)}


def owns_any_use_case(user: AnyUser) -> bool:
    """Whether this person owns one, and may so have a budget or a breaker of their own. One
    query."""
    return isinstance(user, User) and _model("use_case").objects.filter(owner=user).exists()


def spending_programmes(ids: Iterable[int] | None = None) -> dict[int, SpendingProgramme]:
    """Programmes by id; all of them for None. One query."""
    rows = _model("programme").objects.all()
    if ids is not None:
        rows = rows.filter(pk__in=set(ids))
    names = ("pk", "slug", "name", "owner_id", "fiscal_year_start_month")
    return {row[0]: SpendingProgramme(*row) for row in rows.values_list(*names)}


def people(ids: Iterable[int]) -> list[User]:
    """The active ones of these people, each once. One query."""
    return list(User.objects.filter(pk__in=set(ids), is_active=True).order_by("pk"))


def people_by_id(ids: Iterable[int]) -> dict[int, User]:
    """These people, whether they are still here or not. One query, or none."""
    wanted = set(ids)
    return User.objects.in_bulk(wanted) if wanted else {}
