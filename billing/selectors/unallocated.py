"""Money that no rule takes, by what a rule could look at: the finance partner's work list."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet

from billing.allocation.match import tags_of
from billing.choices import MatchField, MatchMode, UnallocatedReason
from billing.models import Allocation, ChargeDimension, ChargeSlice
from billing.selectors.costs import (
    CostSum,
    Kind,
    SumDraft,
    Surroundings,
    finish_sums,
    withdrawn_months,
)
from billing.selectors.freshness import last_applied_runs
from billing.selectors.line_status import LineFacts, slice_facts
from billing.selectors.sums import nano_sums, read_nano
from billing.sources.focus.attribution import names_a_person
from portal.shell.periods import Month

MOST_CANDIDATES = 2_000
_CHUNK = 5_000
# By the field of a rule, the column of a charge's dimension that holds it, and that with its name.
COLUMNS: dict[str, str] = {
    MatchField.SUB_ACCOUNT: "sub_account_id",
    MatchField.SERVICE: "service_name",
    MatchField.TAG: "tags",
    MatchField.RESOURCE: "resource_id",
    MatchField.API_KEY: "api_key_id",
    MatchField.REPOSITORY: "repository",
    MatchField.COST_CENTER: "cost_center",
    MatchField.BILLING_ACCOUNT: "billing_account_id",
    MatchField.PROVIDER: "provider",
    MatchField.MODEL: "model",
    MatchField.SKU: "sku_id",
}
NAMES: dict[str, str] = {
    MatchField.SUB_ACCOUNT: "sub_account_name",
    MatchField.RESOURCE: "resource_name",
    MatchField.BILLING_ACCOUNT: "billing_account_name",
    MatchField.SKU: "sku_meter",
}
# People are not listed with what they cost: a rule by principal, or by a tag that names one, is
# written by hand.
ATTRIBUTES = tuple(COLUMNS)
# Sums by these are open to everybody inside; accounts, keys, resources and tags are for those who
# may see cost lines.
OPEN_ATTRIBUTES = (
    MatchField.SERVICE,
    MatchField.PROVIDER,
    MatchField.MODEL,
    MatchField.COST_CENTER,
)
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LINE = ("slice_id", "dimension__invoice_issuer", "dimension__provider", "dimension__invoice_id")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Unallocated money that one rule could take.

    The same money stands under its sub-account, its service and each of its tags, so candidates
    are never added up.

    Attributes:
        name: what the newest line calls it.
        sum: its money, of one kind, with what decides about its status.
        months: as `2026-05`, those with such lines.
    """

    attribute: str
    tag_key: str
    value: str
    name: str
    sum: CostSum
    months: frozenset[str]

    @property
    def kind(self) -> Kind:
        return self.sum.kind

    @property
    def shown(self) -> str:
        """The value for people; of a tag with its key."""
        return f"{self.tag_key}: {self.value}" if self.tag_key else self.value

    @property
    def rule_query(self) -> dict[str, str]:
        """What the form of a new rule is filled with."""
        return {
            "field": self.attribute,
            "tag_key": self.tag_key,
            "mode": MatchMode.EQUALS,
            "value": self.value,
        }


class _Place(NamedTuple):
    tag_key: str
    value: str


Said = tuple[tuple[_Place, ...], str]  # the values of an attribute, and what they are called


@dataclass(slots=True)
class Gathering:
    """Candidates of one attribute while lines come in, as they are or as they were."""

    attribute: str
    drafts: dict[tuple[tuple[Any, ...], Kind], SumDraft] = field(default_factory=dict)
    names: dict[tuple[Any, ...], tuple[dt.date, str]] = field(default_factory=dict)
    months: dict[tuple[tuple[Any, ...], Kind], set[str]] = field(default_factory=dict)

    def enter(self, said: Said, kind: Kind, lines: SumDraft) -> None:
        """Add lines of one day whose dimension says this of the attribute."""
        places, name = said
        for place in places:
            self.drafts.setdefault((place, kind), SumDraft()).absorb(lines)
            self.months.setdefault((place, kind), set()).add(str(Month.of(lines.newest_day)))
            known = self.names.get(place, (dt.date.min, ""))
            self.names[place] = max(known, (lines.newest_day, name))

    def candidates(self, around: Surroundings) -> Iterator[Candidate]:
        """What has come in."""
        for each in finish_sums(self.drafts, by=(), around=around):
            place = _Place(*each.key)
            months = frozenset(self.months[place, each.kind])
            name = self.names[place][1]
            yield Candidate(self.attribute, place.tag_key, place.value, name, each, months)


