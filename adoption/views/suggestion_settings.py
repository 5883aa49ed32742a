"""When a person is told of suggestions, and by what a use case's changes are recognised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.functional import cached_property

from adoption.choices import MarkKind
from adoption.forms.suggestions import DigestForm, MarksForm
from adoption.models import DigestChoice, UseCase
from adoption.policies import may_edit_use_case, may_log_delivery
from adoption.services.delivery_digests import DEFAULT_HOUR, choose_digest
from adoption.services.use_case_marks import set_marks
from adoption.views.deliveries import own_crumb
from adoption.views.form_page import FormPage, signed_in
from adoption.views.use_cases import use_case_crumbs, use_case_or_404
from portal.models import User
from portal.policies import AnyUser
from portal.shell.views import Crumb

_FIELDS = {"paths": MarkKind.PATH, "labels": MarkKind.LABEL, "tickets": MarkKind.TICKET}


class DigestPage(FormPage):
    """One's own choice; nobody sees or sets another's."""

    form_class = DigestForm
    template_name = "adoption/digest_form.html"
    title = "When you are told of suggestions"
    lead = "At most one digest a day, and none on days without anything new."
    done_message = "Saved."

    def allows(self, user: AnyUser) -> bool:
        return may_log_delivery(user)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [own_crumb()]

    @cached_property
    def choice(self) -> DigestChoice | None:
        return DigestChoice.objects.filter(user=signed_in(self.request)).first()

    def get_initial(self) -> dict[str, Any]:
        if self.choice is None:
            return {"by_email": True, "hour": DEFAULT_HOUR}
        return {"by_email": self.choice.by_email, "hour": self.choice.hour}

    def get_context_data(self) -> dict[str, Any]:
        return {"choice": self.choice}

    def save(self, form: forms.Form, user: User) -> str:
        choose_digest(user=user, **form.cleaned_data)
        return reverse("digest-choice")


class MarksPage(FormPage):
    """By what changes are recognised as work for a use case."""

    form_class = MarksForm
    title = "How changes are recognised"
    lead = (
        "What is entered here makes the portal suggest this use case to the people who made a "
        "change. It counts nothing: a person confirms."
    )
    done_message = "Saved; it holds from the next import or hook."

    @cached_property
    def use_case(self) -> UseCase:
        return use_case_or_404(self.request.user, self.kwargs["slug"])

    def load(self) -> None:
        self.use_case  # noqa: B018  (404 comes before 403)

    def allows(self, user: AnyUser) -> bool:
        return may_edit_use_case(user, self.use_case)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return use_case_crumbs(self.use_case)

    def get_initial(self) -> dict[str, Any]:
        rows = list(self.use_case.marks.order_by("value").values_list("kind", "value"))
        return {
            name: "\n".join(value for found, value in rows if found == kind)
            for name, kind in _FIELDS.items()
        }

    def save(self, form: forms.Form, user: User) -> str:
        set_marks(
            use_case=self.use_case,
            marks={kind: form.cleaned_data[name].splitlines() for name, kind in _FIELDS.items()},
        )
        return reverse("use-case", args=[self.use_case.slug])
