"""One small organisation: a person for every column, and two of everything that is owned.

What belongs to `owner` has a neighbour that belongs to `other_owner`. Texts that only some may see
carry a mark (`MARKS`), so that a page, a fragment or an export that shows one gives itself away.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from adoption.choices import Comparator
from adoption.models import Change, Delivery, Evidence, Identity, Repository, UseCase
from adoption.services.deliveries import log_delivery
from adoption.services.milestones import create_milestone
from adoption.services.teams import add_membership
from adoption.services.use_cases import link_repository
from billing.models import Charge, Restatement
from portal.choices import Role
from portal.models import RejectedRow, User
from portal.shell.money import NANO_PER_UNIT
from tests.access.matrix import Column
from tests.access.rows import preparations
from tests.adoption.factories import NOW, make_team, make_use_case, make_user
from tests.billing.factories import make_rule
from tests.imports import Clock, line, make_connection, request, run_import

ROLES = {
    Column.PROGRAMME_LEAD: Role.PROGRAMME_LEAD,
    Column.FINANCE: Role.FINANCE,
    Column.APPROVER: Role.APPROVER,
    Column.AUDITOR: Role.AUDITOR,
    Column.ADMINISTRATOR: Role.ADMINISTRATOR,
}

# A text of this kind is in the data exactly where its name says.
MARKS = {
    "raw row": "mark-raw-row-4711",
    "cost line": "mark-cost-line-4712",
    "author": "Mark Author-4713",
    "message": "mark-message-4714",
    "claimant": "Mark Claimant-4715",
    "waiting work": "mark-waiting-work-4716",
    "own work": "mark-own-work-4717",
    "other's work": "mark-others-work-4718",
}


@dataclass
class World:
    """What was made, by name; rows say `case.slug` for `world.case.slug`."""

    people: dict[Column, User] = field(default_factory=dict)
    things: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["things"][name]
        except KeyError:
            raise AttributeError(f"the world of the access tests has no {name!r}") from None

    def add(self, **things: Any) -> None:
        """Put more into it.

        Raises:
            ValueError: there is something of that name.
        """
        if known := set(things) & set(self.things):
            raise ValueError(f"the world has {sorted(known)} already")
        self.things.update(things)

    def value(self, where: str) -> Any:
        """What stands at a dotted name."""
        return reduce(getattr, where.split("."), self)


def build_world() -> World:
    """Make it, in a migrated database, through the services that everybody uses."""
    world = World()
    _people(world)
    _registry(world)
    _imports(world)
    _changes(world)
    _deliveries(world)
    for prepare in preparations():
        prepare(world)
    return world


def _people(world: World) -> None:
    for column in Column:
        if column == Column.ANONYMOUS:
            continue
        roles = [ROLES[column]] if column in ROLES else []
        name = MARKS["claimant"] if column == Column.OTHER_OWNER else column.replace("_", " ")
        person = make_user(*roles, name=name, email=f"{column}@acme.example")
        world.people[column] = person
    User.objects.filter(pk=world.people[Column.SUPERUSER].pk).update(
        is_superuser=True, is_staff=True
    )
    # Holds what nobody else's column may change, and makes what nobody in particular made.
    world.add(maker=make_user(name="Maker"), now=NOW, soon=NOW + dt.timedelta(days=20))


def _registry(world: World) -> None:
    owner, other = world.people[Column.OWNER], world.people[Column.OTHER_OWNER]
    case = make_use_case(owner=owner, title="Answer drafts")
    neighbour = make_use_case(
        owner=other, title="Call notes", programme=case.programme, team=make_team("Neighbours")
    )
    world.add(case=case, neighbour=neighbour, programme=case.programme, team=case.team)
    for name, use_case in (("milestone", case), ("other_milestone", neighbour)):
        world.add(**{name: _milestone(use_case)})
    world.add(
        membership=add_membership(
            team_id=case.team_id,
            user=world.maker,
            starts_on=dt.date(2026, 1, 1),
            actor=world.maker,
            at=NOW,
        )
    )


def _milestone(use_case: UseCase) -> Any:
    return create_milestone(
        use_case_id=use_case.pk,
        title="Two that hold",
        due_on=dt.date(2026, 12, 15),
        metric_key="held_deliveries",
        comparator=Comparator.AT_LEAST,
        threshold_nano=2 * NANO_PER_UNIT,
        actor=use_case.owner,
        at=NOW,
    )


def _imports(world: World) -> None:
    """Costs of two services with a revised day, a row in quarantine, a run that is held."""
    rule = make_rule((world.case, 750_000), name="Drafts by tag")
    cloud, clock = make_connection("cloud"), Clock()
    bad = line(6, ChargePeriodStart="soon", ServiceName=MARKS["raw row"])
    rows = [line(3, "100", ResourceId=MARKS["cost line"]), line(4, "20", ResourceId="r")]
    run = run_import(cloud, [*rows, bad | {"ResourceId": "r"}], clock=clock)
    rows[1] = rows[1] | {"BilledCost": "24"}
    run_import(cloud, rows, clock=clock)
    careful = make_connection("careful", hold_jump_percent=10, hold_jump_floor=1)
    run_import(careful, [line(3, "1")], clock=clock)
    held = run_import(careful, [line(3, "900")], clock=clock)
    waiting = request(make_connection("waiting"), [line(3, "1")])
    world.add(
        rule=rule,
        cloud=cloud,
        run=run,
        held=held,
        waiting_run=waiting,
        rejected=RejectedRow.objects.get(),
        charge=Charge.objects.get(billed_nano=100 * NANO_PER_UNIT),
        restatement=Restatement.objects.first(),
    )


def _changes(world: World) -> None:
    """A repository of the use case with two AI-assisted changes by somebody who never signs in."""
    repository = Repository.objects.create(key="git.example/app", name="app")
    author = Identity.objects.create(
        kind="git_email",
        value="mark@author.example",
        display_name=MARKS["author"],
        user=world.people[Column.OTHER_OWNER],
    )
    own = Identity.objects.create(
        kind="git_email", value="owner@acme.example", user=world.people[Column.OWNER]
    )
    link = link_repository(
        use_case_id=world.case.pk,
        repository=repository,
        starts_on=dt.date(2026, 1, 1),
        actor=world.maker,
        at=NOW,
    )
    changes = [
        _change(repository, number, author, message=f"{MARKS['message']} {MARKS['author']}")
        for number in (1, 2)
    ]
    world.add(
        repository=repository, link=link, identity=own, change=changes[0], logged_change=changes[1]
    )


def _change(repository: Repository, number: int, author: Identity, **fields: Any) -> Change:
    sha = f"{number:040x}"
    change = Change.objects.create(
        repository=repository,
        kind="commit",
        external_id=sha,
        sha=sha,
        title=f"Change {number}",
        url=f"https://git.example/app/commit/{sha}",
        author=author,
        strength="assisted",
        merged_at=NOW - dt.timedelta(days=5),
        content=uuid.uuid4(),
        **fields,
    )
    Evidence.objects.create(
        change=change,
        channel="trailer",
        agent="claude",
        strength="assisted",
        raw="Co-Authored-By: Claude",
        raw_digest=uuid.uuid4(),
        rule_key="trailer",
        rule_version=1,
        observed_at=NOW,
    )
    return change


def _deliveries(world: World) -> None:
    """Logged by the owner, and for the owner's use case by the other owner."""
    owner, other = world.people[Column.OWNER], world.people[Column.OTHER_OWNER]

    def log(actor: User, use_case: UseCase, **what: Any) -> Delivery:
        return log_delivery(use_case=use_case, actor=actor, at=NOW, **what)

    page = "https://wiki.example"
    world.add(
        own=log(owner, world.neighbour, link=f"{page}/own", title=MARKS["own work"]),
        logged=log(other, world.case, change=world.logged_change),
        to_review=log(other, world.case, link=f"{page}/review", title=MARKS["waiting work"]),
        others=log(other, world.neighbour, link=f"{page}/other", title=MARKS["other's work"]),
    )
