"""Sixty days of feeds that are revised day after day: every earlier answer comes back exactly.

Each day the provider sends the month so far, and for some days the month before: new lines, other
amounts, lines that are gone, days that come back empty, a correction of weeks ago. Rules change
between, invoices are entered and replaced. After each day the answers are read from the roll-ups,
as pages do, and the month is reconciled; at the end the same questions are asked of the past, which
allocates the charges of that moment anew.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F

from adoption.models import UseCase
from billing.models import Charge, DailyCost
from billing.models.allocation import WHOLE
from billing.selectors.as_of import figure_as_of
from billing.selectors.costs import Group, cost_sums
from billing.selectors.past_months import past_month
from billing.selectors.reconciliation import Reconciliation, reconcile
from billing.selectors.references import FigureReference, Scope
from portal.choices import RejectionPolicy, Role, RunStatus
from portal.imports.runner import execute_run
from portal.models import Connection, ImportRun, User
from portal.services.imports import release_run
from portal.shell.money import nano_text
from portal.shell.periods import Month
from tests.adoption.factories import make_use_case
from tests.billing.closing import make_invoice
from tests.billing.factories import make_draft, make_rule, replace_rule
from tests.billing.services.charges import assert_books_balance
from tests.billing.sources.focus.focus_files import BASE_ROW
from tests.imports import Clock, make_connection, make_person, request
from tests.plugins.proofs import Figures
from tests.plugins.sweeping import sampled

FIRST = dt.date(2026, 3, 10)
SERVICES = ("Model Service", "Vector Store")
DAY = dt.timedelta(days=1)
# Use case (None: nobody's), service, month, currency, basis → billed, effective, unknown, lines.
Key = tuple[int | None, str, str, str, str]
Answer = tuple[int, int, int, int]


@dataclass
class Provider:
    """A provider that revises what it has said. A seed decides everything.

    Attributes:
        lines: by day, the lines that it would send now: service, tag, billed, effective.
    """

    chance: random.Random
    per_day: int
    lines: dict[dt.date, list[list[str]]] = field(default_factory=lambda: defaultdict(list))

    def live_through(self, day: dt.date) -> None:
        """A day goes by: it happens, and some of what went before is said otherwise."""
        self.lines[day] = [self._line() for _ in range(1 + self.chance.randrange(self.per_day))]
        for back in (1, 2, 3, 5, 8, 25):
            past = self.lines.get(day - back * DAY)
            if past is not None and self.chance.random() < 0.3:
                self._revise(past)

    def _line(self) -> list[str]:
        cents = self.chance.randrange(-200, 5_000)
        billed = f"{cents / 100:.2f}" + self.chance.choice(("", "0000005", "00000000049"))
        return [
            self.chance.choice(SERVICES),
            self.chance.choice(("triage", "faq", "")),
            billed,
            self.chance.choice((billed, billed, "", "0.01")),
        ]

    def _revise(self, lines: list[list[str]]) -> None:
        what = self.chance.random()
        if what < 0.5 and lines:
            self.chance.choice(lines)[2] = f"{self.chance.randrange(5_000) / 100:.2f}"
        elif what < 0.7:
            lines.append(self._line())
        elif what < 0.9 and lines:
            lines.pop(self.chance.randrange(len(lines)))
        else:
            lines.clear()

    def feed(self, first: dt.date, last: dt.date) -> list[dict[str, str]]:
        """What it sends of the days `first` to `last`, half-open, in no order."""
        rows = [
            self._row(day, *each)
            for day, lines in self.lines.items()
            if first <= day < last
            for each in lines
        ]
        self.chance.shuffle(rows)
        return rows

    def _row(
        self, day: dt.date, service: str, tag: str, billed: str, effective: str
    ) -> dict[str, str]:
        month = Month.of(day)
        return {
            **BASE_ROW,
            "BillingPeriodStart": f"{month.start}T00:00:00Z",
            "BillingPeriodEnd": f"{month.end}T00:00:00Z",
            "ChargePeriodStart": f"{day}T00:00:00Z",
            "ChargePeriodEnd": f"{day + DAY}T00:00:00Z",
            "BilledCost": billed,
            "EffectiveCost": effective,
            "ServiceName": service,
            "Tags": f'{{"use_case": "{tag}"}}' if tag else "",
        }


def answers_now() -> dict[Key, Answer]:
    """By use case, service and month, from the roll-ups."""
    sums = cost_sums(
        DailyCost.objects.all(),
        by=(Group.USE_CASE, Group.SERVICE, Group.MONTH),
        now=dt.datetime(2026, 12, 1, tzinfo=dt.UTC),
    )
    return {
        (each.key[0], each.key[1], each.key[2], each.kind.currency, each.kind.basis): (
            each.billed_nano,
            each.effective_known_nano,
            each.effective_unknown,
            each.lines,
        )
        for each in sums
    }


def answers_as_of(at: dt.datetime) -> dict[Key, Answer]:
    """The same as recorded at `at`: a figure for each service, its parts by use case and month."""
    found: dict[Key, Answer] = {}
    for service in SERVICES:
        for charge, part in figure_as_of(Scope(FigureReference(service=service)), at).parts:
            month = str(Month.of(charge.line.day))
            key = (part.use_case_id, service, month, charge.currency, charge.basis)
            billed, known, unknown, lines = found.get(key, (0, 0, 0, 0))
            found[key] = (
                billed + part.billed,
                known + (part.effective or 0),
                unknown + (part.effective is None),
                lines + 1,
            )
    return found


def months_as_of(at: dt.datetime, case: UseCase, month: Month) -> tuple[int, int]:
    """Billed and lines of one figure: a use case's month, as its page names it."""
    asked = Scope(FigureReference(use_case=case.slug, first=month, last=month), case.pk)
    sums = figure_as_of(asked, at).sums
    return sum(each.billed_nano for each in sums), sum(each.lines for each in sums)


