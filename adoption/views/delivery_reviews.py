"""Reviewing work that is not code: the list, and one decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from adoption.forms.deliveries import ACCEPT, ReviewForm
from adoption.models import Delivery
from adoption.policies import may_review_deliveries, may_review_delivery
from adoption.selectors.deliveries import deliveries_to_review
from adoption.services.deliveries import review_delivery
from adoption.tables.deliveries import ReviewTable
from adoption.views.form_page import FormPage
from portal.models import User
from portal.policies import AnyUser
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Crumb, EmptyState, ListPage


class ReviewListPage(ListPage):
    """What waits for this person's decision; never what they logged themselves."""

    title = "Deliveries to review"
    lead = (
        "Work that is not code has no production to prove it, so another person looks: the use "
        "case's owner or a programme lead. Who logged it is not shown; judge the work."
    )
    noun_plural = "deliveries"
    export_name = "deliveries-to-review"
    table_class = ReviewTable
    fragment_template_name = "adoption/_delivery_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_review_deliveries(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return deliveries_to_review(self.request.user)

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "Nothing waits for your review",
            "Links that lead to no imported change come here for use cases that you own, and "
            "for programme leads. You never review what you logged yourself.",
        )

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [Crumb("My deliveries", reverse("my-deliveries"))]


class ReviewPage(FormPage):
    """Confirm or reject one delivery."""

    form_class = ReviewForm
    template_name = "adoption/review_form.html"
    title = "Review a delivery"
    submit_label = "Decide"
    done_message = "Decided."

    @cached_property
    def delivery(self) -> Delivery:
        waiting = deliveries_to_review(self.request.user).select_related("use_case")
        found = waiting.filter(pk=self.kwargs["pk"]).first()
        if found is None:
            raise Http404("this delivery does not wait for this person's review")
        return found

    def load(self) -> None:
        self.delivery  # noqa: B018  (404 comes before 403)

    def allows(self, user: AnyUser) -> bool:
        return may_review_delivery(user, self.delivery)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [Crumb("Deliveries to review", reverse("delivery-reviews"))]

    def get_context_data(self) -> dict[str, Any]:
        return {"delivery": self.delivery}

    def save(self, form: forms.Form, user: User) -> str:
        review_delivery(
            delivery=self.delivery,
            accept=form.cleaned_data["decision"] == ACCEPT,
            reason=form.cleaned_data["reason"],
            reviewer=user,
            at=timezone.now(),
        )
        return reverse("delivery-reviews")
