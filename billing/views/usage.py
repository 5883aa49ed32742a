"""Usage as a driver of cost: a diagnostic page. No export, no order by amount, no chart."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.policies import may_see_costs
from billing.selectors.usage import UsageLine, months_with_usage, usage_lines
from billing.views.watch_forms import person_of
from portal.shell.formats import nano_money_text, number_text
from portal.shell.periods import BadPeriodError, Month
from portal.shell.refusals import UnreadableRequestError
from portal.shell.views import Crumb, EmptyState

_NO_MODEL = "not stated"
_NOTHING = "No usage has been imported"


@require_safe
def usage_page(request: HttpRequest) -> HttpResponseBase:
    """Quantities of one month by connection and model, beside their cost.

    Raises:
        UnreadableRequestError: what was asked for is no month.
    """
    person_of(request, allowed=may_see_costs(request.user))
    months = months_with_usage(request.user)
    month = _asked(request, months)
    context = {
        "page_title": "Usage, a driver of cost",
        "page_lead": "Why a bill is what it is. It says nothing about what was delivered.",
        "breadcrumbs": [Crumb("Costs", reverse("costs"))],
        # A month without usage stands among them when it is the one that is shown.
        "months": sorted({*months, month}, reverse=True) if months and month else months,
        "month": month,
        "lines": [_line(each) for each in usage_lines(request.user, month)] if month else [],
        "empty": EmptyState(
            f"No usage has been imported for {month.label}" if month else _NOTHING,
            "Sources that report tokens, requests or credits beside their costs bring it along.",
        ),
    }
    return TemplateResponse(request, "billing/usage.html", context)


def _asked(request: HttpRequest, months: list[Month]) -> Month | None:
    """The month asked for, else the newest with usage; None while nothing has been imported.

    Raises:
        UnreadableRequestError: it is no month, and another one would be taken for it.
    """
    text = request.GET.get("month", "")
    if not text:
        return next(iter(months), None)
    try:
        return Month.parse(text)
    except BadPeriodError as error:
        raise UnreadableRequestError(f"Month (month): {error}.") from error


def _line(found: UsageLine) -> dict[str, object]:
    return {
        "connection": found.connection,
        "model": found.model or _NO_MODEL,
        "quantities": [
            (metric.replace("_", " "), f"{number_text(amount, None)} {unit}".strip())
            for metric, unit, amount in found.quantities
        ],
        "costs": [
            f"{nano_money_text(nano, kind.currency)} billed, {kind.basis_label.lower()}"
            for kind, nano in found.costs
        ],
    }
