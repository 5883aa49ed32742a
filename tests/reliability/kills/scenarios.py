"""What is killed: each scenario prepares a small database, acts, and can be acted out again.

`prepare` runs once; its database is copied for every kill point. `act` is what the victim does.
Acting again after a kill must lead to the same end as acting twice without one.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from adoption.models import UseCase
from billing.models import AllocationRule
from billing.models.allocation import WHOLE
from billing.services.rule_requests import request_replacement
from portal.choices import (
    ApprovalOutcome,
    ApprovalStatus,
    RejectedRowState,
    Role,
    RunStatus,
    RunTrigger,
)
from portal.imports.runner import execute_run
from portal.models import ApprovalRequest, Connection, ImportRun, RejectedRow, User
from portal.services.approvals import decide
from portal.services.audit import seal_audit
from portal.services.imports import release_run, repair_row, replay_run, request_import
from portal.work.hints import withheld
from portal.work.runner import execute_item
from tests.adoption.factories import make_use_case, make_user
from tests.adoption.importing import commit, tag, write_history
from tests.adoption.importing import make_connection as make_history_connection
from tests.approving import second_person
from tests.billing.factories import give_all, make_draft
from tests.billing.sources.focus.focus_files import csv_bytes
from tests.imports import START, Clock, line, make_connection
from tests.reliability.kills.answers import answers, make_interface

DAYS = 6
LATER = START + timedelta(minutes=30)  # before the sweeper of the judge looks
Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Scenario:
    """One way of writing, from a prepared state."""

    name: str
    prepare: Callable[[], None]
    act: Callable[[Clock], None]


def cost_rows(version: int, *, rows: int = 36) -> Rows:
    """Rows of six days; every sixth differs from version to version."""
    return [
        line(
            1 + n % DAYS,
            f"{n}.25" if n % 6 else f"{version}.5",
            ServiceName=f"Service {n % 7}",
            Tags='{"use_case": "triage"}' if n % 2 else "{}",
        )
        for n in range(rows)
    ]


def bad_rows() -> Rows:
    """The second version with three rows that cannot be taken, and two new good ones."""
    wrong = [line(day, "7", ChargePeriodStart="yesterday") for day in (1, 2, 3)]
    return [*cost_rows(2), *wrong, line(4, "3", ServiceName="New"), line(5, "3", ServiceName="New")]


def bring(
    slug: str, content: bytes | Sequence[Path], clock: Clock, *, is_dry_run: bool = False
) -> ImportRun:
    """Request, execute and follow up, as the command and the task do."""
    with tempfile.TemporaryDirectory() as folder:
        paths: Sequence[Path]
        if isinstance(content, bytes):
            paths = [Path(folder, "may.csv")]
            paths[0].write_bytes(content)
        else:
            paths = content
        run = request_import(
            connection=Connection.objects.get(slug=slug),
            inputs=paths,
            trigger=RunTrigger.COMMAND,
            at=clock(),
            is_dry_run=is_dry_run,
        )
    return finish(run.pk, clock)


def finish(run_id: int, clock: Clock) -> ImportRun:
    with withheld() as follow_ups:
        run = execute_run(run_id, clock=clock)
    for item_id in follow_ups:
        execute_item(item_id, clock=clock)
    return run


# --- costs ------------------------------------------------------------------------------------


def prepare_connection() -> None:
    case = make_use_case()
    give_all(case)
    make_connection()


def prepare_costs() -> None:
    prepare_connection()
    bring("cloud", csv_bytes(cost_rows(1)), Clock())


def prepare_held() -> None:
    """A run is held: the jump of a sum is more than the connection lets pass."""
    prepare_costs()
    connection = Connection.objects.get()
    connection.config = {"hold_jump_percent": 20, "hold_jump_floor": 1}
    connection.save()
    run = bring("cloud", csv_bytes(cost_rows(9000)), Clock(LATER))
    assert run.status == RunStatus.HELD, run.status
    make_user(Role.FINANCE, name="Releaser")


def prepare_rejections() -> None:
    prepare_costs()
    bring("cloud", csv_bytes(bad_rows()), Clock(LATER))
    assert RejectedRow.objects.count() == 3
    make_user(Role.FINANCE, name="Mender")


def first_import(clock: Clock) -> None:
    bring("cloud", csv_bytes(cost_rows(1)), clock)


def restatement(clock: Clock) -> None:
    bring("cloud", csv_bytes(cost_rows(2)), clock)


def same_content_again(clock: Clock) -> None:
    bring("cloud", gzip.compress(csv_bytes(cost_rows(1)), mtime=0), clock)


def prepare_interface() -> None:
    give_all(make_use_case())
    make_interface()


def prepare_answers() -> None:
    prepare_interface()
    bring("interface", answers(1), Clock())


def first_answers(clock: Clock) -> None:
    bring("interface", answers(1), clock)


def restated_answers(clock: Clock) -> None:
    bring("interface", answers(2), clock)


def with_rejections(clock: Clock) -> None:
    bring("cloud", csv_bytes(bad_rows()), clock)


def dry_run(clock: Clock) -> None:
    bring("cloud", csv_bytes(cost_rows(3)), clock, is_dry_run=True)


def release_of_held_run(clock: Clock) -> None:
    held = ImportRun.objects.order_by("pk").last()
    assert held is not None
    if held.status == RunStatus.HELD:
        release_run(run=held, actor=User.objects.get(full_name="Releaser"), at=clock())
    finish(held.pk, clock)


def repair_and_replay(clock: Clock) -> None:
    for row in RejectedRow.objects.filter(state=RejectedRowState.WAITING).order_by("pk"):
        mended = row.raw_text.replace("yesterday", "2026-05-01T00:00:00Z")
        mender = User.objects.get(full_name="Mender")
        row.refresh_from_db()
        if row.state == RejectedRowState.WAITING:
            repair_row(row=row, text=mended, reason="A day.", actor=mender, at=clock())
    origin = ImportRun.objects.filter(read__gt=36, replay_of=None).order_by("pk")[0]
    run = replay_run(run=origin, actor=None, at=clock())
    finish(run.pk, clock)


def ask_for_rule_change(clock: Clock) -> None:
    """Ask for a version under which nothing is allocated to anybody any more."""
    rule = AllocationRule.objects.get(retired_at=None)
    if not ApprovalRequest.objects.filter(status=ApprovalStatus.PENDING).exists():
        draft = replace(make_draft((UseCase.objects.get(), WHOLE), value="other"), name=rule.name)
        actor = User.objects.filter(role_grants__role=Role.FINANCE).order_by("pk")[0]
        with withheld():
            request_replacement(
                rule_id=rule.pk, draft=draft, reason="Try.", actor=actor, at=clock()
            )


def prepare_request() -> None:
    prepare_costs()
    ask_for_rule_change(Clock())
    second_person()


def approval_decision(clock: Clock) -> None:
    """What is approved is carried out in the same transaction."""
    for request in ApprovalRequest.objects.filter(status=ApprovalStatus.PENDING):
        with withheld() as work:
            decide(
                request_id=request.pk,
                approver=second_person(),
                outcome=ApprovalOutcome.APPROVE,
                seen_hash=request.content_hash,
                reason="Seen.",
                at=clock(),
            )
        for item_id in work:
            execute_item(item_id, clock=clock)


def prepare_sealed() -> None:
    """Sealed once before: an audit with seals and no head outside is rightly found fault with."""
    prepare_costs()
    seal_audit(at=START)
    make_connection("another")


def audit_seal(clock: Clock) -> None:
    seal_audit(at=clock())


# --- histories --------------------------------------------------------------------------------


def history(length: int) -> list[Path]:
    folder = Path(tempfile.mkdtemp(prefix="history-"))
    commits = [
        commit(n, *([n - 1] if n > 1 else [0]), on=1 + n // 2, ai=n % 3 == 0)
        for n in range(1, length)
    ]
    tags = [tag(f"v{n}", n, on=2 + n // 2) for n in range(2, length, 4)]
    return write_history(folder, commits, tags)


def prepare_repository() -> None:
    make_history_connection()


def prepare_history() -> None:
    make_history_connection()
    bring("shop", history(12), Clock())


def first_history(clock: Clock) -> None:
    bring("shop", history(16), clock)


def longer_history(clock: Clock) -> None:
    bring("shop", history(22), clock)


SCENARIOS: Mapping[str, Scenario] = {
    each.name: each
    for each in (
        Scenario("first import", prepare_connection, first_import),
        Scenario("restatement", prepare_costs, restatement),
        Scenario("answers of an interface", prepare_interface, first_answers),
        Scenario("restated answers", prepare_answers, restated_answers),
        Scenario("same content again", prepare_costs, same_content_again),
        Scenario("rejections", prepare_costs, with_rejections),
        Scenario("dry run", prepare_costs, dry_run),
        Scenario("release of a held run", prepare_held, release_of_held_run),
        Scenario("repair and replay", prepare_rejections, repair_and_replay),
        Scenario("request of a rule change", prepare_costs, ask_for_rule_change),
        Scenario("approval that changes a rule", prepare_request, approval_decision),
        Scenario("seal of the audit", prepare_sealed, audit_seal),
        Scenario("first history", prepare_repository, first_history),
        Scenario("longer history", prepare_history, longer_history),
    )
}
