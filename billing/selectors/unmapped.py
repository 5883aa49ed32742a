"""What names no use case yet: workspaces, projects, keys, tags, repositories; with suggestions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from billing.allocation.names import Hint, Named, Suggester
from billing.choices import MatchField
from billing.selectors.unallocated import Candidate, unallocated_candidates
from billing.selectors.use_cases import UseCaseName
from portal.shell.periods import Month

# What can stand for one use case; a service or model serves many.
NAMING = (
    MatchField.SUB_ACCOUNT,
    MatchField.API_KEY,
    MatchField.TAG,
    MatchField.REPOSITORY,
    MatchField.COST_CENTER,
    MatchField.RESOURCE,
)


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A value that no rule takes, and the use case that it seems to name."""

    candidate: Candidate
    hint: Hint | None


def unmapped_values(
    *,
    use_cases: Iterable[UseCaseName],
    first: Month,
    last: Month,
    fields: Sequence[str] = NAMING,
    limit: int = 2_000,
) -> tuple[list[Unmapped], bool]:
    """Values with money that no rule takes in some months (UTC), largest first.

    One query an attribute. Suggestions are among `use_cases`.

    Returns:
        at most `limit` of them, and whether there are more.
    """
    found: list[Candidate] = []
    is_cut = False
    for field in fields:
        candidates, is_longer = unallocated_candidates(
            field=field, month=first, last=last, limit=limit
        )
        found += candidates
        is_cut |= is_longer
    found.sort(key=lambda each: (-abs(each.billed_nano), each.attribute, each.tag_key, each.value))
    suggester = Suggester([Named(each.pk, each.slug, each.title) for each in use_cases])
    rows = [Unmapped(each, _hint(suggester, each)) for each in found[:limit]]
    return rows, is_cut or len(found) > limit


def _hint(suggester: Suggester, each: Candidate) -> Hint | None:
    texts = dict.fromkeys(filter(None, (each.value, each.name)))
    return suggester.hint(*texts)