def told(month: Reconciliation) -> list[Any]:
    """A billing month as reconciling has it: every group of lines with where its money went, every
    invoice with what is left of it."""
    groups = [
        (each.key, each.lines, each.billed_nano, each.effective_nano, each.effective_lines,
         sorted(each.went_to.items(), key=str))
        for each in month.lines.groups
    ]  # fmt: skip
    invoices = [
        (each.invoice.pk, each.matched_by, each.accounted_nano, each.residual_nano, each.lines)
        for each in month.invoices
    ]
    return [groups, invoices]


@dataclass
class Story:
    """The days of one replay."""

    provider: Provider
    connected: Connection
    cases: tuple[UseCase, UseCase]
    person: User
    clock: Clock
    held: int = 0
    kept: list[tuple[dt.datetime, dict[Key, Answer]]] = field(default_factory=list)
    months: list[tuple[dt.datetime, Month, list[Any]]] = field(default_factory=list)

    def keep(self, month: Month) -> None:
        """What is answered now."""
        self.kept.append((self.clock(), answers_now()))
        self.months.append((self.clock.now, month, told(reconcile(month))))

    def invoice(self, month: Month) -> None:
        """One of all that a month has come to so far, or its next version."""
        total = sum(group.billed_nano for group in reconcile(month).lines.groups)
        make_invoice(
            nano_text(total), number=str(month), month=month.start, billing_account_id="",
            actor=self.person, at=self.clock(),
        )  # fmt: skip

    def day(self, day: dt.date) -> None:
        """The provider sends, the import is taken, the answers are kept."""
        self.clock.now = dt.datetime.combine(day + DAY, dt.time(4), dt.UTC)
        self.provider.live_through(day)
        first = day.replace(day=1)
        if self.provider.chance.random() < 0.3:
            first = (first - DAY).replace(day=1)
        first = max(first, FIRST)
        rows = self.provider.feed(first, day + DAY)
        if rows:
            self._import(rows, (first, day + DAY))
        month = Month.of(first)
        if day.day % 4 == 0:
            self.invoice(month)
        self.keep(month)

    def _import(self, rows: list[dict[str, str]], window: tuple[dt.date, dt.date]) -> None:
        run = self._executed(request(self.connected, rows, at=self.clock(), window=window))
        if run.status == RunStatus.HELD:  # days that came back empty
            self.held += 1
            run = self._executed(release_run(run=run, actor=self.person, at=self.clock()))
        assert run.status == RunStatus.APPLIED, run.problem or run.held_reason

    def _executed(self, run: ImportRun) -> ImportRun:
        return execute_run(run.pk, clock=self.clock)


