"""By what a use case's changes are recognised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.functional import cached_property

from adoption.choices import MarkKind
from adoption.forms.suggestions import MarksForm
from adoption.models import UseCase
from adoption.policies import may_edit_use_case
from adoption.services.use_case_marks import set_marks
from adoption.views.form_page import FormPage
from adoption.views.use_cases import use_case_crumbs, use_case_or_404
from portal.models import User
from portal.policies import AnyUser
from portal.shell.views import Crumb

_FIELDS = {"paths": MarkKind.PATH, "labels": MarkKind.LABEL, "tickets": MarkKind.TICKET}


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
