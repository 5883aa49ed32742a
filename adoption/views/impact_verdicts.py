"""Verdicts over the whole programme: the list, how intervals did, and the use case's panel."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from adoption.filters.impact import VerdictFilters
from adoption.models import ImpactRegistration, UseCase
from adoption.policies import may_edit_use_case, may_see_registry
from adoption.selectors.impact import (
    FEWEST_FOR_CALIBRATION,
    Reading,
    newest_calibrations,
    own_calibration,
    reading_of,
    registrations_of,
    state_of,
    verdict_rows,
    verdicts_visible_to,
    word_counts,
)
from adoption.selectors.impact_progress import judging
from adoption.selectors.use_cases import ENDED_STAGES
from adoption.services.impact_plans import plan_of
from adoption.services.impact_verdicts import EVALUATE, progress_of
from adoption.tables.impact import VerdictTable
from portal.shell.figures import Figure, FigureKind
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.statuses import FigureStatus
from portal.shell.views import Action, Crumb, EmptyState, ListPage


class VerdictListPage(ListPage):
    """Every registered effect, by the end of its window: nulls and stops as large as wins."""

    title = "Verdicts"
    lead = "What was registered before launch, and what came out. Nothing is left out for its sign."
    noun_plural = "registered effects"
    export_name = "verdicts"
    table_class = VerdictTable
    filterset_class = VerdictFilters
    template_name = "adoption/verdict_list.html"
    fragment_template_name = "adoption/_verdict_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_registry(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return verdict_rows(self.request.user)

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No effect is registered yet",
            "On the page of a use case, register what should change before it is launched.",
            "Open the portfolio",
            reverse("portfolio"),
        )

    def get_actions(self) -> list[Action]:
        return [Action("How intervals did", reverse("calibration"))]

    def get_context_data(self) -> dict[str, Any]:
        base = reverse("verdict-list")
        return {
            **_judging(),
            "tally": [
                (word, count, f"{base}?word={word}")
                for word, count in word_counts(verdict_rows(self.request.user))
            ],
        }


def _judging() -> dict[str, Any]:
    """What `_judging.html` takes."""
    found = judging(kind=EVALUATE, at=timezone.now())
    if found is None:
        return {"judging": None}
    left = f", {found.stopped} stopped" if found.stopped else ""
    return {
        "judging": found,
        "phase": f"{found.done:,} of {found.total:,} done{left}",
        "poll_url": reverse("verdict-progress") if found.is_open else "",
    }


@require_safe
def verdict_progress(request: HttpRequest) -> HttpResponse:
    """The progress of judging by itself, asked for again until it is done."""
    if not may_see_registry(request.user):
        raise PermissionDenied
    return render(request, "adoption/_judging.html", _judging())


def _share(label: str, part: int, whole: int, note: str, *, is_enough: bool) -> Figure:
    if not whole:
        return Figure.missing(label, "there is none yet")
    if not is_enough:
        return Figure.missing(
            label, f"{part} of {whole}; fewer than {FEWEST_FOR_CALIBRATION} say nothing"
        )
    return Figure(
        label=label,
        value=part / whole,
        kind=FigureKind.SHARE,
        status=FigureStatus.FINAL,
        note=f"{part} of {whole}; {note}",
        as_of=timezone.now(),
    )


@require_safe
def calibration_page(request: HttpRequest) -> HttpResponse:
    """How often intervals held the truth: in the programme's own history, and in simulations."""
    if not may_see_registry(request.user):
        raise PermissionDenied
    own = own_calibration(verdicts_visible_to(request.user))
    runs = newest_calibrations()
    context = {
        "page_title": "How intervals did",
        "breadcrumbs": [Crumb("Verdicts", reverse("verdict-list"))],
        "figures": [
            _share(
                "Launches that never were",
                own.passed,
                own.checks,
                "99 % expected",
                is_enough=own.is_enough,
            ),
            _share(
                "Restated effects inside the first interval",
                own.still_inside,
                own.restated,
                "nothing is promised here; it shows how much restating moves",
                is_enough=own.restated >= FEWEST_FOR_CALIBRATION,
            ),
        ],
        "runs": [
            {
                "run": run,
                "method": run.method.replace("_", " "),
                "covered": _percent(run.covered, run.runs),
                "false": _percent(run.false_supported, run.runs),
                "blind": _percent(run.false_without_protocol, run.runs),
                "found": _percent(run.found, run.runs) if run.found is not None else "",
            }
            for run in runs
        ],
    }
    return render(request, "adoption/calibration.html", context)


def _percent(part: int, whole: int) -> str:
    return f"{part / whole * 100:.1f} %"


def _read(registration: ImpactRegistration) -> Reading | None:
    """The outcome that `registrations_of` has annotated, if there is one."""
    result: str | None = getattr(registration, "result", None)
    return reading_of(result) if result else None


def use_case_validation(request: HttpRequest, use_case: UseCase) -> dict[str, Any] | None:
    """Registered effects of a use case on its page; None for who may not see the registry."""
    if not may_see_registry(request.user):
        return None
    now = timezone.now()
    rows = []
    for registration in registrations_of(request.user, use_case)[:5]:
        progress = progress_of(plan_of(registration), at=now)
        rows.append(
            {
                "registration": registration,
                "state": getattr(registration, "word")  # noqa: B009  (annotated)
                or state_of(registration, is_due=progress.judged_from <= now).value,
                "reading": _read(registration),
                "progress": progress,
                "url": reverse("registration", args=[use_case.slug, registration.pk]),
            }
        )
    may_edit = may_edit_use_case(request.user, use_case) and use_case.stage not in ENDED_STAGES
    return {
        "use_case": use_case,
        "rows": rows,
        "new_url": reverse("registration-new", args=[use_case.slug]) if may_edit else "",
        "value_url": reverse("unit-value-new", args=[use_case.slug]) if may_edit else "",
    }
