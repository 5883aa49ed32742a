"""Pages about one use case: its page, registering, editing, stages, repositories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.decorators.http import require_safe

from adoption.approvals import STAGE_KIND
from adoption.choices import STAGES_THAT_NEED_APPROVAL
from adoption.forms.use_case_notes import CommentForm
from adoption.forms.use_cases import (
    EndLinkForm,
    RepositoryLinkForm,
    StageForm,
    UseCaseEditForm,
)
from adoption.models import RepositoryLink, UseCase
from adoption.policies import may_edit_use_case, may_register_use_case
from adoption.selectors.milestones import milestone_standings
from adoption.selectors.records import benefit_claim, filled_groups
from adoption.selectors.stage_gates import checklist_of, profile_of
from adoption.selectors.use_case_notes import all_links_of, comments_of
from adoption.selectors.use_cases import (
    ENDED_STAGES,
    history_of,
    repositories_to_link,
    repository_links_of,
    similar_use_cases,
    stages_open_to,
    use_case_for_page,
    zone_of,
)
from adoption.services.stages import end_use_case, request_stage
from adoption.services.use_cases import (
    end_repository_link,
    link_repository,
    update_use_case,
)
from adoption.views.form_page import FormPage
from adoption.views.milestone_chart import timeline_chart
from adoption.vocabularies import STAGES
from portal.models import User
from portal.policies import AnyUser
from portal.selectors.pending_approvals import pending_request
from portal.shell.panels import render_panels
from portal.shell.periods import day_of
from portal.shell.views import Crumb, EmptyState

USE_CASE_SLOT = "use_case"
EDITABLE = (
    "title",
    "programme",
    "team",
    "owner",
    "problem",
    "hypothesis",
    "value_type",
    "risk_tier",
    "stop_rule",
)


def portfolio_crumb() -> Crumb:
    return Crumb("Portfolio", reverse("portfolio"))


def use_case_crumbs(use_case: UseCase) -> list[Crumb]:
    """The way to a page below a use case."""
    return [portfolio_crumb(), Crumb(use_case.title, reverse("use-case", args=[use_case.slug]))]


def use_case_or_404(user: AnyUser, slug: str) -> UseCase:
    """The use case with what its pages need.

    Raises:
        Http404: there is none that this person may see.
    """
    found = use_case_for_page(user, slug)
    if found is None:
        raise Http404(f"no use case {slug!r}")
    return found


def _no_milestones(use_case: UseCase, may_edit: bool) -> EmptyState:
    if use_case.stage in ENDED_STAGES:
        return EmptyState("No milestone was promised", "It has ended; nothing can be added.")
    if not may_edit:
        return EmptyState(
            "No milestone is promised yet",
            f"{use_case.owner} owns this use case and can promise the first one.",
        )
    return EmptyState(
        "No milestone is promised yet",
        "Promise something that a measure can confirm by a day, for example a first change in "
        "production or a number of deliveries that held.",
        "Promise a milestone",
        reverse("milestone-new", args=[use_case.slug]),
    )


@require_safe
def use_case_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything about one use case, and what other rooms add to it (slot `use_case`)."""
    use_case = use_case_or_404(request.user, slug)
    now = timezone.now()
    standings = milestone_standings(use_case_ids=[use_case.pk], now=now).get(use_case.pk, [])
    may_edit = may_edit_use_case(request.user, use_case)
    today = day_of(now, zone_of(use_case))
    profile = profile_of(use_case)
    comments = list(comments_of(use_case))
    links = list(all_links_of(use_case))
    context = {
        "page_title": use_case.title,
        "breadcrumbs": [portfolio_crumb()],
        "use_case": use_case,
        "claim": use_case.hypothesis or use_case.problem,
        "standings": standings,
        "timeline": timeline_chart(standings, today=today, may_edit=may_edit)
        if standings
        else None,
        "history": history_of(use_case, comments=comments, links=links),
        "profile": profile,
        "benefit": benefit_claim(profile),
        "groups": filled_groups(profile),
        "checklist": checklist_of(use_case, profile),
        "comments": comments,
        "documents": [link for link in links if link.removed_at is None],
        "comment_form": CommentForm(),
        "links": repository_links_of(use_case),
        "stages_open": stages_open_to(request.user, use_case),
        "pending": pending_request(STAGE_KIND, str(use_case.pk)),
        "may_edit": may_edit,
        "may_promise": may_edit and use_case.stage not in ENDED_STAGES,
        "no_milestones": _no_milestones(use_case, may_edit),
        "panels": render_panels(request, USE_CASE_SLOT, use_case),
        "as_of": now,
        "zone": zone_of(use_case),
    }
    return render(request, "adoption/use_case_detail.html", context)


@require_safe
def similar_titles(request: HttpRequest) -> HttpResponse:
    """The fragment below title and problem: use cases that may be the same thing."""
    if not may_register_use_case(request.user):
        raise PermissionDenied
    found = similar_use_cases(
        request.user,
        request.GET.get("title", "")[:160],
        problem=request.GET.get("problem", "")[:2000],
        exclude_slug=request.GET.get("exclude", ""),
    )
    return render(request, "adoption/_similar_use_cases.html", {"similar": found})


