"""Use cases, milestones, deliveries, programmes, teams, metrics: pages and API."""

from __future__ import annotations

from typing import Any

from portal.models import User
from tests.access.matrix import (
    EVERYBODY,
    NOBODY,
    Column,
    Columns,
    Door,
    Row,
    api,
    form,
    listing,
    only,
    page,
)
from tests.access.readers import Panel, Reader

OWNER_AND_LEAD = only(Column.OWNER, Column.PROGRAMME_LEAD)
OTHER_AND_LEAD = only(Column.OTHER_OWNER, Column.PROGRAMME_LEAD)
LEAD_AND_ADMINISTRATOR = only(Column.PROGRAMME_LEAD, Column.ADMINISTRATOR)
CASE = {"slug": "case.slug"}
TEAM = {"slug": "team.slug"}
PROGRAMME = {"slug": "programme.slug"}
MILESTONE = {"slug": "case.slug", "pk": "milestone.pk"}
KEPT_QUIET = "Who logged what is told to that person only, so even that there is one is not."
NOT_WAITING = (
    "It waits for the owner of the use case or a lead and never for who logged it; whether there "
    "is one is nobody else's business."
)
OF_ANOTHER = "It belongs to another use case, so it is not below this address for anybody."


def of_own(route: str, to: Columns, values: dict[str, str], *, posted: int = 200) -> Row:
    """A form that 404s whoever it is not for."""
    return form(route, to, refused=404, posted=posted, values=values, why=KEPT_QUIET, inside=404)


PAGES = [
    listing("portfolio", EVERYBODY),
    form("use-case-new", EVERYBODY),
    page("use-case-similar", EVERYBODY, query="title=Answer+drafts"),
    page("use-case", EVERYBODY, values=CASE, inside=404),
    form("use-case-edit", OWNER_AND_LEAD, values=CASE, inside=404),
    form(
        "use-case-edit",
        OTHER_AND_LEAD,
        values={"slug": "neighbour.slug"},
        inside=404,
        label="neighbour",
    ),
    form("use-case-stage", OWNER_AND_LEAD, values=CASE, inside=404),
    form("repository-link-new", OWNER_AND_LEAD, values=CASE, inside=404),
    form(
        "repository-link-end",
        OWNER_AND_LEAD,
        values={"slug": "case.slug", "pk": "link.pk"},
        inside=404,
    ),
    form("milestone-new", OWNER_AND_LEAD, values=CASE, inside=404),
    form("milestone-edit", OWNER_AND_LEAD, values=MILESTONE, inside=404),
    form("milestone-remove", OWNER_AND_LEAD, values=MILESTONE, inside=404),
    form(
        "milestone-edit",
        only(),
        refused=404,
        values={"slug": "neighbour.slug", "pk": "milestone.pk"},
        inside=404,
        label="below another",
        why=OF_ANOTHER,
    ),
    form(
        "milestone-remove",
        only(),
        refused=404,
        values={"slug": "neighbour.slug", "pk": "milestone.pk"},
        inside=404,
        label="below another",
        why=OF_ANOTHER,
    ),
    form(
        "repository-link-end",
        only(),
        refused=404,
        values={"slug": "neighbour.slug", "pk": "link.pk"},
        inside=404,
        label="below another",
        why=OF_ANOTHER,
    ),
    listing("use-case-deliveries", EVERYBODY, values=CASE),
    listing("use-case-changes", EVERYBODY, values=CASE),
    # Deliveries
    listing("my-deliveries", EVERYBODY),
    form("log-delivery", EVERYBODY),
    page("log-delivery-link", EVERYBODY, query="link=https://git.example/app/commit/1"),
    page("log-delivery-changes", EVERYBODY, query="use_case={case.slug}"),
    listing("delivery-reviews", EVERYBODY),
    page(
        "delivery",
        only(Column.OWNER),
        refused=404,
        values={"pk": "own.pk"},
        inside=404,
        why=KEPT_QUIET,
    ),
    page(
        "delivery",
        only(Column.OTHER_OWNER),
        refused=404,
        values={"pk": "logged.pk"},
        inside=404,
        label="of another",
        why=KEPT_QUIET,
    ),
    of_own("delivery-withdraw", only(Column.OWNER), {"pk": "own.pk"}, posted=302),
    form(
        "delivery-review",
        OWNER_AND_LEAD,
        refused=404,
        values={"pk": "to_review.pk"},
        inside=404,
        why=NOT_WAITING,
    ),
    form(
        "delivery-review",
        only(Column.PROGRAMME_LEAD),
        refused=404,
        values={"pk": "others.pk"},
        inside=404,
        label="own work",
        why=NOT_WAITING,
    ),
    # The organisation
    listing("programme-list", EVERYBODY),
    form("programme-new", LEAD_AND_ADMINISTRATOR),
    page("programme", EVERYBODY, values=PROGRAMME, inside=404),
    form("programme-edit", LEAD_AND_ADMINISTRATOR, values=PROGRAMME, inside=404),
    listing("team-list", EVERYBODY),
    form("team-new", LEAD_AND_ADMINISTRATOR),
    page("team", EVERYBODY, values=TEAM, inside=404),
    form("team-edit", LEAD_AND_ADMINISTRATOR, values=TEAM, inside=404),
    form("membership-new", LEAD_AND_ADMINISTRATOR, values=TEAM, inside=404),
    form(
        "membership-end",
        LEAD_AND_ADMINISTRATOR,
        values={"slug": "team.slug", "pk": "membership.pk"},
        inside=404,
    ),
    # Metrics
    listing("metric-list", EVERYBODY),
    page("metric", EVERYBODY, values={"key": "=held_deliveries"}),
    page(
        "metric-of-use-case",
        EVERYBODY,
        values={"key": "=held_deliveries", "slug": "case.slug"},
        inside=404,
    ),
]

