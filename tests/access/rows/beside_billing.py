"""Money: policies and services past their pages, what forms take, and what an account that has
left is answered past the sign-in."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import RequestFactory
from django.urls import resolve, reverse

from billing.choices import VarianceReason
from billing.selectors.reconciliation import CloseScope
from billing.services.closes import CloseRefusedError, request_close
from billing.services.exchange_rates import Pair
from billing.services.invoices import InvoiceDraft
from billing.services.overlaps import OverlapDraft
from portal.models import Connection, User
from tests.access.deeds import Answers, Beside, Deed, Grant, Sent, Told
from tests.access.matrix import (
    EVERYBODY,
    Column,
    Door,
    Row,
    api,
    form_function,
    listing,
    only,
    page,
)
from tests.access.readers import Reader
from tests.access.rows.billing import FINANCE, SEE_LINES
from tests.access.rows.watch import MAY_CHANGE, MAY_MAKE, OF_PROGRAMME
from tests.adoption.factories import NOW
from tests.billing.closing import MAY
from tests.billing.watching import charge_line
from tests.imports import make_connection, run_import

ROWS: list[Row] = []
# What `tell_a_close` leaves ready to be closed; there is no invoice of the month before it.
READY = CloseScope(MAY, "Open Ltd", "0077-b", "USD")
NOTHING = CloseScope(MAY - 1, "Open Ltd", "0077-b", "USD")
NOT_ASKED = "Your roles do not include asking for a close."


def prepare(world: Any) -> None:
    """A line of April that no rule takes, two sources of one month, a programme that is chosen."""
    run_import(make_connection("april"), [charge_line(dt.date(2026, 4, 3), "4", "nobody")])
    chosen = {"use_case": None, "programme": world.programme.slug}
    world.add(
        same_spend=OverlapDraft(
            counted=world.cloud,
            other=Connection.objects.get(slug="careful"),
            first=MAY,
            last=MAY,
            reason="The same bill comes twice.",
        ),
        programme_form=SimpleNamespace(cleaned_data=chosen),
    )


def answer_to(user: User, route: str, query: str = "", **values: Any) -> str:
    """What a page answers an account that came past the sign-in: its status, or the refusal."""
    path = reverse(route, kwargs=values)
    request = RequestFactory().get(f"{path}?{query}" if query else path)
    request.user = user
    found = resolve(path)
    try:
        return str(found.func(request, *found.args, **found.kwargs).status_code)
    except (PermissionDenied, Http404) as error:
        return type(error).__name__


def told_of_close(user: User, scope: CloseScope) -> str:
    """What somebody who asks for a close is told instead; nothing when it is asked for."""
    try:
        request_close(scope=scope, reason="", actor=user, at=NOW)
    except CloseRefusedError as error:
        return str(error)
    return ""


def _has_left(world: Any) -> None:
    world.leaver_account.refresh_from_db()


def _refused_after_leaving(route: str, query: str = "", **values: str) -> Answers:
    """Whoever has left is refused by the page itself, before it looks for anything."""
    arguments = {"user": "@leaver_account", "route": route, "query": query, **values}
    return Answers(
        "tests.access.rows.beside_billing:answer_to", arguments, "PermissionDenied", _has_left
    )


def _breaker(world: Any) -> dict[str, Any]:
    return {
        "name": "Hourly batch",
        "use_case": world.case.slug,
        "field": "api_key",
        "value": "key-2",
        "limit": "5",
        "currency": "USD",
        "cost_basis": "invoiced",
        "window": "day",
    }


def _budget(world: Any) -> dict[str, Any]:
    return {
        "use_case": world.case.slug,
        "amount": "50",
        "currency": "CHF",
        "period": "month",
        "first": "2026-11",
        "measure": "billed",
        "cost_basis": "invoiced",
        "owner": world.maker.username,
    }


# Not selectors, so not among the readers of every module.
READ = [
    Reader(
        "billing.services.budget_digest:budget_lines",
        EVERYBODY,
        arguments={"since": "@now", "until": "@soon"},
    ),
    Reader("billing.views.budgets:_programmes", OF_PROGRAMME),
]
GRANTS = [
    Grant("billing.services.budget_digest:gets_budgets", only(Column.PROGRAMME_LEAD)),
    Grant("billing.services.closes:may_ask", FINANCE, {"subject": "any"}),
    Grant("billing.services.overlap_requests:may_ask_for_overlap", FINANCE, {"subject": "any"}),
    *(
        Grant(f"billing.registrations.{module}:_sees_costs", EVERYBODY)
        for module in ("closes", "overlaps", "plans", "watch")
    ),
    Grant("billing.registrations.unmapped:_sees_lines", SEE_LINES),
]
DEEDS = [
    Deed(
        "billing.services.closes:request_close",
        FINANCE,
        {"scope": READY, "reason": "All of it ties.", "at": "@world_now"},
    ),
    Deed(
        "billing.services.overlaps:declare_overlap",
        FINANCE,
        {"draft": "@same_spend", "at": "@world_now"},
    ),
    Deed(
        "billing.services.overlaps:end_overlap",
        FINANCE,
        {"overlap_id": "@overlap.pk", "reason": "It was another key.", "at": "@world_now"},
    ),
    Deed(
        "billing.services.invoices:enter_invoice",
        FINANCE,
        {
            "draft": InvoiceDraft(
                issuer="Fresh Ltd",
                number="F-1",
                month=MAY.start,
                currency="USD",
                total_nano=1_000_000_000,
            ),
            "at": "@world_now",
        },
    ),
    Deed(
        "billing.services.invoices:explain_difference",
        FINANCE,
        {
            "invoice_id": "@open_invoice.pk",
            "reason": VarianceReason.MISSING_LINES,
            "amount_nano": 20_000_000,
            "note": "A fee on page 3.",
            "at": "@world_now",
        },
    ),
    Deed(
        "billing.services.invoices:withdraw_explanation",
        FINANCE,
        {"variance_id": "@variance.pk", "at": "@world_now"},
    ),
    Deed(
        "billing.services.exchange_rates:enter_rate",
        FINANCE,
        {
            "pair": Pair("USD", "CHF", dt.date(2026, 5, 31)),
            "rate": "0.91",
            "source": "A bank",
            "at": "@world_now",
        },
    ),
    # The form offers programmes to nobody else, so that no request gets as far as this.
    Deed("billing.views.budgets:_scope", OF_PROGRAMME, {"form": "@programme_form"}, actor="person"),
]
ANSWERS = [
    # The approval refuses them too, but only once the checklist has been told.
    Answers(
        "tests.access.rows.beside_billing:told_of_close",
        {"user": "@maker", "scope": NOTHING},
        NOT_ASKED,
    ),
    _refused_after_leaving("budget-new"),
    _refused_after_leaving("breaker-new"),
    _refused_after_leaving("anomaly", pk="@anomaly.pk"),
    _refused_after_leaving("anomaly-policies"),
    _refused_after_leaving("usage"),
    _refused_after_leaving("breaker", pk="@breaker.pk"),
    _refused_after_leaving("budget", pk="@budget.pk"),
    _refused_after_leaving("costs", "group=use_case&export=xlsx"),
]
TOLD = [
    Told(listing("anomalies", EVERYBODY), "Who is told, from when", FINANCE),
    Told(
        page("costs-unallocated", EVERYBODY, query="month=2026-04&by=service"),
        "Make a rule for this",
        FINANCE,
    ),
    Told(
        page("costs-unmapped", SEE_LINES, query="first=2026-04&last=2026-04"),
        "/costs/rules/new/?",
        FINANCE,
    ),
    Told(listing("price-plan-list", EVERYBODY), "/end/", FINANCE),
    Told(
        page("use-case", EVERYBODY, values={"slug": "case.slug"}),
        "/costs/budgets/new/?use_case=",
        MAY_CHANGE,
    ),
]
SENT = [
    Sent(
        form_function("breaker-new", MAY_MAKE),
        _breaker,
        MAY_CHANGE,
        answer=302,
        refused=200,
        by=MAY_MAKE,
    ),
    Sent(
        form_function("budget-new", MAY_MAKE),
        _budget,
        MAY_CHANGE,
        answer=302,
        refused=200,
        by=MAY_MAKE,
    ),
    Sent(
        api(
            "api-costs-explain",
            get=Door(SEE_LINES),
            query="figure=invoice:O-1",
            label="an invoice",
        ),
        lambda _world: None,
        SEE_LINES,
        method="GET",
        answer=200,
    ),
]
BESIDE: list[Beside] = [*READ, *GRANTS, *DEEDS, *ANSWERS, *TOLD, *SENT]
