"""What the form pages of budgets, anomalies and circuit breakers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from billing.forms.budgets import RefusableForm
from billing.policies import may_make_budgets
from billing.selectors.spenders import owns_any_use_case
from billing.services.refusals import ChangeRefusedError, StaleChangeError
from portal.models import User
from portal.shell.navigation import Visitor
from portal.shell.views import Crumb

FormT = TypeVar("FormT", bound=RefusableForm)


def person_of(request: HttpRequest, *, allowed: bool) -> User:
    """The signed-in person, when the policy that the caller asked says yes.

    Raises:
        PermissionDenied: it says no, or nobody is signed in.
    """
    if not allowed or not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def may_make(user: Visitor) -> bool:
    """Whether the forms for a new budget or circuit breaker open for this person. One query."""
    return may_make_budgets(user, owns_any=owns_any_use_case(user))  # type: ignore[arg-type]


def form_answer(
    request: HttpRequest,
    form: FormT,
    save: Callable[[FormT], str],
    crumbs: Sequence[Crumb],
    **context: Any,
) -> HttpResponse:
    """The form, or what `save` leads to. A refused form comes back with what was typed.

    Args:
        save: calls one service and returns the address to go to.
    """
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            return HttpResponseRedirect(save(form))
        except ChangeRefusedError as error:
            form.add_refusal(error)
            status = 409 if isinstance(error, StaleChangeError) else 200
    shown = {"form": form, "breadcrumbs": crumbs, "cancel_url": crumbs[-1].url, **context}
    return render(request, "billing/form_page.html", shown, status=status)