class UseCasePart(FormPage):
    """A form about the use case that the address names."""

    @cached_property
    def use_case(self) -> UseCase:
        return use_case_or_404(self.request.user, self.kwargs["slug"])

    def load(self) -> None:
        self.use_case  # noqa: B018  (404 comes before 403)

    def allows(self, user: AnyUser) -> bool:
        return may_edit_use_case(user, self.use_case)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return use_case_crumbs(self.use_case)

    def page_url(self, anchor: str = "") -> str:
        """The use case's page, at one of its sections."""
        url = reverse("use-case", args=[self.use_case.slug])
        return f"{url}#{anchor}" if anchor else url


class UseCaseEditPage(UseCasePart):
    """Change what a use case says about itself."""

    form_class = UseCaseEditForm
    template_name = "adoption/use_case_form.html"
    title = "Edit the use case"
    done_message = "Saved."

    def get_initial(self) -> dict[str, Any]:
        values = {name: getattr(self.use_case, name) for name in EDITABLE}
        return {**values, "expected_version": self.use_case.version}

    def get_context_data(self) -> dict[str, Any]:
        return {"is_ready": True, "use_case": self.use_case, "current_url": self.request.path}

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        update_use_case(
            use_case_id=self.use_case.pk,
            expected_version=data["expected_version"],
            actor=user,
            at=timezone.now(),
            **{name: data[name] for name in EDITABLE},
        )
        return self.page_url()


class StagePage(UseCasePart):
    """Ask for the next stage, or stop or retire at once."""

    form_class = StageForm
    template_name = "adoption/stage_form.html"
    title = "Change the stage"
    submit_label = "Go on"

    def allows(self, user: AnyUser) -> bool:
        # Who may edit sees the page even where no stage is left, and is told so.
        return may_edit_use_case(user, self.use_case)

    def get_form_arguments(self) -> dict[str, Any]:
        return {"stages": stages_open_to(self.request.user, self.use_case)}

    def get_initial(self) -> dict[str, Any]:
        return {"expected_version": self.use_case.version}

    def get_context_data(self) -> dict[str, Any]:
        return {
            "use_case": self.use_case,
            "stages": stages_open_to(self.request.user, self.use_case),
            "approved_stages": STAGES_THAT_NEED_APPROVAL,
            "pending": pending_request(STAGE_KIND, str(self.use_case.pk)),
            "meanings": STAGES.statuses,
            "checklist": checklist_of(self.use_case, profile_of(self.use_case)),
            "current_url": self.page_url(),
        }

    def save(self, form: forms.Form, user: User) -> str:
        data = form.cleaned_data
        asked: dict[str, Any] = {
            "use_case_id": self.use_case.pk,
            "to_stage": data["to_stage"],
            "expected_version": data["expected_version"],
            "reason": data["reason"],
            "actor": user,
            "at": timezone.now(),
        }
        if data["to_stage"] in STAGES_THAT_NEED_APPROVAL:
            request_stage(**asked)
            messages.success(
                self.request,
                "Asked. Another person approves it on what the use case says now; an edit in the "
                "meantime voids the request.",
            )
        else:
            end_use_case(**asked)
            messages.success(self.request, "The decision is in the log.")
        return self.page_url("decisions")


class RepositoryLinkPage(UseCasePart):
    """Link a repository, so that its changes count for the use case."""

    form_class = RepositoryLinkForm
    title = "Link a repository"
    lead = "Changes that reach production from it become evidence and can be logged as deliveries."
    submit_label = "Link"
    done_message = "Linked."

    def get_context_data(self) -> dict[str, Any]:
        if repositories_to_link().exists():
            return {}
        return {
            "instead": EmptyState(
                "No repository has been imported yet",
                "A repository appears here once a delivery import has read it.",
            )
        }

    def get_initial(self) -> dict[str, Any]:
        return {"starts_on": self.use_case.programme.starts_on}

    def save(self, form: forms.Form, user: User) -> str:
        link_repository(
            use_case_id=self.use_case.pk,
            repository=form.cleaned_data["repository"],
            starts_on=form.cleaned_data["starts_on"],
            ends_on=form.cleaned_data["ends_on"],
            actor=user,
            at=timezone.now(),
        )
        return self.page_url("repositories")


class RepositoryLinkEndPage(UseCasePart):
    """End a link; what was delivered before stays."""

    form_class = EndLinkForm
    title = "End the link to a repository"
    submit_label = "End the link"
    done_message = "The link ends."

    @cached_property
    def link(self) -> RepositoryLink:
        links = RepositoryLink.objects.select_related("repository")
        return get_object_or_404(links, pk=self.kwargs["pk"], use_case=self.use_case)

    def load(self) -> None:
        self.link  # noqa: B018  (404 comes before 403)

    def get_context_data(self) -> dict[str, Any]:
        return {"page_lead": f"{self.link.repository}, linked from {self.link.starts_on}."}

    def save(self, form: forms.Form, user: User) -> str:
        end_repository_link(
            link_id=self.link.pk,
            ends_on=form.cleaned_data["ends_on"],
            actor=user,
            at=timezone.now(),
        )
        return self.page_url("repositories")
