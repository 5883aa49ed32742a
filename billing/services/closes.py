"""Closing a month: one person asks once everything ties, another closes exactly those figures."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q

from billing.approvals import CLOSE_KIND, close_address, close_target
from billing.models import Charge, ChargeSlice, ClosedPart, Invoice, PeriodClose
from billing.policies import may_ask_for_close
from billing.selectors.close_checks import Checklist, checklists_of
from billing.selectors.close_figures import (
    COMPONENTS,
    Figures,
    figures_hash,
    figures_of,
    total_nano,
)
from billing.selectors.closed_scopes import closed_scopes, scope_of_request
from billing.selectors.invoice_hands import hands_of_invoices
from billing.selectors.reconciliation import CloseScope, Reconciliation, reconcile
from billing.services.rollups import refresh_daily_costs
from portal.approvals.errors import ApprovalRefusedError
from portal.approvals.registry import ApprovalKind, Content, Payload, SubjectGoneError
from portal.choices import Role
from portal.imports.lock import lock_connection
from portal.models import ApprovalRequest, User
from portal.policies import AnyUser
from portal.services.approvals import recheck, request_approval
from portal.services.webhooks import publish
from portal.shell.money import nano_text
from portal.shell.periods import Month

log = structlog.get_logger(__name__)
CLOSED = "period.closed"  # the event that is published
_CLOSES = uuid.UUID("7d3c0c0e-5a53-4d0f-9d52-0f6f3f1d8a11")  # a name space of our own


class CloseRefusedError(ValueError):
    """The month cannot be closed like this. `problems` says everything that is missing."""

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


def request_close(
    *, scope: CloseScope, reason: str, actor: User, at: dt.datetime
) -> ApprovalRequest:
    """Ask for a close. It shows, and is bound to, exactly the figures of this moment.

    Raises:
        CloseRefusedError: something on the checklist is missing, the person may not ask, or
            somebody else has asked already.
    """
    if not may_ask_for_close(actor):
        raise CloseRefusedError("Your roles do not include asking for a close.")
    with transaction.atomic():
        lock_scopes([scope])
        asked = _check(reconcile(scope.month), scope, at)
        payload = {
            "month": str(asked.scope.month),
            "issuer": asked.scope.issuer,
            "account": asked.scope.account,
            "currency": asked.scope.currency,
        }
        try:
            return request_approval(
                kind=CLOSE_KIND, subject=asked.key, payload=payload, reason=reason, actor=actor,
                at=at,
            )  # fmt: skip
        except (ApprovalRefusedError, SubjectGoneError) as error:
            raise CloseRefusedError(str(error)) from error


def _check(found: Reconciliation, scope: CloseScope, at: dt.datetime) -> Checklist:
    """The checklist of a scope when everything on it is done.

    Raises:
        CloseRefusedError: it is not.
    """
    for each in checklists_of(found, now=at):
        if each.scope == scope:
            if each.close is not None:
                raise CloseRefusedError("This month is closed already.")
            if each.problems:
                raise CloseRefusedError(*each.problems)
            return each
    raise CloseRefusedError("There is no invoice for it.")


def lock_scopes(scopes: Collection[CloseScope]) -> None:
    """Hold still what scopes are made of: all their invoices, then the connections of their lines.

    Whoever writes an invoice takes it as well, so that none slips in beside a close.
    """
    if not scopes:
        return
    invoices, slices = Q(), Q()
    for scope in scopes:
        # Of every issuer: its name may be spelled otherwise.
        invoices |= Q(month=scope.month.start)
        slices |= Q(
            billing_period_start__gte=scope.month.start,
            billing_period_start__lt=scope.month.end,
            currency=scope.currency,
        )
    live = Invoice.objects.filter(invoices, superseded_at__isnull=True)
    list(live.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
    connections = ChargeSlice.objects.filter(slices).order_by("connection_id")
    for connection_id in connections.values_list("connection_id", flat=True).distinct():
        lock_connection(connection_id)


def recheck_closes(*, month: Month, at: dt.datetime) -> None:
    """Void requests about this month that no longer show what is there."""
    pending = ApprovalRequest.objects.filter(
        kind=CLOSE_KIND, status="pending", subject__startswith=f"{month}-"
    )
    for subject in sorted(set(pending.values_list("subject", flat=True))):
        recheck(kind=CLOSE_KIND, subject=subject, at=at)


def recheck_all_closes(*, at: dt.datetime) -> None:
    """The same for every month: after an import, which may have touched any."""
    pending = ApprovalRequest.objects.filter(kind=CLOSE_KIND, status="pending")
    for subject in sorted(set(pending.values_list("subject", flat=True))):
        recheck(kind=CLOSE_KIND, subject=subject, at=at)


# --- the kind of approval -------------------------------------------------------------------------


def describe_close(subject: str, payload: Payload) -> Content:
    """What the approver sees: every invoice with every amount, and the hash of all of it.

    Raises:
        SubjectGoneError: its invoices are gone, or it is closed already.
    """
    scope = scope_of_request(payload)
    if closed_scopes([scope.month.start]).of(scope) is not None:
        raise SubjectGoneError("This month is closed already.")
    found = reconcile(scope.month)
    invoices = found.of_scope(scope)
    if not invoices:
        raise SubjectGoneError("There is no invoice for it any more.")
    figures = figures_of(found, scope)
    after: dict[str, str | None] = {"State": "closed"}
    for each in figures["invoices"]:
        for name in ("total", *COMPONENTS, "residual"):
            label = f"Invoice {each['number']}, {name}"
            after[label] = f"{each[name]} {scope.currency}"
    digest = figures_hash(figures)
    hands = hands_of_invoices([each.invoice for each in invoices])
    hands |= {variance.recorded_by_id for each in invoices for variance in each.variances}
    return Content(
        title=f"Close {scope}",
        before={label: "open" if label == "State" else None for label in after},
        after=after,
        facts=tuple(_facts(figures, digest)),
        target=close_target(digest),
        url=close_address(str(scope.month)),
        editors=frozenset(hands),
    )


def _facts(figures: Figures, digest: str) -> list[tuple[str, str]]:
    found = []
    for each in figures["invoices"]:
        number = each["number"]
        found.append((f"Invoice {number}, cost lines", f"{each['lines']}, {each['basis']}"))
        found += [
            (
                f"Invoice {number}, explained",
                f"{item['amount']} {figures['currency']}, {item['reason']}: {item['note']} "
                f"({item['by']})",
            )
            for item in each["variances"]
        ]
    return [*found, ("Figures", digest)]


def lock_close(subject: str) -> None:
    """The lock of a subject: by the scope of the newest request, or of the invoices of its month.

    A subject names its scope by a digest, so the scope is looked up where it is written out.
    """
    asked = ApprovalRequest.objects.filter(kind=CLOSE_KIND, subject=subject).order_by("-pk").first()
    if asked is not None:
        lock_scopes([scope_of_request(asked.payload)])


def apply_close(request: ApprovalRequest, approver: User, at: dt.datetime) -> None:
    """Freeze the figures and mark the lines.

    Raises:
        ApprovalRefusedError: the checklist is no longer complete.
    """
    scope = scope_of_request(request.payload)
    found = reconcile(scope.month)
    try:
        checked = _check(found, scope, at)
    except CloseRefusedError as error:
        raise ApprovalRefusedError("not_ready", str(error)) from error
    figures = figures_of(found, scope)
    close = PeriodClose.objects.create(
        key=request.subject,
        month=scope.month.start,
        issuer=scope.issuer,
        billing_account_id=scope.account,
        currency=scope.currency,
        total_nano=total_nano(figures),
        figures=figures,
        figures_hash=figures_hash(figures),
        approval=request,
        asked_by=request.author,
        closed_by=approver,
        closed_at=at,
    )
    _mark_lines(close, checked, at)
    publish(event=CLOSED, event_id=uuid.uuid5(_CLOSES, close.key), data=_told(close), at=at)
    log.info("period_closed", close=close.key, figures=close.figures_hash, approver=approver.pk)


def _told(close: PeriodClose) -> dict[str, Any]:
    """What receivers get: what was closed, and nobody's name."""
    return {
        "close": close.key,
        "month": str(Month.of(close.month)),
        "issuer": close.issuer,
        "billing_account": close.billing_account_id,
        "currency": close.currency,
        "total": nano_text(close.total_nano),
        "invoices": [
            {"number": each["number"], "total": each["total"]} for each in close.figures["invoices"]
        ],
        "figures_sha256": close.figures_hash,
    }


