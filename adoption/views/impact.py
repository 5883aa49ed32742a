"""Pages about one registered effect: write it, see what came out, decide."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from adoption.choices import RegistrationState
from adoption.forms.impact import (
    RegistrationForm,
)
from adoption.forms.refusals import add_refusal
from adoption.impact_guards import REGISTRATION_KIND
from adoption.models import ImpactRegistration, ImpactVerdict
from adoption.policies import may_edit_use_case
from adoption.selectors.impact import (
    Benefit,
    benefit_of,
    current_verdict,
    reading_of,
    registration_for_page,
    state_of,
    unit_value_of,
)
from adoption.services.impact_outlook import Outlook, outlook, series_of, unit_word
from adoption.services.impact_plans import Plan, metric_label, plan_of, windowed_of
from adoption.services.impact_registrations import (
    facts_of,
    register_impact,
)
from adoption.services.impact_samples import MetricGoneError
from adoption.services.impact_verdicts import progress_of
from adoption.services.impact_wishes import check, complete
from adoption.services.refusals import RefusedError
from adoption.views.impact_chart import baseline_chart, sides_chart
from adoption.views.use_cases import UseCasePart, use_case_crumbs
from portal.models import User
from portal.policies import AnyUser
from portal.selectors.pending_approvals import pending_request
from portal.shell.charts import Chart
from portal.shell.figures import Figure
from portal.shell.formats import number_text
from portal.shell.panels import render_panels
from portal.shell.statuses import FigureStatus

VERDICT_SLOT = "impact_verdict"


def registration_or_404(user: AnyUser, slug: str, pk: int) -> ImpactRegistration:
    """One registration of the use case with what its pages need.

    Raises:
        Http404: there is none that this person may see.
    """
    found = registration_for_page(user, slug, pk)
    if found is None:
        raise Http404(f"no registration {pk} of {slug!r}")
    return found


class RegistrationNewPage(UseCasePart):
    """Write down what should change before it is looked for, and see what could be seen."""

    form_class = RegistrationForm
    template_name = "adoption/effect_form.html"
    title = "Register an effect"
    lead = "Before the launch: what should change, how it is measured, and what would end it."
    submit_label = "Register and ask for approval"
    done_message = "Registered. It counts once another person has approved exactly this."
    seen: Outlook | None = None
    plan: Plan | None = None

    def get_form_arguments(self) -> dict[str, Any]:
        return {"use_case": self.use_case}

    def get_initial(self) -> dict[str, Any]:
        return {
            "hypothesis": self.use_case.hypothesis,
            "interest": 25,
            "replaces": self.request.GET.get("replaces", ""),
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "preview" not in request.POST:
            return super().post(request, *args, **kwargs)
        form = RegistrationForm(request.POST, use_case=self.use_case)
        if form.is_valid():
            try:
                self._look(form)
            except RefusedError as error:
                add_refusal(form, error)
            except MetricGoneError as error:
                form.add_error("metric_key", str(error))
        return self._respond(form)

    def _look(self, form: RegistrationForm) -> None:
        now = timezone.now()
        self.plan = complete(self.use_case, form.wish(), at=now)
        check(self.plan, self.use_case, at=now)
        self.seen = outlook(self.plan, self.use_case, at=now)

    def get_context_data(self) -> dict[str, Any]:
        seen, plan = self.seen, self.plan
        return {
            "use_case": self.use_case,
            "seen": seen,
            "plan": plan,
            "replaces": self.request.GET.get("replaces", self.request.POST.get("replaces", "")),
            "baseline": baseline_chart(seen, plan.metric_key) if seen and plan else None,
        }

    def save(self, form: forms.Form, user: User) -> str:
        assert isinstance(form, RegistrationForm)  # noqa: S101  (for the type checker)
        replaces = self.request.POST.get("replaces", "")
        made = register_impact(
            use_case_id=self.use_case.pk,
            wish=form.wish(),
            replaces_id=int(replaces) if replaces.isdigit() else None,
            actor=user,
            at=timezone.now(),
        )
        return reverse("registration", args=[self.use_case.slug, made.pk])


@require_safe
def registration_page(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """What was registered, and what came out: the interval first, the word second."""
    registration = registration_or_404(request.user, slug, pk)
    now = timezone.now()
    plan = plan_of(registration, amended=True)
    progress = progress_of(plan, at=now)
    verdict = current_verdict(registration)
    state = state_of(registration, is_due=progress.judged_from <= now)
    may_edit = may_edit_use_case(request.user, registration.use_case)
    is_launched = plan_of(registration).launches_at <= now
    context = {
        "page_title": registration.use_case.title,
        "breadcrumbs": use_case_crumbs(registration.use_case),
        "registration": registration,
        "use_case": registration.use_case,
        "state": state,
        "progress": progress,
        "facts": facts_of(registration),
        "amendments": _amended(registration),
        "metric_label": metric_label(plan.metric_key),
        "pending": pending_request(REGISTRATION_KIND, str(registration.pk)),
        "may_edit": may_edit,
        "may_amend": may_edit and registration.approved_at is not None and is_launched,
        "may_replace": may_edit
        and state in (RegistrationState.WAITING, RegistrationState.IN_PROGRESS)
        and not is_launched,
        "as_of": now,
        "panels": render_panels(request, VERDICT_SLOT, registration),
        **_judged(registration, plan, verdict),
    }
    if verdict is None:
        context["chart"] = _stored_baseline(registration, plan)
    return render(request, "adoption/registration_detail.html", context)


def _amended(registration: ImpactRegistration) -> list[dict[str, Any]]:
    """What was done otherwise, oldest first, each change with its new value."""
    return [
        {
            "made_at": each.made_at,
            "made_by": each.made_by,
            "reason": each.reason,
            "what": ", ".join(
                f"{name.replace('_', ' ')} is now {value}"
                for name, value in sorted(each.changes.items())
            )
            or "a deviation was reported",
        }
        for each in registration.amendments.all()
    ]


def _judged(
    registration: ImpactRegistration, plan: Plan, verdict: ImpactVerdict | None
) -> dict[str, Any]:
    """What the page says of a verdict; nothing before there is one."""
    if verdict is None:
        return {"verdict": None}
    known = windowed_of(plan.metric_key, plan.metric_version) is not None
    reading = reading_of(verdict.result, unit=unit_word(plan.metric_key) if known else "")
    benefit = benefit_of(verdict, unit_value_of(registration.use_case, plan.metric_key))
    estimate = reading.raw["estimate"]
    return {
        "verdict": verdict,
        "reading": reading,
        "guardrails": [{**row, "label": metric_label(row["key"])} for row in reading.guardrails],
        "reasons": [_with_labels(each, reading.guardrails) for each in reading.reasons],
        "decisions": verdict.decisions.select_related("decided_by"),
        "earlier": registration.verdicts.exclude(pk=verdict.pk),
        "chart": _chart(plan, verdict),
        "benefit": benefit,
        "benefit_figure": _benefit_figure(benefit, verdict),
        "p_value": estimate["p_value"] if estimate else None,
        "warnings": [word.replace("_", " ") for word in estimate["warnings"]] if estimate else [],
    }


def _with_labels(reason: str, guardrails: Sequence[Mapping[str, str]]) -> str:
    """A stored reason names guardrails by key and version; a reader knows their labels."""
    for row in guardrails:
        label = metric_label(row["key"]).lower()
        reason = reason.replace(f"{row['key']}@{row['version']}", label)
    return reason


def _benefit_figure(benefit: Benefit, verdict: ImpactVerdict) -> Figure:
    label = "Proven benefit, before cost"
    if benefit.nano is None or not benefit.units:
        return Figure.missing(label, benefit.reason)
    return Figure.money(
        label,
        benefit.nano,
        benefit.currency,
        status=FigureStatus.ESTIMATED,
        basis="Derived",
        window="window after the launch",
        as_of=verdict.data_as_of,
        note=f"{number_text(benefit.units, 1)} units",
    )


def _chart(plan: Plan, verdict: ImpactVerdict) -> Chart | None:
    snapshot = json.loads(verdict.facts)
    if not snapshot["metrics"]:
        return None
    try:
        values, split = series_of(snapshot, plan)
    except MetricGoneError:
        return None
    days = [
        dt.date.fromisoformat(d) for side in ("before", "after") for d in snapshot["weeks"][side]
    ]
    return sides_chart(values[:split], values[split:], days, plan.metric_key)


def _stored_baseline(registration: ImpactRegistration, plan: Plan) -> Chart | None:
    """The baseline as it was when it was registered. Nothing after it."""
    snapshot = json.loads(registration.baseline)
    try:
        values, split = series_of(snapshot, plan_of(registration))
    except MetricGoneError:
        return None
    days = [dt.date.fromisoformat(day) for day in snapshot["weeks"]["before"]]
    return sides_chart(values[:split], [], days, plan.metric_key)


@require_safe
def registration_facts(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Everything that the current verdict rests on, as one JSON file: compute it again anywhere."""
    registration = registration_or_404(request.user, slug, pk)
    verdict = current_verdict(registration)
    if verdict is None:
        raise Http404("it is not judged yet")
    text = json.dumps(
        {
            "registration": json.loads(registration.content),
            "registration_sha256": registration.content_sha256,
            "protocol": json.loads(verdict.protocol),
            "protocol_sha256": verdict.protocol_sha256,
            "facts": json.loads(verdict.facts),
            "facts_sha256": verdict.facts_sha256,
            "result": json.loads(verdict.result),
            "result_sha256": verdict.result_sha256,
        },
        indent=1,
        sort_keys=True,
        ensure_ascii=False,
    )
    name = f"verdict-{registration.pk}-{verdict.number}.json"
    return HttpResponse(
        text,
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
