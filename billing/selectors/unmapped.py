"""What names no use case yet: workspaces, projects, keys, tags, repositories; with suggestions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from billing.allocation.names import Hint, Named, Suggester
from billing.choices import MatchField
from billing.selectors.unallocated import Candidate
from billing.selectors.use_cases import UseCaseName

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


def with_hints(
    candidates: Sequence[Candidate], *, use_cases: Iterable[UseCaseName]
) -> list[Unmapped]:
    """Each with the one of `use_cases` that its spelling is near to, if any."""
    suggester = Suggester([Named(each.pk, each.slug, each.title) for each in use_cases])
    return [Unmapped(each, _hint(suggester, each)) for each in candidates]


def _hint(suggester: Suggester, each: Candidate) -> Hint | None:
    texts = dict.fromkeys(filter(None, (each.value, each.name)))
    return suggester.hint(*texts)
