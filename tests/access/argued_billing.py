"""Removed checks of money that nobody can tell apart from their presence, each with the reason."""

from __future__ import annotations

OF_REASON: dict[str, tuple[str, ...]] = {
    "Programme leads alone get there, by the check before it, and a role counts for somebody "
    "active only: that is all that seeing costs asks.": (
        "billing.services.budget_digest:gets_budgets may_see_costs(user) taken for yes",
    ),
    "Whoever gets here keeps budgets of programmes, by the check before it: a role counts for "
    "somebody active only, who sees every programme.": (
        "billing.views.budgets:_programmes programmes_visible_to(user) gives everything",
    ),
    "The next line refuses whoever may not keep budgets of programmes, with the same words; who "
    "may is somebody active, who sees every programme.": (
        "billing.views.budgets:_scope programmes_visible_to(person) gives everything",
    ),
    "The page asks the same policy before it looks for anything, so that whoever gets here sees "
    "all of it.": (
        "billing.views.anomalies:_rows anomalies_visible_to(request.user) gives everything",
        "billing.views.overlaps:overlaps_page overlaps_visible_to(request.user) gives everything",
    ),
    "It asks for the operator, who sees every invoice; who may ask by a reference is decided by "
    "the endpoint.": (
        "billing.selectors.invoices:invoice_by_reference invoices_visible_to(None, at=at) "
        "gives everything",
    ),
}
