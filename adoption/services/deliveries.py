"""Logging deliveries, and moving them on by what was observed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from adoption.choices import AiAssistance, DeliveryState, Stage
from adoption.delivery_states import Observed, Trouble, standing_of
from adoption.links import read_link
from adoption.models import Change, Delivery, UseCase
from adoption.selectors.suggestions import request_behind
from adoption.selectors.troubles import troubles_of
from adoption.services.delivery_log import move_line, write_lines
from adoption.services.refusals import RefusedError
from adoption.services.review_notices import ask_for_review, tell_of_rejection
from adoption.services.suggestion_states import lock_suggestions_of, settle_logged
from portal.models import User
from portal.rows import update_rows

log = structlog.get_logger(__name__)
_BATCH = 500
_LOGGED_ALREADY = "This change has been logged already."
_LINK_LOGGED_ALREADY = "This link has been logged already."
_WHOLE_SHA = (40, 64)
_CLOSED_STAGES = (Stage.STOPPED, Stage.RETIRED)


class BadDeliveryError(RefusedError):
    """The delivery cannot be logged as given; `field` and the reason say why."""


class DeliveryNotOpenError(RefusedError):
    """The delivery is no longer in a state in which that can be done."""


def find_change(link: str) -> Change | None:
    """The imported change that a pasted link leads to, if it is exactly one.

    By the commit or the request that it names; by the whole address where several repositories
    have that commit.
    """
    named = read_link(link)
    addresses = [address for address in dict.fromkeys((named.address, link)) if address]
    ways = [~Q(url="") & Q(url=address) for address in addresses]  # as the index says it
    if named.sha:  # a range, since no index of SQLite serves LIKE; "g" comes after all digits
        ways.insert(0, Q(sha__gte=named.sha, sha__lt=f"{named.sha}g"))
    if named.number:
        ways.append(Q(repository__key=named.repository, external_id=named.number))
    for way in ways:
        found = Change.objects.filter(way).select_related("part_of")[:3]
        wholes = {whole.pk: whole for whole in map(_whole, found)}
        if len(wholes) == 1:
            return next(iter(wholes.values()))
    return None


def _whole(change: Change) -> Change:
    """The pull request that a commit is a step of, else the change itself."""
    return change.part_of or change


@transaction.atomic
def log_delivery(
    *,
    use_case: UseCase,
    actor: User,
    at: datetime,
    change: Change | None = None,
    link: str = "",
    title: str = "",
    assistance: AiAssistance = AiAssistance.NOT_STATED,
) -> Delivery:
    """Log that AI helped deliver something for a use case.

    A change, or a link, is needed; a link that leads to an imported change is that change. The
    title is the change's unless one is given. Its state is what the facts say at once.

    Raises:
        BadDeliveryError: neither change nor link, no title, a closed use case, or somebody has
            logged this change or link already (a thing is delivered once, whoever logs it).
    """
    given_by = "change" if change else "link"
    change = _whole(change) if change else (find_change(link) if link else None)
    link = read_link(link).address if link else ""
    waiting = lock_suggestions_of(change.pk) if change else []
    title = (title.strip() or (change.title if change else ""))[:500]
    _refuse_unfit(use_case, change, link, title)
    _refuse_double(change, link, given_by)
    delivery = Delivery(
        use_case=use_case,
        change=change,
        title=title,
        link=link or (change.url if change else ""),
        assistance=assistance,
        claimed_by=actor,
        claimed_at=at,
        state_reason="Waits for a reviewer." if change is None else "",
    )
    if change is not None:
        _advance(delivery, change, troubles_of([change]).get(change.pk, ()), at)
    # Constraints are left to the database: who logs something twice is told in our words.
    delivery.full_clean(exclude=["change"], validate_constraints=False)
    try:
        with transaction.atomic():
            delivery.save()
    except IntegrityError as error:  # somebody was a moment faster
        reason = _LOGGED_ALREADY if change else _LINK_LOGGED_ALREADY
        raise BadDeliveryError(reason, field=given_by) from error
    write_lines([move_line(delivery, "", at=at)])
    settle_logged(waiting, delivery, at=at)
    if change is None:
        ask_for_review(delivery, at=at)
    log.info("delivery_logged", delivery=delivery.pk, use_case=use_case.pk)
    return delivery


def _refuse_unfit(use_case: UseCase, change: Change | None, link: str, title: str) -> None:
    if use_case.stage in _CLOSED_STAGES:
        raise BadDeliveryError(
            f"“{use_case.title}” is {use_case.get_stage_display().lower()}; "
            "deliveries go to use cases that are under way.",
            field="use_case",
        )
    if change is None and not link:
        raise BadDeliveryError(
            "Pick a change, or paste a link to what was delivered.", field="link"
        )
    if not title:
        raise BadDeliveryError(
            "The link leads to nothing that was imported, so say in a few words what it is.",
            field="title",
        )


def _refuse_double(change: Change | None, link: str, given_by: str) -> None:
    counting = Delivery.objects.filter(_counting())
    same = Q(change=change) | Q(change__part_of=change)  # a step may have been logged before
    if change is not None and counting.filter(same).exists():
        raise BadDeliveryError(_LOGGED_ALREADY, field=given_by)
    if change is None and counting.filter(link=link).exists():
        raise BadDeliveryError(_LINK_LOGGED_ALREADY, field="link")


def _counting() -> Q:
    return ~Q(state=DeliveryState.REJECTED)


@transaction.atomic
def withdraw_delivery(*, delivery: Delivery, actor: User, at: datetime) -> None:
    """Take back what one logged oneself: it was a mistake. The row stays, as rejected.

    Raises:
        DeliveryNotOpenError: it has been withdrawn or rejected already, or is somebody else's.
    """
    before = _locked_state(delivery)
    changed = Delivery.objects.filter(_counting(), pk=delivery.pk, claimed_by=actor).update(
        state=DeliveryState.REJECTED, state_reason="Withdrawn by the person who logged it."
    )
    if not changed:
        raise DeliveryNotOpenError("This delivery cannot be withdrawn (any more).")
    delivery.refresh_from_db()
    write_lines([move_line(delivery, before, at=at)])


def _locked_state(delivery: Delivery) -> str:
    """The state that stands now, with the row locked until the transaction ends."""
    rows = Delivery.objects.select_for_update(of=("self",)).filter(pk=delivery.pk)
    return rows.values_list("state", flat=True).get()


@transaction.atomic
def review_delivery(
    *, delivery: Delivery, accept: bool, reason: str, reviewer: User, at: datetime
) -> None:
    """Confirm or reject work that is not code. Code needs no reviewer: production is the proof.

    Raises:
        DeliveryNotOpenError: it does not wait for a reviewer.
        BadDeliveryError: the reviewer is the person who logged it, rejects without a reason, or
            confirms what leads to an imported change.
    """
    if delivery.claimed_by_id == reviewer.pk:
        raise BadDeliveryError("Somebody else has to review this.", field="")
    if not accept and not reason.strip():
        raise BadDeliveryError("Say why it is rejected.", field="reason")
    is_claim = accept and delivery.change_id is None and delivery.link
    if is_claim and find_change(delivery.link) is not None:
        raise BadDeliveryError(
            "This link leads to an imported change. Its production deployment is the proof, so it "
            "has to be logged as that change."
        )
    if is_claim and request_behind(read_link(delivery.link)) is not None:
        raise BadDeliveryError(
            "This is a pull request that is not merged. Once it is, it becomes that change by "
            "itself, and production is its proof."
        )
    state = DeliveryState.CONFIRMED if accept else DeliveryState.REJECTED
    said = reason.strip() or "Confirmed by a reviewer."
    changed = Delivery.objects.filter(
        pk=delivery.pk, change__isnull=True, state=DeliveryState.CLAIMED
    ).update(state=state, state_reason=said[:200], reviewed_by=reviewer, reviewed_at=at)
    if not changed:
        raise DeliveryNotOpenError("This delivery does not wait for a reviewer.")
    delivery.refresh_from_db()
    write_lines([move_line(delivery, DeliveryState.CLAIMED, at=at)])
    if not accept:
        tell_of_rejection(delivery, at=at)


def _advance(delivery: Delivery, change: Change, troubles: Sequence[Trouble], at: datetime) -> bool:
    """Set state and times from the change and its deployment's troubles; whether anything moved."""
    standing = standing_of(Observed.of(change, troubles), at=at)
    before = (
        delivery.state, delivery.state_reason, delivery.merged_at, delivery.deployed_at,
        delivery.held_at, delivery.reverted_at,
    )  # fmt: skip
    delivery.state = standing.state
    delivery.state_reason = standing.reason
    delivery.merged_at = change.merged_at
    delivery.deployed_at = change.delivered_at
    delivery.held_at = standing.held_at
    delivery.reverted_at = change.reverted_at
    after = (
        delivery.state, delivery.state_reason, delivery.merged_at, delivery.deployed_at,
        delivery.held_at, delivery.reverted_at,
    )  # fmt: skip
    return before != after


