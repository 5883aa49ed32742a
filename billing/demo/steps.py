"""Billing's steps of the demo: rules, bills, a late revision, a damaged row, a held import."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from billing.allocation.match import Condition
from billing.approvals import RULE_KIND
from billing.choices import ChargeCategory, MatchField, MatchMode, SplitKind
from billing.demo.bills import Bill, Spender, bursts, next_month
from billing.models import AllocationRule
from billing.models.allocation import WHOLE
from billing.selectors.use_cases import use_case_by_slug
from billing.services.allocation_rules import RuleDraft
from billing.services.base_refresh import refresh_split_bases
from billing.services.rule_requests import request_replacement, request_rule
from portal.choices import ApprovalOutcome, RunStatus, RunTrigger
from portal.demo import SEED, DemoContext
from portal.imports.runner import execute_run
from portal.models import Connection, ImportRun
from portal.selectors.pending_approvals import pending_request
from portal.services.approvals import decide
from portal.services.connections import create_connection
from portal.services.imports import request_import

_NAMES = {"nimbus-cloud": "Nimbus Cloud, FOCUS export", "foundry-models": "Foundry Models, FOCUS"}

_SHARED = "Shared model gateway"
CONTRACTS = "contract-clause-finder"  # the use case that Lexica reads for


def _spenders(context: DemoContext) -> list[Spender]:
    return [Spender(*item) for item in context.shared["spenders"]]


def build_rules(context: DemoContext) -> None:
    """By tag for the cloud, by workspace for the models; one shared cost split three ways, and what
    belongs to a whole account split in proportion."""
    if AllocationRule.objects.exists():
        return
    context.say("Allocation rules")
    paying = [spender for spender in _spenders(context) if spender.monthly]
    ids = {
        spender.slug: found.pk
        for spender in paying
        if (found := use_case_by_slug(spender.slug, None)) is not None
    }
    start = context.first_month
    for spender in paying:
        for field, tag_key, value, label in (
            (MatchField.TAG, "use_case", spender.slug, "tag"),
            (MatchField.SUB_ACCOUNT, "", f"ws-{spender.slug}", "workspace"),
        ):
            draft = RuleDraft(
                name=f"{spender.slug}: {label}"[:160],
                starts_on=start,
                field=field,
                tag_key=tag_key,
                value=value,
                mode=MatchMode.EQUALS,
                shares=((ids[spender.slug], WHOLE),),
            )
            _approved_rule(context, draft)
    for rule in _rules_of_trials(context):
        _approved_rule(context, rule)
    receivers = [ids[spender.slug] for spender in paying][:3]
    shared = RuleDraft(
        name=_SHARED,
        priority=200,
        starts_on=start,
        field=MatchField.RESOURCE,
        value="nimbus:eu:shared:gateway",
        mode=MatchMode.EQUALS,
        shares=tuple(zip(receivers, (333_333, 333_333, 200_000), strict=True)),
    )
    _approved_rule(context, shared)
    of_the_account = RuleDraft(
        name="Tax and credits, by direct cost",
        priority=300,
        starts_on=start,
        field=MatchField.CHARGE_CATEGORY,
        value=f"{ChargeCategory.TAX}\n{ChargeCategory.CREDIT}",
        mode=MatchMode.ONE_OF,
        further=(Condition(MatchField.PROVIDER, "", MatchMode.EQUALS, "Foundry Models"),),
        split=SplitKind.PROPORTIONAL,
        shares=(),
    )
    _approved_rule(context, of_the_account)


def _rules_of_trials(context: DemoContext) -> list[RuleDraft]:
    """What is tried out before anybody plans to spend: a workspace, and a tag of another bill."""
    tried = (
        (trial_of(context), "workspace", MatchField.SUB_ACCOUNT, ""),
        (CONTRACTS, "tag", MatchField.TAG, "use_case"),
    )
    return [
        RuleDraft(
            name=f"{slug}: {label}",
            starts_on=context.first_month,
            field=field,
            tag_key=tag_key,
            value=slug if tag_key else f"ws-{slug}",
            mode=MatchMode.EQUALS,
            shares=((case.pk, WHOLE),),
        )
        for slug, label, field, tag_key in tried
        if (case := use_case_by_slug(slug, None)) is not None
    ]


def trial_of(context: DemoContext) -> str:
    """The use case that is approved and has no budgeted cost yet; empty when there is none."""
    return next((each.slug for each in _spenders(context) if not each.monthly), "")


def _approved_rule(context: DemoContext, draft: RuleDraft) -> None:
    """Finance asks, somebody else approves."""
    request = request_rule(draft=draft, actor=context.people["finance"], at=context.now)
    decide(
        request_id=request.pk, approver=context.people["approver"],
        outcome=ApprovalOutcome.APPROVE, seen_hash=request.content_hash, reason="",
        at=context.now,
    )  # fmt: skip


def ask_for_a_rule(context: DemoContext) -> None:
    """What waits in the approvals inbox: other shares of the shared cost."""
    rule = AllocationRule.objects.filter(name=_SHARED, retired_at__isnull=True).first()
    if rule is None or pending_request(RULE_KIND, rule.key) is not None:
        return
    use_cases = sorted(rule.shares.values_list("use_case_id", flat=True))
    draft = RuleDraft(
        name=rule.name, priority=rule.priority, starts_on=rule.starts_on, field=rule.field,
        value=rule.value, mode=rule.mode,
        shares=tuple(zip(use_cases, (400_000, 350_000, 250_000), strict=True)),
    )  # fmt: skip
    request_replacement(
        rule_id=rule.pk, draft=draft, reason="Shares of last quarter, measured at the gateway.",
        actor=context.people["finance"], at=context.now,
    )  # fmt: skip


def build_bills(context: DemoContext) -> None:
    """Every month up to today; then what providers do afterwards."""
    for slug in _NAMES:
        if was_imported(slug):
            continue
        context.say(f"Bills of {_NAMES[slug]}")
        connection = Connection.objects.filter(slug=slug).first() or create_connection(
            slug=slug, source="focus", name=_NAMES[slug], at=context.now,
            actor=context.people["admin"],
        )  # fmt: skip
        today = context.now.date()
        months = _months(context.first_month, today)
        paths = [write_bill(context, slug, month, today) for month in months]
        newest = [month for month in months if next_month(month) <= today][-1]
        if slug == "foundry-models":
            _damage_a_row(paths[-1])
            import_bills(context, connection, paths)
            _revise(context, connection, newest)
        else:
            import_bills(context, connection, paths)
            _hold(context, connection, newest)
    refresh_split_bases(at=timezone.now())  # a worker's task, done by the time people look


def was_imported(slug: str) -> bool:
    """Whether a run of this connection was applied."""
    return Connection.objects.filter(slug=slug, runs__status=RunStatus.APPLIED).exists()


def _months(first: date, today: date) -> list[date]:
    """Those of which a day has passed: on its first day a month has nothing to bill."""
    months = [first]
    while next_month(months[-1]) < today:
        months.append(next_month(months[-1]))
    return months


def write_bill(
    context: DemoContext, slug: str, month: date, until: date, *, revision: int = 0
) -> Path:
    """One provider's bill of a month as a FOCUS file in the spool."""
    spenders = _spenders(context)
    bill = Bill(
        spenders, month=month, until=until, seed=SEED, revision=revision,
        burst=bursts(spenders, context.now.date()),
    )  # fmt: skip
    suffix = f"-revision-{revision}" if revision else ""
    path = context.spool / f"{slug}-{month:%Y-%m}{suffix}.csv"
    (bill.write_nimbus if slug == "nimbus-cloud" else bill.write_foundry)(path)
    return path


