"""The page that says which service another one came out of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from adoption.forms.service_splits import SplitForm
from adoption.models import Service
from adoption.policies import may_split_services
from adoption.selectors.deployments import services_visible_to
from adoption.services.service_splits import request_split
from adoption.views.form_page import FormPage
from portal.models import User
from portal.policies import AnyUser
from portal.shell.views import Crumb


class ServiceSplitPage(FormPage):
    """Ask a second person to confirm a split."""

    form_class = SplitForm
    title = "Which service did it come out of?"
    lead = (
        "A service that was split off counts with the baseline of the one it came out of. Another "
        "person confirms it; then it stays."
    )
    submit_label = "Ask for confirmation"
    done_message = "Asked for. Another person confirms it."
    service: Service

    def load(self) -> None:
        found = services_visible_to(self.request.user).filter(pk=self.kwargs["pk"]).first()
        if found is None:
            raise Http404(f"no service {self.kwargs['pk']}")
        self.service = found

    def allows(self, user: AnyUser) -> bool:
        return may_split_services(user)

    def get_form_arguments(self) -> dict[str, Any]:
        return {"service_id": self.service.pk}

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [
            Crumb("Services", reverse("service-list")),
            Crumb(self.service.name, reverse("service", args=[self.service.pk])),
        ]

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        request_split(
            child_id=self.service.pk,
            parent_id=data["parent"].pk,
            split_on=data["split_on"],
            reason=data["reason"],
            actor=user,
            at=timezone.now(),
        )
        return reverse("service", args=[self.service.pk])
