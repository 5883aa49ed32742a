"""From a figure to the lines it is made of, now or as recorded at an earlier moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.choices import UnallocatedReason
from billing.policies import may_see_charges, may_see_costs
from billing.selectors.as_of import (
    PartPage,
    PastFigure,
    TooManyChargesError,
    figure_as_of,
    past_lines,
)
from billing.selectors.costs import CostSum
from billing.selectors.figures import MEASURE_LABELS, cost_figure
from billing.selectors.line_status import statuses_of_rows
from billing.selectors.lineage import (
    LINES_ON_A_PAGE,
    MOST_LINES_TO_SUMMARISE,
    Origin,
    Position,
    lines_of,
    origins_of,
)
from billing.selectors.moments import BadMomentError, parse_moment
from billing.selectors.not_counted import NOT_COUNTED_NOTE, is_not_counted, sums_of
from billing.selectors.references import (
    USUAL,
    BadReferenceError,
    FigureReference,
    Scope,
    scope_of,
)
from billing.selectors.rounding import UNIT, residues_of
from billing.tables.lineage import LineTable, OriginTable, PastSumTable
from portal.shell.addresses import address_of
from portal.shell.figures import Figure
from portal.shell.formats import moment_text
from portal.shell.htmx import is_fragment
from portal.shell.refusals import UnreadableRequestError
from portal.shell.statuses import FigureStatus
from portal.shell.views import Crumb, EmptyState

MOST_CHARGES_ON_A_PAGE = 100_000
# Summing the lines by rule and file reads each of them. Above this many the page comes first and
# fetches them then; a month of a large use case is below it.
MOST_LINES_AT_ONCE = 5_000
_MOST_RESIDUES = 12
_USUAL_TEXT = "without purchases, credits, tax and adjustments"
_OWN = ("after", "as_of", "start", "page", "origins")
_NOTHING = EmptyState(
    "No line lies in this figure",
    "Nothing has been imported or allocated that this figure sums. Its window, use case or service "
    "may be another one.",
)


@require_safe
def lineage_page(request: HttpRequest) -> HttpResponseBase:
    """A figure, the rules and files it comes from, and its lines.

    Raises:
        PermissionDenied: this person may not see costs.
        UnreadableRequestError: the address names no figure.
    """
    if not may_see_costs(request.user):
        raise PermissionDenied
    now = timezone.now()
    given = {key: str(value) for key, value in request.GET.items() if key not in _OWN}
    try:
        scope = scope_of(FigureReference.of(given), request.user)
    except BadReferenceError as error:
        raise UnreadableRequestError(f"This address names no figure: {error}.") from error
    at, problem = _moment(request, now)
    sums = sums_of(scope, now=now)
    if request.GET.get("origins") and is_fragment(request):
        found = _origins(request, scope, sum(each.lines for each in sums), now)
        return TemplateResponse(request, "billing/_lineage_origins.html", found)
    context = _heading(scope, sums, now) | {
        "at": at,
        "as_of_text": request.GET.get("as_of", ""),
        "as_of_problem": problem,
    }
    if at is not None:
        context |= _past(request, scope, sums, at, now)
    elif not problem:
        context |= _present(request, scope, sums, now)
    status = 400 if problem else 200
    return TemplateResponse(request, "billing/lineage.html", context, status=status)


def _moment(request: HttpRequest, now: dt.datetime) -> tuple[dt.datetime | None, str]:
    """The moment asked for, or what is wrong with it."""
    try:
        return parse_moment(request.GET.get("as_of", ""), now=now), ""
    except BadMomentError as error:
        return None, str(error)


def _heading(scope: Scope, sums: Sequence[CostSum], now: dt.datetime) -> dict[str, Any]:
    reference = scope.reference
    whose = scope.use_case_title or ("Unallocated" if scope.is_unallocated else "All use cases")
    crumbs = [Crumb("Costs", address_of("costs"))]
    if scope.use_case_title:
        crumbs = [Crumb(scope.use_case_title, address_of("use-case", reference.use_case))]
    limits = [
        reference.service,
        reference.provider,
        _USUAL_TEXT if reference.category == USUAL else reference.category,
        reference.window_text,
    ]
    if is_not_counted(reference):
        limits.append(NOT_COUNTED_NOTE)
    return {
        "page_title": "Where this figure comes from",
        "page_lead": ", ".join(
            [f"{MEASURE_LABELS[reference.measure]} cost", whose, *filter(None, limits)]
        ),
        "breadcrumbs": crumbs,
        "scope": scope,
        "reference": reference,
        "figures": [cost_figure(each, reference, now=now) for each in sums],
        "limits": [(key, value) for key, value in reference.parts().items()],
        "empty": _NOTHING,
    }


def rule_url(key: str | None) -> str:
    """The page of a rule; empty for none."""
    return address_of("allocation-rule", key) if key else ""


def reason_or_rule(name: str | None, version: int | None, reason: str) -> str:
    """The rule that took a part, or why none did."""
    if name:
        return f"{name}, version {version}"
    return str(UnallocatedReason(reason or UnallocatedReason.NO_RULE).label)


def _present(
    request: HttpRequest, scope: Scope, sums: Sequence[CostSum], now: dt.datetime
) -> dict[str, Any]:
    lines = sum(each.lines for each in sums)
    found: dict[str, Any] = {"lines": lines, "may_see_charges": may_see_charges(request.user)}
    if not sums:
        return found
    found |= _origins(request, scope, lines, now)
    if found["may_see_charges"]:
        after = Position.parse(request.GET.get("after", ""))
        page = lines_of(scope, after=after)
        statuses = statuses_of_rows(page.lines, now=now)
        found["line_table"] = _line_table(page.lines, statuses)
        found["is_first"] = after is None
        found["first_url"] = scope.reference.lineage_url
        if page.following is not None:
            found["next_url"] = f"{scope.reference.lineage_url}&after={page.following}"
    return found


def _origins(request: HttpRequest, scope: Scope, lines: int, now: dt.datetime) -> dict[str, Any]:
    """The rules and files; of many lines, only when they are asked for, else their address."""
    if not 0 < lines <= MOST_LINES_TO_SUMMARISE:
        return {}
    if lines <= MOST_LINES_AT_ONCE or request.GET.get("origins"):
        origins = origins_of(scope, now=now)
        found = _residues({each.run for each in origins})
        return found | {"origins": OriginTable.of(_origin_rows(origins))}
    return {"origins_url": f"{scope.reference.lineage_url}&origins=1", "lines": lines}


def _residues(runs: Collection[int]) -> dict[str, Any]:
    """What the newest of these runs lost or gained by rounding, and how many more there are."""
    shown = sorted(runs)[-_MOST_RESIDUES:]
    return {
        "rounding_unit": UNIT,
        "residues": residues_of(shown),
        "more_residues": len(runs) - len(shown),
    }


def _origin_rows(origins: Sequence[Origin]) -> list[dict[str, Any]]:
    return [
        {
            "rule": reason_or_rule(each.rule_name, each.rule_version, ""),
            "rule_url": rule_url(each.rule_key),
            "file": each.file_name,
            "run": f"import run {each.run}",
            "lines": each.lines,
            "billed_nano": each.billed_nano,
            "effective_nano": each.effective_nano,
            "currency": each.kind.currency,
            "basis": each.kind.basis_label,
            "status": each.status,
        }
        for each in origins
    ]


def _line_table(lines: Sequence[Mapping[str, Any]], statuses: Sequence[FigureStatus]) -> LineTable:
    return LineTable.of(
        [_line_row(line) | {"status": status} for line, status in zip(lines, statuses, strict=True)]
    )


def _line_row(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "charge": line["charge_number"],
        "day": line["day"],
        "service": line["service"],
        "provider": line["provider"],
        "description": line["description"],
        "sub_account": line["sub_account"],
        "billed_nano": line["billed_nano"],
        "effective_nano": line["effective_nano"],
        "whole_nano": line["charge_billed"],
        "currency": line["currency"],
        "rule": reason_or_rule(line["rule_name"], line["rule_version"], line["unallocated_reason"]),
        "rule_url": rule_url(line["rule_key"]),
        "origin": f"{line['file_name']}, line {line['line']}",
        "run": f"import run {line['run']}",
    }


def _past(
    request: HttpRequest,
    scope: Scope,
    sums: Sequence[CostSum],
    at: dt.datetime,
    now: dt.datetime,
) -> dict[str, Any]:
    """The same figure as recorded at `at`, beside what it is now."""
    text = request.GET.get("start", "")
    start = int(text) if text.isdecimal() and len(text) < 9 else 0
    try:
        past = figure_as_of(
            scope, at, most=MOST_CHARGES_ON_A_PAGE, page=PartPage(LINES_ON_A_PAGE, start)
        )
    except TooManyChargesError as error:
        return {"too_many": str(error)}
    found: dict[str, Any] = {
        "past_table": PastSumTable.of(_past_rows(scope, past, sums, at, now)),
        "past_empty": EmptyState(
            "Nothing was recorded then",
            f"At {moment_text(at)} no line of this figure had been imported.",
        ),
        "may_see_charges": may_see_charges(request.user),
    }
    total = sum(each.lines for each in past.sums)
    found["lines"] = total
    if found["may_see_charges"] and past.parts:
        shown = past_lines(past)
        found |= _residues({int(str(line["run"])) for line in shown})
        found["line_table"] = _line_table(shown, past.statuses)
        base = f"{scope.reference.lineage_url}&{urlencode({'as_of': request.GET['as_of']})}"
        found["is_first"] = start == 0
        found["first_url"] = base
        if start + LINES_ON_A_PAGE < total:
            found["next_url"] = f"{base}&start={start + LINES_ON_A_PAGE}"
    return found


def _past_rows(
    scope: Scope, past: PastFigure, sums: Sequence[CostSum], at: dt.datetime, now: dt.datetime
) -> list[dict[str, Any]]:
    measure = scope.reference.measure
    reference = scope.reference.with_(at=at)
    today = {each.kind: each for each in sums}
    before = {each.kind: each for each in past.sums}
    rows = []
    for kind in sorted({*today, *before}, key=lambda kind: (kind.currency, kind.basis)):
        then = before[kind].nano(measure) if kind in before else None
        current = today.get(kind)
        amount = current.nano(measure) if current else None
        rows.append(
            {
                "kind": f"{kind.currency}, {kind.basis_label.lower()}",
                "currency": kind.currency,
                "then": cost_figure(before[kind], reference, now=at, window="")
                if kind in before
                else Figure.missing("Then", "nothing was recorded"),
                "then_lines": before[kind].lines if kind in before else 0,
                "now": cost_figure(current, scope.reference, now=now)
                if current
                else Figure.missing("Now", "no line is left"),
                "moved_nano": None if then is None or amount is None else amount - then,
            }
        )
    return rows
