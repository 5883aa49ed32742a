"""What pages that answer as of a moment have in common."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern
from django.utils import timezone

from billing.filters.moments import AsOfFilterSet
from billing.selectors.moments import BadMomentError, moment_key, parse_moment
from portal.shell.formats import moment_text
from portal.shell.refusals import UnreadableRequestError, unreadable
from portal.shell.views import EmptyState, ListPage

NOT_WORKED_OUT = "Not worked out as of that moment"
NOW_ONLY = (
    "As recorded at (as_of): this page answers for now only, so nothing is shown. As of a moment "
    "answer the cost explorer, Unallocated, Unmapped, Restatements, Budgets, Invoices, "
    "Reconciliation, the Close checklist, Corrections, Anomalies, Forecasts and the page of where "
    "a figure comes from. "
    "Leave as_of out to see what is known now."
)


@dataclass(frozen=True, slots=True)
class AskedMoment:
    """The moment that the address of a page about one thing asks for.

    Attributes:
        text: as it was typed.
        at: None for now, and where it cannot be read.
        problem: why it cannot, in words.
        now_url: the same page without it.
    """

    text: str
    at: dt.datetime | None
    problem: str
    now_url: str

    @property
    def query(self) -> str:
        """What a link appends to its address to stay at the moment."""
        return f"?{urlencode({'as_of': moment_key(self.at)})}" if self.at else ""

    @property
    def context(self) -> dict[str, Any]:
        """For `billing/_as_of_form.html` and `billing/_as_of_said.html`."""
        return {
            "at": self.at,
            "as_of_text": self.text,
            "as_of_problem": self.problem,
            "now_url": self.now_url,
            "as_of_query": self.query,
        }

    @property
    def status(self) -> int:
        """Of the answer: 400 where the moment cannot be read."""
        return 400 if self.problem else 200


def asked_moment(request: HttpRequest) -> AskedMoment:
    """What the address asks for as `as_of`."""
    text = request.GET.get("as_of", "")
    at, problem = None, ""
    try:
        at = parse_moment(text, now=timezone.now())
    except BadMomentError as error:
        problem = str(error)
    return AskedMoment(text, at, problem, now_url(request))


def now_url(request: HttpRequest) -> str:
    """The same address without its moment."""
    query = request.GET.copy()
    for name in ("as_of", "page", "export"):
        query.pop(name, None)
    return f"{request.path}?{query.urlencode()}" if query else request.path


def is_export(request: HttpRequest) -> bool:
    """Whether a file is asked for."""
    return request.GET.get("export") == "csv"


def refuse_unreadable(request: HttpRequest, form: forms.Form) -> EmptyState | None:
    """What a page says instead of an answer to another question than was asked; None when all
    of it can be read.

    Raises:
        UnreadableRequestError: it is about a file, which has no place to say it.
    """
    if form.is_valid():
        return None
    if is_export(request):
        raise unreadable(form)
    return EmptyState(
        "Nothing is shown",
        "What was asked for cannot be read. What is wrong with it stands above, at its field.",
    )


def refuse_too_much(request: HttpRequest, error: ValueError) -> EmptyState:
    """What a page says when more was asked for than is worked out as of a moment.

    Raises:
        UnreadableRequestError: it is about a file, which has no place to say it.
    """
    if is_export(request):
        raise UnreadableRequestError(str(error)) from error
    return EmptyState(NOT_WORKED_OUT, str(error))


def nothing_recorded(window: str, at: dt.datetime) -> EmptyState:
    """Said when no line of some months had been imported at a moment."""
    return EmptyState(
        "Nothing was recorded then",
        f"At {moment_text(at)} no cost line of {window} had been imported.",
    )


def refuse_moment(request: HttpRequest) -> None:
    """Refuse a question about an earlier moment, on a page that knows now only.

    An answer of now to a question about then would be taken for one of then.

    Raises:
        UnreadableRequestError: the address has a moment.
    """
    if request.GET.get("as_of", "").strip():
        raise UnreadableRequestError(NOW_ONLY)


def now_only(patterns: Sequence[URLPattern], *, but: Collection[str]) -> list[URLPattern]:
    """The same addresses, of which each refuses `as_of` that is not named in `but`.

    A page that is added answers for now only until it says otherwise.
    """
    return [
        each
        if each.name in but
        else URLPattern(each.pattern, _refusing(each.callback), each.default_args, each.name)
        for each in patterns
    ]


def _refusing(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        refuse_moment(request)
        return view(request, *args, **kwargs)

    return answer


class AsOfListPage(ListPage):
    """A list that answers as of a moment; its filter set is an `AsOfFilterSet`."""

    filterset: AsOfFilterSet

    @property
    def at(self) -> dt.datetime | None:
        """The moment that is asked for; None is now."""
        return self.filterset.at

    def get_past_empty(self, at: dt.datetime) -> EmptyState:
        """Shown when there was nothing at a moment and no other filter is in force."""
        raise TypeError(f"{type(self).__name__} does not say what there was not")

    def _filterset(self, request: HttpRequest) -> AsOfFilterSet:
        """The filters.

        Raises:
            UnreadableRequestError: one cannot be read, and a file of nothing would say nothing.
        """
        filterset_class = cast("type[AsOfFilterSet]", self.filterset_class)
        self.filterset = filterset_class(request.GET, queryset=self.get_queryset(), request=request)
        if is_export(request) and not self.filterset.is_readable:
            raise unreadable(self.filterset.form)
        return self.filterset

    def get_context_data(self) -> dict[str, Any]:
        found = super().get_context_data()
        if self.filterset.problem:  # the form, which says it too, is not exchanged with the list
            return found | {"empty": EmptyState("Nothing is shown", self.filterset.problem)}
        applied = list(self.filterset.applied(self.request.GET, self.request.path))
        if self.at is not None and len(applied) == 1:
            return found | {"empty": self.get_past_empty(self.at)}
        return found