def _changes_by_link(links: Sequence[str]) -> dict[str, Change]:
    """The one imported change behind each link, for those that lead to exactly one.

    By whole address or whole hash only: nobody looks at these as at a link that is just pasted.
    """
    by_sha: dict[str, list[str]] = defaultdict(list)
    for link in links:
        sha = read_link(link).sha
        if len(sha) in _WHOLE_SHA:
            by_sha[sha].append(link)
    found: dict[str, dict[int, Change]] = defaultdict(dict)
    for start in range(0, len(links), _BATCH):
        part = links[start : start + _BATCH]
        for change in Change.objects.filter(url__in=part).select_related("part_of"):
            found[change.url][_whole(change).pk] = _whole(change)
    hashes = list(by_sha)
    for start in range(0, len(hashes), _BATCH):
        part = hashes[start : start + _BATCH]
        for change in Change.objects.filter(sha__in=part).select_related("part_of"):
            for link in by_sha[change.sha]:
                found[link][_whole(change).pk] = _whole(change)
    return {
        link: next(iter(changes.values())) for link, changes in found.items() if len(changes) == 1
    }


def _recognise_links() -> None:
    """Tie claims whose link leads to a change that was imported since to that change.

    Otherwise the same work could be confirmed by a reviewer and logged as a change as well.
    """
    waiting = list(
        Delivery.objects.select_for_update(of=("self",))
        .filter(state=DeliveryState.CLAIMED, change__isnull=True)
        .exclude(link="")
        .order_by("claimed_at", "pk")
    )
    changes = _changes_by_link(sorted({delivery.link for delivery in waiting}))
    taken = set(
        Delivery.objects.filter(_counting(), change__in=changes.values()).values_list(
            "change_id", flat=True
        )
    )
    for delivery in waiting:
        change = changes.get(delivery.link)
        if change is None or change.pk in taken:
            continue
        taken.add(change.pk)
        delivery.change = change
        try:
            with transaction.atomic():
                delivery.save(update_fields=["change"])
        except IntegrityError:  # somebody logged the change this moment; the claim keeps waiting
            log.info("delivery_not_recognised", delivery=delivery.pk)