def _places(attribute: str, text: str, person: str) -> tuple[_Place, ...]:
    """Where money with this value stands; nowhere under what names a person.

    Args:
        person: the principal of the line; sources take it from tags and keys too.
    """
    if attribute != MatchField.TAG:
        return (_Place("", text),) if text and text != person else ()
    return tuple(
        _Place(key, value)
        for key, value in tags_of(text).items()
        if value and value != person and not names_a_person(key) and not _MAIL.fullmatch(value)
    )


def largest_first(
    gathered: Sequence[Gathering], around: Surroundings, *, limit: int
) -> tuple[list[Candidate], bool]:
    """At most `limit` of all candidates, the largest first, and whether there are more."""
    found = [each for one in gathered for each in one.candidates(around)]
    found.sort(
        key=lambda each: (-abs(each.sum.billed_nano), each.attribute, each.tag_key, each.value,
                          each.kind)
    )  # fmt: skip
    return found[:limit], len(found) > limit


def unallocated_candidates(
    *,
    fields: Sequence[str],
    first: Month,
    last: Month,
    now: dt.datetime,
    limit: int = MOST_CANDIDATES,
) -> tuple[list[Candidate], bool]:
    """Unallocated money without a rule from `first` to `last` (UTC), by some attributes.

    Largest first. Seven queries, however many attributes: the lines are added up once by what they
    say together, and that is then told apart by each attribute.

    Returns:
        at most `limit` candidates, and whether there are more.
    """
    days = Q(day__gte=first.start, day__lt=last.end)
    gathered = [Gathering(each) for each in fields]
    lines = _lines_without_rule(days)
    said = what_dimensions_say(lines.values("charge__dimension_id"), fields)
    for (dimension_id, kind, _), draft in _by_dimension(lines, days).items():
        for one, own in zip(gathered, said[dimension_id], strict=True):
            one.enter(own, kind, draft)
    around = Surroundings(withdrawn_months(), last_applied_runs(), now)
    return largest_first(gathered, around, limit=limit)


def what_dimensions_say(
    numbers: QuerySet[Any, Any], fields: Sequence[str]
) -> dict[int, tuple[Said, ...]]:
    """By dimension, what it says of each of these attributes. One query.

    Args:
        numbers: the dimensions that are asked for, as a query of one column.
    """
    columns = [name for each in fields for name in (COLUMNS[each], NAMES.get(each))]
    wanted = sorted({"principal_id", *(name for name in columns if name)})
    rows = ChargeDimension.objects.filter(pk__in=numbers).order_by().values("pk", *wanted)

    def said(row: dict[str, Any]) -> Iterator[Said]:
        for each in fields:
            places = _places(each, row[COLUMNS[each]], row["principal_id"])
            yield places, row.get(NAMES.get(each, ""), "")

    return {row["pk"]: tuple(said(row)) for row in rows.iterator(chunk_size=_CHUNK)}


def _lines_without_rule(days: Q) -> QuerySet[Allocation]:
    return Allocation.objects.filter(
        days,
        use_case__isnull=True,
        unallocated_reason=UnallocatedReason.NO_RULE,
        charge__superseded_at__isnull=True,
    ).order_by()


def _by_dimension(
    lines: QuerySet[Allocation], days: Q
) -> dict[tuple[int, Kind, tuple[int, int]], SumDraft]:
    """These lines added up by dimension, kind and month, with what their status goes by."""
    facts = slice_facts(ChargeSlice.objects.filter(days))
    found: defaultdict[tuple[int, Kind, tuple[int, int]], SumDraft] = defaultdict(SumDraft)
    for row in _rows(lines).iterator(chunk_size=_CHUNK):
        line = LineFacts(
            slice_id=row["charge__slice_id"],
            issuer=row["charge__dimension__invoice_issuer"],
            provider=row["charge__dimension__provider"],
            invoice_id=row["charge__dimension__invoice_id"],
            newest_day=row["day"],
            lines=row["lines"],
        )
        kind = Kind(row["charge__currency"], row["charge__cost_basis"])
        draft = found[
            row["charge__dimension_id"], kind, (line.newest_day.year, line.newest_day.month)
        ]
        draft.billed += read_nano(row, "billed")
        draft.effective += read_nano(row, "effective")
        draft.unknown += row["unknown"]
        facts.enter(line, into=draft)
    return found


def _rows(lines: QuerySet[Allocation]) -> QuerySet[Allocation, Any]:
    """Lines by slice and dimension: as fine as a status is told. A slice is of one day."""
    rows: QuerySet[Allocation, Any] = lines.values(
        "day",
        "charge__currency",
        "charge__cost_basis",
        "charge__dimension_id",
        *(f"charge__{name}" for name in _LINE),
    ).annotate(
        **nano_sums(billed="billed_nano", effective="effective_nano"),
        lines=Count("pk"),
        unknown=Count("pk", filter=Q(effective_nano__isnull=True)),
    )
    return rows
