"""Small forms about a registered effect: withdraw, ask again, amend, report losses, decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from adoption.forms.impact import AmendForm, DecideForm, LossForm, ReasonForm, UnitValueForm
from adoption.models import ImpactRegistration
from adoption.selectors.impact import current_verdict
from adoption.services.impact_decisions import decide_on_verdict, set_unit_value
from adoption.services.impact_registrations import (
    amend_registration,
    ask_for_approval,
    report_losses,
    withdraw_registration,
)
from adoption.views.impact import registration_or_404
from adoption.views.use_cases import UseCasePart, use_case_crumbs
from portal.models import User
from portal.shell.money import to_nano
from portal.shell.views import Crumb


class RegistrationPart(UseCasePart):
    """A form about the registration that the address names."""

    @cached_property
    def registration(self) -> ImpactRegistration:
        return registration_or_404(self.request.user, self.kwargs["slug"], self.kwargs["pk"])

    def load(self) -> None:
        self.registration  # noqa: B018  (404 comes before 403)

    def own_url(self) -> str:
        return reverse("registration", args=[self.use_case.slug, self.registration.pk])

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [*use_case_crumbs(self.use_case), Crumb("Registration", self.own_url())]


class RegistrationWithdrawPage(RegistrationPart):
    """Take back what nobody has approved."""

    form_class = ReasonForm
    title = "Withdraw the registration"
    submit_label = "Withdraw"
    is_dangerous = True
    done_message = "Withdrawn; it stays to be seen."

    def save(self, form: forms.Form, user: User) -> str:
        withdraw_registration(
            registration_id=self.registration.pk,
            reason=form.cleaned_data["reason"],
            actor=user,
            at=timezone.now(),
        )
        return self.own_url()


class RegistrationAskPage(RegistrationPart):
    """Ask again for the second person, when a request was rejected or has expired."""

    form_class = forms.Form
    title = "Ask for approval"
    lead = "Another person sees exactly what is registered, and approves or rejects exactly that."
    submit_label = "Ask"
    done_message = "Asked."

    def save(self, form: forms.Form, user: User) -> str:
        ask_for_approval(registration_id=self.registration.pk, actor=user, at=timezone.now())
        return self.own_url()


class RegistrationAmendPage(RegistrationPart):
    """Say what is done otherwise; the verdict is exploratory from then on."""

    form_class = AmendForm
    title = "Amend the protocol"
    lead = "From now on the verdict is exploratory at best. What was registered stays readable."
    submit_label = "Amend"
    is_dangerous = True
    done_message = "Amended. The verdict can now be exploratory at best."

    def save(self, form: forms.Form, user: User) -> str:
        assert isinstance(form, AmendForm)  # noqa: S101  (for the type checker)
        amend_registration(
            registration_id=self.registration.pk,
            reason=form.cleaned_data["reason"],
            changes=form.changes(),
            actor=user,
            at=timezone.now(),
        )
        return self.own_url()


class RegistrationLossesPage(RegistrationPart):
    """Count who opted out and which tasks vanished."""

    form_class = LossForm
    title = "Report what is missing"
    lead = "Counts only, never names. Beyond 30 % on a side nothing is estimated."
    submit_label = "Report"
    done_message = "Reported."

    def save(self, form: forms.Form, user: User) -> str:
        report_losses(
            registration_id=self.registration.pk, actor=user, at=timezone.now(), **form.cleaned_data
        )
        return self.own_url()


class RegistrationDecidePage(RegistrationPart):
    """Scale, change or stop, on what the verdict says."""

    form_class = DecideForm
    title = "Decide"
    submit_label = "Decide"

    def load(self) -> None:
        super().load()
        if current_verdict(self.registration) is None:
            raise Http404("it is not judged yet")

    def save(self, form: forms.Form, user: User) -> str:
        verdict = current_verdict(self.registration)
        assert verdict is not None  # noqa: S101  (`load` refused otherwise)
        decide_on_verdict(
            verdict_id=verdict.pk,
            kind=form.cleaned_data["kind"],
            reason=form.cleaned_data["reason"],
            actor=user,
            at=timezone.now(),
        )
        messages.success(self.request, "The decision is in the log.")
        return self.own_url()


class UnitValueNewPage(UseCasePart):
    """Say what one unit of an outcome is worth; finance checks the grounds."""

    form_class = UnitValueForm
    title = "What a unit is worth"
    lead = "Without it a supported effect is worth “0 proven”. The newest one holds."
    submit_label = "Save"
    done_message = "Saved. Earlier values stay."

    def get_initial(self) -> dict[str, Any]:
        return {"owner": self.use_case.owner_id}

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        set_unit_value(
            use_case_id=self.use_case.pk,
            metric_key=data["metric_key"],
            amount_nano=to_nano(data["amount"]),
            grounds=data["grounds"],
            owner=data["owner"],
            actor=user,
            at=timezone.now(),
        )
        return self.page_url("validation")
