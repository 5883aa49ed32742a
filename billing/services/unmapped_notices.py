"""Telling finance of new names that cost money and belong to no use case: each once."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

import structlog
from django.db import transaction

from billing.addresses import unmapped_address
from billing.choices import MatchField
from billing.models import UnmappedTold
from billing.selectors.unallocated import Candidate, unallocated_candidates
from billing.selectors.unmapped import NAMING
from billing.services.finance_notices import (
    LEAST,
    finance_partners,
    months_worked_on,
    tell_differences,
)
from portal.models import Notice
from portal.services.notices import notify
from portal.wording import counted

log = structlog.get_logger(__name__)
_MOST = 100_000
_PLURALS = {MatchField.API_KEY: "API keys", MatchField.REPOSITORY: "repositories"}


def tell_by_morning(*, at: dt.datetime) -> list[Notice]:
    """What is told once a day: invoices that leave much open, and new names without a use case."""
    return [*tell_differences(at=at), *tell_unmapped(at=at)]


@transaction.atomic
def tell_unmapped(*, at: dt.datetime) -> list[Notice]:
    """Tell every finance partner how many new names cost more than 50 and belong to no use case.

    Of this month (UTC) and the two before it; one notice a day, each name once. The notice has no
    name in it: a key may be called after a person.
    """
    key = f"billing.unmapped:{at.astimezone(dt.UTC).date()}"
    partners = finance_partners()
    if not partners or Notice.objects.filter(key=key).exists():
        return []
    months = months_worked_on(at)
    candidates, _ = unallocated_candidates(
        fields=NAMING, first=months[0], last=months[-1], now=at, limit=_MOST
    )
    costly = {_digest(each): each for each in candidates if each.sum.billed_nano > LEAST}
    known = set(UnmappedTold.objects.values_list("digest", flat=True))
    new = {digest: each for digest, each in costly.items() if digest not in known}
    if not new:
        return []
    UnmappedTold.objects.bulk_create(
        [UnmappedTold(digest=digest, told_at=at) for digest in sorted(new)],
        ignore_conflicts=True,
        batch_size=500,
    )
    log.info("unmapped_told", names=len(new))
    return notify(
        users=partners,
        key=key,
        title=f"{counted(len(new), 'new name')} with cost and without a use case",
        text=f"No rule takes {_by_attribute(new)}, each with more than 50 of its currency since "
        f"{months[0].label}. Say in Unmapped which use case they belong to.",
        link=unmapped_address(),
        at=at,
    )


def _digest(each: Candidate) -> str:
    text = "\n".join((each.attribute, each.tag_key, each.value))
    return hashlib.sha256(text.encode()).hexdigest()


def _by_attribute(found: Mapping[str, Candidate]) -> str:
    """How many of each, in the order in which the page has them: `1 API key, 2 tags`."""
    numbers = Counter(each.attribute for each in found.values())
    return ", ".join(_counted(numbers[each], each) for each in _in_order(numbers))


def _in_order(numbers: Iterable[str]) -> list[MatchField]:
    return [each for each in NAMING if each in set(numbers)]


def _counted(number: int, attribute: MatchField) -> str:
    label = str(attribute.label)
    one = label if attribute == MatchField.API_KEY else label.lower()
    return counted(number, one, _PLURALS.get(attribute, ""))
