"""Pages of deliveries: one's own, one of them, withdrawing, and the lists of a use case."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.decorators.http import require_safe

from adoption.choices import DeliveryState
from adoption.filters.changes import ChangeFilters
from adoption.filters.deliveries import DeliveryFilters
from adoption.forms.deliveries import WithdrawForm
from adoption.models import Delivery, UseCase
from adoption.policies import may_see_registry, may_withdraw_delivery
from adoption.selectors.changes import (
    change_rows,
    evidence_of,
    has_repository,
    involvement_counts,
)
from adoption.selectors.deliveries import (
    deliveries_of,
    deliveries_to_review,
    own_deliveries,
    own_delivery,
    own_identities,
)
from adoption.selectors.inbox import inbox_of
from adoption.selectors.use_cases import ENDED_STAGES, zone_of
from adoption.services.deliveries import withdraw_delivery
from adoption.tables.changes import ChangeTable
from adoption.tables.days import set_zone
from adoption.tables.deliveries import OwnDeliveryTable, UseCaseDeliveryTable
from adoption.views.form_page import FormPage
from adoption.views.use_cases import use_case_crumbs, use_case_or_404
from portal.models import User
from portal.policies import AnyUser
from portal.shell.formats import percent_text
from portal.shell.htmx import is_fragment
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.tables import ShellTable
from portal.shell.views import Action, Crumb, EmptyState, ListPage


def own_crumb() -> Crumb:
    return Crumb("My deliveries", reverse("my-deliveries"))


def own_delivery_or_404(user: AnyUser, pk: int) -> Delivery:
    """One's own delivery.

    Raises:
        Http404: there is none, or somebody else logged it; which of the two is not told.
    """
    found = own_delivery(user, pk)
    if found is None:
        raise Http404(f"no own delivery {pk}")
    return found


class MyDeliveriesPage(ListPage):
    """What the person who looks logged, and what is stored about them."""

    title = "My deliveries"
    lead = "What you logged, where each one stands and why. Nobody else sees this page."
    noun_plural = "deliveries"
    export_name = "my-deliveries"
    table_class = OwnDeliveryTable
    filterset_class = DeliveryFilters
    template_name = "adoption/my_deliveries_list.html"
    fragment_template_name = "adoption/_delivery_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_registry(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return own_deliveries(self.request.user)

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "You have not logged anything yet",
            "When AI helped you deliver something, paste a link to it or pick the change. "
            "It then moves on by itself: merged, in production, held.",
            "Log a delivery",
            reverse("log-delivery"),
        )

    def get_actions(self) -> Sequence[Action]:
        actions = [Action("Log a delivery", reverse("log-delivery"), is_primary=True)]
        waiting = deliveries_to_review(self.request.user).count()
        if waiting:
            actions.insert(0, Action(f"Review others ({waiting})", reverse("delivery-reviews")))
        return actions

    def get_context_data(self) -> dict[str, Any]:
        if is_fragment(self.request):
            return {}
        user = self.request.user
        return {
            "identities": own_identities(user),
            "inbox": inbox_of(user, now=timezone.now()),
        }


@require_safe
def delivery_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One's own delivery with everything that is stored about it."""
    delivery = own_delivery_or_404(request.user, pk)
    change = delivery.change
    context = {
        "page_title": delivery.title,
        "breadcrumbs": [own_crumb()],
        "delivery": delivery,
        "change": change,
        "deployment": change.delivered_by if change else None,
        "evidence": evidence_of(change) if change else [],
        "declarations": list(change.declarations.order_by("pk")) if change else [],
        "events": list(delivery.events.all()),
        "may_withdraw": may_withdraw_delivery(request.user, delivery)
        and delivery.state != DeliveryState.REJECTED,
    }
    return render(request, "adoption/delivery_detail.html", context)


