"""Pages about tokens: one's own, all of them, one of them; making, rotating, revoking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from portal.choices import ApiTokenState
from portal.filters.api_tokens import AllApiTokenFilters, ApiTokenFilters
from portal.forms.api_tokens import NewApiTokenForm, RevokeApiTokenForm, RotateApiTokenForm
from portal.models import ApiToken, User
from portal.policies import may_have_api_tokens, may_revoke_api_token, may_see_all_api_tokens
from portal.selectors.api_tokens import api_tokens_visible_to, own_api_tokens
from portal.services.api_tokens import (
    TokenNotActiveError,
    create_api_token,
    revoke_api_token,
    rotate_api_token,
)
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, Crumb, EmptyState, ListPage
from portal.tables.api_tokens import AllApiTokenTable, ApiTokenTable


def _crumbs() -> list[Crumb]:
    return [Crumb("API tokens", reverse("api-token-list"))]


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User) or not may_have_api_tokens(request.user):
        raise PermissionDenied
    return request.user


class ApiTokenListPage(ListPage):
    """The tokens of whoever looks."""

    title = "API tokens"
    lead = "A program that shows one of these acts as you, within its scopes, until it expires."
    noun_plural = "tokens"
    export_name = "api-tokens"
    table_class = ApiTokenTable
    filterset_class = ApiTokenFilters

    def allows(self, user: Visitor) -> bool:
        return may_have_api_tokens(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return own_api_tokens(_person(self.request), at=timezone.now())

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No token yet",
            "A token lets a program of yours use the API without your password.",
            "New token",
            reverse("api-token-new"),
        )

    def get_actions(self) -> Sequence[Action]:
        actions = [Action("New token", reverse("api-token-new"), is_primary=True)]
        if may_see_all_api_tokens(self.request.user):
            actions.insert(0, Action("Tokens of everybody", reverse("api-token-list-all")))
        return actions


class AllApiTokenListPage(ListPage):
    """Every token, for administrators and auditors."""

    title = "API tokens of everybody"
    lead = "Whose they are, what they may do, and when they were last used."
    noun_plural = "tokens"
    export_name = "all-api-tokens"
    table_class = AllApiTokenTable
    filterset_class = AllApiTokenFilters

    def allows(self, user: Visitor) -> bool:
        return may_see_all_api_tokens(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return api_tokens_visible_to(self.request.user, at=timezone.now())

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return _crumbs()

    def get_empty(self) -> EmptyState:
        return EmptyState("No token yet", "Nobody has made one.")


@require_safe
def api_token_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One token: what it may do, when it was used, what became of it."""
    person, token = _person(request), _visible_token(request, pk)
    is_usable = token.state in (ApiTokenState.ACTIVE, ApiTokenState.REPLACED)  # type: ignore[attr-defined]
    context = {
        "page_title": token.name,
        "breadcrumbs": _crumbs(),
        "token": token,
        "may_rotate": token.owner_id == person.pk and token.state == ApiTokenState.ACTIVE,  # type: ignore[attr-defined]
        "may_revoke": is_usable and may_revoke_api_token(person, token.owner_id),
    }
    return render(request, "portal/api_tokens/api_token_detail.html", context)


def _visible_token(request: HttpRequest, pk: int) -> ApiToken:
    """The token, when this person may see it; 404 otherwise, so that none can be guessed."""
    rows = api_tokens_visible_to(request.user, at=timezone.now())
    found: ApiToken = get_object_or_404(
        rows.select_related("owner", "revoked_by", "created_by", "use"), pk=pk
    )
    return found


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def api_token_new(request: HttpRequest) -> HttpResponse:
    """Make a token; the answer shows it, once."""
    person, now = _person(request), timezone.now()
    form = NewApiTokenForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            token, text = create_api_token(
                owner=person,
                name=data["name"],
                scopes=data["scopes"],
                expires_at=now + form.life,
                networks=[data["networks"]],
                actor=person,
                at=now,
            )
        except ValidationError as error:
            form.add_refusal(error)
        else:
            return _shown_once(request, token, text)
    return _form_page(
        request,
        form,
        page_title="New token",
        page_lead="It is shown once, on the next page.",
        submit_label="Make the token",
        breadcrumbs=_crumbs(),
        cancel_url=reverse("api-token-list"),
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def api_token_rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a new token in the place of one of one's own; the answer shows it, once."""
    person, now = _person(request), timezone.now()
    token = get_object_or_404(own_api_tokens(person, at=now), pk=pk)
    form = RotateApiTokenForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            new, text = rotate_api_token(
                token_id=token.pk,
                overlap=form.overlap,
                expires_at=now + form.life,
                actor=person,
                at=now,
            )
        except ValidationError as error:
            form.add_refusal(error)
        except TokenNotActiveError as error:
            form.add_error(None, str(error))
        else:
            return _shown_once(request, new, text)
    return _form_page(
        request,
        form,
        page_title=f"Rotate {token.name}",
        page_lead="The new token has the same scopes and networks. It is shown once.",
        submit_label="Make the new token",
        **_below(token),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def api_token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End a token now."""
    person, token = _person(request), _visible_token(request, pk)
    if not may_revoke_api_token(person, token.owner_id):
        raise PermissionDenied
    form = RevokeApiTokenForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            revoke_api_token(
                token_id=token.pk,
                reason=form.cleaned_data["reason"],
                actor=person,
                at=timezone.now(),
            )
        except ValidationError as error:
            form.add_refusal(error)
        else:
            messages.success(request, "Revoked. It opens nothing any more.")
            return HttpResponseRedirect(reverse("api-token", args=[token.pk]))
    return _form_page(
        request,
        form,
        page_title=f"Revoke {token.name}",
        page_lead="It ends at once and cannot be brought back.",
        submit_label="Revoke",
        **_below(token),
    )


def _below(token: ApiToken) -> dict[str, Any]:
    address = reverse("api-token", args=[token.pk])
    return {"breadcrumbs": [*_crumbs(), Crumb(token.name, address)], "cancel_url": address}


def _form_page(request: HttpRequest, form: Any, **context: Any) -> HttpResponse:
    return render(request, "portal/api_tokens/form_page.html", {"form": form, **context})


def _shown_once(request: HttpRequest, token: ApiToken, text: str) -> HttpResponse:
    """The only page that ever shows a token; not redirected to, so that it is stored nowhere."""
    context = {
        "page_title": "Copy your token now",
        "breadcrumbs": [*_crumbs(), Crumb(token.name, reverse("api-token", args=[token.pk]))],
        "token": token,
        "text": text,
    }
    return render(request, "portal/api_tokens/api_token_shown.html", context)
