"""Saying by what changes are recognised as work for a use case. It steers suggestions only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from django.db import transaction

from adoption.choices import MarkKind
from adoption.models import UseCase, UseCaseMark
from adoption.services.refusals import RefusedError

MOST_MARKS = 100  # of one kind
_LONGEST = 200
_TICKET = re.compile(r"[A-Z][A-Z0-9]{1,9}(?:-\d{1,7})?")


class BadMarkError(RefusedError):
    """An entry stands for nothing; `field` is its kind."""


@transaction.atomic
def set_marks(*, use_case: UseCase, marks: Mapping[MarkKind, Iterable[str]]) -> int:
    """Make these the marks of a use case, of the kinds given; how many rows changed.

    Raises:
        BadMarkError: an entry is too long, no ticket key, or there are too many.
    """
    UseCase.objects.select_for_update().get(pk=use_case.pk)
    moved = 0
    for kind, entries in marks.items():
        wanted = {_cleaned(kind, entry) for entry in entries if entry.strip()}
        if len(wanted) > MOST_MARKS:
            raise BadMarkError(f"At most {MOST_MARKS} entries.", field=f"{kind}s")
        rows = UseCaseMark.objects.filter(use_case=use_case, kind=kind)
        known = dict(rows.values_list("value", "pk"))
        gone = [pk for value, pk in known.items() if value not in wanted]
        UseCaseMark.objects.filter(pk__in=gone).delete()
        new = sorted(wanted - known.keys())
        UseCaseMark.objects.bulk_create(
            UseCaseMark(use_case=use_case, kind=kind, value=value) for value in new
        )
        moved += len(gone) + len(new)
    return moved


def _cleaned(kind: MarkKind, entry: str) -> str:
    text = entry.strip()
    if kind == MarkKind.TICKET:
        text = text.upper()
        if not _TICKET.fullmatch(text):
            raise BadMarkError(
                f"“{entry.strip()[:40]}” is no ticket key such as BILL or BILL-42.", field="tickets"
            )
    if kind == MarkKind.LABEL:
        text = text.lower()
    if kind == MarkKind.PATH:
        text = text.lstrip("/")
    if not text or len(text) > _LONGEST:
        raise BadMarkError(f"An entry has 1 to {_LONGEST} characters.", field=f"{kind}s")
    return text
