"""Saying that one service came out of another, so that it counts with the other's baseline.

It moves an index, so it takes two persons: one says it, another confirms it. What was confirmed is
never changed, by the database either.
"""

from __future__ import annotations

import datetime as dt

import structlog
from django.db import transaction
from django.db.models import Min

from adoption.approvals import SPLIT_KIND, service_address, split_target
from adoption.choices import EnvironmentTier
from adoption.metrics.delivery_rows import roots
from adoption.models import Deployment, Service, ServiceSplit
from adoption.policies import may_split_services
from adoption.services.refusals import RefusedError
from portal.approvals.errors import ApprovalRefusedError
from portal.approvals.registry import ApprovalKind, Content, Payload, SubjectGoneError
from portal.choices import Role
from portal.models import ApprovalRequest, User
from portal.policies import AnyUser
from portal.services.approvals import request_approval
from portal.shell.formats import date_text

logger = structlog.get_logger(__name__)
_SHORTEST = 20  # characters of a reason that says something


class BadSplitError(RefusedError):
    """A split that cannot be: a ring, a day that was not, or one that is there already."""


def request_split(
    *, child_id: int, parent_id: int, split_on: dt.date, reason: str, actor: User, at: dt.datetime
) -> ApprovalRequest:
    """Ask a second person to confirm that a service came out of another one on a day (UTC).

    Raises:
        BadSplitError: it cannot have been so, or somebody may not ask for it.
    """
    with transaction.atomic():
        lock_services(str(child_id))
        if len(reason.strip()) < _SHORTEST:
            raise BadSplitError(
                f"Say what was split and where it can be seen, in at least {_SHORTEST} characters.",
                field="reason",
            )
        _check(child_id, parent_id, split_on, at)
        try:
            return request_approval(
                kind=SPLIT_KIND,
                subject=str(child_id),
                payload={"parent": parent_id, "split_on": split_on.isoformat()},
                reason=reason,
                actor=actor,
                at=at,
            )
        except ApprovalRefusedError as error:
            raise BadSplitError(error.reason) from error


def _check(child_id: int, parent_id: int, split_on: dt.date, at: dt.datetime) -> None:
    if ServiceSplit.objects.filter(child_id=child_id).exists():
        raise BadSplitError("It is known already which service this one came out of.")
    if not Service.objects.filter(pk=parent_id).exists():
        raise BadSplitError("There is no such service.", field="parent")
    # The parent's own line ends at the child when the child is among its ancestors, or is it.
    if parent_id == child_id or roots([parent_id])[parent_id] == child_id:
        raise BadSplitError("That service is this one, or came out of it.", field="parent")
    if split_on > at.date():
        raise BadSplitError("The day lies in the future.", field="split_on")
    first = _first_days(child_id, parent_id)
    of_parent, of_child = first[parent_id], first[child_id]
    if of_parent is None or of_parent > split_on:
        raise BadSplitError(
            "The other service was not in production yet on that day.", field="parent"
        )
    if of_child is not None and of_child < split_on:
        raise BadSplitError(
            f"This service was in production before, on {date_text(of_child)}: it has a "
            "baseline of its own.",
            field="split_on",
        )


def _first_days(*service_ids: int) -> dict[int, dt.date | None]:
    """By service, the day (UTC) of its first production deployment."""
    rows = Deployment.objects.filter(
        service_id__in=service_ids, tier=EnvironmentTier.PRODUCTION, finished_at__isnull=False
    )
    found: dict[int, dt.date | None] = dict.fromkeys(service_ids)
    for pk, first in rows.values_list("service_id").annotate(first=Min("finished_at")):
        found[pk] = first.date() if first is not None else None
    return found


# --- the kind of approval -------------------------------------------------------------------------


def describe_split(subject: str, payload: Payload) -> Content:
    """What the second person sees: both services, the day, and since when each was in production.

    Raises:
        SubjectGoneError: one of the services is gone, or the split is known already.
    """
    ids = (int(subject), int(payload["parent"]))
    found = Service.objects.in_bulk(ids)
    if len(found) != len(ids):
        raise SubjectGoneError("There is no such service any more.")
    if ServiceSplit.objects.filter(child_id=ids[0]).exists():
        raise SubjectGoneError("It is known already which service this one came out of.")
    child, parent = (found[pk] for pk in ids)
    split_on = dt.date.fromisoformat(payload["split_on"])
    first = _first_days(*ids)
    return Content(
        title=f"{child.name} came out of {parent.name}",
        before={"Came out of": None},
        after={"Came out of": f"{parent.name} ({parent.key})"},
        facts=(
            ("Service", f"{child.name} ({child.key})"),
            ("On", date_text(split_on)),
            *(
                (f"{found[pk].name} in production since", date_text(day) if day else "never")
                for pk, day in first.items()
            ),
            ("Effect", "It counts with the other's baseline and has none of its own."),
        ),
        target=split_target(parent.pk, split_on),
        url=service_address(child.pk),
    )


def lock_services(subject: str) -> None:
    """Splits take the locks of all services: two at once could close a ring that neither sees."""
    list(Service.objects.select_for_update(of=("self",)).order_by("pk").values_list("pk"))


def apply_split(request: ApprovalRequest, approver: User, at: dt.datetime) -> None:
    """Write it down, on the second person's word.

    Raises:
        BadSplitError: since it was asked for, it cannot be any more.
    """
    child, parent = int(request.subject), int(request.payload["parent"])
    split_on = dt.date.fromisoformat(request.payload["split_on"])
    _check(child, parent, split_on, at)
    ServiceSplit.objects.create(child_id=child, parent_id=parent, split_on=split_on)
    logger.info("service_split", child=child, parent=parent, actor=approver.pk)


def may_request_split(user: AnyUser, _subject: str) -> bool:
    """Whoever may keep teams and programmes; who confirms is another matter."""
    return may_split_services(user)


SPLITS = ApprovalKind(
    key=SPLIT_KIND,
    label="Service split off",
    approver_roles=(Role.PROGRAMME_LEAD, Role.APPROVER),
    describe=describe_split,
    lock=lock_services,
    apply=apply_split,
    may_request=may_request_split,
)
