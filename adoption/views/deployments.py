"""Pages about services and what was deployed. They name no people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.functional import cached_property

from adoption.filters.deployments import DeploymentFilters, ServiceFilters
from adoption.models import Service
from adoption.policies import may_see_registry, may_split_services
from adoption.selectors.deployments import (
    deployments_visible_to,
    is_split_off,
    services_visible_to,
)
from adoption.tables.deployments import DeploymentTable, ServiceTable
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, Crumb, EmptyState, ListPage


class ServiceListPage(ListPage):
    """What is deployed."""

    title = "Services"
    lead = "What is deployed, from which repository, and when it last reached production."
    noun_plural = "services"
    export_name = "services"
    table_class = ServiceTable
    filterset_class = ServiceFilters
    template_name = "adoption/service_list.html"
    fragment_template_name = "adoption/_service_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_registry(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return services_visible_to(self.request.user)

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No service is known yet",
            "Services appear with the first deployment that a hook, an import or the API brings.",
        )


class ServicePage(ListPage):
    """Deployments of one service, to every environment."""

    lead = "Every deployment, to every environment. Only production delivers changes."
    noun_plural = "deployments"
    export_name = "deployments"
    table_class = DeploymentTable
    filterset_class = DeploymentFilters
    template_name = "adoption/service_detail.html"
    fragment_template_name = "adoption/_service_table.html"

    @cached_property
    def service(self) -> Service:
        """The service of the address.

        Raises:
            Http404: there is none.
        """
        found = services_visible_to(self.request.user).filter(pk=self.kwargs["pk"]).first()
        if found is None:
            raise Http404(f"no service {self.kwargs['pk']}")
        return found

    def allows(self, user: Visitor) -> bool:
        return may_see_registry(user)  # type: ignore[arg-type]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if self.allows(request.user):
            self.title = self.service.name
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> Source:
        return deployments_visible_to(self.request.user).filter(service=self.service)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [Crumb("Services", reverse("service-list"))]

    def get_actions(self) -> Sequence[Action]:
        found = [Action("DORA metrics", reverse("service-dora", args=[self.service.pk]))]
        if may_split_services(self.request.user) and not is_split_off(self.service):
            found.append(Action("Came out of…", reverse("service-split", args=[self.service.pk])))
        return found

    def get_empty(self) -> EmptyState:
        return EmptyState("No deployment is known", "It was named, and nothing was deployed yet.")
