"""Pages about what the monitor noticed: the list, and the answer to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from adoption.filters.findings import FindingFilters
from adoption.forms.findings import AcknowledgeForm
from adoption.models import GamingFinding
from adoption.policies import may_answer_findings, may_see_findings
from adoption.selectors.findings import findings_visible_to
from adoption.services.findings import acknowledge_finding
from adoption.tables.findings import FindingTable
from adoption.views.form_page import FormPage
from portal.models import User
from portal.policies import AnyUser
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Crumb, EmptyState, ListPage


class FindingListPage(ListPage):
    """Telltales of gaming, newest first."""

    title = "Findings"
    lead = (
        "What moved as it does when numbers are played with. A finding is about a service, a "
        "team or a use case, accuses nobody, and waits for somebody to say what is behind it."
    )
    noun_plural = "findings"
    export_name = "findings"
    table_class = FindingTable
    filterset_class = FindingFilters
    template_name = "adoption/finding_list.html"
    fragment_template_name = "adoption/_finding_table.html"

    def allows(self, user: Visitor) -> bool:
        return may_see_findings(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return findings_visible_to(self.request.user)

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "Nothing was noticed",
            "Every day the last whole four weeks are looked at. Groups of fewer than five people "
            "are left out.",
        )


class FindingAcknowledgePage(FormPage):
    """Say what is behind a finding."""

    form_class = AcknowledgeForm
    title = "What is behind this finding?"
    submit_label = "Acknowledge"
    done_message = "Noted with the finding."
    finding: GamingFinding

    def load(self) -> None:
        found = findings_visible_to(self.request.user).filter(pk=self.kwargs["pk"]).first()
        if found is None:
            raise Http404(f"no finding {self.kwargs['pk']}")
        self.finding = found
        self.lead = f"{found.scope_name}: {found.said}"

    def allows(self, user: AnyUser) -> bool:
        return may_answer_findings(user)

    def get_initial(self) -> dict[str, Any]:
        return {"reason": self.finding.reason}

    def save(self, form: forms.Form, user: User) -> str:
        acknowledge_finding(
            finding_id=self.finding.pk,
            reason=form.cleaned_data["reason"],
            actor=user,
            at=timezone.now(),
        )
        return reverse("finding-list")

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [Crumb("Findings", reverse("finding-list"))]
