"""Background work: leads and finance see and decide about the kinds of theirs."""

from __future__ import annotations

from typing import Any

from portal.choices import Role, WorkStatus
from portal.models import User, WorkItem
from portal.work.registry import Work, WorkKind, work_kinds
from tests.access.deeds import Beside, Told
from tests.access.matrix import EVERYBODY, Column, Door, Row, listing, only, page
from tests.access.readers import Panel, Reader
from tests.adoption.factories import NOW

SEE = only(Column.PROGRAMME_LEAD, Column.FINANCE, Column.AUDITOR, Column.ADMINISTRATOR)
OF_FINANCE = only(Column.FINANCE, Column.AUDITOR, Column.ADMINISTRATOR)
DECIDE = only(Column.FINANCE, Column.ADMINISTRATOR)
UNSEEN = EVERYBODY - OF_FINANCE
WHY = "What a piece of work is about may name what a person may not see, so it is not there."
PIECE = {"pk": "held_work.pk"}

ROWS = [
    listing("work-list", SEE),
    page("work-item", OF_FINANCE, refused=404, values=PIECE, unseen=UNSEEN, inside=404, why=WHY),
    *(
        Row(
            name,
            # Nothing is sent, and a decision needs a reason: the page comes back with 400.
            {"POST": Door(DECIDE, 400, refused=404, but={Column.AUDITOR: 403})},
            values=PIECE,
            unseen=UNSEEN,
            inside=404,
            why=WHY,
        )
        for name in ("work-item-retry", "work-item-discard")
    ),
]


def _concerns(item: WorkItem, person: User) -> bool:
    """What an import set off concerns leads; the held piece concerns finance alone."""
    kind = work_kinds.get(item.kind)
    return person.has_role(Role.ADMINISTRATOR, Role.AUDITOR, *kind.roles)


_SELECTORS = "portal.selectors.work"
READERS = [
    Reader(f"{_SELECTORS}:kinds_visible_to", SEE),
    Reader(f"{_SELECTORS}:work_visible_to", SEE, may_find=_concerns),
    Reader(f"{_SELECTORS}:stopped_work", DECIDE),
    Reader(f"{_SELECTORS}:open_imports", SEE, arguments={"now": NOW}),
]
PANELS = [Panel("portal.work", DECIDE)]
# The page counts only what a person may see: the held piece is no business of programme leads.
BESIDE: list[Beside] = [Told(ROWS[0], " held.", OF_FINANCE, by=SEE)]


def prepare(world: Any) -> None:
    """A held piece of work that concerns finance."""
    work_kinds.register(KIND)
    held = WorkItem.objects.create(
        kind=KIND.key,
        key="mark",
        queue="default",
        status=WorkStatus.HELD,
        problem="Given up.",
        attempt=3,
        look_at=NOW,
        requested_at=NOW,
    )
    world.add(held_work=held)


def _do_nothing(_: Work) -> None:
    """Never run here."""


KIND = WorkKind(
    key="test.of-finance",
    label="Test: of finance",
    run=_do_nothing,
    roles=frozenset({Role.FINANCE}),
)
