"""The month, and the moment, that pages and files about reconciling and closing are asked for."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.utils import timezone

from billing.forms.invoices import PastMonthForm
from billing.policies import may_see_charges
from billing.selectors.close_checks import Checklist
from billing.selectors.closes import month_to_close
from billing.selectors.moments import moment_key
from billing.selectors.month_books import MonthBook, month_book_for
from billing.views.moments import now_url
from portal.policies import AnyUser
from portal.shell.periods import Month
from portal.shell.refusals import unreadable


@dataclass(frozen=True, slots=True)
class AskedMonth:
    """What the address asks for.

    Attributes:
        user: who asks.
        month: None where nothing can be closed.
        at: the moment; None is now.
        now: the moment of the answer, which is `at` for an earlier one.
    """

    user: AnyUser
    form: PastMonthForm
    month: Month | None
    at: dt.datetime | None
    now: dt.datetime
    now_url: str

    @property
    def context(self) -> dict[str, Any]:
        """For the templates: links to other pages of the month take `month_query`, those to pages
        about one thing `as_of_query`."""
        moment = {"as_of": moment_key(self.at)} if self.at else {}
        return {
            "form": self.form,
            "month": self.month,
            "at": self.at,
            "now_url": self.now_url,
            "month_query": f"?{urlencode({'month': str(self.month)} | moment)}",
            "as_of_query": f"?{urlencode(moment)}" if moment else "",
        }


def see_money(request: HttpRequest) -> None:
    """Raises PermissionDenied unless this person answers for money."""
    if not may_see_charges(request.user):
        raise PermissionDenied


def month_of(request: HttpRequest) -> AskedMonth:
    """The month that was asked for; the newest with an invoice when none was.

    Raises:
        UnreadableRequestError: what was asked for is no month, or no moment up to now.
    """
    form = PastMonthForm(request.GET)
    if not form.is_valid():
        raise unreadable(form)
    at: dt.datetime | None = form.cleaned_data["as_of"]
    now = at or timezone.now()
    month = form.asked() or month_to_close(now=now, at=at)
    if month is not None:
        # The field says which month is shown, also when nobody asked for one.
        form = PastMonthForm({"month": str(month), "as_of": request.GET.get("as_of", "")})
    return AskedMonth(request.user, form, month, at, now, now_url(request))


def read_month(month: Month, asked: AskedMonth) -> tuple[MonthBook, list[Checklist]]:
    """A month and its checklists, for those who answer for money.

    Raises:
        Http404: nothing of it is for this person.
        TooManyChargesError: more charges than are worked out as of a moment.
    """
    book = month_book_for(asked.user, month, at=asked.at, now=asked.now)
    if book is None:
        raise Http404
    return book, book.checklists()
