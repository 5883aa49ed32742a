"""Keeping exchange rates. A rate is never edited: the next version replaces it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import transaction

from billing.models import ExchangeRate
from billing.policies import may_keep_invoices
from billing.sources.invoices.rates import RateRecord, day_problem, rate_problem
from portal.imports.registry import Plan, Window
from portal.models import ImportRun, User


class RateRefusedError(ValueError):
    """The rate cannot be kept like this. `field` names what to change."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


class Pair(NamedTuple):
    """What a rate is of."""

    base: str
    quote: str
    day: dt.date


@transaction.atomic
def enter_rate(*, pair: Pair, rate: str, source: str, actor: User, at: dt.datetime) -> ExchangeRate:
    """Keep a rate that a person types in.

    Raises:
        RateRefusedError: it says something impossible, or is not this person's to enter.
    """
    if not may_keep_invoices(actor):
        raise RateRefusedError("", "Your roles do not include entering rates.")
    if pair.base == pair.quote:
        raise RateRefusedError("quote", "A rate is between two currencies.")
    if problem := rate_problem(rate):
        raise RateRefusedError("rate", f"Expected {problem}.")
    if problem := day_problem(pair.day, at.astimezone(dt.UTC).date()):
        raise RateRefusedError("day", f"Expected {problem}.")
    if not source.strip():
        raise RateRefusedError("source", "Say where the rate comes from.")
    _supersede(pair, at)
    return ExchangeRate.objects.create(
        **pair._asdict(), rate=rate, source=source.strip(), entered_by=actor, recorded_at=at
    )


def _supersede(pair: Pair, at: dt.datetime) -> None:
    ExchangeRate.objects.filter(**pair._asdict(), superseded_at__isnull=True).update(
        superseded_at=at
    )


def days_of_rates(run: ImportRun) -> dict[str, Any]:
    """The last day (UTC) that a file may have a rate of: the one on which its run began."""
    if run.started_at is None:
        return {}
    return {"last_day": run.started_at.astimezone(dt.UTC).date().isoformat()}


class RateStore:
    """The store of one run of the `exchange_rates` source. A file withdraws nothing."""

    def __init__(self, run: ImportRun) -> None:
        self.run = run
        self.window = Window(run.window_start, run.window_end)
        self._records: list[RateRecord] = []
        self._changed: list[RateRecord] = []

    def open(self) -> None:
        """Nothing is staged in the database: a year of ten pairs is a few thousand rows."""

    def close(self) -> None:
        """Nothing to put away."""

    def stage(self, records: Sequence[RateRecord]) -> int:
        taken = [record for record in records if self.window.contains(record.day)]
        self._records += taken
        return len(taken)

    def plan(self) -> Plan:
        """What would change. Called with the connection's lock held."""
        plan = Plan()
        age = self.run.replay_of_id or self.run.pk
        live = {
            Pair(row.base, row.quote, row.day): row
            for row in ExchangeRate.objects.filter(
                day__in={record.day for record in self._records}, superseded_at__isnull=True
            )
        }
        for record in self._records:
            stored = live.get(Pair(record.base, record.quote, record.day))
            if stored is None:
                plan.inserted += 1
            elif (stored.rate, stored.source) == (record.rate, record.source):
                plan.unchanged += 1
                continue
            else:
                plan.updated += 1
                if stored.run_id is not None and stored.run_id > age:
                    plan.overtaken_by = max(plan.overtaken_by or 0, stored.run_id)
            self._changed.append(record)
        return plan

    def apply(self, plan: Plan, *, at: dt.datetime) -> None:
        for record in self._changed:
            _supersede(Pair(record.base, record.quote, record.day), at)
        ExchangeRate.objects.bulk_create(
            (
                ExchangeRate(
                    day=record.day,
                    base=record.base,
                    quote=record.quote,
                    rate=record.rate,
                    source=record.source,
                    run=self.run,
                    line=record.line,
                    recorded_at=at,
                )
                for record in self._changed
            ),
            batch_size=500,
        )
