"""What the database refuses about snapshots and dashboards, and the kind of their approval."""

from __future__ import annotations

from django.urls import reverse

from portal.approvals.triggers import Dialect, Guard, always, guards

DASHBOARD_KIND = "adoption.dashboard"
APPROVAL_DAYS = 180  # then it is due for review


def dashboard_address(slug: str, number: int) -> str:
    """Where the approver sees the tiles; services know no addresses."""
    return reverse("dashboard-version", args=[slug, number])


def dashboard_page(slug: str) -> str:
    """The page of a dashboard."""
    return reverse("dashboard", args=[slug])


def _out_of_chain(_dialect: Dialect) -> str:
    return (
        "NEW.number <> COALESCE((SELECT MAX(s.number) FROM adoption_snapshot s), 0) + 1 "
        "OR NEW.previous_sha256 <> COALESCE((SELECT s.sha256 FROM adoption_snapshot s "
        "WHERE s.number = NEW.number - 1), '')"
    )


def _unapproved(dialect: Dialect) -> str:
    """Whatever becomes approved, other, or approved for longer, needs a newer approval of it."""
    until = dialect.hours_after("r.closed_at", APPROVAL_DAYS * 24)
    of_dashboard = "v.id = NEW.approved_version_id AND v.dashboard_id = NEW.id"
    approved_exactly = (
        "r.id = NEW.approval_id AND r.id > COALESCE(OLD.approval_id, 0)",
        f"r.status = 'approved' AND r.kind = '{DASHBOARD_KIND}'",
        f"r.subject = {dialect.text('NEW.id')} AND {of_dashboard}",
        f"r.target = {dialect.text('v.number')} AND NEW.expires_at <= {until}",
    )
    exactly = " AND ".join(approved_exactly)
    tables = "portal_approvalrequest r, adoption_dashboardversion v"
    approval = f"EXISTS (SELECT 1 FROM {tables} WHERE {exactly})"  # noqa: S608  (our own names)
    return (
        "NEW.status IN ('approved', 'review_due') AND ("
        "(NEW.status = 'approved' AND OLD.status <> 'approved') "
        "OR COALESCE(NEW.approved_version_id, 0) <> COALESCE(OLD.approved_version_id, 0) "
        "OR COALESCE(NEW.approval_id, 0) <> COALESCE(OLD.approval_id, 0) "
        "OR OLD.expires_at IS NULL OR NEW.expires_at > OLD.expires_at) "
        f"AND NOT {approval}"
    )


def _slips_in(_dialect: Dialect) -> str:
    """While it is not approved, the approval it had stays named: none is used a second time."""
    return (
        "NEW.status NOT IN ('approved', 'review_due') AND ("
        "COALESCE(NEW.approved_version_id, 0) <> COALESCE(OLD.approved_version_id, 0) "
        "OR COALESCE(NEW.approval_id, 0) <> COALESCE(OLD.approval_id, 0))"
    )


def _not_a_draft(_dialect: Dialect) -> str:
    return (
        "NEW.status <> 'draft' OR NEW.approved_version_id IS NOT NULL "
        "OR NEW.approval_id IS NOT NULL"
    )


def register_board_guards() -> None:
    """Add them to the portal's."""
    for guard in (
        Guard("snapshot_follows", "adoption.Snapshot", "INSERT", _out_of_chain,
              "a snapshot follows the newest one and names its hash"),
        Guard("snapshot_is_fixed", "adoption.Snapshot", "UPDATE", always,
              "snapshots are never changed"),
        Guard("snapshot_stays", "adoption.Snapshot", "DELETE", always,
              "snapshots are never deleted"),
        Guard("snapshotvalue_is_fixed", "adoption.SnapshotValue", "UPDATE", always,
              "snapshots are never changed"),
        Guard("snapshotvalue_stays", "adoption.SnapshotValue", "DELETE", always,
              "snapshots are never deleted"),
        Guard("dashboard_by_approval", "adoption.Dashboard", "UPDATE", _unapproved,
              "this version of the dashboard was not approved"),
        Guard("dashboard_waits", "adoption.Dashboard", "UPDATE", _slips_in,
              "what is not approved gets no other approval"),
        Guard("dashboard_starts_draft", "adoption.Dashboard", "INSERT", _not_a_draft,
              "a dashboard starts as a draft"),
        Guard("dashboardversion_is_fixed", "adoption.DashboardVersion", "UPDATE", always,
              "a submitted version is never changed"),
        Guard("dashboardversion_stays", "adoption.DashboardVersion", "DELETE", always,
              "submitted versions are never deleted"),
        Guard("dashboardlog_is_fixed", "adoption.DashboardStatusChange", "UPDATE", always,
              "the log of a dashboard is never changed"),
        Guard("dashboardlog_stays", "adoption.DashboardStatusChange", "DELETE", always,
              "the log of a dashboard is never deleted"),
    ):  # fmt: skip
        guards.register(guard)
