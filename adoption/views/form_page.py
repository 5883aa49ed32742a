"""The page around a form: who may open it, one service call, and what a refusal looks like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.generic import View

from adoption.forms.refusals import add_refusal
from adoption.services.refusals import RefusedError, StaleVersionError
from portal.models import User
from portal.policies import AnyUser
from portal.shell.views import Crumb


def signed_in(request: HttpRequest) -> User:
    """The person of a request that the sign-in middleware let through.

    Raises:
        PermissionDenied: there is none.
    """
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


class FormPage(View):
    """A form on a page of its own.

    What does not exist is 404; what exists and is not this person's to change is 403, because the
    registry is open to read and hiding it would only confuse. A form that was refused comes back
    with what was typed; a stale one with 409 and a link to the current version.
    """

    http_method_names = ["get", "head", "post", "options"]
    template_name = "adoption/form_page.html"
    form_class: type[forms.Form]
    title = ""
    lead = ""
    submit_label = "Save"
    done_message = ""
    is_dangerous = False

    def load(self) -> None:
        """Read what the address names onto `self`; raise Http404 when it is not there."""

    def allows(self, user: AnyUser) -> bool:
        """Whether this person may do it."""
        raise TypeError(f"{type(self).__name__} does not say who may open it")

    def get_initial(self) -> dict[str, Any]:
        """What the form shows at first."""
        return {}

    def get_form_arguments(self) -> dict[str, Any]:
        """More arguments for the form."""
        return {}

    def save(self, form: forms.Form, user: User) -> str:
        """Call one service; return the address to go to."""
        raise TypeError(f"{type(self).__name__} does not say what it saves")

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        """The pages above this one."""
        return ()

    def get_cancel_url(self) -> str:
        """Where “Cancel” leads: the page directly above."""
        crumbs = self.get_breadcrumbs()
        return crumbs[-1].url if crumbs else "/"

    def get_context_data(self) -> dict[str, Any]:
        """More variables for the template."""
        return {}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.load()
        if not self.allows(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = self.form_class(initial=self.get_initial(), **self.get_form_arguments())
        return self._respond(form)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = self.form_class(
            request.POST, initial=self.get_initial(), **self.get_form_arguments()
        )
        if not form.is_valid():
            return self._respond(form)
        try:
            url = self.save(form, signed_in(request))
        except StaleVersionError as error:
            return self._respond(form, stale=error)
        except (RefusedError, ValidationError) as error:
            add_refusal(form, error)
            return self._respond(form)
        if self.done_message:
            messages.success(request, self.done_message)
        return HttpResponseRedirect(url)

    def _respond(self, form: forms.Form, *, stale: StaleVersionError | None = None) -> HttpResponse:
        sections = [
            (heading, [form[name] for name in names])
            for heading, names in getattr(form, "sections", ())
        ]
        context = {
            "page_title": self.title,
            "page_lead": self.lead,
            "breadcrumbs": self.get_breadcrumbs(),
            "form": form,
            "sections": sections,
            "stale": stale,
            "submit_label": self.submit_label,
            "is_dangerous": self.is_dangerous,
            "cancel_url": self.get_cancel_url(),
            **self.get_context_data(),
        }
        return render(self.request, self.template_name, context, status=409 if stale else 200)
