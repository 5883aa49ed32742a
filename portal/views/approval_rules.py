"""The rules of approval: which roles approve what, and asking for others."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.approvals.errors import ApprovalRefusedError
from portal.approvals.guards import POLICY_KIND
from portal.approvals.registry import approval_kinds
from portal.choices import Role
from portal.forms.approvals import RulesForm
from portal.policies import may_request_approval_policies, may_see_approvals
from portal.selectors.approvals import role_labels, rules_of_approval
from portal.services.approval_policies import request_policy
from portal.services.approvals import policy_of
from portal.shell.views import Crumb
from portal.views.approvals import approvals_crumb
from portal.views.connections import person_of


@require_safe
def approval_rules_page(request: HttpRequest) -> HttpResponse:
    """Every kind with the rule in force and those before it."""
    person = person_of(request, allowed=may_see_approvals(request.user))
    rules = rules_of_approval(policy_kind=POLICY_KIND)
    context = {
        "page_title": "Rules of approval",
        "page_lead": "Who approves what. These rules change by approval only.",
        "breadcrumbs": [approvals_crumb()],
        "rules": rules,
        "history": [
            (rule.kind.label, row, ", ".join(role_labels(row.approver_roles)))
            for rule in rules
            for row in rule.history
        ],
        "may_ask": may_request_approval_policies(person),
    }
    return render(request, "portal/approvals/rules.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def approval_rules_ask(request: HttpRequest, kind: str) -> HttpResponse:
    """Ask for another rule."""
    person = person_of(request, allowed=may_request_approval_policies(request.user))
    if kind not in approval_kinds:
        raise Http404(f"there is no kind {kind!r}")
    spec = approval_kinds.get(kind)
    now = policy_of(spec)
    form = RulesForm(
        request.POST if request.method == "POST" else None,
        initial={"approver_roles": sorted(now.approver_roles), "request_days": now.request_days},
    )
    if request.method == "POST" and form.is_valid():
        try:
            asked = request_policy(
                kind=kind,
                approver_roles=[Role(key) for key in form.cleaned_data["approver_roles"]],
                request_days=form.cleaned_data["request_days"],
                reason=form.cleaned_data["reason"],
                actor=person,
                at=timezone.now(),
            )
        except ApprovalRefusedError as error:
            form.add_error(None, error.reason)
        else:
            messages.success(request, "Asked. The rule changes when somebody has approved.")
            return HttpResponseRedirect(reverse("approval", args=[asked.pk]))
    context = {
        "page_title": f"Other rules for “{spec.label}”",
        "page_lead": "Requests of this kind that wait are void when the rule changes.",
        "breadcrumbs": [
            approvals_crumb(),
            Crumb("Rules of approval", reverse("approval-rules")),
        ],
        "form": form,
        "submit_label": "Ask",
        "cancel_url": reverse("approval-rules"),
    }
    return render(request, "portal/approvals/form_page.html", context)
