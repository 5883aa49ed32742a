"""Saying that two sources overlap where a month is closed: that takes a second person.

A word that moves no closed money holds at once, as before. What it moves is in the approval: which
closed months, and how much of each stops or begins to count.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from django.db import transaction
from django.db.models import Q, QuerySet

from billing.approvals import (
    OVERLAP_KIND,
    overlap_address,
    overlap_end_target,
    overlap_subject,
    overlap_target,
)
from billing.models import ClosedPart, SpendOverlap
from billing.policies import may_settle_overlaps
from billing.selectors.costs import Kind
from billing.selectors.overlaps import sums_in_months
from billing.services.overlaps import (
    OverlapDraft,
    OverlapRefusedError,
    check_draft,
    check_end,
    closed_parts_of,
    declare_overlap,
    draft_of,
    end_overlap,
)
from portal.approvals.errors import ApprovalRefusedError
from portal.approvals.registry import ApprovalKind, Content, Payload, SubjectGoneError
from portal.choices import Role
from portal.imports.lock import lock_connection
from portal.models import ApprovalRequest, Connection, User
from portal.policies import AnyUser
from portal.services.approvals import request_approval
from portal.shell.formats import nano_money_text
from portal.shell.periods import Month

_COUNTS, _LEFT_OUT = "counted", "not counted"


@transaction.atomic
def say_overlap(
    *, draft: OverlapDraft, actor: User, at: dt.datetime
) -> SpendOverlap | ApprovalRequest:
    """Say it, or ask a second person where it moves money of a closed month.

    Raises:
        OverlapRefusedError: as `declare_overlap`, or somebody else has asked already.
    """
    is_excluded = check_draft(draft, actor)
    if not is_excluded or not closed_parts_of(draft).exists():
        return declare_overlap(draft=draft, actor=actor, at=at)
    payload = {
        "counted": draft.counted.pk,
        "other": draft.other.pk,
        "first": str(draft.first),
        "last": str(draft.last) if draft.last else None,
        "provider": draft.provider,
        "reason": draft.reason.strip(),
    }
    return _ask(draft, payload, draft.reason, actor, at)


@transaction.atomic
def take_overlap_back(
    *, overlap_id: int, reason: str, actor: User, at: dt.datetime
) -> SpendOverlap | ApprovalRequest:
    """Take it back, or ask a second person where it moves money of a closed month.

    Raises:
        OverlapRefusedError: as `end_overlap`, or somebody else has asked already.
    """
    known = check_end(overlap_id, reason, actor)
    draft = draft_of(known)
    if not known.is_excluded or not closed_parts_of(draft).exists():
        return end_overlap(overlap_id=overlap_id, reason=reason, actor=actor, at=at)
    return _ask(draft, {"end": known.pk, "reason": reason.strip()}, reason, actor, at)


def _ask(
    draft: OverlapDraft, payload: Payload, reason: str, actor: User, at: dt.datetime
) -> ApprovalRequest:
    subject = overlap_subject(draft.counted.pk, draft.other.pk)
    try:
        return request_approval(
            kind=OVERLAP_KIND, subject=subject, payload=payload, reason=reason, actor=actor, at=at
        )
    except (ApprovalRefusedError, SubjectGoneError) as error:
        raise OverlapRefusedError("", str(error)) from error


# --- the kind of approval -------------------------------------------------------------------------


def _draft(payload: Payload) -> OverlapDraft:
    known = Connection.objects.in_bulk([payload["counted"], payload["other"]])
    return OverlapDraft(
        counted=known[payload["counted"]],
        other=known[payload["other"]],
        first=Month.parse(payload["first"]),
        last=Month.parse(payload["last"]) if payload["last"] else None,
        provider=payload["provider"],
        reason=payload["reason"],
    )


def describe_overlap(subject: str, payload: Payload) -> Content:
    """What the approver sees: the two sources, and what it moves of each closed month.

    Raises:
        SubjectGoneError: it was said or taken back in the meantime, or makes no sense any more.
    """
    url = overlap_address()
    if "end" in payload:
        live = SpendOverlap.objects.select_related("counted", "other")
        known = live.filter(pk=payload["end"], retired_at__isnull=True).first()
        if known is None:
            raise SubjectGoneError("It has been taken back already.")
        draft = draft_of(known)
        return Content(
            title=f"Count {draft.other.name} again",
            before={draft.other.name: _LEFT_OUT},
            after={draft.other.name: _COUNTS},
            facts=_facts(draft),
            target=overlap_end_target(known.pk),
            url=url,
        )
    draft = _draft(payload)
    said = SpendOverlap.objects.filter(
        Q(ends_on__isnull=True) | Q(ends_on__gt=draft.first.start),
        other=draft.other,
        is_excluded=True,
        retired_at__isnull=True,
        provider__in={"", draft.provider},
    )
    if said.filter(starts_on__lt=draft.end or dt.date.max).exists():
        raise SubjectGoneError("Another source counts for it already.")
    return Content(
        title=f"Leave {draft.other.name} out of sums",
        before={draft.other.name: _COUNTS},
        after={draft.other.name: _LEFT_OUT},
        facts=_facts(draft),
        target=overlap_target(draft.first.start, draft.end),
        url=url,
    )


def _facts(draft: OverlapDraft) -> tuple[tuple[str, str], ...]:
    months = draft.first.label if draft.last == draft.first else f"from {draft.first.label}"
    if draft.last and draft.last != draft.first:
        months = f"{draft.first.label} to {draft.last.label}"
    return (
        ("Counts instead", draft.counted.name),
        ("Months (UTC)", months),
        ("Provider", draft.provider or "every"),
        ("How it is known", draft.reason),
        *_moved(draft, closed_parts_of(draft)),
    )


def _moved(draft: OverlapDraft, parts: QuerySet[ClosedPart]) -> list[tuple[str, str]]:
    """By month with closed lines, what the source billed in it: what the word moves at most."""
    days = parts.order_by().values_list("slice__day", flat=True).distinct()
    months = sorted({Month.of(day) for day in days})
    sums = sums_in_months(draft.other.pk, provider=draft.provider, months=months)
    return [(f"Closed: {month.label}", _amounts(sums[month])) for month in months]


def _amounts(sums: Mapping[Kind, int]) -> str:
    kinds = sorted(sums, key=lambda kind: (kind.currency, kind.basis))
    return ", ".join(
        f"{nano_money_text(sums[kind], kind.currency)} ({kind.basis_label.lower()})"
        for kind in kinds
    )


def lock_sources(subject: str) -> None:
    """Hold both sources still, in one order everywhere."""
    for pk in sorted(map(int, subject.split("-"))):
        lock_connection(pk)


def apply_overlap(request: ApprovalRequest, approver: User, at: dt.datetime) -> None:
    """Say it, or take it back, in the name of whoever asked."""
    payload = request.payload
    if "end" in payload:
        end_overlap(
            overlap_id=payload["end"], reason=payload["reason"], actor=request.author, at=at,
            approval=request,
        )  # fmt: skip
        return
    declare_overlap(draft=_draft(payload), actor=request.author, at=at, approval=request)


def may_ask_for_overlap(user: AnyUser, subject: str) -> bool:
    return may_settle_overlaps(user)


OVERLAPS = ApprovalKind(
    key=OVERLAP_KIND,
    label="Source that stops or begins to count in a closed month",
    approver_roles=(Role.FINANCE, Role.APPROVER),
    describe=describe_overlap,
    lock=lock_sources,
    apply=apply_overlap,
    may_request=may_ask_for_overlap,
)
