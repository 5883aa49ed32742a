"""Bases of pages: crumbs, empty states, actions, and the list page that every noun uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.views.generic import View

from portal.limits import take_turn
from portal.shell.exports import csv_response
from portal.shell.filters import ShellFilterSet
from portal.shell.htmx import FragmentTemplateMixin
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.tables import ShellTable


@dataclass(frozen=True, slots=True)
class Crumb:
    """A page above this one."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Action:
    """A button at the head of a page that leads to another page."""

    label: str
    url: str
    is_primary: bool = False


@dataclass(frozen=True, slots=True)
class EmptyState:
    """What a page says when it has nothing to show, and what to do next."""

    title: str
    text: str
    action_label: str = ""
    action_url: str = ""


NO_MATCH = EmptyState(
    title="Nothing matches these filters",
    text="The list itself is not empty for you, or may not be: loosen a filter, or clear them all.",
    action_label="Clear the filters",
)


class ListPage(FragmentTemplateMixin, View):
    """A list with filters, sorting, pages and export, all in the URL.

    One address answers with the page, with the fragment (htmx) or with CSV (`?export=csv`).
    A subclass gives `title`, `table_class`, `get_queryset()` and `get_empty()`, and the two
    templates `noun_list.html` (extends `components/list_page.html`) and `_noun_table.html`
    (includes `components/_list_results.html`); the shell's own pair is used where it gives none.
    """

    http_method_names = ["get", "head", "options"]
    template_name = "components/list_page.html"
    fragment_template_name = "components/_list_results.html"
    title: str = ""
    lead: str = ""
    noun_plural: str = "rows"
    export_name: str = "export"
    table_class: type[ShellTable]
    filterset_class: type[ShellFilterSet] | None = None

    def get_queryset(self) -> Source:
        """The rows that this person may see: a selector's queryset, filtered by policy."""
        raise TypeError(f"{type(self).__name__} does not say what it lists")

    def allows(self, user: Visitor) -> bool:
        """Whether this person may open the page at all; 403 otherwise."""
        return True

    def get_empty(self) -> EmptyState:
        """Shown when there is nothing and no filter is in force."""
        return EmptyState("Nothing here yet", f"No {self.noun_plural} have been recorded.")

    def get_actions(self) -> Sequence[Action]:
        """Buttons at the head of the page."""
        return ()

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        """The pages above this one."""
        return ()

    def get_context_data(self) -> dict[str, Any]:
        """More variables for the templates."""
        return {}

    def make_table(self, source: Source) -> ShellTable:
        """The table over the filtered rows."""
        return self.table_class(source, query=self.request.GET, path=self.request.path)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The page, the fragment or the export.

        Raises:
            PermissionDenied: `allows` said no.
            BadRequest: an export was asked for with a filter that cannot be read.
            TooManyRequestsError: the person exports too often.
        """
        if not self.allows(request.user):
            raise PermissionDenied
        filterset = self._filterset(request)
        source = self.get_queryset() if filterset is None else filterset.rows()
        table = self.make_table(source)
        if request.GET.get("export") == "csv":
            if filterset is not None and not filterset.is_readable:
                raise BadRequest("a filter cannot be read, so there is nothing to export")
            take_turn("export", f"person {request.user.pk}")
            return csv_response(self.export_name, table.export_headings(), table.export_rows())
        return self._respond(request, table, filterset)

    def _filterset(self, request: HttpRequest) -> ShellFilterSet | None:
        if self.filterset_class is None:
            return None
        return self.filterset_class(request.GET, queryset=self.get_queryset(), request=request)

    def _respond(
        self, request: HttpRequest, table: ShellTable, filterset: ShellFilterSet | None
    ) -> HttpResponse:
        applied = list(filterset.applied(request.GET, request.path)) if filterset else []
        is_filtered = bool(applied) or (filterset is not None and not filterset.is_readable)
        empty = (
            EmptyState(NO_MATCH.title, NO_MATCH.text, NO_MATCH.action_label, request.path)
            if is_filtered
            else self.get_empty()
        )
        context = {
            "page_title": self.title,
            "page_lead": self.lead,
            "breadcrumbs": self.get_breadcrumbs(),
            "actions": self.get_actions(),
            "table": table,
            "filterset": filterset,
            "applied": applied,
            "empty": empty,
            "noun_plural": self.noun_plural,
            **self.get_context_data(),
        }
        return TemplateResponse(request, self.get_template_names(), context)