ENDPOINTS = [
    api("api-programmes", get=Door(EVERYBODY), inside=200),
    api("api-teams", get=Door(EVERYBODY), inside=200),
    api("api-use-cases", get=Door(EVERYBODY), post=Door(EVERYBODY, 400), inside=200),
    api(
        "api-use-case",
        get=Door(EVERYBODY),
        patch=Door(OWNER_AND_LEAD, 428),
        values=CASE,
        inside=404,
    ),
    api(
        "api-milestones",
        get=Door(EVERYBODY),
        post=Door(OWNER_AND_LEAD, 400),
        values=CASE,
        inside=404,
    ),
    api(
        "api-milestone",
        get=Door(EVERYBODY),
        patch=Door(OWNER_AND_LEAD, 428),
        values={"slug": "case.slug", "milestone_id": "milestone.pk"},
        inside=404,
    ),
    api(
        "api-milestone",
        get=Door(only(), refused=404),
        patch=Door(only(), refused=404),
        values={"slug": "neighbour.slug", "milestone_id": "milestone.pk"},
        inside=404,
        label="below another",
        why=OF_ANOTHER,
    ),
    api("api-use-case-deliveries", get=Door(EVERYBODY), values=CASE, inside=404),
    api("api-deliveries", get=Door(EVERYBODY), post=Door(EVERYBODY, 400)),
    api("api-metrics", get=Door(EVERYBODY)),
    api("api-metric", get=Door(EVERYBODY), values={"key": "=held_deliveries"}),
]

ROWS = [*PAGES, *ENDPOINTS]


def _own(delivery: Any, person: User) -> bool:
    return bool(delivery.claimed_by_id == person.pk)


def _reviewable(delivery: Any, person: User) -> bool:
    is_owner = delivery.use_case.owner_id == person.pk
    return not _own(delivery, person) and (is_owner or person.roles == {"programme_lead"})


def _named(identity: Any, person: User) -> bool:
    return bool(identity.user_id == person.pk)


_SELECTORS = "adoption.selectors"
_OWNERS = only(Column.OWNER, Column.OTHER_OWNER)
OF_CASE = {"use_case": "@case"}
READERS = [
    *(
        Reader(f"{_SELECTORS}.{name}", EVERYBODY)
        for name in (
            "programmes:programmes_visible_to",
            "programmes:programmes_with_counts",
            "teams:teams_visible_to",
            "use_cases:use_cases_visible_to",
            "use_cases:proposals_waiting",
            "portfolio:portfolio_rows",
            "milestones:milestones_visible_to",
            "deliveries:deliveries_visible_to",
            "deliveries:use_cases_to_log_for",
        )
    ),
    Reader(f"{_SELECTORS}.use_cases:use_case_for_page", EVERYBODY,
           arguments={"slug": "@case.slug"}),
    Reader(f"{_SELECTORS}.use_cases:stages_open_to", OWNER_AND_LEAD, arguments=OF_CASE,
           counts={Column.OTHER_OWNER: 0}),
    Reader(f"{_SELECTORS}.use_cases:similar_use_cases", EVERYBODY,
           arguments={"title": "Answer drafts"}),
    Reader(f"{_SELECTORS}.milestones:milestones_needing_a_look", EVERYBODY,
           arguments={"now": "@soon"}),
    Reader(f"{_SELECTORS}.changes:change_rows", EVERYBODY, arguments=OF_CASE),
    Reader(f"{_SELECTORS}.changes:changes_to_remind_of", only(Column.OTHER_OWNER),
           counts={Column.OTHER_OWNER: 1}, arguments={"now": "@now", "limit": 9}),
    Reader(f"{_SELECTORS}.deliveries:deliveries_of", EVERYBODY, arguments=OF_CASE),
    Reader(f"{_SELECTORS}.deliveries:latest_deliveries", EVERYBODY,
           arguments={**OF_CASE, "limit": 9}),
    Reader(f"{_SELECTORS}.deliveries:own_deliveries", _OWNERS, may_find=_own,
           counts={Column.OWNER: 1, Column.OTHER_OWNER: 3}),
    Reader(f"{_SELECTORS}.deliveries:own_delivery", only(Column.OWNER),
           arguments={"pk": "@own.pk"}),
    Reader(f"{_SELECTORS}.deliveries:own_identities", _OWNERS, may_find=_named),
    Reader(f"{_SELECTORS}.deliveries:last_used_use_case", _OWNERS),
    Reader(f"{_SELECTORS}.deliveries:deliveries_to_review",
           only(Column.OWNER, Column.OTHER_OWNER, Column.PROGRAMME_LEAD), may_find=_reviewable,
           counts={Column.OWNER: 1, Column.OTHER_OWNER: 1, Column.PROGRAMME_LEAD: 3}),
]  # fmt: skip
PANELS = [
    Panel("adoption.first_steps", NOBODY),  # here there is a use case already
    Panel("adoption.my_use_cases", _OWNERS),
    Panel("adoption.milestones", only(Column.PROGRAMME_LEAD)),
    Panel("adoption.proposals", only(Column.PROGRAMME_LEAD)),
    Panel("adoption.to_log", only(Column.OTHER_OWNER)),
    Panel("adoption.to_review", only(Column.OWNER, Column.OTHER_OWNER, Column.PROGRAMME_LEAD)),
    Panel("adoption.deliveries", EVERYBODY, thing="case"),
]
