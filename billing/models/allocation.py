"""Dated rules from charge attributes to use cases, and what they gave."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from billing.choices import MatchField, MatchMode, SplitKind, UnallocatedReason
from billing.models.charges import Charge

WHOLE = 1_000_000  # shares are parts of this


class AllocationRule(models.Model):
    """One version of one rule. An edit retires this row and makes the next version.

    The first rule (lowest `priority`, then oldest) whose dates contain the charge's day and whose
    conditions hold takes the whole charge, and `split` says how it is shared out. `field` to
    `value` are the first condition; `further` holds those that must hold as well, as JSON
    `[[field, tag_key, mode, value], …]`. A list has one value a line. `pending_since` is set while
    its coming or going has not been worked out for days already imported. `approval` is the request
    under which it came.
    """

    key = models.SlugField(max_length=80)
    version = models.PositiveIntegerField(default=1)
    name = models.CharField(max_length=160)
    priority = models.PositiveIntegerField(default=100)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)  # exclusive
    connection = models.ForeignKey(
        "portal.Connection", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    field = models.CharField(max_length=16, choices=MatchField)
    tag_key = models.CharField(max_length=200, blank=True)
    mode = models.CharField(max_length=16, choices=MatchMode, default=MatchMode.EQUALS)
    value = models.TextField()
    further = models.TextField(default="[]", db_default="[]")
    split = models.CharField(
        max_length=16, choices=SplitKind, default=SplitKind.FIXED, db_default=SplitKind.FIXED
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)
    retired_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    retired_reason = models.CharField(max_length=500, blank=True)
    pending_since = models.DateTimeField(null=True, blank=True)
    approval = models.ForeignKey(
        "portal.ApprovalRequest", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="billing_rule_version_once"),
            models.UniqueConstraint(
                fields=["key"],
                condition=Q(retired_at__isnull=True),
                name="billing_rule_one_live_version",
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gt=F("starts_on")),
                name="billing_rule_period_is_half_open",
            ),
            models.CheckConstraint(
                condition=(Q(field="tag") & ~Q(tag_key="")) | (~Q(field="tag") & Q(tag_key="")),
                name="billing_rule_tag_key_with_tag",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (version {self.version})"


class AllocationShare(models.Model):
    """A use case's part of what a rule takes, in millionths. What is left over is unallocated.

    Of a rule that splits evenly or in proportion, it says who takes part, and `share` is 1.
    """

    rule = models.ForeignKey(AllocationRule, on_delete=models.PROTECT, related_name="shares")
    use_case = models.ForeignKey("adoption.UseCase", on_delete=models.PROTECT, related_name="+")
    share = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule", "use_case"], name="billing_share_once"),
            models.CheckConstraint(
                condition=Q(share__gte=1, share__lte=WHOLE), name="billing_share_within_whole"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.share / WHOLE:.2%}"


class SplitBase(models.Model):
    """What a rule splits a month by, kept as it was, so that the split can be told again.

    `weights` is JSON `[[use case, nano-units], …]`: the direct cost of each in that month, of one
    currency and basis; empty when nobody had any. `as_of` reads those recorded at its moment.
    """

    rule = models.ForeignKey(AllocationRule, on_delete=models.PROTECT, related_name="bases")
    month = models.DateField()
    currency = models.CharField(max_length=8)
    cost_basis = models.CharField(max_length=16)
    weights = models.TextField(default="[]")
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "month", "currency", "cost_basis"],
                condition=Q(superseded_at__isnull=True),
                name="billing_split_base_one_live",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.month:%Y-%m} {self.currency} {self.cost_basis}"


class Allocation(models.Model):
    """A part of one charge, for a use case or for none. A charge's parts sum to the charge.

    Its foreign keys are held as those of a charge.
    """

    charge = models.ForeignKey(
        Charge, on_delete=models.PROTECT, related_name="allocations", db_constraint=False
    )
    rule = models.ForeignKey(
        AllocationRule,
        on_delete=models.PROTECT,
        null=True,
        related_name="allocations",
        db_index=False,
        db_constraint=False,
    )
    use_case = models.ForeignKey(
        "adoption.UseCase",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    day = models.DateField()
    billed_nano = models.BigIntegerField()
    effective_nano = models.BigIntegerField(null=True)
    unallocated_reason = models.CharField(max_length=32, choices=UnallocatedReason, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(use_case__isnull=True) & ~Q(unallocated_reason=""))
                | Q(use_case__isnull=False, unallocated_reason="", rule__isnull=False),
                name="billing_allocation_says_why",
            ),
        ]
        indexes = [models.Index(fields=["use_case", "day"], name="billing_allocation_by_use_case")]

    def __str__(self) -> str:
        return f"Allocation {self.pk}"
