"""Use cases, milestones, deliveries, programmes, teams, metrics: pages and API."""

from __future__ import annotations

from tests.access.matrix import (
    EVERYBODY,
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
    return form(route, to, refused=404, posted=posted, values=values, why=KEPT_QUIET)


PAGES = [
    listing("portfolio", EVERYBODY),
    form("use-case-new", EVERYBODY),
    page("use-case-similar", EVERYBODY, query="title=Answer+drafts"),
    page("use-case", EVERYBODY, values=CASE),
    form("use-case-edit", OWNER_AND_LEAD, values=CASE),
    form("use-case-edit", OTHER_AND_LEAD, values={"slug": "neighbour.slug"}, label="neighbour"),
    form("use-case-stage", OWNER_AND_LEAD, values=CASE),
    form("repository-link-new", OWNER_AND_LEAD, values=CASE),
    form("repository-link-end", OWNER_AND_LEAD, values={"slug": "case.slug", "pk": "link.pk"}),
    form("milestone-new", OWNER_AND_LEAD, values=CASE),
    form("milestone-edit", OWNER_AND_LEAD, values=MILESTONE),
    form("milestone-remove", OWNER_AND_LEAD, values=MILESTONE),
    form(
        "milestone-edit",
        only(),
        refused=404,
        values={"slug": "neighbour.slug", "pk": "milestone.pk"},
        label="below another",
        why=OF_ANOTHER,
    ),
    form(
        "milestone-remove",
        only(),
        refused=404,
        values={"slug": "neighbour.slug", "pk": "milestone.pk"},
        label="below another",
        why=OF_ANOTHER,
    ),
    form(
        "repository-link-end",
        only(),
        refused=404,
        values={"slug": "neighbour.slug", "pk": "link.pk"},
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
    page("delivery", only(Column.OWNER), refused=404, values={"pk": "own.pk"}, why=KEPT_QUIET),
    page(
        "delivery",
        only(Column.OTHER_OWNER),
        refused=404,
        values={"pk": "logged.pk"},
        label="of another",
        why=KEPT_QUIET,
    ),
    of_own("delivery-withdraw", only(Column.OWNER), {"pk": "own.pk"}, posted=302),
    form(
        "delivery-review",
        OWNER_AND_LEAD,
        refused=404,
        values={"pk": "to_review.pk"},
        why=NOT_WAITING,
    ),
    form(
        "delivery-review",
        only(Column.PROGRAMME_LEAD),
        refused=404,
        values={"pk": "others.pk"},
        label="own work",
        why=NOT_WAITING,
    ),
    # The organisation
    listing("programme-list", EVERYBODY),
    form("programme-new", LEAD_AND_ADMINISTRATOR),
    page("programme", EVERYBODY, values=PROGRAMME),
    form("programme-edit", LEAD_AND_ADMINISTRATOR, values=PROGRAMME),
    listing("team-list", EVERYBODY),
    form("team-new", LEAD_AND_ADMINISTRATOR),
    page("team", EVERYBODY, values=TEAM),
    form("team-edit", LEAD_AND_ADMINISTRATOR, values=TEAM),
    form("membership-new", LEAD_AND_ADMINISTRATOR, values=TEAM),
    form(
        "membership-end",
        LEAD_AND_ADMINISTRATOR,
        values={"slug": "team.slug", "pk": "membership.pk"},
    ),
    # Metrics
    listing("metric-list", EVERYBODY),
    page("metric", EVERYBODY, values={"key": "=held_deliveries"}),
    page("metric-of-use-case", EVERYBODY, values={"key": "=held_deliveries", "slug": "case.slug"}),
]

ENDPOINTS = [
    api("api-programmes", get=Door(EVERYBODY)),
    api("api-teams", get=Door(EVERYBODY)),
    api("api-use-cases", get=Door(EVERYBODY), post=Door(EVERYBODY, 400)),
    api("api-use-case", get=Door(EVERYBODY), patch=Door(OWNER_AND_LEAD, 428), values=CASE),
    api("api-milestones", get=Door(EVERYBODY), post=Door(OWNER_AND_LEAD, 400), values=CASE),
    api(
        "api-milestone",
        get=Door(EVERYBODY),
        patch=Door(OWNER_AND_LEAD, 428),
        values={"slug": "case.slug", "milestone_id": "milestone.pk"},
    ),
    api(
        "api-milestone",
        get=Door(only(), refused=404),
        patch=Door(only(), refused=404),
        values={"slug": "neighbour.slug", "milestone_id": "milestone.pk"},
        label="below another",
        why=OF_ANOTHER,
    ),
    api("api-use-case-deliveries", get=Door(EVERYBODY), values=CASE),
    api("api-deliveries", get=Door(EVERYBODY), post=Door(EVERYBODY, 400)),
    api("api-metrics", get=Door(EVERYBODY)),
    api("api-metric", get=Door(EVERYBODY), values={"key": "=held_deliveries"}),
]

ROWS = [*PAGES, *ENDPOINTS]
