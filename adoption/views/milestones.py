"""Pages about milestones: promise, change, withdraw."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from adoption.choices import MilestoneKind, MilestoneState
from adoption.forms.milestones import MilestoneEditForm, MilestoneForm, MilestoneRemoveForm
from adoption.metrics.registry import milestone_metrics
from adoption.metrics.wording import UNIT_WORDS
from adoption.models import Milestone
from adoption.services.milestones import create_milestone, remove_milestone, update_milestone
from adoption.views.use_cases import UseCasePart
from portal.models import User
from portal.shell.formats import date_text
from portal.shell.views import EmptyState

NO_METRIC = EmptyState(
    "No metric is registered",
    "A milestone is measured by a metric of the catalogue, and it is empty. The administrator of "
    "this installation can say why.",
)


class _MilestoneFormPage(UseCasePart):
    template_name = "adoption/milestone_form.html"

    def get_context_data(self) -> dict[str, Any]:
        programme = self.use_case.programme
        offered = milestone_metrics()
        return {
            "use_case": self.use_case,
            "programme": programme,
            "metrics": {metric.key: (metric, UNIT_WORDS[metric.unit]) for metric in offered},
            "instead": None if offered else NO_METRIC,
        }

    def promised(self, form: forms.Form) -> dict[str, Any]:
        """The arguments that creating and updating share."""
        data = form.cleaned_data
        return {
            "title": data["title"],
            "due_on": data["due_on"],
            "metric_key": data["metric_key"],
            "comparator": data["comparator"],
            "threshold_nano": data["threshold_nano"],
            "currency": self.use_case.programme.currency if data["is_money"] else "",
        }


class MilestoneNewPage(_MilestoneFormPage):
    """Promise a milestone."""

    form_class = MilestoneForm
    title = "Promise a milestone"
    lead = "It is reached when its measure says so. Nobody ticks a box."
    submit_label = "Promise"
    done_message = "Promised. It is measured with the next import, and at least once a day."

    def save(self, form: forms.Form, user: User) -> str:
        create_milestone(
            use_case_id=self.use_case.pk, actor=user, at=timezone.now(), **self.promised(form)
        )
        return self.page_url("milestones")


class OneMilestone:
    """The milestone that the address names; 404 when it belongs to another use case."""

    @cached_property
    def milestone(self) -> Milestone:
        return get_object_or_404(
            Milestone.objects.select_related("use_case__programme"),
            pk=self.kwargs["pk"],  # type: ignore[attr-defined]
            use_case=self.use_case,  # type: ignore[attr-defined]
        )

    def load(self) -> None:
        self.milestone  # noqa: B018  (404 comes before 403)


class MilestoneEditPage(OneMilestone, _MilestoneFormPage):
    """Change what is promised; the log shows before and after. An attested one has its own page."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.milestone.kind == MilestoneKind.ATTESTED:
            return redirect("milestone-attested-edit", self.use_case.slug, self.milestone.pk)
        return super().get(request, *args, **kwargs)

    form_class = MilestoneEditForm
    title = "Edit the milestone"
    done_message = "Saved."

    def get_initial(self) -> dict[str, Any]:
        return MilestoneEditForm.initial_of(self.milestone)

    def get_context_data(self) -> dict[str, Any]:
        return {
            **super().get_context_data(),
            "milestone": self.milestone,
            "is_reached": self.milestone.state == MilestoneState.REACHED,
            "current_url": self.request.path,
            "remove_url": reverse("milestone-remove", args=[self.use_case.slug, self.milestone.pk]),
        }

    def save(self, form: forms.Form, user: User) -> str:
        update_milestone(
            milestone_id=self.milestone.pk,
            expected_version=form.cleaned_data["expected_version"],
            actor=user,
            at=timezone.now(),
            **self.promised(form),
        )
        return self.page_url("milestones")


class MilestoneRemovePage(OneMilestone, UseCasePart):
    """Withdraw a promise; that it was made stays in the log."""

    form_class = MilestoneRemoveForm
    title = "Withdraw the milestone"
    submit_label = "Withdraw"
    is_dangerous = True
    done_message = "Withdrawn. The decision log keeps what was promised, and why it went."

    def get_initial(self) -> dict[str, Any]:
        return {"expected_version": self.milestone.version}

    def get_context_data(self) -> dict[str, Any]:
        return {
            "page_lead": f"“{self.milestone.title}”, due {date_text(self.milestone.due_on)}.",
            "current_url": self.page_url("milestones"),
        }

    def save(self, form: forms.Form, user: User) -> str:
        remove_milestone(
            milestone_id=self.milestone.pk,
            expected_version=form.cleaned_data["expected_version"],
            reason=form.cleaned_data["reason"],
            actor=user,
            at=timezone.now(),
        )
        return self.page_url("decisions")