class WithdrawPage(FormPage):
    """Take back what one logged."""

    form_class = WithdrawForm
    template_name = "adoption/withdraw_form.html"
    title = "Withdraw this delivery"
    submit_label = "Withdraw"
    done_message = "Withdrawn. It stays in your list, and counts nowhere."
    is_dangerous = True

    @cached_property
    def delivery(self) -> Delivery:
        return own_delivery_or_404(self.request.user, self.kwargs["pk"])

    def load(self) -> None:
        self.delivery  # noqa: B018  (404 comes before 403)

    def allows(self, user: AnyUser) -> bool:
        return may_withdraw_delivery(user, self.delivery)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        url = reverse("delivery", args=[self.delivery.pk])
        return [own_crumb(), Crumb(self.delivery.title, url)]

    def get_context_data(self) -> dict[str, Any]:
        return {"delivery": self.delivery}

    def save(self, form: forms.Form, user: User) -> str:
        withdraw_delivery(delivery=self.delivery, actor=user, at=timezone.now())
        return reverse("my-deliveries")


class UseCaseList(ListPage):
    """A list below a use case; its days are those of the programme's zone."""

    @cached_property
    def use_case(self) -> UseCase:
        return use_case_or_404(self.request.user, self.kwargs["slug"])

    def allows(self, user: Visitor) -> bool:
        return may_see_registry(user)  # type: ignore[arg-type]

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return use_case_crumbs(self.use_case)

    def make_table(self, source: Source) -> ShellTable:
        table = super().make_table(source)
        set_zone(table, zone_of(self.use_case))
        return table

    def get_actions(self) -> Sequence[Action]:
        if self.use_case.stage in ENDED_STAGES:
            return ()
        url = f"{reverse('log-delivery')}?use_case={self.use_case.slug}"
        return [Action("Log a delivery", url, is_primary=True)]


class UseCaseDeliveriesPage(UseCaseList):
    """What was delivered for a use case, whoever logged it."""

    title = "Deliveries"
    lead = "What was delivered with the help of AI. Who logged what is told to that person only."
    noun_plural = "deliveries"
    export_name = "deliveries"
    table_class = UseCaseDeliveryTable
    filterset_class = DeliveryFilters
    fragment_template_name = "adoption/_delivery_table.html"

    def get_queryset(self) -> Source:
        return deliveries_of(self.request.user, self.use_case)

    def get_empty(self) -> EmptyState:
        if self.use_case.stage in ENDED_STAGES:
            return EmptyState(
                "Nothing was delivered for this use case", "It has ended; nothing can be added."
            )
        return EmptyState(
            "Nothing has been logged for this use case yet",
            "When AI helped deliver something for it, whoever did it logs it in a few seconds.",
            "Log a delivery",
            f"{reverse('log-delivery')}?use_case={self.use_case.slug}",
        )


class UseCaseChangesPage(UseCaseList):
    """Changes of the linked repositories, with evidence and where they first went."""

    title = "Changes"
    lead = (
        "Merged work of the linked repositories. A change is delivered by the first production "
        "deployment that contains it. Unknown means that no sign of AI was seen, not that there "
        "was none."
    )
    noun_plural = "changes"
    export_name = "changes"
    table_class = ChangeTable
    filterset_class = ChangeFilters
    template_name = "adoption/change_list.html"
    fragment_template_name = "adoption/_change_table.html"

    def get_queryset(self) -> Source:
        return change_rows(self.request.user, self.use_case)

    def get_context_data(self) -> dict[str, Any]:
        """How much is known: AI-assisted counts never stand without the unknown beside them."""
        if is_fragment(self.request):
            return {}
        counts = involvement_counts(self.use_case)
        total = sum(counts.values())
        shares = [
            (name, count, percent_text(Decimal(count) / total)) for name, count in counts.items()
        ] if total else []  # fmt: skip
        return {"shares": shares}

    def get_empty(self) -> EmptyState:
        if has_repository(self.use_case):
            return EmptyState(
                "No change has been imported",
                "A repository is linked, but none of its changes was merged while it was.",
            )
        return EmptyState(
            "No repository is linked",
            "Changes appear here once the use case's owner links a repository that an import "
            "has read.",
        )
