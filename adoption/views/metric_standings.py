"""How far a version of a metric is trusted in a scope: the page, and moving it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from adoption.choices import SERVED_STATUSES, StandingStatus
from adoption.forms.metric_standings import DeprecateForm, EndForm, ProposalForm, StandingForm
from adoption.metric_guards import STANDING_KINDS
from adoption.metrics.registry import computed_versions
from adoption.metrics.wording import metric_or_none, standing_reason
from adoption.models import MetricStanding
from adoption.policies import (
    may_end_standing,
    may_open_standing,
    may_propose_standing,
    may_see_registry,
)
from adoption.selectors.metric_scopes import ALL, scope_names, scopes_of
from adoption.selectors.metric_standings import standings_visible_to
from adoption.services.metric_standings import (
    deprecate_standing,
    open_standing,
    request_standing,
    retire_standing,
    suspend_standing,
)
from adoption.services.metric_versions import DefinitionChangedError
from adoption.services.refusals import RefusedError
from adoption.views.form_page import FormPage
from adoption.views.metric_values import metric_crumbs
from portal.models import User
from portal.policies import AnyUser
from portal.selectors.pending_approvals import pending_request
from portal.shell.views import Crumb


def standing_records(standings: Sequence[MetricStanding]) -> list[dict[str, Any]]:
    """Standings as the table reads them."""
    names = scope_names({(each.scope_kind, each.scope_id) for each in standings})
    return [
        {
            "pk": each.pk,
            "scope": names.get((each.scope_kind, each.scope_id), each.scope_kind),
            "version": each.metric_version.version,
            "status": each.status,
            "owner": str(each.owner),
            "approver": str(each.approval.closed_by) if each.approval else None,
            "until": each.valid_until,
        }
        for each in standings
    ]


def _scope_name(standing: MetricStanding) -> str:
    key = (standing.scope_kind, standing.scope_id)
    return scope_names([key]).get(key, standing.scope_kind)


@require_safe
def standing_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Where it stands, who has approved exactly what, and what may be done next."""
    if not may_see_registry(request.user):
        raise PermissionDenied
    standing = get_object_or_404(standings_visible_to(request.user), pk=pk)
    version, name = standing.metric_version, _scope_name(standing)
    pending = [
        found for kind in STANDING_KINDS if (found := pending_request(kind, str(pk))) is not None
    ]
    scope = scopes_of(standing.scope_kind, [standing.scope_id]).get(standing.scope_id)
    address = reverse("metric-values", args=[version.key])
    is_open = standing.status != StandingStatus.RETIRED
    context = {
        "page_title": f"{version.definition['label']} {version.version}, {name}",
        "breadcrumbs": metric_crumbs(version.key),
        "standing": standing,
        "version": version,
        "scope_name": name,
        "reason": standing_reason(standing.status_reason),
        "pending": pending,
        "values_url": f"{address}?scope={scope.ref}" if scope else address,
        "may_propose": is_open and may_propose_standing(request.user, standing),
        "may_end": is_open and may_end_standing(request.user, standing),
        "is_served": standing.status in SERVED_STATUSES,
    }
    return render(request, "adoption/metric_standing.html", context)


class StandingNewPage(FormPage):
    """Say who answers for a metric in a scope."""

    form_class = StandingForm
    title = "Propose a metric for a scope"
    lead = "First a draft: who answers for it, where. A second person approves its values later."
    submit_label = "Make a draft"
    done_message = "Made. Ask for its approval next."

    def load(self) -> None:
        self.metric = metric_or_none(self.kwargs["key"])
        if self.metric is None or not computed_versions(self.metric):
            raise Http404("no metric that is computed window by window")

    def allows(self, user: AnyUser) -> bool:
        return may_open_standing(user)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return metric_crumbs(self.kwargs["key"])

    def get_initial(self) -> dict[str, Any]:
        return {"owner": self.request.user}

    def get_form_arguments(self) -> dict[str, Any]:
        if self.metric is None or self.metric.windowed is None:
            raise Http404
        kind = self.metric.windowed.scope
        scopes = sorted(scopes_of(kind).values(), key=lambda scope: scope.name)
        return {
            "versions": [each.version for each in computed_versions(self.metric)],
            "scopes": [
                (ALL, f"Every {kind.label.lower()}"),
                *((scope.pk, scope.name) for scope in scopes),
            ],
        }

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        try:
            made = open_standing(
                key=self.kwargs["key"],
                version=data["definition"],
                scope_id=data["scope"],
                owner=data["owner"],
                actor=user,
                at=timezone.now(),
            )
        except DefinitionChangedError as error:
            raise RefusedError(str(error), field="definition") from error
        return reverse("metric-standing", args=[made.pk])


class _StandingForm(FormPage):
    """A form about one standing."""

    standing: MetricStanding

    def load(self) -> None:
        rows = standings_visible_to(self.request.user)
        self.standing = get_object_or_404(rows, pk=self.kwargs["pk"])

    def allows(self, user: AnyUser) -> bool:
        return may_end_standing(user, self.standing)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        version = self.standing.metric_version
        title = f"{version.version}, {_scope_name(self.standing)}"
        return [
            *metric_crumbs(version.key),
            Crumb(title, reverse("metric-standing", args=[self.standing.pk])),
        ]

    def address(self) -> str:
        return reverse("metric-standing", args=[self.standing.pk])


class StandingProposePage(_StandingForm):
    """Ask a second person."""

    form_class = ProposalForm
    title = "Have this metric approved"
    lead = "Another person sees its definition and every settled value, and approves exactly that."
    submit_label = "Ask for it"
    done_message = "Asked. It waits in the approvals inbox."

    def allows(self, user: AnyUser) -> bool:
        return may_propose_standing(user, self.standing)

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        request_standing(
            standing_id=self.standing.pk,
            to=data["to"],
            reason=data["reason"],
            actor=user,
            at=timezone.now(),
        )
        return self.address()


class StandingSuspendPage(_StandingForm):
    """Take it out of reports at once."""

    form_class = EndForm
    title = "Suspend this metric"
    lead = "The API stops answering with it at once, until somebody has approved it again."
    submit_label = "Suspend"
    done_message = "Suspended."
    is_dangerous = True

    def save(self, form: forms.Form, user: User) -> str:
        suspend_standing(
            standing_id=self.standing.pk,
            reason=form.cleaned_data["reason"],
            actor=user,
            at=timezone.now(),
        )
        return self.address()


class StandingDeprecatePage(_StandingForm):
    """Announce its last day."""

    form_class = DeprecateForm
    title = "Announce the end of this metric"
    lead = "It is answered up to its last day, and every answer says that it ends."
    submit_label = "Announce"
    done_message = "Announced."

    def save(self, form: forms.Form, user: User) -> str:
        deprecate_standing(
            standing_id=self.standing.pk,
            reason=form.cleaned_data["reason"],
            sunset_on=form.cleaned_data["sunset_on"],
            actor=user,
            at=timezone.now(),
        )
        return self.address()


class StandingRetirePage(_StandingForm):
    """End it for good."""

    form_class = EndForm
    title = "Retire this metric"
    lead = "It is answered no more. Its values and approvals stay on record."
    submit_label = "Retire"
    done_message = "Retired."
    is_dangerous = True

    def save(self, form: forms.Form, user: User) -> str:
        retire_standing(
            standing_id=self.standing.pk,
            reason=form.cleaned_data["reason"],
            actor=user,
            at=timezone.now(),
        )
        return self.address()