def import_bills(context: DemoContext, connection: Connection, paths: list[Path]) -> ImportRun:
    """Import files as finance would."""
    run = request_import(
        connection=connection, inputs=paths, trigger=RunTrigger.COMMAND, at=timezone.now(),
        actor=context.people["finance"],
    )  # fmt: skip
    return execute_run(run.pk, clock=timezone.now)


def _revise(context: DemoContext, connection: Connection, month: date) -> None:
    """The provider restates three days of a month that was invoiced."""
    path = write_bill(context, connection.slug, month, next_month(month), revision=1)
    import_bills(context, connection, [path])


def _damage_a_row(path: Path) -> None:
    """One date of a file is damaged: the row waits in quarantine, the rest is taken."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    row = min(7, len(lines) - 1)  # a month may have begun yesterday
    lines[row] = _damage(lines[row])
    path.write_text("".join(lines), encoding="utf-8")


def _damage(line: str) -> str:
    """The first time in a line, made impossible."""
    position = line.index("T00:00:00Z")
    return f"{line[:position]}T25:00:00Z{line[position + 10 :]}"


def _hold(context: DemoContext, connection: Connection, month: date) -> None:
    """A bill in which an operator dropped a digit group: amounts a hundred times too high."""
    path = write_bill(context, connection.slug, month, next_month(month))
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    wrong = [lines[0]]
    for line in lines[1:]:
        amount, rest = line.split(",", 1)
        wrong.append(f"{float(amount) * 100:.4f},{rest}")
    path = path.with_name(f"{path.stem}-second-issue.csv")
    path.write_text("".join(wrong), encoding="utf-8")
    import_bills(context, connection, [path])


def build_real_bill(context: DemoContext) -> None:
    """The public FOCUS sample, where the folder named by PLUMBLINE_SHARED_DATA has it."""
    path = Path(settings.SHARED_DATA_DIR) / "focus" / "focus_sample.csv"
    if not path.is_file() or was_imported("public-focus-sample"):
        return
    context.say("Public FOCUS sample")
    connection = Connection.objects.filter(slug="public-focus-sample").first()
    connection = connection or create_connection(
        slug="public-focus-sample", source="focus", name="Public FOCUS sample", at=context.now,
        actor=context.people["admin"],
    )  # fmt: skip
    import_bills(context, connection, [path])
