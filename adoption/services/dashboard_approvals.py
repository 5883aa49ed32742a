"""Dashboards and the second person: submitting, approving, falling due, ending."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

import structlog
from django.db import transaction

from adoption.board_guards import (
    APPROVAL_DAYS,
    DASHBOARD_KIND,
    dashboard_address,
    dashboard_page,
)
from adoption.choices import DashboardStatus
from adoption.metrics.contracts import canonical
from adoption.metrics.dashboard_rules import Tile, problems_of
from adoption.metrics.snapshot import sha256_of
from adoption.models import Dashboard, DashboardStatusChange, DashboardVersion
from adoption.policies import may_edit_dashboard
from adoption.selectors.dashboard_tiles import told_tiles
from adoption.selectors.dashboards import (
    document_of,
    goal_of,
    outcome_labels,
    submitted_tiles,
    working_tiles,
)
from adoption.services.dashboards import lock_dashboard
from adoption.services.refusals import RefusedError, check_version
from adoption.services.snapshots import ask_for_snapshot
from portal.approvals.errors import ApprovalRefusedError
from portal.approvals.registry import ApprovalKind, Content, Payload, SubjectGoneError
from portal.choices import Role
from portal.models import ApprovalRequest, User
from portal.policies import AnyUser
from portal.services.approvals import recheck, request_approval
from portal.services.notices import notify
from portal.services.webhooks import publish
from portal.webhooks.registry import WebhookEvent

logger = structlog.get_logger(__name__)
FORMAT = "plumbline-dashboard/1"
VALID_FOR = dt.timedelta(days=APPROVAL_DAYS)
APPROVED = WebhookEvent(
    "dashboard.approved",
    "Dashboard approved",
    "When a second person approved a version of a dashboard; data: slug, version, sha256, "
    "approved_at, expires_at.",
)


class NotSubmittableError(RefusedError):
    """It is no dashboard that somebody could approve yet; `problems` says all that is missing."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = list(problems)


def problems_of_working_copy(dashboard: Dashboard) -> list[str]:
    """Why it cannot be submitted as it is now."""
    return problems_of(
        working_tiles(dashboard),
        has_goal=dashboard.milestone_id is not None,
        outcomes=outcome_labels(),
    )


@transaction.atomic
def submit_dashboard(
    *, dashboard_id: int, expected_version: int, reason: str, actor: User, at: dt.datetime
) -> ApprovalRequest:
    """Freeze the working copy as the next version and ask that another person approves it.

    Raises:
        StaleVersionError: it is no longer at `expected_version`.
        NotSubmittableError: it lacks something; all of it is said.
        RefusedError: it is deprecated, like the approved version, or somebody else has asked.
    """
    row = lock_dashboard(dashboard_id)
    check_version("dashboard", expected=expected_version, current=row.version)
    if row.status == DashboardStatus.DEPRECATED:
        raise RefusedError("It is deprecated; make a new one.")
    if problems := problems_of_working_copy(row):
        raise NotSubmittableError(problems)
    version = _freeze(row, actor, at)
    try:
        return request_approval(
            kind=DASHBOARD_KIND,
            subject=str(row.pk),
            payload={"version": version.number},
            reason=reason,
            actor=actor,
            at=at,
        )
    except (ApprovalRefusedError, SubjectGoneError) as error:
        raise RefusedError(getattr(error, "reason", str(error))) from error


def _freeze(row: Dashboard, actor: User, at: dt.datetime) -> DashboardVersion:
    text = canonical(
        {
            "format": FORMAT,
            "slug": row.slug,
            "title": row.title,
            "purpose": row.purpose,
            "goal": goal_of(row.milestone),
            "tiles": [_tile_document(tile) for tile in working_tiles(row)],
        }
    )
    last = row.versions.order_by("-number").first()
    if last is not None and last.document == text:
        return last  # asked again about the same: after a rejection, or because it is due
    return DashboardVersion.objects.create(
        dashboard=row,
        number=last.number + 1 if last else 1,
        document=text,
        sha256=sha256_of(text),
        submitted_by=actor,
        submitted_at=at,
    )


