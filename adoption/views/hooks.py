"""Pages about hooks: what was stored, one of them, its replay, and the secrets of a connection."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from adoption.choices import HookState
from adoption.deploys.payload import BadPayloadError, parse_json
from adoption.deploys.providers import document_of
from adoption.filters.hooks import HookFilters
from adoption.forms.hooks import HookSecretForm, ReplayForm, WithdrawSecretForm
from adoption.models import HookSecret, StoredHook
from adoption.policies import may_manage_hook_secrets, may_replay_hooks, may_see_hooks
from adoption.selectors.hooks import (
    hook_connection_rows,
    hook_connections,
    hooks_visible_to,
    secrets_of,
)
from adoption.services.hook_secrets import make_hook_secret, withdraw_hook_secret
from adoption.services.hooks import body_of, replay_hook
from adoption.tables.hooks import HookConnectionTable, HookTable
from adoption.views.form_page import FormPage
from portal.models import Connection, User
from portal.policies import AnyUser
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Crumb, EmptyState, ListPage

MOST_SHOWN = 20_000  # characters of a body


def hooks_crumb() -> Crumb:
    return Crumb("Hooks", reverse("hook-list"))


class HookListPage(ListPage):
    """Everything that senders delivered, newest first, below the connections that take it."""

    title = "Hooks"
    lead = "What GitHub, GitLab and other senders delivered, and what became of it."
    noun_plural = "hooks"
    export_name = "hooks"
    table_class = HookTable
    filterset_class = HookFilters
    template_name = "adoption/hook_list.html"
    fragment_template_name = "adoption/_hook_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_hooks(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return hooks_visible_to(self.request.user)

    def get_context_data(self) -> dict[str, Any]:
        rows = hook_connection_rows(self.request.user)
        return {"connections": HookConnectionTable.of(rows) if rows else None}

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No hook has come yet",
            "Make a connection of the sender's source, make a secret for it, and give address and "
            "secret to the sender. Its page says how.",
        )


def _hook(request: HttpRequest, pk: int) -> StoredHook:
    return get_object_or_404(hooks_visible_to(request.user).defer(None), pk=pk)


@require_safe
def hook_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One stored hook with its body. Nothing that proves its sender was ever stored."""
    hook = _hook(request, pk)
    context = {
        "page_title": f"Hook {hook.pk}",
        "page_lead": f"{hook.event or 'An event without a name'} from {hook.connection.name}.",
        "breadcrumbs": [hooks_crumb()],
        "hook": hook,
        "headers": sorted(hook.headers.items()),
        "outcome": sorted(hook.outcome.items()),
        "body": _shown(hook),
        "is_cut": hook.size > MOST_SHOWN,
        "replays": hook.replays.select_related("asked_by").order_by("-pk"),
        "may_replay": may_replay_hooks(request.user)
        and hook.purged_at is None
        and hook.state != HookState.STORED,
    }
    return render(request, "adoption/hook_detail.html", context)


def _shown(hook: StoredHook) -> str:
    """The body, indented where it is JSON."""
    raw = document_of(hook.headers, body_of(hook))
    try:
        text = json.dumps(parse_json(raw), indent=2, ensure_ascii=False)
    except BadPayloadError:
        text = raw.decode("utf-8", "replace")
    return text[:MOST_SHOWN]


class _HookForm(FormPage):
    """A form about a hook or a secret: for who may not fill it in it is not there."""

    def load(self) -> None:
        if not self.allows(self.request.user):
            raise Http404("not open to this person")
        self.find()

    def find(self) -> None:
        """Read what the address names onto `self`."""
        raise TypeError(f"{type(self).__name__} does not say what it is about")


