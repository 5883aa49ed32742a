"""What must hold after any kill, and a digest of everything that was imported.

The digest leaves out what a retry may change without harm: keys of rows, runs, and the moments at
which the portal wrote something. References are followed, so that a row is what it points at.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Q

from adoption.services.metric_filling import FILL_KIND
from portal.choices import OPEN_RUN_STATUSES, RunStatus, WorkStatus
from portal.models import ApprovalRequest, ImportRun, RejectedRow, User, WorkItem
from portal.services.audit import verify
from portal.services.imports import runs_to_send_again
from portal.work.hints import withheld
from portal.work.ledger import takeable
from portal.work.runner import execute_item
from tests.billing.services.charges import assert_books_balance
from tests.imports import START, Clock
from tests.reliability.kills.answers import problems_of_quantities
from tests.reliability.kills.scenarios import SCENARIOS, finish

ROOMS = ("adoption", "billing")
OF_THE_RUN = {"ImportRun", "ImportFile"}
WRITTEN_AT = {
    *("recorded_at", "superseded_at", "restated_at", "changed_at", "created_at", "updated_at"),
    *("observed_at", "retired_at", "pending_since", "measured_at", "claimed_at", "decided_at"),
    *("requested_at", "expires_at", "closed_at"),
}
# Written in one transaction each: never half of it, not even before anybody retries.
IMPORTED_AT_ONCE = {
    *("Charge", "ChargeSlice", "Restatement", "Usage", "UsageSlice"),
    *("Commit", "Change", "Deployment", "Evidence"),
}
# Filled by work of its own that an import asks for, whenever its turn comes.
FILLED_LATER = {"MetricVersion", "MetricValue", "FillWatermark", "ValueWrite"}
STEP = timedelta(hours=2)
Digest = dict[str, str]


class Digester:
    """Rows as what they say, each worked out once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Any], str] = {}

    def table(self, model: type[models.Model]) -> str:
        """One line for a table: how many rows, and a hash of their sorted contents."""
        rows = sorted(self._row(row) for row in model._default_manager.all())
        return f"{len(rows)} {hashlib.sha256(''.join(rows).encode()).hexdigest()[:16]}"

    def _row(self, row: models.Model) -> str:
        key = (row._meta.label, row.pk)
        if key not in self._known:
            self._known[key] = ""  # a circle of references ends here
            told = [self._field(row, field) for field in row._meta.concrete_fields]
            text = json.dumps(told, default=str, sort_keys=True)
            self._known[key] = hashlib.sha256(text.encode()).hexdigest()
        return self._known[key]

    def _field(self, row: models.Model, field: models.Field[Any, Any]) -> Any:
        if field.primary_key:
            return None
        value = getattr(row, field.attname)
        if field.name in WRITTEN_AT:
            return value is not None
        if not isinstance(field, models.ForeignKey):
            return value
        target = field.related_model
        assert isinstance(target, type)
        if target.__name__ in OF_THE_RUN:
            return None
        if target is User or value is None:
            return value
        return self._row(getattr(row, field.name))


def digest() -> Digest:
    """Every table of the upper rooms, the quarantine, and how many runs wait for a person."""
    found = Digester()
    told = {
        model.__name__: found.table(model)
        for room in ROOMS
        for model in apps.get_app_config(room).get_models()
        if model.__name__ not in FILLED_LATER
    }
    states = Counter(RejectedRow.objects.values_list("state", "line", "code"))
    told["quarantine"] = json.dumps(sorted(map(str, states.items())))
    decided = Counter(ApprovalRequest.objects.values_list("kind", "status", "decision__outcome"))
    told["approvals"] = json.dumps(sorted(map(str, decided.items())))
    told["held"] = str(ImportRun.objects.filter(status=RunStatus.HELD).count())
    return told


def imported(told: Digest) -> Digest:
    """The part of a digest that is written in one transaction."""
    return {name: value for name, value in told.items() if name in IMPORTED_AT_ONCE}


def problems_of_the_ledger() -> list[str]:
    """Finished runs whose rows in are not the rows out."""
    done = ImportRun.objects.filter(status__in=(RunStatus.APPLIED, RunStatus.CHECKED))
    return [
        f"run {run.pk}: {run.read} rows read, {run.inserted + run.updated} written, "
        f"{run.unchanged} unchanged, {run.rejected} rejected"
        for run in done
        if run.read != run.inserted + run.updated + run.unchanged + run.rejected
    ]


def check_invariants() -> list[str]:
    problems = problems_of_the_ledger() + problems_of_quantities()
    try:
        assert_books_balance()
    except AssertionError as error:
        problems.append(f"the books do not balance: {str(error)[:300]}")
    audit = verify()
    if not audit.is_whole:
        problems.append(f"the audit is not whole: {audit.findings[0]}")
    return problems


def begin(scenario: str) -> Digest:
    """Prepare a scenario in an empty database."""
    SCENARIOS[scenario].prepare()
    return digest()


def look_now(scenario: str) -> dict[str, Any]:
    """What a kill left behind, before anybody mends anything."""
    return {"problems": check_invariants(), "digest": digest()}


def mend(scenario: str) -> dict[str, Any]:
    """Let the sweeper finish what was begun, then act the same again; what holds then.

    Fills of metrics are asked for and left in the queue: no digest has their values, and they take
    three times as long as all the rest. `mend_and_fill` does them as well.
    """
    with withheld():  # nobody listens to hints here
        return _mend(scenario, ~Q(kind=FILL_KIND))


def mend_and_fill(scenario: str) -> dict[str, Any]:
    """As `mend`, with every piece of work that was asked for."""
    with withheld():
        return _mend(scenario, Q())


def _mend(scenario: str, done_here: Q) -> dict[str, Any]:
    left = look_now(scenario)
    later = START + 2 * STEP
    for run_id in runs_to_send_again(at=later):
        finish(run_id, Clock(later))
    for _ in range(3):  # work may ask for work
        for item in WorkItem.objects.filter(takeable(later + STEP), done_here).order_by("pk"):
            execute_item(item.pk, clock=Clock(later + STEP))
    waiting = Q(status=WorkStatus.QUEUED) & ~done_here if done_here else Q(pk=None)
    unfinished = WorkItem.objects.exclude(Q(status=WorkStatus.DONE) | waiting)
    open_runs = ImportRun.objects.filter(status__in=OPEN_RUN_STATUSES)
    stuck = [f"run {run.pk} is {run.status} after the sweeper" for run in open_runs]
    stuck += [f"work {item.pk} is {item.status}: {item.problem[:200]}" for item in unfinished]
    failed = ImportRun.objects.filter(status__in=(RunStatus.FAILED, RunStatus.REFUSED))
    stuck += [f"run {run.pk} is {run.status}: {run.problem[:200]}" for run in failed]
    SCENARIOS[scenario].act(Clock(START + 4 * STEP))
    return {
        "problems": [*left["problems"], *stuck, *check_invariants()],
        "left": imported(left["digest"]),
        "digest": digest(),
    }
