"""Answering suggestions: one click each, several at once, and the panel on the home page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from adoption.choices import Dismissal
from adoption.models import UseCase
from adoption.policies import may_log_delivery
from adoption.selectors.deliveries import use_cases_to_log_for
from adoption.selectors.inbox import first_offers
from adoption.selectors.suggestions import own_suggestion
from adoption.services.refusals import RefusedError
from adoption.services.suggestions import (
    confirm_suggestion,
    confirm_suggestions,
    dismiss_suggestion,
)
from adoption.views.form_page import signed_in

CONFIRM, MOST_AT_ONCE = "confirm", 100
_ON_HOME = 3
_PUT_ASIDE = {
    Dismissal.NOT_AI: "Noted: AI had no part in it. You can correct that under “What is stored”.",
    Dismissal.NOT_THIS: "Put aside; it is not suggested again.",
}


def _inbox() -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{reverse('my-deliveries')}#inbox")


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _chosen(request: HttpRequest) -> UseCase | None:
    """The use case that the person chose instead; None for the one proposed."""
    wanted = _number(str(request.POST.get("use_case", "")))
    if wanted is None:
        return None
    return use_cases_to_log_for(request.user).filter(pk=wanted).first()


@require_POST
def answer_suggestion(request: HttpRequest, pk: int) -> HttpResponse:
    """Confirm one's own suggestion (for another use case, if one is chosen), or put it aside.

    Raises:
        Http404: there is none, or it is somebody else's; which of the two is not told.
    """
    if not may_log_delivery(request.user):
        raise PermissionDenied
    row = own_suggestion(request.user, pk)
    if row is None:
        raise Http404(f"no own suggestion {pk}")
    act, user, now = str(request.POST.get("act", "")), signed_in(request), timezone.now()
    try:
        if act in Dismissal.values:
            dismiss_suggestion(pk=pk, actor=user, at=now, why=Dismissal(act))
            messages.success(request, _PUT_ASIDE[Dismissal(act)])
        else:
            made = confirm_suggestion(pk=pk, actor=user, at=now, use_case=_chosen(request))
            messages.success(request, f"Logged for “{made.use_case}”. {made.state_reason}")
    except RefusedError as error:
        messages.error(request, error.reason)
    return _inbox()


@require_POST
def confirm_chosen(request: HttpRequest) -> HttpResponse:
    """Confirm every suggestion that is ticked, each for the use case proposed."""
    if not may_log_delivery(request.user):
        raise PermissionDenied
    wanted = [_number(text) for text in request.POST.getlist("suggestion")[:MOST_AT_ONCE]]
    made, refused = confirm_suggestions(
        pks=[pk for pk in wanted if pk is not None], actor=signed_in(request), at=timezone.now()
    )
    if made:
        messages.success(request, f"{len(made)} logged.")
    for reason in dict.fromkeys(refused.values()):
        messages.error(request, reason)
    if not made and not refused:
        messages.info(request, "Nothing was ticked.")
    return _inbox()


def waiting_panel(request: HttpRequest) -> dict[str, Any] | None:
    """Home: the first suggestions that wait for this person; nothing when none does."""
    found = first_offers(request.user, now=timezone.now(), limit=_ON_HOME)
    return {"offers": found[:_ON_HOME], "is_cut": len(found) > _ON_HOME} if found else None
