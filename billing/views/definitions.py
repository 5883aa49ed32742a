"""What the words beside cost figures mean."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.policies import may_see_costs
from billing.vocabularies import COST_STATUSES, INVOICE_STATUSES, UNALLOCATED_REASONS
from portal.shell.views import Crumb


@require_safe
def definitions_page(request: HttpRequest) -> HttpResponseBase:
    """Billed, effective, basis, status, unallocated."""
    if not may_see_costs(request.user):
        raise PermissionDenied
    context = {
        "page_title": "What cost figures mean",
        "breadcrumbs": [Crumb("Costs", reverse("costs"))],
        "statuses": COST_STATUSES.statuses,
        "invoice_statuses": INVOICE_STATUSES.statuses,
        "reasons": UNALLOCATED_REASONS.statuses,
    }
    return TemplateResponse(request, "billing/definitions.html", context)
