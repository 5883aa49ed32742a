"""Allocation rules: the list, one rule with its versions, and ending one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from billing.approvals import RULE_KIND
from billing.choices import SplitKind
from billing.filters.allocation_rules import RuleFilters
from billing.forms.allocation_rules import RetireForm
from billing.forms.fields import USE_CASE_LIST
from billing.models import AllocationRule
from billing.policies import may_edit_allocation_rules, may_see_costs
from billing.selectors.allocation_rules import (
    newest_versions,
    period_text,
    rule_for_page,
    rules_are_pending,
    shares_by_rule,
    shares_text,
    state_of,
    versions_of,
)
from billing.selectors.choices_in_use import newest_month
from billing.selectors.conditions import conditions_of, conditions_text
from billing.selectors.dry_runs import dry_run
from billing.selectors.use_cases import all_use_case_names
from billing.services.allocation_rules import RuleNotLiveError, RuleRefusedError
from billing.services.rule_requests import request_end
from billing.tables.allocation_rules import RuleTable, RuleVersionTable
from billing.views.rule_editor import say_asked
from billing.views.rule_preview import preview_context
from portal.models import ApprovalRequest, User
from portal.selectors.pending_approvals import pending_request
from portal.shell.formats import moment_text
from portal.shell.htmx import is_fragment
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.periods import Month
from portal.shell.views import Action, Crumb, EmptyState, ListPage


class RuleListPage(ListPage):
    """Which money goes where, and since when."""

    title = "Allocation rules"
    lead = "The first rule that matches a charge on its day takes the whole charge and shares it."
    noun_plural = "rules"
    export_name = "allocation-rules"
    table_class = RuleTable
    filterset_class = RuleFilters
    template_name = "billing/rule_list.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_costs(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return newest_versions(self.request.user)

    def make_table(self, source: Source) -> RuleTable:
        return RuleTable(
            source,
            query=self.request.GET,
            path=self.request.path,
            today=timezone.now().date(),
        )

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [Crumb("Costs", reverse("costs"))]

    def get_actions(self) -> Sequence[Action]:
        if not may_edit_allocation_rules(self.request.user):
            return ()
        return [Action("New rule", reverse("allocation-rule-new"), is_primary=True)]

    def get_empty(self) -> EmptyState:
        text = "Until there is one, every charge is unallocated. Start with the largest sums."
        return EmptyState(
            "No allocation rule yet", text, "See what is unallocated", reverse("costs-unallocated")
        )

    def get_context_data(self) -> dict[str, Any]:
        fragment = is_fragment(self.request)
        return {
            "is_pending": rules_are_pending(),
            "use_cases": [] if fragment else all_use_case_names(self.request.user),
            "use_case_list": USE_CASE_LIST,
        }


def _rule_or_404(request: HttpRequest, key: str) -> AllocationRule:
    if not may_see_costs(request.user):
        raise PermissionDenied
    rule = rule_for_page(request.user, key)
    if rule is None:
        raise Http404
    return rule


def _crumbs() -> list[Crumb]:
    return [
        Crumb("Costs", reverse("costs")),
        Crumb("Allocation rules", reverse("allocation-rules")),
    ]


@require_safe
def rule_page(request: HttpRequest, key: str) -> HttpResponseBase:
    """One rule with every version of it."""
    rule = _rule_or_404(request, key)
    versions = versions_of(rule)
    context = {
        "page_title": rule.name,
        "page_lead": _condition(rule),
        "breadcrumbs": _crumbs(),
        "rule": rule,
        "state": _state(rule, rule),
        "period": period_text(rule.starts_on, rule.ends_on),
        "shares": shares_by_rule([rule.pk]).get(rule.pk, []),
        "is_fixed": rule.split == SplitKind.FIXED,
        "split_label": SplitKind(rule.split).label,
        "versions": RuleVersionTable.of(_version_rows(versions, rule)),
        "may_edit": may_edit_allocation_rules(request.user) and rule.retired_at is None,
        "pending": pending_request(RULE_KIND, rule.key),
    }
    return TemplateResponse(request, "billing/rule_detail.html", context)


def _condition(rule: AllocationRule) -> str:
    return conditions_text(conditions_of(rule))


def _state(version: AllocationRule, newest: AllocationRule) -> str:
    return state_of(
        retired_at=version.retired_at,
        pending_since=version.pending_since,
        ends_on=version.ends_on,
        is_newest=version.pk == newest.pk,
        today=timezone.now().date(),
    )


def _version_rows(
    versions: Sequence[AllocationRule], newest: AllocationRule
) -> list[dict[str, Any]]:
    shares = shares_by_rule(version.pk for version in versions)
    return [
        {
            "version": version.version,
            "state": _state(version, newest),
            "condition": _condition(version),
            "period": period_text(version.starts_on, version.ends_on),
            "shares": shares_text(shares.get(version.pk, []), version.split),
            "made": moment_text(version.created_at),
            "made_by": _made_by(version),
            "retired": moment_text(version.retired_at) if version.retired_at else None,
            "retired_why": _retired_why(version),
        }
        for version in versions
    ]


def _made_by(version: AllocationRule) -> str:
    approval = version.approval
    if approval is None or approval.closed_by is None:
        return f"by {version.created_by}"
    return f"by {version.created_by}, approved by {approval.closed_by}"


def _retired_why(version: AllocationRule) -> str:
    if version.retired_at is None:
        return ""
    who = f"by {version.retired_by}: " if version.retired_by else ""
    return f"{who}{version.retired_reason}"


@require_http_methods(["GET", "HEAD", "POST"])
def rule_retire_page(request: HttpRequest, key: str) -> HttpResponseBase:
    """End a rule, having seen what that would move in a month; the newest one at first."""
    if not may_edit_allocation_rules(request.user) or not isinstance(request.user, User):
        raise PermissionDenied
    rule = _rule_or_404(request, key)
    page = reverse("allocation-rule", args=[key])
    if rule.retired_at is not None:
        return HttpResponseRedirect(page)
    newest = newest_month()
    form = RetireForm(request.POST or None, initial={"month": str(newest) if newest else ""})
    status = 200
    if "preview" in request.POST:
        form.errors.pop("reason", None)  # the reason can wait until it is asked for
    elif request.method == "POST" and form.is_valid():
        asked = _ask_for_end(request.user, rule, form)
        if asked is not None:
            say_asked(request)
            return HttpResponseRedirect(reverse("approval", args=[asked.pk]))
        status = 409
    context: dict[str, Any] = {
        "page_title": f"Retire “{rule.name}”",
        "page_lead": _condition(rule),
        "breadcrumbs": [*_crumbs(), Crumb(rule.name, page)],
        "form": form,
        "rule": rule,
        "pending": pending_request(RULE_KIND, rule.key),
        "cancel_url": page,
    }
    month = _month_to_try(form, newest)
    if month is not None:
        context |= preview_context(dry_run(month=month, draft=None, replaces=rule.pk))
    return render(request, "billing/rule_retire.html", context, status=status)


def _ask_for_end(person: User, rule: AllocationRule, form: RetireForm) -> ApprovalRequest | None:
    """The request; None when the service refuses, which the form then says."""
    reason = form.cleaned_data["reason"]
    try:
        return request_end(rule_id=rule.pk, reason=reason, actor=person, at=timezone.now())
    except (RuleNotLiveError, RuleRefusedError) as error:
        form.add_error(None, str(error))
    return None


def _month_to_try(form: RetireForm, newest: Month | None) -> Month | None:
    """The month that was typed; the newest when none was; none while it cannot be read."""
    if "month" in form.errors:
        return None
    typed: Month | None = form.cleaned_data.get("month") if form.is_bound else None
    return typed or newest