def _tile_document(tile: Tile) -> dict[str, object]:
    return {
        "kind": tile.kind.value,
        "title": tile.title,
        "metric": tile.metric,
        "version": tile.version,
        "definition_sha256": tile.definition_sha256,
        "scope": {"kind": tile.scope_kind, "id": tile.scope_id, "name": tile.scope_name},
    }


@transaction.atomic
def deprecate_dashboard(
    *, dashboard_id: int, expected_version: int, reason: str, actor: User, at: dt.datetime
) -> Dashboard:
    """Nobody shall rely on it any more. The safe direction needs no second person, but a reason.

    Raises:
        StaleVersionError: it is no longer at `expected_version`.
        RefusedError: no reason is given, or it is deprecated already.
    """
    row = lock_dashboard(dashboard_id)
    check_version("dashboard", expected=expected_version, current=row.version)
    if row.status == DashboardStatus.DEPRECATED:
        raise RefusedError("It is deprecated already.")
    if not reason.strip():
        raise RefusedError(
            "Say why, and what to use instead: whoever has it in a report wants to know.",
            field="reason",
        )
    row.version += 1
    _become(row, DashboardStatus.DEPRECATED, reason=reason.strip(), by=actor, at=at)
    recheck(kind=DASHBOARD_KIND, subject=str(row.pk), at=at)
    return row


def _become(
    row: Dashboard,
    status: DashboardStatus,
    *,
    reason: str,
    by: User | None,
    at: dt.datetime,
    approval: ApprovalRequest | None = None,
) -> None:
    before = row.status
    row.status, row.status_reason, row.status_since = status, reason, at
    row.save()
    DashboardStatusChange.objects.create(
        dashboard=row,
        from_status=before,
        to_status=status,
        number=row.approved_version.number if row.approved_version else None,
        reason=reason,
        decided_by=by,
        approval=approval,
        changed_at=at,
    )
    logger.info("dashboard_status_changed", dashboard=row.pk, to=status.value)