def _mark_lines(close: PeriodClose, checked: Checklist, at: dt.datetime) -> None:
    """Say of every slice and invoice in it that it is closed, and let the roll-ups know."""
    keys = {
        (group.key.connection_id, group.key.account, group.key.invoice_issuer, group.key.provider,
         group.key.invoice_id)
        for each in checked.invoices
        for group in each.groups
    }  # fmt: skip
    month = checked.scope.month
    lines = Charge.objects.filter(
        slice__billing_period_start__gte=month.start,
        slice__billing_period_start__lt=month.end,
        currency=close.currency,
        superseded_at__isnull=True,
    )
    days: dict[int, set[dt.date]] = {}
    parts: list[ClosedPart] = []
    names = (
        "slice__connection_id", "slice__billing_account_id", "dimension__invoice_issuer",
        "dimension__provider", "dimension__invoice_id", "slice_id", "day",
    )  # fmt: skip
    for row in lines.order_by("slice_id").values(*names).distinct():
        key: tuple[Any, ...] = tuple(row[name] for name in names[:5])
        if key not in keys:
            continue
        days.setdefault(row["slice__connection_id"], set()).add(row["day"])
        parts.append(
            ClosedPart(
                close=close,
                slice_id=row["slice_id"],
                invoice_issuer=row["dimension__invoice_issuer"],
                provider=row["dimension__provider"],
                invoice_id=row["dimension__invoice_id"],
                closed_at=at,
            )
        )
    ClosedPart.objects.bulk_create(parts, batch_size=500)
    for connection_id in sorted(days):
        refresh_daily_costs(connection_id=connection_id, days=days[connection_id])


def may_ask(user: AnyUser, subject: str) -> bool:
    return may_ask_for_close(user)


CLOSES = ApprovalKind(
    key=CLOSE_KIND,
    label="Period close",
    approver_roles=(Role.FINANCE, Role.APPROVER),
    describe=describe_close,
    lock=lock_close,
    apply=apply_close,
    may_request=may_ask,
)
