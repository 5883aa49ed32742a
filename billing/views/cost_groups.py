"""The names of what costs are grouped by, and the limits that make a figure of one group alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adoption.selectors.principals import team_names
from billing.forms.fields import NOWHERE
from billing.selectors.costs import CostSum, Group
from billing.selectors.references import UNALLOCATED, spelled
from billing.selectors.use_cases import UseCaseName, use_case_names
from portal.models import Connection
from portal.shell.periods import Month

NONE_SAID = "None stated"


@dataclass(frozen=True, slots=True)
class GroupNames:
    """Names by key, read once a page. `of` tells name and limits of a group."""

    use_cases: Mapping[int, UseCaseName]
    teams: Mapping[str, str]
    sources: Mapping[str, str]

    def of(self, group: Group, value: Any) -> tuple[str, dict[str, Any]]:
        """The name of a group, and the limits that make a figure of it alone."""
        if group == Group.MONTH:
            month = Month.parse(value)
            return month.label, {"first": month, "last": month}
        if group == Group.USE_CASE:
            found = self.use_cases.get(value, NOWHERE)
            return found.title, {"use_case": found.slug}
        if group == Group.TEAM:
            if value is None:
                return NOWHERE.title, {"use_case": UNALLOCATED}
            return self.teams.get(value, value), {"team": value}
        if group == Group.CONNECTION:
            return self.sources.get(value, value), {"connection": value}
        return value or NONE_SAID, {str(group): spelled(value or "")}


def names_for(groups: Iterable[Group], sums: Iterable[CostSum]) -> GroupNames:
    """What is needed to name these groups: at most a query for each kind of name."""
    wanted = list(groups)
    ids: set[Any] = set()
    if Group.USE_CASE in wanted:
        place = wanted.index(Group.USE_CASE)
        ids = {each.key[place] for each in sums}
    return GroupNames(
        use_cases=use_case_names(ids),
        teams=team_names() if Group.TEAM in wanted else {},
        sources=dict(Connection.objects.values_list("slug", "name"))
        if Group.CONNECTION in wanted
        else {},
    )
