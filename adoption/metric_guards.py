"""What the database refuses about metrics, and the names of the kinds. Registered at start-up."""

from __future__ import annotations

from adoption.choices import APPROVED_STATUSES
from portal.approvals.guards import approved
from portal.approvals.triggers import Dialect, Guard, always, guards

STANDING_KIND = "adoption.metric_standing"
MONEY_KIND = "adoption.metric_money"  # finance certifies what is about money
STANDING_KINDS = (STANDING_KIND, MONEY_KIND)
_GATED = ", ".join(f"'{status.value}'" for status in APPROVED_STATUSES)


def standing_target(to: str, version: int) -> str:
    """The status, and the version of the standing from which it is reached."""
    return f"{to}@{version}"


def _later(column: str) -> str:
    return f"(NEW.{column} IS NOT NULL AND (OLD.{column} IS NULL OR NEW.{column} > OLD.{column}))"


def _unapproved(dialect: Dialect) -> str:
    """A status of trust, a longer one, or trust in other values, without an approval of it."""
    subject = dialect.text("NEW.id")
    target = f"NEW.status || '@' || {dialect.text('OLD.version')}"
    by_anybody = approved(kind=STANDING_KIND, subject=subject, target=target)
    by_finance = approved(kind=MONEY_KIND, subject=subject, target=target)
    gained = (
        f"(OLD.status <> NEW.status AND NEW.status IN ({_GATED})) "
        f"OR OLD.seen_sha256 <> NEW.seen_sha256 OR {_later('valid_until')} "
        f"OR {_later('certified_until')} OR {_later('seen_until')}"
    )
    finance_only = "(NEW.status = 'certified' AND NEW.needs_finance)"
    return f"({gained}) AND NOT (({by_finance}) OR (NOT {finance_only} AND {by_anybody}))"


def _revived(dialect: Dialect) -> str:
    """What was suspended or never trusted becomes neither review due nor deprecated."""
    return (
        "OLD.status <> NEW.status AND NEW.status IN ('review_due', 'deprecated') "
        "AND OLD.status NOT IN ('approved', 'certified', 'review_due', 'deprecated')"
    )


def _standing_changes(dialect: Dialect) -> str:
    fixed = ("metric_version_id", "scope_kind", "scope_id", "needs_finance")
    return "NEW.version < OLD.version OR " + " OR ".join(map(dialect.differs, fixed))


def _value_changes(dialect: Dialect) -> str:
    """Only that it was superseded or has settled is ever added to a value."""
    fixed = (
        "metric_version_id", "scope_kind", "scope_id", "window_starts_on", "window_ends_on", "zone",
        "data_version", "reason", "n", "status", "facts", "facts_sha256", "data_as_of",
        "computed_at",
    )  # fmt: skip
    open_ended = ("value_nano", "contributors", "interval_low_nano", "interval_high_nano",
                  "coverage_nano", "unknown_share_nano")  # fmt: skip
    other = [
        f"COALESCE({dialect.text(f'OLD.{column}')}, '') "
        f"<> COALESCE({dialect.text(f'NEW.{column}')}, '')"
        for column in open_ended
    ]
    once = [
        f"(OLD.{column} IS NOT NULL AND (NEW.{column} IS NULL OR {dialect.differs(column)}))"
        for column in ("superseded_at", "settled_at")
    ]
    return " OR ".join([*map(dialect.differs, fixed), *other, *once])


def register_metric_guards() -> None:
    """Add those of metrics to the portal's guards."""
    for guard in (
        Guard("metric_standing_by_approval", "adoption.MetricStanding", "UPDATE", _unapproved,
              "this standing of a metric was not approved"),
        Guard("metric_standing_revived", "adoption.MetricStanding", "UPDATE", _revived,
              "a metric that is not trusted is approved first"),
        Guard("metric_standing_is_fixed", "adoption.MetricStanding", "UPDATE", _standing_changes,
              "what a standing of a metric is about never changes"),
        Guard("metric_standing_starts", "adoption.MetricStanding", "INSERT",
              lambda dialect: "NEW.status <> 'draft' OR NEW.seen_sha256 <> '' "
              "OR NEW.valid_until IS NOT NULL OR NEW.certified_until IS NOT NULL",
              "a standing of a metric starts as a draft"),
        Guard("metric_standing_stays", "adoption.MetricStanding", "DELETE", always,
              "a standing of a metric is never deleted"),
        Guard("metric_version_is_fixed", "adoption.MetricVersion", "UPDATE", always,
              "a version of a metric is never changed"),
        Guard("metric_version_stays", "adoption.MetricVersion", "DELETE", always,
              "a version of a metric is never deleted"),
        Guard("metric_value_is_fixed", "adoption.MetricValue", "UPDATE", _value_changes,
              "a value of a metric is never changed: the next data version takes its place"),
        Guard("metric_value_stays", "adoption.MetricValue", "DELETE", always,
              "a value of a metric is never deleted"),
    ):  # fmt: skip
        guards.register(guard)