def replay(seed: int, days: int, per_day: int) -> Story:
    """Live through `days` days."""
    story = Story(
        Provider(random.Random(seed), per_day),  # noqa: S311  (a story, not a secret)
        make_connection(policy=RejectionPolicy.REFUSE),
        (make_use_case(), make_use_case()),
        make_person(f"finance-{seed}", Role.FINANCE),
        Clock(dt.datetime.combine(FIRST, dt.time(), dt.UTC)),
    )
    one, other = story.cases
    since: dict[str, Any] = {"starts_on": FIRST, "at": story.clock()}
    rule = make_rule((one, WHOLE // 3), (other, WHOLE // 7), **since)
    make_rule((other, WHOLE), value="faq", **since)
    for number in range(days):
        story.day(FIRST + number * DAY)
        if number % 20 == 13:
            rule = replace_rule(
                rule_id=rule.pk,
                draft=make_draft((one, 100_000 + number), starts_on=FIRST + 7 * DAY),
                reason="The share was measured anew.",
                actor=rule.created_by,
                at=story.clock(),
            )
            story.keep(Month.of(FIRST))
    return story


def assert_past_is_kept(story: Story) -> None:
    for at, answers in story.kept:
        assert answers_as_of(at) == answers, at
    for at, month, reconciled in story.months:
        assert told(past_month(month, at, most=None).found) == reconciled, at
    for at, answers in story.kept[::9]:
        for case in story.cases:
            month = Month.of(at.date())
            own = [
                value for key, value in answers.items() if (key[0], key[2]) == (case.pk, str(month))
            ]
            expected = sum(value[0] for value in own), sum(value[3] for value in own)
            assert months_as_of(at, case, month) == expected, at


SEEDS = {14: 73, 25: 60}  # by days: stories in which a day comes back empty


@pytest.mark.both_engines
@pytest.mark.django_db
@pytest.mark.parametrize("days", sampled(SEEDS, 14))
def test_days_of_revised_feeds_leave_every_earlier_answer_as_it_was(days: int) -> None:
    story = replay(seed=SEEDS[days], days=days, per_day=3)
    different = {frozenset(answers.items()) for _, answers in story.kept}
    assert len(story.kept) == days + 1
    assert len(different) > days - 2  # hardly a day told the same as the one before
    assert story.held
    assert_books_balance()
    assert_past_is_kept(story)


@pytest.mark.django_db
def test_a_past_that_was_touched_is_noticed() -> None:
    story = replay(seed=60, days=6, per_day=3)
    assert_past_is_kept(story)
    replaced = Charge.objects.filter(superseded_at__isnull=False).exclude(billed_nano=0)
    assert replaced.update(billed_nano=F("billed_nano") + 1)
    with pytest.raises(AssertionError):
        assert_past_is_kept(story)


@pytest.mark.prove("Revised feeds replayed")
@pytest.mark.both_engines
@pytest.mark.django_db
def test_any_story_of_revised_feeds_is_kept(figures: Figures) -> None:
    stories, moments = figures.scaled(8), 0
    for _ in figures.progress(range(stories), "stories"):
        with transaction.atomic():
            story = replay(figures.random.randrange(2**32), days=60, per_day=30)
            assert_books_balance()
            assert_past_is_kept(story)
            transaction.set_rollback(True)
        moments += len(story.kept)
    figures("moments of which every answer came back", moments, target=stories * 63)
