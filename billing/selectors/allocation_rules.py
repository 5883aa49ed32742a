"""Reading allocation rules, with their shares and what they take."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Exists, OuterRef, QuerySet

from billing.choices import SplitKind
from billing.models import AllocationRule, AllocationShare
from billing.models.allocation import WHOLE
from billing.policies import may_see_costs
from portal.policies import AnyUser
from portal.shell.formats import NARROW_SPACE, date_text
from portal.shell.money import decimal_text


class ShareOfUseCase(NamedTuple):
    """A use case's part of what a rule takes, in millionths."""

    use_case_id: int
    slug: str
    title: str
    share: int

    @property
    def percent(self) -> str:
        return share_text(self.share)


def share_text(millionths: int) -> str:
    """`33.3334 %`."""
    return f"{decimal_text(Decimal(millionths) / 10_000)}{NARROW_SPACE}%"


def rules_visible_to(user: AnyUser) -> QuerySet[AllocationRule]:
    """Rules are open to whoever may see costs: they say why money is where it is."""
    return AllocationRule.objects.all() if may_see_costs(user) else AllocationRule.objects.none()


def rule_for_page(user: AnyUser, key: str) -> AllocationRule | None:
    """The newest version of a rule, or None."""
    rows = rules_visible_to(user).select_related(
        "connection", "created_by", "retired_by", "approval__closed_by"
    )
    return rows.filter(key=key).order_by("-version").first()


def versions_of(rule: AllocationRule) -> list[AllocationRule]:
    """Every version of the same rule, newest first."""
    rows = AllocationRule.objects.filter(key=rule.key).select_related(
        "connection", "created_by", "retired_by", "approval__closed_by"
    )
    return list(rows.order_by("-version"))


def shares_by_rule(rule_ids: Iterable[int]) -> dict[int, list[ShareOfUseCase]]:
    """Shares by rule id, largest first. One query."""
    rows = (
        AllocationShare.objects.filter(rule_id__in=list(rule_ids))
        .order_by("rule_id", "-share", "pk")
        .values_list("rule_id", "use_case_id", "use_case__slug", "use_case__title", "share")
    )
    found: dict[int, list[ShareOfUseCase]] = {}
    for rule_id, use_case_id, slug, title, share in rows:
        found.setdefault(rule_id, []).append(ShareOfUseCase(use_case_id, slug, title, share))
    return found


def left_over(shares: Iterable[ShareOfUseCase]) -> int:
    """What a rule leaves unallocated, in millionths."""
    return WHOLE - sum(each.share for each in shares)


def shares_text(shares: Sequence[ShareOfUseCase], split: str = SplitKind.FIXED) -> str:
    """Receivers and shares in words, with what is left over."""
    names = ", ".join(each.title for each in shares)
    if split == SplitKind.TEAM:
        return "the use cases of the principal's team"
    if split == SplitKind.EVEN:
        return f"evenly: {names}"
    if split == SplitKind.PROPORTIONAL:
        return f"in proportion to direct cost: {names or 'every use case that has any'}"
    said = [f"{each.title} {each.percent}" for each in shares]
    if rest := left_over(shares):
        said.append(f"unallocated {share_text(rest)}")
    return ", ".join(said)


def period_text(starts_on: dt.date, ends_on: dt.date | None) -> str:
    """The days of a rule in words."""
    if ends_on is None:
        return f"from {date_text(starts_on)}"
    return f"{date_text(starts_on)} to {date_text(ends_on - dt.timedelta(days=1))}"


@dataclass(frozen=True, slots=True)
class RuleLink:
    """A rule that gives to a use case, as the use case's page names it."""

    key: str
    name: str
    version: int
    share: int
    is_pending: bool
    split: str = SplitKind.FIXED

    @property
    def share_text(self) -> str:
        """How much it gives, in words."""
        if self.split == SplitKind.FIXED:
            return share_text(self.share)
        return "an even part" if self.split == SplitKind.EVEN else "a proportional part"


def rules_giving_to(use_case_id: int) -> list[RuleLink]:
    """The live rules with a share for a use case. One query."""
    rows = (
        AllocationShare.objects.filter(use_case_id=use_case_id, rule__retired_at__isnull=True)
        .order_by("rule__priority", "rule__created_at", "rule_id")
        .values_list(
            "rule__key",
            "rule__name",
            "rule__version",
            "share",
            "rule__pending_since",
            "rule__split",
        )
    )
    return [
        RuleLink(key, name, version, share, pending is not None, split)
        for key, name, version, share, pending, split in rows
    ]


def rules_are_pending() -> bool:
    """Whether a changed rule waits to be worked out for days already imported."""
    return AllocationRule.objects.filter(pending_since__isnull=False).exists()


def newest_versions(user: AnyUser) -> QuerySet[AllocationRule]:
    """The newest version of every rule, whether it is live or not."""
    newer = AllocationRule.objects.filter(key=OuterRef("key"), version__gt=OuterRef("version"))
    return rules_visible_to(user).filter(~Exists(newer))


def state_of(
    *,
    retired_at: dt.datetime | None,
    pending_since: dt.datetime | None,
    ends_on: dt.date | None,
    is_newest: bool,
    today: dt.date,
) -> str:
    """A key of the vocabulary `allocation_rule`."""
    if not is_newest:
        return "replaced"
    if pending_since is not None:
        return "pending"
    if retired_at is not None:
        return "retired"
    return "ended" if ends_on is not None and ends_on <= today else "live"
