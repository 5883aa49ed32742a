"""The checklist of a close: imported, matched, counted once, allocated, explained, settled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from billing.approvals import CLOSE_KIND, close_subject
from billing.choices import CloseState, MatchedBy
from billing.models import AllocationRule, CloseCorrection, Invoice, PeriodClose
from billing.selectors.close_rules import rule_of, settled_from
from billing.selectors.closed_scopes import ClosedScopes, scope_of_close, scope_of_request
from billing.selectors.line_status import by_then
from billing.selectors.open_suspicions import Suspicion, suspicions_of_month
from billing.selectors.provider_totals import ByConnection, ProviderTotal, provider_totals
from billing.selectors.reconciliation import CloseScope, Reconciled, Reconciliation, reconcile
from billing.selectors.suspicions import same_provider_name
from portal.choices import ApprovalStatus
from portal.models import ApprovalRequest
from portal.shell.formats import moment_text
from portal.shell.money import nano_text
from portal.shell.periods import Month


@dataclass(frozen=True, slots=True)
class Check:
    """One step: `problems` says everything that is missing, empty when the step is done."""

    key: str
    label: str
    problems: tuple[str, ...]
    fact: str = ""

    @property
    def is_done(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class Checklist:
    """How far one scope has come.

    Attributes:
        checks: the steps that come before asking, in order.
        settled_from: when the slowest of its sources is done with the month.
        request: the request that waits for a second person.
        close: what was frozen.
        corrections: of the close, in order.
        totals: what its sources themselves say that the month came to. Told to people; nothing
            waits for it.
    """

    scope: CloseScope
    key: str
    invoices: list[Reconciled]
    checks: list[Check]
    settled_from: dt.datetime
    request: ApprovalRequest | None
    close: PeriodClose | None
    corrections: list[CloseCorrection]
    totals: Sequence[ProviderTotal] = ()

    @property
    def problems(self) -> list[str]:
        """Why it cannot be asked for, one sentence each."""
        return [problem for check in self.checks for problem in check.problems]

    @property
    def state(self) -> CloseState:
        if self.close is not None:
            return CloseState.CORRECTED if self.corrections else CloseState.CLOSED
        if self.request is not None:
            return CloseState.ASKED
        open_steps = {check.key for check in self.checks if not check.is_done}
        if not open_steps:
            return CloseState.READY
        return CloseState.WAITING if open_steps == {"settled"} else CloseState.DIFFERS

    @property
    def total_nano(self) -> int:
        return sum(each.invoice.total_nano for each in self.invoices)

    @property
    def without_document(self) -> list[Invoice]:
        """Invoices whose document is not attached. Told to people; nothing waits for it."""
        return [each.invoice for each in self.invoices if not each.invoice.document_sha256]


def close_key(scope: CloseScope) -> str:
    """Names an open scope: month and a digest of the rest. What has been asked for or closed keeps
    the name that it got then."""
    return close_subject(str(scope.month), scope.folded, scope.account, scope.currency)


def checklists(month: Month, *, now: dt.datetime) -> tuple[Reconciliation, list[Checklist]]:
    """The month and the checklist of each of its scopes. A constant number of queries."""
    found = reconcile(month)
    return found, checklists_of(found, now=now)


@dataclass(frozen=True, slots=True)
class CloseEvents:
    """What people have done about the closes of a month, and what stands against one.

    Attributes:
        corrections: of each close, in order.
        requests: those that wait for a second person, spelled as they were asked for.
        pending: whether a rule is still being applied.
        doubled: money that seems to be in the month twice.
        totals: what sources say that the month came to, by connection.
    """

    closes: list[PeriodClose]
    corrections: dict[int, list[CloseCorrection]]
    requests: list[tuple[CloseScope, ApprovalRequest]]
    pending: bool
    doubled: Sequence[Suspicion]
    totals: ByConnection


def closes_of_month(
    month: Month, *, until: dt.datetime | None = None
) -> tuple[list[PeriodClose], dict[int, list[CloseCorrection]]]:
    """Its closes, and the corrections of each in order; with `until`, those of then."""
    closes = PeriodClose.objects.filter(by_then("closed_at", until), month=month.start)
    corrections: dict[int, list[CloseCorrection]] = {}
    rows = CloseCorrection.objects.filter(by_then("recorded_at", until), close__month=month.start)
    for each in rows.order_by("number"):
        corrections.setdefault(each.close_id, []).append(each)
    return list(closes.select_related("asked_by", "closed_by")), corrections


def requests_of_month(
    month: Month, requests: QuerySet[ApprovalRequest]
) -> list[tuple[CloseScope, ApprovalRequest]]:
    """Of these requests, those to close a scope of a month. One query."""
    own = requests.filter(kind=CLOSE_KIND, subject__startswith=f"{month}-")
    return [(scope_of_request(each.payload), each) for each in own.select_related("author")]


def close_events(month: Month) -> CloseEvents:
    """Those of now. Seven queries, nine where two sources have a provider in common."""
    closes, corrections = closes_of_month(month)
    pending = ApprovalRequest.objects.filter(status=ApprovalStatus.PENDING)
    return CloseEvents(
        closes,
        corrections,
        requests_of_month(month, pending),
        pending=AllocationRule.objects.filter(pending_since__isnull=False).exists(),
        doubled=suspicions_of_month(month),
        totals=provider_totals(month),
    )


def checklists_of(
    found: Reconciliation, *, now: dt.datetime, events: CloseEvents | None = None
) -> list[Checklist]:
    """The checklists of a month that has been reconciled, with the queries of `close_events`.

    Args:
        events: those of another moment than now; then `now` is that moment.
    """
    events = events or close_events(found.month)
    closed = ClosedScopes(events.closes)
    asked = {
        scope: (scope, request) for scope, request in events.requests if request.expires_at > now
    }
    lists = []
    # What was closed stays to be seen, also when its last invoice has gone to another scope.
    of_closes = {scope_of_close(each) for each in events.closes}
    for scope in sorted({*found.scopes(), *of_closes}):
        closes = closed.all_of(scope)
        if not closes:
            scope, request = asked.get(scope, (scope, None))
            lists.append(_checklist(found, scope, events, now, request=request))
        for close in closes:
            part = closed.part_of(found, close)
            lists.append(_checklist(part, scope_of_close(close), events, now, close=close))
    return lists


def _checklist(
    found: Reconciliation,
    scope: CloseScope,
    events: CloseEvents,
    now: dt.datetime,
    *,
    request: ApprovalRequest | None = None,
    close: PeriodClose | None = None,
) -> Checklist:
    invoices = found.of_scope(scope)
    settled = _settled_from(found, scope, invoices)
    checks = [
        Check("imported", "Imported", tuple(_not_imported(invoices)), _lines_text(invoices)),
        Check("matched", "Matched", tuple(_not_matched(invoices))),
        Check("once", "Counted once", tuple(_maybe_twice(invoices, events.doubled))),
        Check("allocated", "Allocated", tuple(_not_allocated(invoices, events.pending))),
        Check("explained", "Variance explained", tuple(_not_explained(invoices))),
        Check("settled", "Settled at the source", tuple(_not_settled(invoices, settled, now)),
              _rules_text(invoices)),
    ]  # fmt: skip
    if close is not None:
        key = close.key
    else:
        key = request.subject if request is not None else close_key(scope)
    return Checklist(
        scope=scope,
        key=key,
        invoices=invoices,
        checks=checks,
        settled_from=settled,
        request=request,
        close=close,
        corrections=events.corrections.get(close.pk, []) if close else [],
        totals=tuple(_totals(invoices, events.totals)),
    )


def _totals(invoices: Sequence[Reconciled], totals: ByConnection) -> Iterator[ProviderTotal]:
    for connection in sorted(
        {group.key.connection_id for each in invoices for group in each.groups}
    ):
        yield from totals.get(connection, ())


def _lines_text(invoices: Sequence[Reconciled]) -> str:
    lines = sum(each.lines for each in invoices)
    text = f"{lines:,} cost line{'' if lines == 1 else 's'}"
    bare = [each.invoice.number for each in invoices if _needs_no_lines(each)]
    return f"{text}; no lines are expected for {', '.join(bare)}" if bare else text


def _needs_no_lines(each: Reconciled) -> bool:
    """A credit memo or a bill of fees: it claims no lines, and without any it is all accounted for.

    An invoice over nothing has to say itself that it counts no lines: lines that cancel each other
    out may be missing.
    """
    said = each.tax_nano, each.credits_nano, each.rounding_nano, each.explained_nano
    is_made_up = any(said) or each.invoice.stated_lines == 0
    return each.matched_by == MatchedBy.NOTHING and each.ties and is_made_up


def _not_imported(invoices: Sequence[Reconciled]) -> Iterator[str]:
    for each in invoices:
        if _needs_no_lines(each):
            continue
        if not each.lines and each.matched_by != MatchedBy.AMBIGUOUS:
            yield f"Invoice {each.invoice.number}: no cost line has been imported for it."


def _not_matched(invoices: Sequence[Reconciled]) -> Iterator[str]:
    for each in invoices:
        number, invoice = each.invoice.number, each.invoice
        if each.matched_by == MatchedBy.AMBIGUOUS:
            yield (
                f"Invoice {number}: another invoice claims the same lines; give the invoices "
                "accounts, or the lines invoice numbers."
            )
        if invoice.stated_lines is not None and invoice.stated_lines != each.lines:
            yield (
                f"Invoice {number}: {each.lines:,} lines found, the issuer counts "
                f"{invoice.stated_lines:,}."
            )
        yield from _differs(each, "effective cost", invoice.effective_nano, each.effective_nano)
        if invoice.tax_in_lines:
            yield from _differs(each, "tax", invoice.tax_nano, each.tax_lines_nano)
        elif each.tax_lines_nano:
            yield f"Invoice {number}: the lines hold tax, and the invoice says that they do not."
        if invoice.credits_in_lines:
            yield from _differs(each, "credits", invoice.credits_nano, each.credit_lines_nano)
        elif each.credit_lines_nano:
            yield f"Invoice {number}: the lines hold credits, and the invoice says otherwise."


def _maybe_twice(invoices: Sequence[Reconciled], doubled: Sequence[Suspicion]) -> Iterator[str]:
    """Lines of this scope that another source seems to bring as well."""
    own = {
        (group.key.connection_id, same_provider_name(group.key.provider), group.key.currency)
        for each in invoices
        for group in each.groups
    }
    for each in doubled:
        what = same_provider_name(each.suspect.provider), each.suspect.currency
        if own & {(each.first.pk, *what), (each.second.pk, *what)}:
            yield f"{each.text} Say which counts, or that it is different money (Overlaps)."


def _differs(each: Reconciled, what: str, stated: int | None, found: int) -> Iterator[str]:
    """A stated amount is a control: it must agree, or a person must have explained that part."""
    if stated is None:
        return
    explained = sum(
        variance.amount_nano for variance in each.variances if _explains(variance.reason, what)
    )
    if stated != found + explained:
        yield (
            f"Invoice {each.invoice.number}: {what} of {nano_text(found)} found, "
            f"{nano_text(stated)} {each.invoice.currency} stated."
        )


def _explains(reason: str, what: str) -> bool:
    return {"tax": "tax_not_in_lines", "credits": "credit_not_in_lines"}.get(what) == reason


def _not_allocated(invoices: Sequence[Reconciled], pending: bool) -> Iterator[str]:
    if pending:
        yield "A rule is still being applied; wait until it has reached every line."
    for each in invoices:
        if each.placed_nano != each.lines_nano:
            yield (
                f"Invoice {each.invoice.number}: {nano_text(each.lines_nano - each.placed_nano)} "
                f"{each.invoice.currency} lies nowhere; run the command `allocate`."
            )


def _not_explained(invoices: Sequence[Reconciled]) -> Iterator[str]:
    for each in invoices:
        if not each.ties:
            yield (
                f"Invoice {each.invoice.number}: {nano_text(each.residual_nano)} "
                f"{each.invoice.currency} is not explained."
            )


def _settled_from(
    found: Reconciliation, scope: CloseScope, invoices: Sequence[Reconciled]
) -> dt.datetime:
    keys = [group.key for each in invoices for group in each.groups]
    by_source: dict[str, dt.datetime] = {}
    for source in {key.source for key in keys}:
        own = [key for key in keys if key.source == source]
        by_source[source] = settled_from(
            rule_of(source), scope.month, revised_at=found.lines.revised_at(own)
        )
    end = dt.datetime.combine(scope.month.end, dt.time(), tzinfo=dt.UTC)
    return max(by_source.values(), default=end)


def _not_settled(
    invoices: Sequence[Reconciled], settled: dt.datetime, now: dt.datetime
) -> Iterator[str]:
    if now < settled:
        yield f"The source may still revise it; it is settled from {moment_text(settled)} on."
    for each in invoices:
        bare = sum(
            group.lines
            for group in each.groups
            if rule_of(group.key.source).needs_invoice_id and not group.key.invoice_id
        )
        if bare:
            yield f"Invoice {each.invoice.number}: {bare:,} lines carry no invoice id yet."


def _rules_text(invoices: Sequence[Reconciled]) -> str:
    sources = sorted({group.key.source for each in invoices for group in each.groups})
    return "; ".join(f"{source}: {rule_of(source).why}" for source in sources)
