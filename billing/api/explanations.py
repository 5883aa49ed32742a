"""Explaining figures: back to file and line, and from an invoice forward to use cases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from billing.allocation.sharing import Rounding
from billing.api.moments import MomentField
from billing.api.past_pages import (
    PastCursor,
    day_text,
    made_page,
    read_cursor,
    too_much,
)
from billing.policies import may_see_charges, may_see_costs
from billing.selectors.as_of import PartPage, PartPlace, TooManyChargesError
from billing.selectors.explanations import Bounds, explain
from billing.selectors.past_costs import MOST_CHARGES_AS_OF
from billing.selectors.raw_records import PAGE_BYTES
from billing.selectors.references import PREFIX, BadReferenceError
from portal.api.errors import FieldProblem, Problem, invalid
from portal.api.etags import content_tag
from portal.api.figures import FIGURE_STATUSES
from portal.api.pagination import BACKWARD, Page, page_links, read_limit, read_page
from portal.api.schema import operation
from portal.api.views import ApiView, absolute, conditional, read_query

_BOUNDS = Bounds(charges=MOST_CHARGES_AS_OF, raw_bytes=PAGE_BYTES)
_PAST = "past-lines"
_PAST_SHAPE = (day_text, int, int)
_ALLOCATION = (
    *("charge", "day", "use_case", "rule", "rule_key", "rule_version", "billed", "effective"),
    *("currency", "status", "file", "line", "run", "rounded"),
)


class ExplanationFilters(serializers.Serializer[Any]):
    """What is to be explained."""

    figure = serializers.CharField(
        max_length=600,
        help_text="`cost:use_case=faq,month=2026-05,measure=billed`, with `day=2026-05-03` for a "
        "UTC day, `charge:123` or `invoice:ISSUER/NUMBER`.",
    )
    as_of = MomentField(help_text="As recorded at this moment, a day or a moment up to now.")


ROUNDINGS = [(each.value, each.value) for each in Rounding]


class RoundedSerializer(serializers.Serializer[Any]):
    """How a part of a split was rounded: `up` took a nano-unit as one of the largest remainders."""

    billed = serializers.ChoiceField(ROUNDINGS)
    effective = serializers.ChoiceField(ROUNDINGS, allow_null=True)


class AllocationSerializer(serializers.Serializer[Any]):
    """A part of a cost line, and where it went. Amounts are exact decimal text as stored."""

    charge = serializers.IntegerField()
    day = serializers.DateField(help_text="UTC.")
    use_case = serializers.CharField(help_text="Its slug, or `unallocated`.")
    rule = serializers.CharField(help_text="Key and version, or why no rule took it.")
    rule_key = serializers.CharField(allow_null=True)
    rule_version = serializers.IntegerField(allow_null=True)
    billed = serializers.CharField()
    effective = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    status = serializers.ChoiceField(
        FIGURE_STATUSES, help_text="Of its amounts; with `as_of`, the status as it was."
    )
    file = serializers.CharField(help_text="The imported file.")
    line = serializers.IntegerField(help_text="Its line, or row, from 1.")
    run = serializers.IntegerField(help_text="The import run that brought it.")
    rounded = RoundedSerializer(
        allow_null=True,
        help_text="Of a line that a rule split, where `figure` is that line; null elsewhere.",
    )


class SumSerializer(serializers.Serializer[Any]):
    """A sum in one currency and basis, as known then."""

    currency = serializers.CharField()
    basis = serializers.CharField()
    billed = serializers.CharField()
    effective = serializers.CharField(allow_null=True)
    effective_unknown = serializers.IntegerField()
    lines = serializers.IntegerField()
    status = serializers.ChoiceField(
        FIGURE_STATUSES, help_text="With `as_of`, the status as it was."
    )
    imported_at = serializers.CharField(
        allow_null=True, help_text="When its sources were imported last, the oldest of them."
    )


class RunResidueSerializer(serializers.Serializer[Any]):
    """What a run read less what it stored, of all its lines together."""

    run = serializers.IntegerField()
    url = serializers.CharField(help_text="Its page.")
    residue = serializers.DictField(help_text="By currency and measure, decimal text.")


class RoundingSerializer(serializers.Serializer[Any]):
    """How amounts were rounded when they were imported, once."""

    unit = serializers.CharField(help_text="What they are stored to: `0.000000001`.")
    mode = serializers.CharField(help_text="`half_even`.")
    runs = RunResidueSerializer(many=True, help_text="Of the lines listed.")


class DestinationSerializer(serializers.Serializer[Any]):
    """What one place received of an invoice."""

    use_case = serializers.CharField()
    cost_center = serializers.CharField(allow_null=True)
    rule = serializers.CharField()
    billed = serializers.CharField()
    status = serializers.ChoiceField(FIGURE_STATUSES, help_text="Of the lines that it sums.")


class ExplanationSerializer(serializers.Serializer[Any]):
    """An explanation. What a kind of figure does not have is null or empty."""

    figure = serializers.CharField()
    as_of = serializers.CharField(allow_null=True)
    sums = SumSerializer(many=True, help_text="One for each currency and basis.")
    charge = serializers.DictField(
        allow_null=True,
        help_text="A cost line: amounts with their `status`, attributes; `written` has the amounts "
        "as the source wrote them, where its record is kept and says them.",
    )
    invoice = serializers.DictField(
        allow_null=True,
        help_text="`status` is that of `total`, `lines_status` that of `lines_billed`.",
    )
    parts = serializers.DictField(
        allow_null=True, help_text="What the invoice is made of, and the residual."
    )
    part_statuses = serializers.DictField(
        child=serializers.ChoiceField(FIGURE_STATUSES),
        allow_null=True,
        help_text="The status of each of the `parts`, by the same names.",
    )
    destinations = DestinationSerializer(many=True)
    lines = serializers.IntegerField(help_text="How many cost lines, or parts of lines, there are.")
    allocations = AllocationSerializer(
        many=True, help_text="A page of them. Empty for those who do not answer for money."
    )
    rounding = RoundingSerializer(
        allow_null=True, help_text="Null for those who do not answer for money."
    )
    next = serializers.URLField(allow_null=True, help_text="The same with the next allocations.")
    previous = serializers.URLField(allow_null=True)


class _PagedLines:
    """Lists one page of lines, and knows where its neighbours are."""

    def __init__(self, request: Request) -> None:
        self._cursor = request.query_params.get("cursor")
        self._limit = read_limit(request.query_params.get("limit"))
        self._past: PastCursor | None = None
        self._parts: PartPage | None = None
        self._page = Page([], None, None)

    def of_rows(self, rows: QuerySet[Any, Any], ordering: Sequence[str]) -> list[dict[str, Any]]:
        """Those of lines that the database has, in this order."""
        self._page = read_page(rows, ordering=ordering, cursor=self._cursor, limit=self._limit)
        return self._page.rows

    def of_parts(self) -> PartPage:
        """What keeps those of lines that are worked out as of a moment."""
        self._past = read_cursor(self._cursor, _PAST, _PAST_SHAPE)
        after = before = None
        if self._past is not None:
            day, charge, part = self._past.key
            place = PartPlace(dt.date.fromisoformat(str(day)), int(charge), int(part))
            backward = self._past.direction == BACKWARD
            after, before = (None, place) if backward else (place, None)
        self._parts = PartPage(self._limit, after=after, before=before)
        return self._parts

    def links(self, request: Request) -> dict[str, str | None]:
        """`next` and `previous`, once the lines have been read."""
        page = self._page
        if self._parts is not None:
            shown = [
                ((place.day.isoformat(), place.charge, place.part), found)
                for place, found in self._parts.kept
            ]
            page = made_page(shown, self._past, _PAST, has_more=self._parts.has_more)
        return page_links(request, page)


class ExplanationView(ApiView):
    """From a figure to its lines, and from an invoice to its destinations."""

    scopes: ClassVar[dict[str, str]] = {"GET": "costs:read"}

    @operation(
        "costs_explain",
        "Explain a figure or an invoice",
        tag="Costs",
        description="Sums are exact both ways, as stored: the allocations of all pages sum to the "
        "figure, destinations to the cost lines of the invoice, and its parts with the residual to "
        "the invoice.",
        answer=ExplanationSerializer,
        query=ExplanationFilters,
        paged=True,
    )
    def get(self, request: Request) -> Any:
        if not may_see_costs(request.user):
            raise PermissionDenied
        wanted = read_query(request, ExplanationFilters).validated_data
        sees_lines = may_see_charges(request.user)
        if not sees_lines and not wanted["figure"].startswith(PREFIX):
            raise PermissionDenied
        lines = _PagedLines(request)
        try:
            found = explain(
                wanted["figure"],
                at=wanted.get("as_of"),
                now=timezone.now(),
                lines=lines,
                user=request.user,
                bounds=_BOUNDS,
            )
        except BadReferenceError as error:
            raise _no_such_figure(error) from error
        except TooManyChargesError as error:
            raise too_much(error) from error
        answer = _answer(request, found, lines if sees_lines else None)
        return conditional(request, content_tag(request, answer), lambda: answer)


def _no_such_figure(error: BadReferenceError) -> Problem:
    return invalid({"figure": [FieldProblem("does_not_exist", str(error))]})


def _answer(request: Request, found: dict[str, Any], lines: _PagedLines | None) -> dict[str, Any]:
    """The document; without `lines` for somebody who may not see single ones."""
    allocations = found.get("allocations", []) if lines else []
    links = lines.links(request) if lines else {"next": None, "previous": None}
    return {
        "figure": found["figure"],
        "as_of": found["as_of"],
        "sums": found.get("sums", []),
        "charge": found.get("charge"),
        "invoice": found.get("invoice"),
        "parts": found.get("parts"),
        "part_statuses": found.get("part_statuses"),
        "destinations": found.get("destinations", []),
        "lines": found.get("lines", len(allocations)),
        "allocations": [{name: each.get(name) for name in _ALLOCATION} for each in allocations],
        "rounding": _rounding(request, found.get("rounding")) if lines else None,
        **links,
    }


def _rounding(request: Request, rounding: dict[str, Any] | None) -> dict[str, Any] | None:
    if rounding is None:
        return None
    runs = [each | {"url": absolute(request, each["url"])} for each in rounding["runs"]]
    return rounding | {"runs": runs}
