"""Registering a use case in three steps, each of which can be saved as a draft.

The draft is the use case itself, in stage `proposed` and open to read: a draft that nobody else
sees cannot be found by the next person who has the same idea.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django import forms
from django.contrib import messages
from django.urls import reverse
from django.utils import timezone

from adoption.forms.registration import (
    BENEFIT_FIELDS,
    RISK_FIELDS,
    BenefitForm,
    ProblemEditForm,
    ProblemForm,
    RiskForm,
)
from adoption.models import UseCaseProfile
from adoption.policies import may_register_use_case
from adoption.selectors.programmes import programmes_visible_to
from adoption.selectors.records import record_values
from adoption.selectors.stage_gates import profile_of
from adoption.selectors.teams import teams_visible_to
from adoption.selectors.use_cases import similar_use_cases
from adoption.services.use_cases import create_use_case, update_use_case
from adoption.views.form_page import FormPage
from adoption.views.use_cases import UseCasePart, portfolio_crumb
from portal.models import User
from portal.policies import AnyUser
from portal.shell.views import Crumb

_PROBLEM_FIELDS = ("title", "problem", "value_type", "programme", "team", "owner")
_DRAFT_SAVED = "Saved as a draft. Everybody can see it; go on whenever you like."


class Step(NamedTuple):
    """One step as the page shows it."""

    label: str
    url: str
    is_current: bool
    is_done: bool


def _steps(current: int, slug: str = "", *, is_registered: bool = False) -> list[Step]:
    labels = ("Problem and team", "Benefit and hypothesis", "Risk, data and stop rule")
    routes = ("registration-problem", "registration-benefit", "registration-risk")
    return [
        Step(
            label,
            reverse(route, args=[slug]) if slug else "",
            is_current=number == current,
            is_done=is_registered or number < current,
        )
        for number, (label, route) in enumerate(zip(labels, routes, strict=True), start=1)
    ]


class _Step(FormPage):
    """What the three steps share: two buttons, and the way through."""

    template_name = "adoption/registration_form.html"
    submit_label = "Save and go on"
    done_message = ""
    number = 1

    @property
    def is_draft(self) -> bool:
        """Whether the person leaves it here."""
        return self.request.POST.get("go") == "draft"

    def after(self, slug: str, next_route: str) -> str:
        """The next step; the use case's page for who leaves it here."""
        if self.is_draft:
            messages.success(self.request, _DRAFT_SAVED)
            return reverse("use-case", args=[slug])
        return reverse(next_route, args=[slug])


class UseCaseNewPage(_Step):
    """Step 1 of a new use case."""

    form_class = ProblemForm
    title = "Register a use case"
    lead = "Three short steps, each of which can be saved as a draft."

    def allows(self, user: AnyUser) -> bool:
        return may_register_use_case(user)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [portfolio_crumb()]

    def get_initial(self) -> dict[str, Any]:
        only = list(programmes_visible_to(self.request.user)[:2])
        return {
            "owner": self.request.user.pk,
            "programme": only[0].pk if len(only) == 1 else None,
        }

    def get_context_data(self) -> dict[str, Any]:
        user = self.request.user
        typed = self.request.POST
        return {
            "steps": _steps(1),
            "is_ready": programmes_visible_to(user).exists() and teams_visible_to(user).exists(),
            "similar": similar_use_cases(
                user, typed.get("title", ""), problem=typed.get("problem", "")
            ),
        }

    def save(self, form: forms.Form, user: User) -> str:
        made = create_use_case(
            **{name: form.cleaned_data[name] for name in _PROBLEM_FIELDS},
            risk_tier="not_stated",
            is_draft=True,
            actor=user,
            at=timezone.now(),
        )
        return self.after(made.slug, "registration-benefit")


class _KnownStep(_Step, UseCasePart):
    """A step of a use case that exists. Afterwards the same page is a way to edit that part."""

    title = "Register a use case"

    @property
    def profile(self) -> UseCaseProfile:
        """Its record."""
        return profile_of(self.use_case)

    def get_context_data(self) -> dict[str, Any]:
        is_registered = not self.profile.is_draft
        return {
            "steps": _steps(self.number, self.use_case.slug, is_registered=is_registered),
            "use_case": self.use_case,
            "is_ready": True,
            "is_registered": is_registered,
            "current_url": self.request.path,
        }

    def write(self, form: forms.Form, user: User, **changes: Any) -> None:
        """Save what the step holds."""
        update_use_case(
            use_case_id=self.use_case.pk,
            expected_version=form.cleaned_data["expected_version"],
            actor=user,
            at=timezone.now(),
            **changes,
        )


class ProblemPage(_KnownStep):
    """Step 1 again."""

    form_class = ProblemEditForm

    def get_initial(self) -> dict[str, Any]:
        values = {name: getattr(self.use_case, name) for name in _PROBLEM_FIELDS}
        return {**values, "expected_version": self.use_case.version}

    def save(self, form: forms.Form, user: User) -> str:
        self.write(form, user, **{name: form.cleaned_data[name] for name in _PROBLEM_FIELDS})
        return self.after(self.use_case.slug, "registration-benefit")


class BenefitPage(_KnownStep):
    """Step 2: benefit, hypothesis, and what to promise next."""

    form_class = BenefitForm
    number = 2

    def get_initial(self) -> dict[str, Any]:
        values = record_values(self.profile)
        return {
            **{name: values[name] for name in BENEFIT_FIELDS},
            "hypothesis": self.use_case.hypothesis,
            "expected_version": self.use_case.version,
        }

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        self.write(
            form,
            user,
            hypothesis=data["hypothesis"],
            profile={name: data[name] for name in BENEFIT_FIELDS},
        )
        return self.after(self.use_case.slug, "registration-risk")


class RiskPage(_KnownStep):
    """Step 3: risk, data, tools and stop rule. It finishes the registration."""

    form_class = RiskForm
    number = 3
    submit_label = "Register"

    def get_initial(self) -> dict[str, Any]:
        values = record_values(self.profile)
        return {
            **{name: values[name] for name in RISK_FIELDS},
            "risk_tier": self.use_case.risk_tier,
            "stop_rule": self.use_case.stop_rule,
            "expected_version": self.use_case.version,
        }

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        self.write(
            form,
            user,
            risk_tier=data["risk_tier"],
            stop_rule=data["stop_rule"],
            profile={name: data[name] for name in RISK_FIELDS},
            is_draft=self.is_draft and self.profile.is_draft,
        )
        if not self.is_draft:
            messages.success(
                self.request,
                "Registered as proposed. Next, promise a milestone that a measure can confirm.",
            )
        return self.after(self.use_case.slug, "use-case")
