"""Suspicions that nobody has answered, in words, for the pages on which their sums stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.core.cache import cache

from billing.policies import may_settle_overlaps
from billing.selectors.choices_in_use import newest_month
from billing.selectors.references import FigureReference
from billing.selectors.sums import newest_write
from billing.selectors.suspicions import (
    Suspect,
    look_alikes,
    same_provider_name,
    suspected_overlaps,
    unanswered,
)
from portal.models import Connection
from portal.policies import AnyUser
from portal.shell.formats import nano_money_text
from portal.shell.money import nano_text
from portal.shell.periods import Month

LOOKED_AT = 6  # months, where nobody says which
_CACHE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One sum of money that is in totals twice, as far as one can see."""

    suspect: Suspect
    first: Connection
    second: Connection

    @property
    def amount(self) -> str:
        return nano_money_text(self.suspect.doubled_nano, self.suspect.currency)

    @property
    def exact(self) -> str:
        """Every digit of it."""
        return f"{nano_text(self.suspect.doubled_nano)} {self.suspect.currency}"

    @property
    def text(self) -> str:
        """The whole of it in a sentence."""
        return (
            f"{self.amount} of {self.suspect.provider} in {self.suspect.window} came twice, it "
            f"seems: through {self.first.name} and through {self.second.name} "
            f"({self.suspect.why})."
        )

    def other_than(self, connection_id: int) -> Connection:
        return self.second if self.first.pk == connection_id else self.first


def source_names(ids: Iterable[int]) -> dict[int, str]:
    """Names of connections by id. One query, or none."""
    wanted = set(ids)
    if not wanted:
        return {}
    return dict(Connection.objects.filter(pk__in=wanted).values_list("pk", "name"))


def suspicions(found: Iterable[Suspect]) -> list[Suspicion]:
    """With the names of their sources, without those that no sum adds. One query, or none."""
    added = [each for each in found if each.is_in_one_basis]
    if not added:
        return []
    known = Connection.objects.in_bulk({pk for each in added for pk in (each.first, each.second)})
    return [Suspicion(each, known[each.first], known[each.second]) for each in added]


def suspicions_of_month(month: Month) -> list[Suspicion]:
    """Of one month, worked out now: a close rests on it."""
    return suspicions(suspected_overlaps(first=month, last=month))


def suspicions_of_source(connection_id: int, *, first: Month, last: Month) -> list[Suspicion]:
    """Of one source, worked out now: an import has just written those months."""
    return suspicions(suspected_overlaps(first=first, last=last, connection_id=connection_id))


def suspicions_in(reference: FigureReference) -> list[Suspicion]:
    """Those whose money stands twice in a sum of the explorer.

    What looks alike is kept until a cost is written; what was said about it is read each time.
    """
    if reference.connection:
        return []  # one source alone holds nothing twice
    last = reference.last or newest_month()
    if last is None:
        return []
    first = reference.first or last - (LOOKED_AT - 1)
    found = unanswered(_kept(first, last)) if first <= last else []
    return suspicions(each for each in found if _is_in(each, reference))


def suspicions_to_settle(user: AnyUser) -> list[Suspicion]:
    """Those of the newest months, for whoever may say what they are."""
    newest = newest_month() if may_settle_overlaps(user) else None
    if newest is None:
        return []
    return suspicions(unanswered(_kept(newest - (LOOKED_AT - 1), newest)))


def _kept(first: Month, last: Month) -> list[Suspect]:
    key = f"billing:look-alikes:{newest_write()}:{first}:{last}"
    found: list[Suspect] | None = cache.get(key)
    if found is None:
        found = look_alikes(first=first, last=last)
        cache.set(key, found, _CACHE_SECONDS)
    return found


def _is_in(each: Suspect, reference: FigureReference) -> bool:
    limits = (
        (same_provider_name(reference.provider), same_provider_name(each.provider)),
        (reference.currency, each.currency),
        (reference.basis, each.bases[0]),
    )
    return all(wanted in ("", has) for wanted, has in limits)
