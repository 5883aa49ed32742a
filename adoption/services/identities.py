"""Saying whose a name elsewhere is, and taking that back.

Each act leaves a line for each identity. Changes keep pointing at their identity, so what rests on
who it is (suggestions, what a person sees as theirs) follows at once, there and back. What a person
confirmed themself stays theirs.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

import structlog
from django.db import transaction

from adoption.models import Identity, IdentityLink
from adoption.selectors.identities import disowners
from adoption.services.refusals import RefusedError
from portal.models import User

log = structlog.get_logger(__name__)


class IdentityRefusedError(RefusedError):
    """It cannot be said so; the message says why."""


def link_identity(
    *, identity: Identity, user: User | None, actor: User | None, at: datetime
) -> Identity:
    """Say that one identity is this person's, or (None) that nobody knows again.

    What the person said outranks it: an identity that they took off themselves is linked to them
    again by nobody but themselves.

    Raises:
        IdentityRefusedError: they said that it is not theirs.
    """
    with transaction.atomic():
        if user is not None and (actor is None or actor.pk != user.pk):
            _refuse_disowned(_locked([identity.pk]), user)
    _say([identity.pk], user=user, is_nobody=False, actor=actor, at=at)
    identity.refresh_from_db()
    return identity


def resolve_identities(
    *, identity_ids: Sequence[int], user: User, actor: User, at: datetime, reason: str = ""
) -> uuid.UUID:
    """Say that these identities are one person's; the act, by which it can be undone.

    Raises:
        IdentityRefusedError: none is given, one is somebody else's already, the person said of one
            that it is not theirs, or the account has left.
    """
    if not user.is_active:
        raise IdentityRefusedError(f"The account of {user} is not active.", field="user")
    with transaction.atomic():
        rows = _locked(identity_ids)
        taken = next((row for row in rows if row.user_id not in (None, user.pk)), None)
        if taken is not None:
            raise IdentityRefusedError(
                f"“{taken}” is {taken.user}'s. Take it off that person first.", field="user"
            )
        if actor.pk != user.pk:
            _refuse_disowned(rows, user)
        return _say(identity_ids, user=user, is_nobody=False, actor=actor, at=at, reason=reason)


def _refuse_disowned(rows: Iterable[Identity], user: User) -> None:
    """The word of the person about their own name outranks anybody's, a program's the more.

    It is taken back by undoing their act, which stands in the log beside it.
    """
    rows = list(rows)
    disowned = disowners([row.pk for row in rows])
    row = next((row for row in rows if user.pk in disowned.get(row.pk, ())), None)
    if row is not None:
        raise IdentityRefusedError(
            f"{user} said that “{row}” is not theirs. If that was a mistake, undo what they said.",
            field="user",
        )


def split_identity(*, identity_id: int, actor: User, at: datetime, reason: str) -> uuid.UUID:
    """Take an identity off the person that it was said to be; it waits in the queue again.

    Raises:
        IdentityRefusedError: it is nobody's, or no reason is given.
    """
    if not reason.strip():
        raise IdentityRefusedError("Say why; it stays in the log.", field="reason")
    with transaction.atomic():
        (row,) = _locked([identity_id])
        if row.user_id is None and not row.is_nobody:
            raise IdentityRefusedError("Nobody said whose this is, so there is nothing to take.")
        return _say(
            [identity_id], user=None, is_nobody=False, actor=actor, at=at, reason=reason.strip()
        )


def mark_nobody(*, identity_id: int, actor: User, at: datetime, reason: str = "") -> uuid.UUID:
    """Say that an identity belongs to no person: a robot, or an address that many use.

    Raises:
        IdentityRefusedError: it is somebody's.
    """
    with transaction.atomic():
        (row,) = _locked([identity_id])
        if row.user_id is not None:
            raise IdentityRefusedError(f"It is {row.user}'s. Take it off that person first.")
        return _say([identity_id], user=None, is_nobody=True, actor=actor, at=at, reason=reason)


def undo_act(*, act: uuid.UUID, actor: User, at: datetime) -> uuid.UUID:
    """Restore exactly what stood before an act, for all identities that it named, or for none.

    Raises:
        IdentityRefusedError: there is no such act, or something was said about one of them since.
    """
    with transaction.atomic():
        lines = list(IdentityLink.objects.filter(act=act).order_by("identity_id"))
        if not lines:
            raise IdentityRefusedError("There is no such act.")
        rows = {row.pk: row for row in _locked([line.identity_id for line in lines])}
        undoing = uuid.uuid4()
        for line in lines:
            row = rows[line.identity_id]
            if standing_act(row) != act:
                raise IdentityRefusedError(
                    f"This was undone, or something was said about “{row}” since. Undo that "
                    "first, so that nothing is overwritten."
                )
            _write(
                row,
                user_id=line.before_user_id,
                is_nobody=line.before_is_nobody,
                act=undoing,
                actor=actor,
                at=at,
                undoes=act,
            )
    log.info("identities_undone", act=str(act), actor=actor.pk, count=len(lines))
    return undoing


def standing_act(identity: Identity) -> uuid.UUID | None:
    """The act by which an identity is what it is: the newest one that was not undone. An undo
    always takes back the act that stood, so what is left lies one below."""
    standing: list[uuid.UUID] = []
    for act, undoes in identity.links.order_by("pk").values_list("act", "undoes"):
        if undoes is None:
            standing.append(act)
        elif standing:
            standing.pop()
    return standing[-1] if standing else None


def _locked(identity_ids: Sequence[int]) -> list[Identity]:
    wanted = sorted(set(identity_ids))
    rows = list(
        Identity.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(pk__in=wanted)
        .order_by("pk")
    )
    if not wanted or len(rows) != len(wanted):
        raise IdentityRefusedError("Choose identities that exist.")
    return rows


def _say(
    identity_ids: Sequence[int],
    *,
    user: User | None,
    is_nobody: bool,
    actor: User | None,
    at: datetime,
    reason: str = "",
) -> uuid.UUID:
    """One act; what stands already is not said again."""
    act = uuid.uuid4()
    user_id = user.pk if user else None
    with transaction.atomic():
        for row in _locked(identity_ids):
            if (row.user_id, row.is_nobody) != (user_id, is_nobody):
                _write(
                    row,
                    user_id=user_id,
                    is_nobody=is_nobody,
                    act=act,
                    actor=actor,
                    at=at,
                    reason=reason,
                )
    log.info("identities_said", act=str(act), actor=actor.pk if actor else None)
    return act


def _write(
    row: Identity,
    *,
    user_id: int | None,
    is_nobody: bool,
    act: uuid.UUID,
    actor: User | None,
    at: datetime,
    reason: str = "",
    undoes: uuid.UUID | None = None,
) -> None:
    IdentityLink.objects.create(
        act=act,
        identity=row,
        user_id=user_id,
        is_nobody=is_nobody,
        before_user_id=row.user_id,
        before_is_nobody=row.is_nobody,
        reason=reason[:200],
        said_by=actor,
        said_at=at,
        undoes=undoes,
    )
    row.user_id, row.is_nobody = user_id, is_nobody
    row.save(update_fields=["user", "is_nobody"])