def expire_dashboards(*, at: dt.datetime) -> int:
    """Have those whose approval is over fall due for review, and tell their owners.

    Returns:
        how many fell due.
    """
    due = Dashboard.objects.filter(status=DashboardStatus.APPROVED, expires_at__lte=at)
    done = 0
    for pk in list(due.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            row = lock_dashboard(pk)
            if (
                row.status != DashboardStatus.APPROVED
                or row.expires_at is None
                or row.expires_at > at
            ):
                continue
            _become(row, DashboardStatus.REVIEW_DUE, reason="Its approval is over.", by=None, at=at)
            notify(
                users=[row.owner],
                key=f"adoption.dashboard_due:{row.pk}:{row.approval_id}",
                title=f"“{row.title}” is due for review",
                text="It was approved 180 days ago. Until it is approved again, nobody is told its "
                "figures as approved ones. Look at it, and submit it again or deprecate it.",
                link=dashboard_page(row.slug),
                at=at,
            )
            done += 1
    return done


# --- the kind of approval -------------------------------------------------------------------------


def describe_dashboard(subject: str, payload: Payload) -> Content:
    """What the approver sees: every tile with its exact values, and what the approved one had.

    Raises:
        SubjectGoneError: there is no such version, a newer one was submitted, or it could not be
            submitted today.
    """
    row = Dashboard.objects.select_related("owner", "approved_version").filter(pk=subject).first()
    version = row.versions.order_by("-number").first() if row is not None else None
    if row is None or version is None or version.number != payload["version"]:
        raise SubjectGoneError("A newer version was submitted, or there is none.")
    if row.status == DashboardStatus.DEPRECATED:
        raise SubjectGoneError("The dashboard is deprecated.")
    tiles = submitted_tiles(version)
    problems = problems_of(tiles, has_goal=row.milestone_id is not None, outcomes=outcome_labels())
    if problems:
        raise SubjectGoneError(" ".join(problems))
    return Content(
        title=f"Dashboard “{row.title}”, version {version.number}",
        before=_fields(row.approved_version) | {"Approval": _approval_text(row)},
        after=_fields(version)
        | {"Approval": f"version {version.number}, for {APPROVAL_DAYS} days"},
        facts=(
            ("Owner", row.owner.get_full_name()),
            ("SHA-256 of this version", version.sha256),
            *told_tiles(tiles),
        ),
        target=str(version.number),
        url=dashboard_address(row.slug, version.number),
        editors=frozenset(row.editors_since_approval) | {version.submitted_by_id, row.owner_id},
    )


def _approval_text(row: Dashboard) -> str | None:
    if row.approved_version is None or row.approval_id is None:
        return None
    return f"version {row.approved_version.number}, by request {row.approval_id}"


def _fields(version: DashboardVersion | None) -> dict[str, str | None]:
    if version is None:
        return {}
    document = document_of(version)
    goal = document["goal"]
    fields: dict[str, str | None] = {
        "Title": document["title"],
        "Purpose": document["purpose"],
        "Goal": f"{goal['text']} ({goal['kind']} of {goal['use_case']})",
    }
    for place, tile in enumerate(document["tiles"], start=1):
        fields[f"Tile {place}"] = (
            f"{tile['title'] + ': ' if tile['title'] else ''}{tile['metric']} {tile['version']} as "
            f"{tile['kind']}, {tile['scope']['kind'].replace('_', ' ')} “{tile['scope']['name']}”, "
            f"definition {tile['definition_sha256'][:12]}"
        )
    return fields


def lock_subject(subject: str) -> None:
    """Edits take the same lock, so an edit and an approval never pass each other."""
    list(Dashboard.objects.select_for_update(of=("self",)).filter(pk=subject))


def apply_dashboard(request: ApprovalRequest, approver: User, at: dt.datetime) -> None:
    """Approve that version for 180 days, tell others, and have a snapshot published."""
    row = lock_dashboard(request.subject)
    version = row.versions.get(number=request.payload["version"])
    row.approved_version, row.approval = version, request
    row.approved_at, row.expires_at = at, at + VALID_FOR
    row.version += 1
    if _tiles_of(row) == document_of(version)["tiles"]:
        row.editors_since_approval = []  # what came after the submission is for the next approver
    _become(
        row, DashboardStatus.APPROVED, reason=request.reason, by=approver, at=at, approval=request
    )
    publish(
        event=APPROVED.key,
        event_id=uuid.uuid5(uuid.NAMESPACE_OID, f"dashboard.approved:{request.pk}"),
        data={
            "slug": row.slug,
            "version": version.number,
            "sha256": version.sha256,
            "approved_at": at.astimezone(dt.UTC).isoformat(timespec="seconds"),
            "expires_at": row.expires_at.astimezone(dt.UTC).isoformat(timespec="seconds"),
        },
        at=at,
    )
    ask_for_snapshot(at=at)


def _tiles_of(row: Dashboard) -> list[dict[str, object]]:
    return [_tile_document(tile) for tile in working_tiles(row)]


def may_ask_for_dashboard(user: AnyUser, subject: str) -> bool:
    row = Dashboard.objects.filter(pk=subject).first()
    return row is not None and may_edit_dashboard(user, row)


DASHBOARDS = ApprovalKind(
    key=DASHBOARD_KIND,
    label="Dashboard",
    approver_roles=(Role.PROGRAMME_LEAD, Role.APPROVER),
    describe=describe_dashboard,
    lock=lock_subject,
    apply=apply_dashboard,
    may_request=may_ask_for_dashboard,
)
