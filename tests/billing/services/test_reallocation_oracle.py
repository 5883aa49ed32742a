"""What a rule moves by itself is what allocating everything anew would move."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from adoption.models import UseCase
from billing.choices import MatchField, MatchMode, SplitKind, UnallocatedReason
from billing.models import Allocation, AllocationRule, DailyCost, MonthlyCost, SpendOverlap
from billing.selectors.as_of import figure_as_of
from billing.selectors.references import FigureReference, scope_of
from billing.services.allocation_rules import allocate_range
from billing.services.base_refresh import refresh_split_bases
from billing.services.overlaps import OverlapDraft, declare_overlap, end_overlap
from portal.choices import Role
from portal.models import Connection, User
from portal.shell.periods import Month
from tests.adoption.factories import make_use_case, make_user
from tests.billing.factories import create_rule, make_draft, replace_rule, retire_rule
from tests.imports import Clock, line, make_connection, run_import
from tests.plugins.sweeping import examples

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]
EVERYTHING = scope_of(FigureReference(), None)
SOURCES = ("cloud", "market")
CONDITIONS: list[dict[str, Any]] = [
    {"value": "a"},
    {"value": "b"},
    {"field": MatchField.SERVICE, "value": "Service 1"},
    {"field": MatchField.RESOURCE, "value": "r", "mode": MatchMode.STARTS_WITH},
    {"field": MatchField.PROVIDER, "value": "Cloud"},
]
small = st.integers(0, 4)
drafts = st.fixed_dictionaries(
    {
        "condition": st.sampled_from(range(len(CONDITIONS))),
        "split": st.sampled_from([SplitKind.FIXED, SplitKind.EVEN, SplitKind.PROPORTIONAL]),
        "shares": st.lists(st.integers(1, 333_333), min_size=1, max_size=3),
        "priority": st.integers(0, 2),
        "start": st.integers(1, 5),
        "length": st.none() | st.integers(1, 5),
        "source": st.none() | st.sampled_from(SOURCES),
    }
)
actions = st.lists(
    st.one_of(
        st.tuples(st.just("create"), drafts),
        st.tuples(st.just("replace"), small, drafts),
        st.tuples(st.just("retire"), small),
        st.tuples(st.just("import"), st.sampled_from(SOURCES), small),
        st.tuples(st.just("exclude")),
        st.tuples(st.just("count")),
    ),
    min_size=2,
    max_size=7,
)


class World:
    """Two sources of one May, three use cases, and who may say what becomes of the money."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.finance: User = make_user(Role.FINANCE)
        self.cases: list[UseCase] = [make_use_case() for _ in range(3)]
        self.sources: dict[str, Connection] = {slug: make_connection(slug) for slug in SOURCES}
        for slug in SOURCES:
            self.do_import(slug, 0)

    def do_import(self, slug: str, version: int) -> None:
        rows = [
            line(
                day,
                f"{'-' if number == 3 else ''}{day + (version if number == 1 else 0)}.000000001",
                BillingAccountId=slug,
                ResourceId=f"r{number}",
                ServiceName=f"Service {number}",
                Tags=f'{{"use_case": "{tag}"}}',
                ChargeCategory="Credit" if number == 3 else "Usage",
            )
            for day in (1, 3, 6)
            for number, tag in ((1, "a"), (2, "b"), (3, "a"))
            if not (version == 4 and day == 6)
        ]
        run_import(self.sources[slug], rows, clock=self.clock)

    def _draft(self, wanted: dict[str, Any]) -> Any:
        start, length = wanted["start"], wanted["length"]
        source = wanted["source"]
        is_fixed = wanted["split"] == SplitKind.FIXED
        parts = [each if is_fixed else 1 for each in wanted["shares"]]
        return make_draft(
            *zip(self.cases, parts, strict=False),
            **CONDITIONS[wanted["condition"]],
            split=wanted["split"],
            priority=wanted["priority"],
            starts_on=dt.date(2026, 5, start),
            ends_on=dt.date(2026, 5, start + length) if length else None,
            connection_id=self.sources[source].pk if source else None,
        )

    def _live(self, number: int) -> AllocationRule | None:
        rules = list(AllocationRule.objects.filter(retired_at__isnull=True).order_by("pk"))
        return rules[number % len(rules)] if rules else None

    def do_create(self, wanted: dict[str, Any]) -> None:
        create_rule(draft=self._draft(wanted), actor=self.finance, at=self.clock())

    def do_replace(self, number: int, wanted: dict[str, Any]) -> None:
        if rule := self._live(number):
            replace_rule(rule_id=rule.pk, draft=self._draft(wanted), reason="Better.",
                         actor=self.finance, at=self.clock())  # fmt: skip

    def do_retire(self, number: int) -> None:
        if rule := self._live(number):
            retire_rule(rule_id=rule.pk, reason="Over.", actor=self.finance, at=self.clock())

    def do_exclude(self) -> None:
        if not SpendOverlap.objects.filter(retired_at__isnull=True).exists():
            counted, other = (self.sources[slug] for slug in SOURCES)
            draft = OverlapDraft(counted=counted, other=other, first=Month(2026, 5), reason="Same.")
            declare_overlap(draft=draft, actor=self.finance, at=self.clock())

    def do_count(self) -> None:
        for overlap in SpendOverlap.objects.filter(retired_at__isnull=True):
            end_overlap(overlap_id=overlap.pk, reason="No.", actor=self.finance, at=self.clock())


