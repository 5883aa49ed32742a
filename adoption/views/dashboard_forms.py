"""Pages that change dashboards: make, edit, build, submit, deprecate."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.generic import View

from adoption.forms.dashboards import (
    DashboardEditForm,
    DashboardForm,
    DeprecateForm,
    MetricChoiceForm,
    SubmitForm,
    TileForm,
)
from adoption.models import Dashboard, MetricVersion
from adoption.policies import may_edit_dashboard, may_make_dashboard
from adoption.selectors.dashboard_tiles import shown_tiles
from adoption.selectors.dashboards import (
    goals_to_choose,
    scopes_to_choose,
    versions_to_choose,
    working_tiles,
)
from adoption.services.dashboard_approvals import (
    deprecate_dashboard,
    problems_of_working_copy,
    submit_dashboard,
)
from adoption.services.dashboards import (
    add_tile,
    create_dashboard,
    move_tile,
    remove_tile,
    update_dashboard,
)
from adoption.services.refusals import RefusedError, StaleVersionError
from adoption.tables.dashboards import TileValueTable
from adoption.views.dashboards import dashboard_or_404, dashboards_crumb
from adoption.views.form_page import FormPage, signed_in
from portal.models import User
from portal.policies import AnyUser
from portal.shell.htmx import is_fragment
from portal.shell.views import Crumb, EmptyState


def _page(slug: str) -> str:
    return reverse("dashboard", args=[slug])


class DashboardNewPage(FormPage):
    """Make a draft; tiles are added next."""

    form_class = DashboardForm
    title = "Make a dashboard"
    lead = "First what it is for. Tiles are added next; nobody sees it as approved before it is."
    submit_label = "Go on to the tiles"

    def allows(self, user: AnyUser) -> bool:
        return may_make_dashboard(user)

    def get_context_data(self) -> dict[str, Any]:
        if goals_to_choose().exists():
            return {}
        return {
            "instead": EmptyState(
                "No milestone is promised yet",
                "A dashboard serves a milestone. Promise one on a use case first.",
                "To the portfolio",
                reverse("portfolio"),
            )
        }

    def save(self, form: forms.Form, user: User) -> str:
        made = create_dashboard(**form.cleaned_data, actor=user, at=timezone.now())
        return reverse("dashboard-build", args=[made.slug])

    def get_breadcrumbs(self) -> list[Crumb]:
        return [dashboards_crumb()]


class _DashboardForm(FormPage):
    dashboard: Dashboard

    def load(self) -> None:
        self.dashboard = dashboard_or_404(self.request, self.kwargs["slug"])

    def allows(self, user: AnyUser) -> bool:
        return may_edit_dashboard(user, self.dashboard)

    def get_initial(self) -> dict[str, Any]:
        return {"expected_version": self.dashboard.version}

    def get_breadcrumbs(self) -> list[Crumb]:
        return [dashboards_crumb(), Crumb(self.dashboard.title, _page(self.dashboard.slug))]

    def get_context_data(self) -> dict[str, Any]:
        return {"current_url": self.request.path, "dashboard": self.dashboard}


class DashboardEditPage(_DashboardForm):
    """Other words or another goal."""

    form_class = DashboardEditForm
    title = "Edit this dashboard"
    lead = (
        "This changes the working copy. What is approved stays as it is until it is approved again."
    )
    done_message = "Saved in the working copy."

    def get_initial(self) -> dict[str, Any]:
        return DashboardEditForm.initial_of(self.dashboard)

    def save(self, form: forms.Form, user: User) -> str:
        update_dashboard(
            dashboard_id=self.dashboard.pk, **form.cleaned_data, actor=user, at=timezone.now()
        )
        return _page(self.dashboard.slug)


class DashboardSubmitPage(_DashboardForm):
    """Ask that another person approves it, or read what it lacks."""

    form_class = SubmitForm
    title = "Ask for approval"
    lead = "Another person sees every tile with its exact figures, and approves exactly that."
    submit_label = "Ask for approval"
    done_message = "Asked. It shows as approved once another person has decided so."
    template_name = "adoption/dashboard_submit.html"

    def save(self, form: forms.Form, user: User) -> str:
        submit_dashboard(
            dashboard_id=self.dashboard.pk, **form.cleaned_data, actor=user, at=timezone.now()
        )
        return _page(self.dashboard.slug)

    def get_context_data(self) -> dict[str, Any]:
        return super().get_context_data() | {"problems": problems_of_working_copy(self.dashboard)}


class DashboardDeprecatePage(_DashboardForm):
    """End it, with a reason."""

    form_class = DeprecateForm
    title = "Deprecate this dashboard"
    lead = "From now on nobody is told its figures as approved ones. It stays readable."
    submit_label = "Deprecate it"
    done_message = "Deprecated."
    is_dangerous = True

    def save(self, form: forms.Form, user: User) -> str:
        deprecate_dashboard(
            dashboard_id=self.dashboard.pk, **form.cleaned_data, actor=user, at=timezone.now()
        )
        return _page(self.dashboard.slug)


class DashboardBuildPage(View):
    """The builder: tiles are added, moved and removed one at a time, with or without scripts."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self._respond(request, self._dashboard(request, slug))

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        dashboard = self._dashboard(request, slug)
        try:
            focus = self._act(request, dashboard)
        except StaleVersionError as error:
            return self._respond(request, self._dashboard(request, slug), error.reason, 409)
        except RefusedError as error:
            return self._respond(request, dashboard, error.reason)
        except (ValueError, KeyError):
            return self._respond(request, dashboard, "That could not be read. Choose again.", 400)
        if is_fragment(request):
            return self._respond(request, self._dashboard(request, slug), focus=focus)
        return HttpResponseRedirect(request.path)

    @staticmethod
    def _dashboard(request: HttpRequest, slug: str) -> Dashboard:
        found = dashboard_or_404(request, slug)
        if not may_edit_dashboard(request.user, found):
            raise PermissionDenied
        return found

    @staticmethod
    def _act(request: HttpRequest, dashboard: Dashboard) -> str:
        """One service call, as the pressed button says; then where the focus goes on.

        The builder is replaced whole, so the pressed button is gone: who moves a tile goes on with
        that tile (`up:1`, `down:1`, its new place), and otherwise with the list (`list`).

        Raises:
            RefusedError, ValueError, KeyError: nothing was changed.
        """
        said = request.POST
        given: dict[str, Any] = {
            "dashboard_id": dashboard.pk,
            "expected_version": int(said["expected_version"]),
            "actor": signed_in(request),
            "at": timezone.now(),
        }
        action, _, place = said["action"].partition(":")
        if action == "add":
            kind, _, scope = said["scope"].partition(":")
            add_tile(
                **given, version_id=int(said["version"]), scope_kind=kind, scope_id=int(scope),
                kind=said["kind"], title=said.get("title", ""),
            )  # fmt: skip
        elif action == "remove":
            remove_tile(**given, place=int(place))
        else:
            by = {"up": -1, "down": 1}[action]
            move_tile(**given, place=int(place), by=by)
            return f"{action}:{int(place) + by}"
        return "list"

    def _respond(
        self,
        request: HttpRequest,
        dashboard: Dashboard,
        refusal: str = "",
        status: int = 200,
        focus: str = "",
    ) -> HttpResponse:
        versions = versions_to_choose()
        chosen = _chosen(request, versions)
        shown = shown_tiles(working_tiles(dashboard), at=timezone.now())
        context = {
            "page_title": f"Tiles of {dashboard.title}",
            "page_lead": "Choose a metric of the catalogue, then of what it is shown and how.",
            "breadcrumbs": [dashboards_crumb(), Crumb(dashboard.title, _page(dashboard.slug))],
            "dashboard": dashboard,
            "tiles": [
                (each, TileValueTable.of(list(each.rows)) if each.rows else None) for each in shown
            ],
            "problems": problems_of_working_copy(dashboard),
            "metric_form": MetricChoiceForm(
                initial={"metric": chosen.pk if chosen else ""}, versions=versions
            ),
            "chosen": chosen,
            "tile_form": TileForm(initial={"version": chosen.pk}, scopes=scopes_to_choose(chosen))
            if chosen
            else None,
            "refusal": refusal,
            "focus": focus,
        }
        name = "_dashboard_builder" if is_fragment(request) else "dashboard_builder"
        return render(request, f"adoption/{name}.html", context, status=status)


def _chosen(request: HttpRequest, versions: list[MetricVersion]) -> MetricVersion | None:
    asked = request.GET.get("metric") or request.POST.get("version") or ""
    return next((row for row in versions if str(row.pk) == asked), None)
