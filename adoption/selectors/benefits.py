"""Stated benefits that nothing can be held against: for their owners to mend."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet

from adoption.inventory_choices import BenefitCheck
from adoption.models import UseCase
from adoption.selectors.use_cases import ENDED_STAGES
from portal.policies import AnyUser

VAGUE = (BenefitCheck.NO_NUMBER, BenefitCheck.NOTHING_MEASURABLE)


def vague_benefits(slugs: Sequence[str]) -> list[dict[str, str]]:
    """Of these use cases, those whose stated benefit has no number: who mends it, and why."""
    rows = UseCase.objects.filter(slug__in=slugs, profile__benefit_check__in=VAGUE)
    found = rows.order_by("owner__username", "title", "pk").values(
        "slug", "title", "owner__username", "profile__benefit_check"
    )
    return [
        {"slug": row["slug"], "title": row["title"], "owner": row["owner__username"],
         "problem": row["profile__benefit_check"]}
        for row in found
    ]  # fmt: skip


def own_vague_benefits(user: AnyUser) -> QuerySet[UseCase]:
    """Use cases of this person that run and state a benefit without a number."""
    rows = UseCase.objects.filter(owner=user.pk, profile__benefit_check__in=VAGUE)
    return rows.exclude(stage__in=ENDED_STAGES).select_related("profile").order_by("title", "pk")
