"""Suggestions, what is stored about oneself, corrections, and by what changes are recognised."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from adoption.models import Change, Identity, Suggestion
from portal.models import User
from tests.access.matrix import EVERYBODY, Column, Door, Row, action, api, form, only, page
from tests.access.readers import Panel, Reader
from tests.adoption.factories import NOW

OWNER_AND_LEAD = only(Column.OWNER, Column.PROGRAMME_LEAD)
MINE = only(Column.OTHER_OWNER)
ONE_PERSONS = "What was suggested to whom is told to that person only, so not even that it is."
SUGGESTION = {"pk": "suggestion.pk"}


def _own_action(route: str, values: dict[str, str], query: str = "") -> Row:
    """A button on what is one person's own: for all others it is not there."""
    return Row(
        route,
        {"POST": Door(MINE, 302, refused=404)},
        values=values,
        inside=403,
        why=ONE_PERSONS,
    )


ROWS = [
    _own_action("suggestion-answer", SUGGESTION),
    action("suggestions-confirm", EVERYBODY, inside=403),
    page("own-data", EVERYBODY, inside=403),
    page("own-data-export", EVERYBODY, query="section=identities", inside=403),
    Row(
        "change-correct",
        {"POST": Door(MINE, 400, refused=404)},
        values={"pk": "suggested_change.pk"},
        inside=403,
        why=ONE_PERSONS,
    ),
    _own_action("identity-disown", {"pk": "spare_identity.pk"}),
    form("use-case-marks", OWNER_AND_LEAD, values={"slug": "case.slug"}, inside=404, posted=302),
    api("api-suggestions", get=Door(EVERYBODY)),
    *(
        api(
            f"api-suggestion-{verb}",
            post=Door(MINE, answer, refused=404),
            values={"suggestion_id": "suggestion.pk"},
            why=ONE_PERSONS,
        )
        for verb, answer in (("confirm", 200), ("dismiss", 400))
    ),
]


def _to(thing: Any, person: User) -> bool:
    return bool(thing.user_id == person.pk)


def _by(change: Any, person: User) -> bool:
    return bool(change.author.user_id == person.pk)


_SUGGESTIONS = "adoption.selectors.suggestions"
_OWN = "adoption.selectors.own_data"
READERS = [
    Reader(f"{_SUGGESTIONS}:own_suggestions", MINE, may_find=_to, counts={Column.OTHER_OWNER: 2}),
    Reader(f"{_SUGGESTIONS}:waiting_suggestions", MINE, may_find=_to, arguments={"at": "@now"},
           counts={Column.OTHER_OWNER: 1}),
    Reader(f"{_SUGGESTIONS}:expired_suggestions", MINE, may_find=_to, arguments={"at": "@now"},
           counts={Column.OTHER_OWNER: 1}),
    Reader(f"{_SUGGESTIONS}:own_suggestion", MINE, arguments={"pk": "@suggestion.pk"}),
    Reader(f"{_SUGGESTIONS}:rank_one", EVERYBODY,
           arguments={"change": "@suggested_change", "at": "@now"}),
    Reader("adoption.selectors.inbox:inbox_of", EVERYBODY, arguments={"now": "@now"}),
    Reader("adoption.selectors.inbox:first_offers", MINE, arguments={"now": "@now", "limit": 3}),
    Reader("adoption.selectors.daily_digest:suggestion_lines", MINE,
           arguments={"_since": "@now", "until": "@now"}, counts={Column.OTHER_OWNER: 1}),
    Reader(f"{_OWN}:own_data", EVERYBODY),
    Reader(f"{_OWN}:own_changes", MINE, may_find=_by),
    Reader(f"{_OWN}:own_change", MINE, arguments={"pk": "@suggested_change.pk"}),
    Reader(f"{_OWN}:own_identity", MINE, arguments={"pk": "@spare_identity.pk"}),
]  # fmt: skip
PANELS = [Panel("adoption.suggestions", MINE)]


def prepare(world: Any) -> None:
    """Two changes of the other owner, suggested to them: one waits, one has expired."""
    person = world.people[Column.OTHER_OWNER]
    spare = Identity.objects.create(kind="git_email", value="spare@acme.example", user=person)
    author = Identity.objects.get(value="mark@author.example")
    rows = []
    for number, ends in ((31, NOW + dt.timedelta(days=9)), (32, NOW - dt.timedelta(days=1))):
        sha = f"{number:040x}"
        change = Change.objects.create(
            repository=world.repository, kind="commit", external_id=sha, sha=sha,
            title=f"Change {number}", author=author, content=uuid.uuid4(),
            merged_at=NOW - dt.timedelta(days=80),
        )  # fmt: skip
        rows.append(
            Suggestion.objects.create(
                user=person,
                change=change,
                use_case=world.case,
                candidates=[],
                score=40,
                state="offered",
                offered_at=ends - dt.timedelta(days=14),
                expires_at=ends,
            )  # fmt: skip
        )
    world.add(suggestion=rows[0], suggested_change=rows[0].change, spare_identity=spare)
