"""Pages about whose a name elsewhere is: the queue, one identity, and what can be said of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.decorators.http import require_safe

from adoption.choices import IdentityState
from adoption.filters.identities import IdentityFilters
from adoption.forms.identities import ConfirmForm, ResolveForm, SplitForm
from adoption.models import Identity, IdentityLink
from adoption.policies import may_resolve_identities, may_see_identities
from adoption.selectors.identities import (
    identities_visible_to,
    kind_label,
    links_of,
    others_of,
    suggested_people,
)
from adoption.services.identities import (
    mark_nobody,
    resolve_identities,
    split_identity,
    standing_act,
    undo_act,
)
from adoption.tables.identities import IdentityTable
from adoption.views.form_page import FormPage
from portal.models import User
from portal.policies import AnyUser
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, Crumb, EmptyState, ListPage


def identities_crumb() -> Crumb:
    return Crumb("Identities", reverse("identity-list"))


class IdentityListPage(ListPage):
    """Every name that sources know people by; the unresolved ones are one filter away."""

    title = "Identities"
    lead = "Names and addresses that sources know people by, and whose they are."
    noun_plural = "identities"
    export_name = "identities"
    table_class = IdentityTable
    filterset_class = IdentityFilters

    def allows(self, user: Visitor) -> bool:
        return may_see_identities(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return identities_visible_to(self.request.user)

    def make_table(self, source: Source) -> IdentityTable:
        return IdentityTable(
            source, query=self.request.GET, path=self.request.path, guesses=self._guesses
        )

    def _guesses(self, keys: Sequence[int]) -> dict[int, str]:
        rows = identities_visible_to(self.request.user).filter(pk__in=keys)
        found = suggested_people(self.request.user, rows)
        return {key: f"{people[0].user}: {people[0].why}" for key, people in found if people}

    def get_actions(self) -> Sequence[Action]:
        url = f"{reverse('identity-list')}?state={IdentityState.UNRESOLVED.value}"
        return [Action("Only unresolved", url)]

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No identity yet",
            "They come with commits, pull requests and team lists; each waits here until somebody "
            "says whose it is.",
        )


@require_safe
def identity_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One identity: whose it is or might be, and everything that was ever said about it."""
    identity = get_object_or_404(identities_visible_to(request.user), pk=pk)
    links = list(links_of(request.user, identity))
    is_open = identity.user_id is None and not identity.is_nobody
    may_resolve = may_resolve_identities(request.user)
    context = {
        "page_title": identity.value,
        "page_lead": f"{identity.display_name or 'No name given'}; {kind_label(identity.kind)}.",
        "breadcrumbs": [identities_crumb()],
        "identity": identity,
        "suggestions": (
            dict(suggested_people(request.user, [identity]))[identity.pk] if is_open else []
        ),
        "is_open": is_open,
        "links": links,
        "standing": standing_act(identity),
        "may_resolve": may_resolve,
    }
    return render(request, "adoption/identity_detail.html", context)


class _IdentityForm(FormPage):
    """A form about one identity. For who may not fill it in it is not there."""

    def load(self) -> None:
        if not self.allows(self.request.user):
            raise Http404("not open to this person")
        self.identity  # noqa: B018  (404 comes before 403)

    @cached_property
    def identity(self) -> Identity:
        return get_object_or_404(identities_visible_to(self.request.user), pk=self.kwargs["pk"])

    def allows(self, user: AnyUser) -> bool:
        return may_resolve_identities(user)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [identities_crumb(), Crumb(self.identity.value, self.page_url())]

    def page_url(self) -> str:
        return reverse("identity", args=[self.identity.pk])


class IdentityResolvePage(_IdentityForm):
    """Say whose it is, and which others are the same person's."""

    form_class = ResolveForm
    title = "Whose is this?"
    submit_label = "This is theirs"
    done_message = "Said. It can be undone on this page."

    @cached_property
    def person(self) -> User | None:
        asked = self.request.GET.get("user", "")
        return User.objects.filter(pk=int(asked)).first() if asked.isdecimal() else None

    def get_initial(self) -> dict[str, Any]:
        return {"user": self.person}

    def get_form_arguments(self) -> dict[str, Any]:
        return {"others": others_of(self.request.user, self.identity, self.person)}

    def get_context_data(self) -> dict[str, Any]:
        return {"page_lead": f"{self.identity.value}, {self.identity.display_name or 'no name'}."}

    def save(self, form: forms.Form, user: User) -> str:
        also = form.cleaned_data.get("also") or ()
        resolve_identities(
            identity_ids=[self.identity.pk, *(each.pk for each in also)],
            user=form.cleaned_data["user"],
            actor=user,
            at=timezone.now(),
        )
        return self.page_url()


class IdentitySplitPage(_IdentityForm):
    """Take it off the person that it was said to be."""

    form_class = SplitForm
    title = "Take this off the person"
    submit_label = "Take it off"
    done_message = "It waits in the queue again."
    is_dangerous = True

    def save(self, form: forms.Form, user: User) -> str:
        split_identity(
            identity_id=self.identity.pk,
            actor=user,
            at=timezone.now(),
            reason=form.cleaned_data["reason"],
        )
        return self.page_url()


class IdentityNobodyPage(_IdentityForm):
    """Say that it belongs to no person."""

    form_class = ConfirmForm
    title = "This is no person"
    lead = "A robot, or an address that many use. It leaves the queue, and can be brought back."
    submit_label = "It is no person"
    done_message = "Said. It can be undone on this page."

    def save(self, form: forms.Form, user: User) -> str:
        mark_nobody(identity_id=self.identity.pk, actor=user, at=timezone.now())
        return self.page_url()


class IdentityUndoPage(_IdentityForm):
    """Restore what stood before an act, for all identities that it named."""

    form_class = ConfirmForm
    title = "Undo what was said"
    submit_label = "Undo"
    done_message = "Everything is as it was before."

    @cached_property
    def link(self) -> IdentityLink:
        rows = links_of(self.request.user, self.identity)
        return get_object_or_404(rows, pk=self.kwargs["link"])

    def load(self) -> None:
        super().load()
        self.link  # noqa: B018  (404 comes before 403)

    def get_context_data(self) -> dict[str, Any]:
        count = IdentityLink.objects.filter(act=self.link.act).count()
        before = self.link.before_user or "nobody known"
        names = "this identity" if count == 1 else f"{count} identities that were said together"
        return {"page_lead": f"For {names}. This one goes back to {before}."}

    def save(self, form: forms.Form, user: User) -> str:
        undo_act(act=self.link.act, actor=user, at=timezone.now())
        return self.page_url()
