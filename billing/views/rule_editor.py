"""Asking for a new or changed allocation rule; nothing is asked that was not previewed."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.generic import View

from billing.allocation.match import RuleMatch
from billing.allocation.trial import TrialRule
from billing.choices import SplitKind
from billing.forms.allocation_rules import (
    MOST_SHARES,
    BaseFurtherFormSet,
    BaseShareFormSet,
    FurtherFormSet,
    RuleForm,
    ShareFormSet,
    draft_digest,
    initial_shares,
)
from billing.forms.fields import USE_CASE_LIST
from billing.models import AllocationRule
from billing.policies import may_edit_allocation_rules
from billing.selectors.allocation_rules import rule_for_page, shares_by_rule
from billing.selectors.choices_in_use import newest_month
from billing.selectors.dry_runs import NEW_RULE, DryRun, dry_run
from billing.selectors.use_cases import all_use_case_names
from billing.services.allocation_rules import (
    MOST_CONDITIONS,
    RuleDraft,
    RuleNotLiveError,
    RuleRefusedError,
)
from billing.services.rule_requests import request_replacement, request_rule
from billing.views.rule_preview import preview_context
from portal.models import ApprovalRequest, User
from portal.shell.periods import Month
from portal.shell.views import Crumb

_PREFIX = "shares"
_ALSO = "also"
_PREFILLED = ("name", "field", "tag_key", "mode", "value", "split", "starts_on", "ends_on")


def say_asked(request: HttpRequest) -> None:
    """Tell that nothing has moved yet."""
    messages.success(
        request,
        "Asked. Another person approves it, and then the days it covers are allocated anew.",
    )


class RuleEditorPage(View):
    """Base of both pages. A form is answered with its preview; what is asked was previewed."""

    http_method_names = ["get", "head", "post", "options"]
    title = ""
    rule: AllocationRule | None = None
    further: BaseFurtherFormSet

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may_edit_allocation_rules(request.user):
            raise PermissionDenied
        self.load()
        return super().dispatch(request, *args, **kwargs)

    def load(self) -> None:
        """Read the rule that the address names."""

    def get_initial(self) -> dict[str, Any]:
        """What the form starts with."""
        month = newest_month() or Month.of(timezone.now().date())
        return {"month": str(month)}

    def get_shares(self) -> list[dict[str, Any]]:
        """What the shares start with."""
        return []

    def get_further(self) -> list[dict[str, Any]]:
        """What the further conditions start with."""
        return []

    def ask(self, draft: RuleDraft, reason: str, user: User, at: dt.datetime) -> ApprovalRequest:
        """Call the service."""
        raise TypeError(f"{type(self).__name__} does not say what it asks for")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.further = FurtherFormSet(initial=self.get_further(), prefix=_ALSO)
        form = RuleForm(initial=self.get_initial())
        return self._respond(form, ShareFormSet(initial=self.get_shares(), prefix=_PREFIX))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "add_share" in request.POST or "add_condition" in request.POST:
            return self._respond_longer(request)
        form = RuleForm(request.POST)
        split = {"split": request.POST.get("split") or SplitKind.FIXED}
        shares = ShareFormSet(request.POST, prefix=_PREFIX, form_kwargs=split)
        self.further = self._further(request.POST)
        if not (form.is_valid() & shares.is_valid() & self.further.is_valid()):
            return self._respond(form, shares)
        draft = form.draft(shares.shares(), self.further.conditions())
        digest = draft_digest(draft)
        if "save" in request.POST and form.cleaned_data["previewed"] == digest:
            return self._save(request, form, shares, draft)
        changed = "save" in request.POST
        return self._respond(form, shares, draft=draft, digest=digest, has_changed=changed)

    def _further(self, data: QueryDict) -> BaseFurtherFormSet:
        """The further conditions; none when the form has no rows for them at all."""
        if f"{_ALSO}-TOTAL_FORMS" not in data:
            data = data.copy()
            data |= {f"{_ALSO}-TOTAL_FORMS": "0", f"{_ALSO}-INITIAL_FORMS": "0"}
        return FurtherFormSet(data, prefix=_ALSO)

    def _respond_longer(self, request: HttpRequest) -> HttpResponse:
        """What was typed, with one more row; a button that works without a script."""
        data = request.POST.copy()
        prefix, most = (
            (_PREFIX, MOST_SHARES) if "add_share" in data else (_ALSO, MOST_CONDITIONS - 1)
        )
        name = f"{prefix}-TOTAL_FORMS"
        count = data.get(name, "0")
        data[name] = str(min(int(count) if count.isdecimal() else 0, most - 1) + 1)
        self.further = self._further(data)
        return self._respond(RuleForm(data), ShareFormSet(data, prefix=_PREFIX), is_draft=True)

    def _save(
        self, request: HttpRequest, form: RuleForm, shares: BaseShareFormSet, draft: RuleDraft
    ) -> HttpResponse:
        assert isinstance(request.user, User)  # noqa: S101  (the policy has seen to it)
        try:
            asked = self.ask(draft, form.cleaned_data["reason"], request.user, timezone.now())
        except RuleRefusedError as error:
            form.add_error(error.field if error.field in form.fields else None, error.reason)
            return self._respond(form, shares)
        except RuleNotLiveError as error:
            form.add_error(None, f"{error} Somebody was faster; open the rule again.")
            return self._respond(form, shares, status=409)
        say_asked(request)
        return HttpResponseRedirect(reverse("approval", args=[asked.pk]))

    def _preview(self, form: RuleForm, draft: RuleDraft) -> DryRun:
        return dry_run(
            month=form.cleaned_data["month"],
            draft=trial_of(draft),
            priority=draft.priority,
            replaces=self.rule.pk if self.rule else None,
        )

    def _respond(
        self,
        form: RuleForm,
        shares: BaseShareFormSet,
        *,
        draft: RuleDraft | None = None,
        digest: str = "",
        has_changed: bool = False,
        is_draft: bool = False,
        status: int = 200,
    ) -> HttpResponse:
        if is_draft:
            form.errors.clear()
            for each in (*shares.forms, *self.further.forms):
                each.errors.clear()
        context: dict[str, Any] = {
            "page_title": self.title,
            "breadcrumbs": self.get_breadcrumbs(),
            "form": form,
            "shares": shares,
            "further": self.further,
            "sections": [
                (heading, [form[name] for name in names]) for heading, names in form.sections
            ],
            "rule": self.rule,
            "digest": digest,
            "has_changed": has_changed,
            "is_draft": is_draft,
            "use_cases": all_use_case_names(self.request.user),
            "use_case_list": USE_CASE_LIST,
            "cancel_url": self.get_breadcrumbs()[-1].url,
        }
        if draft is not None:
            context |= preview_context(self._preview(form, draft), draft=draft)
        return render(self.request, "billing/rule_form.html", context, status=status)

    def get_breadcrumbs(self) -> list[Crumb]:
        """The pages above."""
        return [
            Crumb("Costs", reverse("costs")),
            Crumb("Allocation rules", reverse("allocation-rules")),
        ]


def trial_of(draft: RuleDraft) -> TrialRule:
    """The draft as a rule to try."""
    match = RuleMatch(
        NEW_RULE, draft.conditions, draft.starts_on, draft.ends_on, draft.connection_id
    )
    return TrialRule(match, draft.shares, name=draft.name, split=draft.split)


class RuleNewPage(RuleEditorPage):
    """A new rule, filled in from the work list of unallocated money."""

    title = "New allocation rule"

    def get_initial(self) -> dict[str, Any]:
        given = self.request.GET
        initial = super().get_initial()
        month: str = initial["month"]
        initial["starts_on"] = f"{month}-01"
        initial |= {name: given[name] for name in _PREFILLED if given.get(name)}
        return initial | ({"month": given["month"]} if given.get("month") else {})

    def get_shares(self) -> list[dict[str, Any]]:
        use_case = self.request.GET.get("use_case", "")
        return [{"use_case": use_case, "percent": "100"}] if use_case else []

    def ask(self, draft: RuleDraft, reason: str, user: User, at: dt.datetime) -> ApprovalRequest:
        return request_rule(draft=draft, reason=reason, actor=user, at=at)


class RuleEditPage(RuleEditorPage):
    """The next version of a live rule."""

    def load(self) -> None:
        rule = rule_for_page(self.request.user, self.kwargs["key"])
        if rule is None:
            raise Http404
        self.rule = rule
        self.title = f"Change “{rule.name}”"

    def get_initial(self) -> dict[str, Any]:
        assert self.rule is not None  # noqa: S101  (set by `load`)
        return super().get_initial() | RuleForm.initial_of(self.rule)

    def get_shares(self) -> list[dict[str, Any]]:
        assert self.rule is not None  # noqa: S101  (set by `load`)
        shares = shares_by_rule([self.rule.pk]).get(self.rule.pk, [])
        return initial_shares(shares, self.rule.split)

    def get_further(self) -> list[dict[str, Any]]:
        assert self.rule is not None  # noqa: S101  (set by `load`)
        return RuleForm.further_of(self.rule)

    def ask(self, draft: RuleDraft, reason: str, user: User, at: dt.datetime) -> ApprovalRequest:
        assert self.rule is not None  # noqa: S101  (set by `load`)
        return request_replacement(
            rule_id=self.rule.pk, draft=draft, reason=reason, actor=user, at=at
        )

    def get_breadcrumbs(self) -> list[Crumb]:
        assert self.rule is not None  # noqa: S101  (set by `load`)
        address = reverse("allocation-rule", args=[self.rule.key])
        return [*super().get_breadcrumbs(), Crumb(self.rule.name, address)]