class HookReplayPage(_HookForm):
    """Have a stored hook processed again."""

    form_class = ReplayForm
    title = "Process this hook again"
    lead = "What it says is put together with what is known; what is newer stays."
    submit_label = "Process again"
    done_message = "Queued. It is processed as soon as a worker is free."
    hook: StoredHook

    def find(self) -> None:
        self.hook = _hook(self.request, self.kwargs["pk"])

    def allows(self, user: AnyUser) -> bool:
        return may_replay_hooks(user)

    def save(self, form: forms.Form, user: User) -> str:
        replay_hook(
            hook=self.hook, reason=form.cleaned_data["reason"], actor=user, at=timezone.now()
        )
        return reverse("hook", args=[self.hook.pk])

    def get_breadcrumbs(self) -> list[Crumb]:
        return [hooks_crumb(), Crumb(f"Hook {self.hook.pk}", reverse("hook", args=[self.hook.pk]))]


def _connection(user: AnyUser, slug: str) -> Connection:
    found = hook_connections(user).filter(slug=slug).first()
    if found is None:
        raise Http404(f"no connection {slug} that takes hooks")
    return found


def _address(request: HttpRequest, connection: Connection) -> str:
    path = reverse("api-hooks", args=[connection.source, connection.slug])
    return request.build_absolute_uri(path)


@require_safe
def hook_connection_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Where a sender delivers to, and which secrets are valid."""
    connection = _connection(request.user, slug)
    context = {
        "page_title": f"Hooks of {connection.name}",
        "page_lead": "Give the sender this address and a secret.",
        "breadcrumbs": [hooks_crumb()],
        "connection": connection,
        "address": _address(request, connection),
        "secrets": secrets_of(request.user, connection),
        "may_manage": may_manage_hook_secrets(request.user),
    }
    return render(request, "adoption/hook_connection.html", context)


class HookSecretNewPage(_HookForm):
    """Make a secret; it is shown once, on the page that answers."""

    form_class = HookSecretForm
    title = "Make a secret"
    lead = "It is shown once. The one before stays valid until you withdraw it."
    submit_label = "Make it"
    connection: Connection

    def find(self) -> None:
        self.connection = _connection(self.request.user, self.kwargs["slug"])

    def allows(self, user: AnyUser) -> bool:
        return may_manage_hook_secrets(user)

    def save(self, form: forms.Form, user: User) -> str:
        self.made = make_hook_secret(
            connection=self.connection,
            actor=user,
            at=timezone.now(),
            given=form.cleaned_data["given"],
        )
        return reverse("hook-connection", args=[self.connection.slug])

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer = super().post(request, *args, **kwargs)
        made = getattr(self, "made", None)
        if made is None:
            return answer
        context = {
            "page_title": "The new secret",
            "page_lead": "Copy it now: it is not shown again.",
            "breadcrumbs": self.get_breadcrumbs(),
            "secret": made,
            "address": _address(request, self.connection),
        }
        response = render(request, "adoption/hook_secret_made.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def get_breadcrumbs(self) -> list[Crumb]:
        page = reverse("hook-connection", args=[self.connection.slug])
        return [hooks_crumb(), Crumb(self.connection.name, page)]


class HookSecretWithdrawPage(_HookForm):
    """From now on a secret proves nothing."""

    form_class = WithdrawSecretForm
    title = "Withdraw this secret"
    lead = "Whatever is still signed with it is refused from now on."
    submit_label = "Withdraw it"
    done_message = "Withdrawn."
    is_dangerous = True
    secret: HookSecret

    def find(self) -> None:
        connection = _connection(self.request.user, self.kwargs["slug"])
        self.secret = get_object_or_404(
            secrets_of(self.request.user, connection), pk=self.kwargs["pk"]
        )

    def allows(self, user: AnyUser) -> bool:
        return may_manage_hook_secrets(user)

    def save(self, form: forms.Form, user: User) -> str:
        withdraw_hook_secret(secret=self.secret, at=timezone.now())
        return reverse("hook-connection", args=[self.kwargs["slug"]])

    def get_breadcrumbs(self) -> list[Crumb]:
        page = reverse("hook-connection", args=[self.kwargs["slug"]])
        return [hooks_crumb(), Crumb(f"Secret …{self.secret.last_four}", page)]