@transaction.atomic
def advance_deliveries(
    *, at: datetime, repository_ids: Iterable[int] | None = None
) -> frozenset[int]:
    """Move all deliveries of code changes to where the facts say they stand.

    Args:
        repository_ids: only deliveries of changes in these repositories; all when None.

    Returns:
        ids of the use cases of which a delivery moved.
    """
    _recognise_links()
    # Locked, or a withdrawal that comes in between would be overwritten.
    open_ones: QuerySet[Delivery] = (
        Delivery.objects.select_for_update(of=("self",))
        .filter(_counting(), change__isnull=False)
        .select_related("change")
        .defer("change__message")
    )
    if repository_ids is not None:
        open_ones = open_ones.filter(change__repository_id__in=list(repository_ids))
    moved: list[Delivery] = []
    lines = []
    found = list(open_ones.order_by("pk"))
    troubles = troubles_of(each.change for each in found if each.change is not None)
    for delivery in found:
        change, before = delivery.change, delivery.state
        if change is not None and _advance(delivery, change, troubles.get(change.pk, ()), at):
            moved.append(delivery)
            lines.append(move_line(delivery, before, at=at))
    update_rows(
        moved, ["state", "state_reason", "merged_at", "deployed_at", "held_at", "reverted_at"]
    )
    write_lines(lines)
    return frozenset(delivery.use_case_id for delivery in moved)