def parts_at(moment: dt.datetime) -> list[tuple[Any, ...]]:
    """Who had what of each charge at a moment, as it is worked out from what was recorded."""
    return sorted(
        (
            (each.charge.pk, each.part.rule_id, each.part.use_case_id, each.part.reason,
             each.part.billed, each.part.effective)
            for each in figure_as_of(EVERYTHING, moment).parts
        ),
        key=str,
    )  # fmt: skip


def books() -> list[list[tuple[Any, ...]]]:
    """Who has what of each charge, and what the roll-ups make of it."""
    parts = Allocation.objects.filter(charge__superseded_at__isnull=True).values_list(
        "charge_id", "rule_id", "use_case_id", "unallocated_reason", "billed_nano", "effective_nano"
    )
    found = [sorted(parts, key=str)]
    for model in (DailyCost, MonthlyCost):
        names = [
            each.attname for each in model._meta.fields if each.name not in ("id", "changed_at")
        ]
        found.append(sorted(model._default_manager.values_list(*names), key=str))
    return found


# Each example is a world, so a shorter one that fails as well takes minutes to find.
@settings(
    max_examples=examples(6),
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(actions)
def test_what_each_change_left_is_what_is_told_as_of_its_moment(
    wanted: list[tuple[Any, ...]],
) -> None:
    with transaction.atomic():
        world = World()
        told = []
        for name, *given_ in wanted:
            getattr(world, f"do_{name}")(*given_)
            refresh_split_bases(at=world.clock())
            counted = [each for each in books()[0] if UnallocatedReason.NOT_COUNTED not in each]
            told.append((world.clock(), counted))
        for moment, parts in told:
            assert parts_at(moment) == parts
        transaction.set_rollback(True)


@settings(
    max_examples=examples(6),
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(actions)
def test_each_change_moves_what_allocating_everything_anew_would_move(
    wanted: list[tuple[Any, ...]],
) -> None:
    with transaction.atomic():
        world = World()
        for name, *given_ in wanted:
            act: Callable[..., None] = getattr(world, f"do_{name}")
            act(*given_)
            refresh_split_bases(at=world.clock())
            stored = books()
            with transaction.atomic():
                allocate_range(start=None, end=None, at=world.clock())
                refresh_split_bases(at=world.clock())
                assert books() == stored
                transaction.set_rollback(True)
        transaction.set_rollback(True)
