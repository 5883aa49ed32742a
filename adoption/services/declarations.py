"""What people say about AI in a change: read from labels and boxes, corrected by its author."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from adoption.choices import DeclarationChannel, Involvement
from adoption.evidence.declarations import Declared
from adoption.evidence.involvement import settle, strongest_of
from adoption.models import Change, Declaration, Evidence
from adoption.services.refusals import RefusedError
from portal.models import User
from portal.rows import update_rows

_READ = (DeclarationChannel.LABEL, DeclarationChannel.CHECKBOX)
_BATCH = 500


class NotYourChangeError(RefusedError):
    """Only the person who made a change says whether AI had a part in it."""


def store_declarations(change: Change, said: Iterable[Declared], *, at: datetime) -> None:
    """What labels and boxes say now replaces what they said before; corrections stay.

    Call it within the transaction that stored the change; strength and involvement follow with
    the next placement.
    """
    known = {row.channel: row for row in change.declarations.filter(channel__in=_READ)}
    for each in said:
        row = known.pop(each.channel, None)
        if row is not None and (row.says, row.raw) == (each.says, each.raw):
            continue
        Declaration.objects.update_or_create(
            change=change,
            channel=each.channel,
            defaults={"says": each.says, "raw": each.raw, "said_at": at},
        )
    Declaration.objects.filter(pk__in=[row.pk for row in known.values()]).delete()
    settle_changes([change.pk])


@transaction.atomic
def correct_change(
    *, change: Change, says: Involvement | None, actor: User, at: datetime
) -> Change:
    """The author's own word on whether AI had a part; None takes it back.

    It outranks everything that was or will be seen, and no change of rules touches it.

    Raises:
        NotYourChangeError: the change is not this person's.
    """
    change = change.part_of or change
    author = Change.objects.select_for_update(of=("self",)).filter(pk=change.pk, author__user=actor)
    if not author.exists():
        raise NotYourChangeError("Only the person who made a change can correct this.")
    corrections = Declaration.objects.filter(change=change, channel=DeclarationChannel.CORRECTION)
    if says is None:
        corrections.delete()
    else:
        Declaration.objects.update_or_create(
            change=change,
            channel=DeclarationChannel.CORRECTION,
            defaults={"says": says, "raw": "", "said_by": actor, "said_at": at},
        )
    settle_changes([change.pk])
    change.refresh_from_db()
    return change


def settle_changes(change_ids: Sequence[int]) -> int:
    """Bring strength and involvement of these changes up to date; how many moved.

    From their evidence, that of their steps, and what was declared: four queries a batch.
    """
    moved = 0
    for start in range(0, len(change_ids), _BATCH):
        moved += _settle_batch(change_ids[start : start + _BATCH])
    return moved


def _settle_batch(ids: Sequence[int]) -> int:
    seen: dict[int, set[str]] = defaultdict(set)
    rows = Evidence.objects.filter(Q(change_id__in=ids) | Q(change__part_of_id__in=ids))
    for change_id, whole_id, strength in rows.values_list(
        "change_id", "change__part_of_id", "strength"
    ):
        seen[change_id].add(strength)
        if whole_id is not None:
            seen[whole_id].add(strength)
    said: dict[int, dict[str, str]] = defaultdict(dict)
    stated = Declaration.objects.filter(change_id__in=ids)
    for change_id, channel, says in stated.values_list("change_id", "channel", "says"):
        said[change_id][channel] = says
    moved = []
    for change in Change.objects.filter(pk__in=ids).only("pk", "strength", "involvement"):
        settled = settle(strongest_of(seen[change.pk]), said[change.pk])
        if settled != (change.strength, change.involvement):
            change.strength, change.involvement = settled
            moved.append(change)
    update_rows(moved, ["strength", "involvement"])
    return len(moved)
