"""Pages about adoption targets: list, one, set, change, withdraw; the panel on a use case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.decorators.http import require_safe

from adoption.filters.targets import TargetFilters
from adoption.forms.targets import TargetEditForm, TargetForm, TargetWithdrawForm
from adoption.models import AdoptionTarget, UseCase
from adoption.policies import may_edit_target, may_see_registry, may_set_target
from adoption.selectors.promises import FORECAST_METHOD
from adoption.selectors.targets import (
    events_of_target,
    milestones_to_serve,
    standing_of_target,
    target_for_page,
    targets_of_use_case,
    targets_visible_to,
)
from adoption.services.target_rules import TargetDraft
from adoption.services.targets import create_target, update_target, withdraw_target
from adoption.tables.targets import TargetTable
from adoption.views.form_page import FormPage, signed_in
from portal.models import User
from portal.policies import AnyUser
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, Crumb, EmptyState, ListPage


def targets_crumb() -> Crumb:
    return Crumb("Targets", reverse("target-list"))


def target_or_404(user: AnyUser, pk: int) -> AdoptionTarget:
    """The target with what its pages need.

    Raises:
        Http404: there is none that this person may see.
    """
    found = target_for_page(user, pk)
    if found is None:
        raise Http404(f"no target {pk}")
    return found


class TargetListPage(ListPage):
    """All adoption targets, from baseline to value by a day."""

    title = "Adoption targets"
    lead = "What is to be reached, from where, by when, and the milestone that each one serves."
    noun_plural = "targets"
    export_name = "targets"
    table_class = TargetTable
    filterset_class = TargetFilters
    template_name = "adoption/target_list.html"
    fragment_template_name = "adoption/_target_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_registry(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return targets_visible_to(self.request.user)

    def make_table(self, source: Source) -> TargetTable:
        return TargetTable(
            source, query=self.request.GET, path=self.request.path, now=timezone.now()
        )

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No target is set yet",
            "A target takes an outcome from where it is today to a value by a day, and serves a "
            "milestone. Tokens, seats and active users are refused, with the outcome to use "
            "instead.",
            "Set a target",
            reverse("target-new"),
        )

    def get_actions(self) -> Sequence[Action]:
        if not milestones_to_serve(self.request.user).exists():
            return ()
        return [Action("Set a target", reverse("target-new"), is_primary=True)]


@require_safe
def target_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One target: from where, to what, how far, its forecast and its log."""
    target = target_or_404(request.user, pk)
    standing = standing_of_target(target, now=timezone.now())
    is_open = target.withdrawn_at is None and target.state != "reached"
    context = {
        "page_title": target.title,
        "breadcrumbs": [targets_crumb()],
        "target": target,
        "standing": standing,
        "events": events_of_target(target),
        "method": FORECAST_METHOD,
        "may_edit": may_edit_target(request.user, target) and target.withdrawn_at is None,
        "may_withdraw": may_edit_target(request.user, target) and is_open,
    }
    return render(request, "adoption/target_detail.html", context)


class _TargetFormPage(FormPage):
    template_name = "adoption/target_form.html"

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [targets_crumb()]

    def get_form_arguments(self) -> dict[str, Any]:
        return {"milestones": milestones_to_serve(self.request.user)}

    def draft_of(self, form: forms.Form) -> TargetDraft:
        """What was asked for, if this person may set it.

        Raises:
            PermissionDenied: the scope is not theirs.
        """
        draft: TargetDraft = form.cleaned_data["draft"]
        use_case = form.cleaned_data["milestone"].use_case
        if not may_set_target(self.request.user, use_case, draft.scope_kind):
            raise PermissionDenied
        return draft


class TargetNewPage(_TargetFormPage):
    """Set a target."""

    form_class = TargetForm
    title = "Set a target"
    lead = "An outcome, from where it is today, to a value by a day. The baseline is measured now."
    submit_label = "Set the target"
    done_message = "Set. It is measured with the next import, and at least once an hour."

    def allows(self, user: AnyUser) -> bool:
        return may_see_registry(user)

    def get_initial(self) -> dict[str, Any]:
        return {"milestone": self.request.GET.get("milestone", "")}

    def get_context_data(self) -> dict[str, Any]:
        if milestones_to_serve(self.request.user).exists():
            return {}
        return {
            "instead": EmptyState(
                "No open milestone of yours can be served",
                "A target serves a milestone. Promise one on a use case that you own first.",
                "To the portfolio",
                reverse("portfolio"),
            )
        }

    def save(self, form: forms.Form, user: User) -> str:
        made = create_target(draft=self.draft_of(form), actor=user, at=timezone.now())
        return reverse("target", args=[made.pk])


class _OneTarget(_TargetFormPage):
    """A form about the target that the address names."""

    @cached_property
    def target(self) -> AdoptionTarget:
        return target_or_404(self.request.user, self.kwargs["pk"])

    def load(self) -> None:
        self.target  # noqa: B018  (404 comes before 403)

    def allows(self, user: AnyUser) -> bool:
        return may_edit_target(user, self.target)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        url = reverse("target", args=[self.target.pk])
        return [targets_crumb(), Crumb(self.target.title, url)]


class TargetEditPage(_OneTarget):
    """Change a target; its log shows before and after."""

    form_class = TargetEditForm
    title = "Edit the target"
    done_message = "Saved."

    def get_form_arguments(self) -> dict[str, Any]:
        return {"milestones": milestones_to_serve(self.request.user, keep=self.target.milestone_id)}

    def get_initial(self) -> dict[str, Any]:
        return TargetEditForm.initial_of(self.target)

    def get_context_data(self) -> dict[str, Any]:
        return {"current_url": self.request.path}

    def save(self, form: forms.Form, user: User) -> str:
        update_target(
            target_id=self.target.pk,
            expected_version=form.cleaned_data["expected_version"],
            draft=self.draft_of(form),
            actor=user,
            at=timezone.now(),
        )
        return reverse("target", args=[self.target.pk])


class TargetWithdrawPage(_OneTarget):
    """Give a target up; it stays in the list."""

    template_name = "adoption/form_page.html"
    form_class = TargetWithdrawForm
    title = "Withdraw the target"
    submit_label = "Withdraw"
    is_dangerous = True
    done_message = "Withdrawn. It stays in the list, with the reason."

    def get_form_arguments(self) -> dict[str, Any]:
        return {}

    def get_initial(self) -> dict[str, Any]:
        return {"expected_version": self.target.version}

    def save(self, form: forms.Form, user: User) -> str:
        withdraw_target(
            target_id=self.target.pk,
            expected_version=form.cleaned_data["expected_version"],
            reason=form.cleaned_data["reason"],
            actor=user,
            at=timezone.now(),
        )
        return reverse("target", args=[self.target.pk])


def use_case_targets(request: HttpRequest, use_case: UseCase) -> dict[str, Any] | None:
    """The panel of a use case: targets about it or that serve its milestones; None without any."""
    now = timezone.now()
    found = list(targets_of_use_case(request.user, use_case))
    if not found:
        return None
    user = signed_in(request)
    return {
        "standings": [standing_of_target(each, now=now) for each in found],
        "new_url": reverse("target-new")
        if milestones_to_serve(user).filter(use_case=use_case).exists()
        else "",
    }
