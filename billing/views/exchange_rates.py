"""Exchange rates: the list, and entering one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing.filters.invoices import RateFilters
from billing.forms.invoices import RateForm
from billing.policies import may_keep_invoices, may_see_costs
from billing.selectors.exchange import exchange_rates_visible_to
from billing.services.exchange_rates import Pair, RateRefusedError, enter_rate
from billing.tables.closes import RateTable
from billing.views.invoice_forms import keeper
from billing.views.moments import AsOfListPage, asked_moment
from portal.shell.formats import moment_text
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, Crumb, EmptyState


class RateListPage(AsOfListPage):
    """Dated rates, or those that were known at a moment. An amount is shown in another currency
    only beside its own."""

    title = "Exchange rates"
    lead = "Amounts are kept in the currency they were billed in. A rate is only for reading them."
    noun_plural = "rates"
    export_name = "exchange-rates"
    table_class = RateTable
    filterset_class = RateFilters

    def allows(self, user: Visitor) -> bool:
        return may_see_costs(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return exchange_rates_visible_to(self.request.user, at=asked_moment(self.request).at)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [Crumb("Costs", reverse("costs"))]

    def get_actions(self) -> Sequence[Action]:
        if not may_keep_invoices(self.request.user):
            return ()
        return [Action("Enter a rate", reverse("exchange-rate-new"), is_primary=True)]

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No exchange rate yet",
            "Until there is one, every amount is shown in its own currency only.",
        )

    def get_past_empty(self, at: dt.datetime) -> EmptyState:
        return EmptyState("No exchange rate then", f"At {moment_text(at)} none was known.")


@require_http_methods(["GET", "HEAD", "POST"])
def rate_new_page(request: HttpRequest) -> HttpResponse:
    """Enter a rate; a known pair and day gets a new version."""
    person = keeper(request)
    form = RateForm(request.POST or None, initial={"day": timezone.now().date()})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            enter_rate(
                pair=Pair(data["base"], data["quote"], data["day"]),
                rate=data["rate"].strip(),
                source=data["source"],
                actor=person,
                at=timezone.now(),
            )
        except RateRefusedError as error:
            form.add_error(error.field if error.field in form.fields else None, error.reason)
        else:
            return HttpResponseRedirect(reverse("exchange-rates"))
    context = {
        "page_title": "Enter an exchange rate",
        "breadcrumbs": [
            Crumb("Costs", reverse("costs")),
            Crumb("Exchange rates", reverse("exchange-rates")),
        ],
        "form": form,
        "submit_label": "Keep it",
        "cancel_url": reverse("exchange-rates"),
    }
    return render(request, "billing/money_form.html", context)
