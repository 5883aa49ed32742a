"""Pages about milestones that people attest: promise, change, attest."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from adoption.approvals import ATTESTATION_KIND
from adoption.choices import MilestoneKind, MilestoneState
from adoption.forms.targets import (
    AttestationForm,
    AttestedMilestoneEditForm,
    AttestedMilestoneForm,
)
from adoption.services.attestations import (
    create_attested_milestone,
    request_attestation,
    update_attested_milestone,
)
from adoption.views.milestones import OneMilestone
from adoption.views.use_cases import UseCasePart
from portal.models import User
from portal.selectors.pending_approvals import pending_request
from portal.shell.formats import date_text
from portal.shell.views import EmptyState


class AttestedMilestoneNewPage(UseCasePart):
    """Promise an outcome that no system shows."""

    form_class = AttestedMilestoneForm
    title = "Promise an outcome that is not code"
    lead = "It is reached when one person attests it with evidence and another confirms it."
    submit_label = "Promise"
    done_message = "Promised."

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        create_attested_milestone(
            use_case_id=self.use_case.pk, title=data["title"], outcome=data["outcome"],
            due_on=data["due_on"], actor=user, at=timezone.now(),
        )  # fmt: skip
        return self.page_url("milestones")


class _OneAttested(OneMilestone, UseCasePart):
    def load(self) -> None:
        if self.milestone.kind != MilestoneKind.ATTESTED:
            raise Http404("this milestone is measured")


class AttestedMilestoneEditPage(_OneAttested):
    """Change what is promised; what was attested of it is void."""

    form_class = AttestedMilestoneEditForm
    title = "Edit the milestone"
    done_message = "Saved."

    def get_initial(self) -> dict[str, Any]:
        found = self.milestone
        return {
            "title": found.title, "outcome": found.outcome, "due_on": found.due_on,
            "expected_version": found.version,
        }  # fmt: skip

    def get_context_data(self) -> dict[str, Any]:
        return {"current_url": self.request.path}

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        update_attested_milestone(
            milestone_id=self.milestone.pk, expected_version=data["expected_version"],
            title=data["title"], outcome=data["outcome"], due_on=data["due_on"], actor=user,
            at=timezone.now(),
        )  # fmt: skip
        return self.page_url("milestones")


class AttestPage(_OneAttested):
    """Attest that the outcome is there; another person confirms it."""

    form_class = AttestationForm
    title = "Attest the milestone"
    submit_label = "Ask for confirmation"

    def get_initial(self) -> dict[str, Any]:
        return {"expected_version": self.milestone.version}

    def get_context_data(self) -> dict[str, Any]:
        found = self.milestone
        context: dict[str, Any] = {
            "page_lead": f"“{found.title}”, due {date_text(found.due_on)}.",
            "current_url": self.page_url("milestones"),
        }
        pending = pending_request(ATTESTATION_KIND, str(found.pk))
        if found.state == MilestoneState.REACHED:
            context["instead"] = EmptyState("It is reached", "Nothing is left to attest.")
        elif pending is not None and pending.author_id != self.request.user.pk:
            context["instead"] = EmptyState(
                f"{pending.author} has attested it",
                "It waits for a second person.",
                "Open the request",
                reverse("approval", args=[pending.pk]),
            )
        return context

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        request = request_attestation(
            milestone_id=self.milestone.pk, expected_version=data["expected_version"],
            statement=data["statement"], link=data["link"], happened_on=data["happened_on"],
            actor=user, at=timezone.now(),
        )  # fmt: skip
        messages.success(
            self.request, "Attested. It is reached once another person confirms exactly this."
        )
        return reverse("approval", args=[request.pk])
