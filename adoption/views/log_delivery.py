"""Logging a delivery in a few seconds: a link that says what it leads to, or a change to pick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from adoption.choices import AiAssistance
from adoption.delivery_states import Observed, Standing, standing_of
from adoption.forms.deliveries import LogDeliveryForm
from adoption.links import read_link, title_of
from adoption.models import Change, Evidence, PullRequest, UseCase
from adoption.policies import may_log_delivery
from adoption.selectors.changes import (
    changes_of_use_case,
    changes_to_pick,
    evidence_of,
    is_logged,
)
from adoption.selectors.deliveries import last_used_use_case, use_cases_to_log_for
from adoption.selectors.suggestions import changes_of_ticket, rank_one, request_behind
from adoption.selectors.troubles import troubles_of
from adoption.services.deliveries import find_change, log_delivery
from adoption.services.refusals import StaleVersionError
from adoption.views.deliveries import own_crumb
from adoption.views.form_page import FormPage
from portal.models import User
from portal.policies import AnyUser
from portal.shell.views import Crumb, EmptyState

_LONGEST_LINK = 500
_RELATED = 5  # changes that name the ticket of a pasted link


def _typed(values: QueryDict, name: str, longest: int = _LONGEST_LINK) -> str:
    """What was typed so far, without what no database can look for."""
    return str(values.get(name, ""))[:longest].replace("\x00", "")


@dataclass(frozen=True, slots=True)
class LinkLead:
    """What a pasted link leads to: an imported change, or (no `change`) something else.

    Attributes:
        request: a pull or merge request that is known and not merged yet.
        ticket, related: the ticket that the link names, and changes that name it too.
        title: what the title may begin as.
        proposed, why: slug of the use case that a change was likeliest for, and the reasons.
    """

    change: Change | None
    standing: Standing | None = None
    evidence: Sequence[Evidence] = ()
    is_logged: bool = False
    is_elsewhere: bool = False
    request: PullRequest | None = None
    ticket: str = ""
    related: Sequence[Change] = ()
    title: str = ""
    proposed: str = ""
    why: Sequence[str] = ()


def lead_of(link: str, use_case: UseCase | None, user: AnyUser) -> LinkLead | None:
    """Follow a link; None when there is none to follow (yet)."""
    link = link.strip()
    if "." not in link and "/" not in link:
        return None
    change = find_change(link)
    if change is None:
        return _lead_elsewhere(link)
    now = timezone.now()
    proposed, why = _proposal(change, user)
    return LinkLead(
        change,
        standing_of(Observed.of(change, troubles_of([change]).get(change.pk, ())), at=now),
        evidence_of(change),
        is_logged(change),
        use_case is not None and not changes_of_use_case(use_case).filter(pk=change.pk).exists(),
        proposed=proposed,
        why=why,
    )


def _lead_elsewhere(text: str) -> LinkLead:
    """A link that leads to no imported change."""
    link = read_link(text)
    request = request_behind(link)
    is_keyed = link.kind == "ticket" and "#" not in link.ticket
    return LinkLead(
        None,
        request=request,
        ticket=link.ticket,
        related=changes_of_ticket(link.ticket, limit=_RELATED) if is_keyed else (),
        title=request.title if request else title_of(link),
    )


def _proposal(change: Change, user: AnyUser) -> tuple[str, Sequence[str]]:
    """The use case that a change was likeliest for, and the reasons in words."""
    ranked = rank_one(change, user, timezone.now())
    if ranked is None or not ranked.candidates:
        return "", ()
    best = ranked.candidates[0]
    slugs = use_cases_to_log_for(user).filter(pk=best.use_case).values_list("slug", flat=True)
    return slugs.first() or "", [reason.text for reason in best.reasons]


def ask_for_title(form: forms.Form) -> None:
    """Say that a title is needed: it is only asked for where there is no other."""
    form.fields["title"].required = True


def _use_case(user: AnyUser, slug: str) -> UseCase | None:
    found = use_cases_to_log_for(user).select_related("programme").filter(slug=slug)
    return found.first() if slug else None


class LogDeliveryPage(FormPage):
    """Choose the use case, paste a link or pick a change, save."""

    form_class = LogDeliveryForm
    template_name = "adoption/log_delivery.html"
    title = "Log a delivery"
    lead = "What did AI help deliver? A link or a change is enough; its state follows by itself."
    submit_label = "Save"

    def allows(self, user: AnyUser) -> bool:
        return may_log_delivery(user)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [own_crumb()]

    def get_form_arguments(self) -> dict[str, Any]:
        return {"user": self.request.user}

    def get_initial(self) -> dict[str, Any]:
        asked = self.request.GET
        link = _typed(asked, "link")
        change = find_change(link) if link and not _typed(asked, "use_case") else None
        proposed = _proposal(change, self.request.user)[0] if change else ""
        lead = None if change or not link else _lead_elsewhere(link)
        return {
            "use_case": _typed(asked, "use_case") or proposed or self._last_used(),
            "link": link,
            "title": lead.title if lead else "",
            "change": _typed(asked, "change"),
            "assistance": AiAssistance.NOT_STATED,
        }

    def _last_used(self) -> str:
        found = last_used_use_case(self.request.user)
        return found.slug if found else ""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "show" in request.POST:  # without scripts: show the changes, save nothing
            typed = {name: request.POST.get(name, "") for name in LogDeliveryForm.base_fields}
            return self._respond(LogDeliveryForm(initial=typed, **self.get_form_arguments()))
        return super().post(request, *args, **kwargs)

    def _respond(self, form: forms.Form, *, stale: StaleVersionError | None = None) -> HttpResponse:
        ask_for_title(form)
        return super()._respond(form, stale=stale)

    def get_context_data(self) -> dict[str, Any]:
        user = self.request.user
        if not use_cases_to_log_for(user).exists():
            return {
                "instead": EmptyState(
                    "No use case takes deliveries yet",
                    "A delivery is logged for a use case that is under way.",
                    "Register a use case",
                    reverse("use-case-new"),
                )
            }
        if self.request.method == "POST":
            sent = self.request.POST
            values = {name: _typed(sent, name) for name in ("use_case", "link", "change")}
        else:
            values = self.get_initial()
        use_case = _use_case(user, values["use_case"])
        return {
            "lead": lead_of(values["link"], use_case, user),
            **_picking(use_case, self.request, values["change"]),
        }

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        delivery = log_delivery(
            use_case=data["use_case"],
            actor=user,
            at=timezone.now(),
            change=data["change"],
            link=data["link"],
            title=data["title"],
            assistance=AiAssistance(data["assistance"]),
        )
        messages.success(self.request, f"Logged. {delivery.state_reason}")
        return reverse("my-deliveries")


def _picking(use_case: UseCase | None, request: HttpRequest, picked: str) -> dict[str, Any]:
    """What the list of changes to pick from shows."""
    values = request.POST if request.method == "POST" else request.GET
    words = _typed(values, "words", 100)
    return {
        "use_case": use_case,
        "picking": changes_to_pick(use_case, words, picked=picked) if use_case else None,
        "picked": picked,
        "words": words,
    }


def _refuse_who_may_not_log(request: HttpRequest) -> None:
    if not may_log_delivery(request.user):
        raise PermissionDenied


@require_safe
def link_fragment(request: HttpRequest) -> HttpResponse:
    """What a pasted link leads to."""
    _refuse_who_may_not_log(request)
    use_case = _use_case(request.user, _typed(request.GET, "use_case"))
    lead = lead_of(_typed(request.GET, "link"), use_case, request.user)
    # What the person typed or chose stays; only what is still as the portal set it is filled in.
    fills = bool(lead and lead.proposed) and not _typed(request.GET, "by_hand", 1)
    if lead is not None and fills and lead.proposed != (use_case.slug if use_case else ""):
        lead = replace(lead, is_elsewhere=False)
    initial = {
        "title": _typed(request.GET, "title") or (lead.title if lead else ""),
        "use_case": lead.proposed if lead and fills else _typed(request.GET, "use_case"),
    }
    form = LogDeliveryForm(initial=initial, user=request.user)
    ask_for_title(form)
    context = {"lead": lead, "form": form, "fills_use_case": fills}
    return render(request, "adoption/_link_lead.html", context)


@require_safe
def changes_fragment(request: HttpRequest) -> HttpResponse:
    """The changes that wait to be logged for a use case."""
    _refuse_who_may_not_log(request)
    use_case = _use_case(request.user, _typed(request.GET, "use_case"))
    context = _picking(use_case, request, _typed(request.GET, "change"))
    return render(request, "adoption/_changes_to_pick.html", context)
