"""What the database refuses about price plans: a price that somebody reckoned with stays."""

from __future__ import annotations

from portal.approvals.triggers import Dialect, Guard, always, guards

_FIXED = ("provider", "key", "match_provider", "match_key", "name", "valid_from", "currency",
          "seat_period", "source", "created_by_id", "created_at")  # fmt: skip
_OPTIONAL = ("seat_price_nano", "included_credits_micro", "overage_price_nano")


def _plan_changes(dialect: Dialect) -> str:
    differs = [dialect.differs(column) for column in _FIXED]
    differs += [
        f"COALESCE({dialect.text(f'OLD.{column}')}, '') <> "
        f"COALESCE({dialect.text(f'NEW.{column}')}, '')"
        for column in _OPTIONAL
    ]
    return " OR ".join([*differs, "OLD.ended_at IS NOT NULL"])


def register_plan_guards() -> None:
    """Add them to the portal's."""
    for guard in (
        Guard("plan_is_fixed", "billing.PricePlan", "UPDATE", _plan_changes,
              "a price plan is never edited, and ended once"),
        Guard("plan_stays", "billing.PricePlan", "DELETE", always,
              "price plans are never deleted"),
    ):  # fmt: skip
        guards.register(guard)
