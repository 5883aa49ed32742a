"""Requests for approval: list, read, decide, withdraw."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, ClassVar

from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request

from portal.api.approval_shapes import (
    ApprovalQuery,
    ApprovalSerializer,
    ApprovalSummarySerializer,
    ReasonSerializer,
)
from portal.api.errors import (
    CHANGED_SINCE,
    FORBIDDEN,
    NOT_PENDING,
    PERSON_NEEDED,
    SECOND_PERSON,
    FieldProblem,
    Problem,
    ProblemType,
    invalid,
)
from portal.api.etags import hash_tag, required_hash, stale
from portal.api.idempotency import Answer, answer_once
from portal.api.schema import operation, page_of, path_id
from portal.api.views import (
    ApiView,
    absolute,
    address,
    conditional,
    list_response,
    read_body,
    read_query,
    signed_in,
)
from portal.approvals.difference import changes_of
from portal.approvals.errors import (
    ApprovalRefusedError,
    ChangedSinceError,
    NotPendingError,
    SamePersonError,
)
from portal.approvals.second_person import approver_roles_of, check_second_person
from portal.choices import ApprovalOutcome, ApprovalStatus
from portal.models import ApiToken, ApprovalRequest
from portal.selectors.approvals import (
    is_open,
    kind_label,
    requests_visible_to,
    standing_of,
    waiting_for,
)
from portal.services.approvals import decide, recheck, withdraw

TAG = "Approvals"
ID = path_id("pk", "The request.")
_NEVER_BY_TOKEN = "Approvals are decided and withdrawn by a signed-in person, never by a token."  # noqa: S105  (a sentence)


def _status(request_: ApprovalRequest, at: dt.datetime) -> str:
    """A request that is over is over, whether or not the hourly job has closed it."""
    if request_.status == ApprovalStatus.PENDING and not is_open(request_, at=at):
        return ApprovalStatus.EXPIRED.value
    return str(request_.status)


def _summary(request: Request, found: ApprovalRequest, at: dt.datetime) -> dict[str, Any]:
    decision = getattr(found, "decision", None)
    return {
        "id": found.pk,
        "kind": found.kind,
        "kind_label": kind_label(found.kind),
        "subject": found.subject,
        "title": found.title,
        "status": _status(found, at),
        "author": found.author.username,
        "approver_roles": approver_roles_of(found),
        "policy_version": found.policy_version,
        "content_hash": found.content_hash,
        "under_break_glass": decision is not None and decision.break_glass_id is not None,
        "requested_at": found.requested_at,
        "expires_at": found.expires_at,
        "closed_at": found.closed_at,
        "url": address(request, "api-approval", found.pk),
        "page_url": absolute(request, reverse("approval", args=[found.pk])),
    }


def _detail(request: Request, found: ApprovalRequest, at: dt.datetime) -> dict[str, Any]:
    standing = standing_of(signed_in(request), found, at=at)
    return {
        **_summary(request, found, at),
        "reason": found.reason,
        "changes": [
            {
                "field": change.label,
                "change": change.mark.value,
                "before": change.before,
                "after": change.after,
            }
            for change in changes_of(found.content)
        ],
        "facts": [{"name": label, "text": text} for label, text in found.content["facts"]],
        "parties": [
            {"user": party.user.username, "part": party.part}
            for party in found.parties.select_related("user").order_by("pk")
        ],
        "decision": _decision(found),
        "closed_why": found.closed_why,
        "may_decide": standing.may_decide and not isinstance(request.auth, ApiToken),
        "why_not": _NEVER_BY_TOKEN if isinstance(request.auth, ApiToken) else standing.why_not,
        "subject_url": absolute(request, found.url),
    }


def _decision(found: ApprovalRequest) -> dict[str, Any] | None:
    decision = getattr(found, "decision", None)
    if decision is None:
        return None
    return {
        "outcome": decision.outcome,
        "approver": decision.approver.username,
        "reason": decision.reason,
        "decided_at": decision.decided_at,
        "channel": decision.channel,
        "break_glass": decision.break_glass_id,
    }


def _read(request: Request, pk: int) -> ApprovalRequest:
    rows = requests_visible_to(request.user).select_related("author", "decision__approver")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


class ApprovalsView(ApiView):
    """All requests."""

    scopes: ClassVar[dict[str, str]] = {"GET": "approvals:read"}

    @operation(
        "approvals_list",
        "List requests for approval, newest first",
        tag=TAG,
        answer=page_of(ApprovalSummarySerializer),
        query=ApprovalQuery,
        paged=True,
    )
    def get(self, request: Request) -> Any:
        wanted = read_query(request, ApprovalQuery).validated_data
        now = timezone.now()
        rows = requests_visible_to(request.user).select_related("author", "decision")
        view = wanted.pop("view", "all")
        if view == "waiting":
            rows = rows.filter(pk__in=waiting_for(request.user, at=now).order_by().values("pk"))
        elif view == "mine":
            rows = rows.filter(author_id=request.user.pk)
        return list_response(
            request,
            rows.filter(**wanted),
            lambda found: [_summary(request, each, now) for each in found],
            ordering=("-id",),
        )


class ApprovalView(ApiView):
    """One request."""

    scopes: ClassVar[dict[str, str]] = {"GET": "approvals:read"}

    @operation(
        "approval_read",
        "Read a request for approval",
        tag=TAG,
        description="Its ETag begins with the content hash: what a decision must name.",
        answer=ApprovalSerializer,
        parameters=[ID],
        found_by_path=True,
    )
    def get(self, request: Request, pk: int) -> Any:
        return _answer(request, pk)


def _answer(request: Request, pk: int) -> Any:
    found = _read(request, pk)
    detail = _detail(request, found, timezone.now())
    return conditional(request, hash_tag(request, found.content_hash, detail), lambda: detail)


class _ActionView(ApiView):
    """What a person does about a request; a token never does."""

    def check_permissions(self, request: Request) -> None:
        """Refuse tokens with the reason, before anything else is looked at."""
        if isinstance(request.auth, ApiToken):
            raise Problem(PERSON_NEEDED, _NEVER_BY_TOKEN)
        super().check_permissions(request)

    def check_may(self, request: Request, found: ApprovalRequest) -> None:
        """Say to those who may not decide why, whatever else is wrong with their request.

        Raises:
            Problem: 403.
        """
        person, now = signed_in(request), timezone.now()
        if not is_open(found, at=now) or standing_of(person, found, at=now).may_approve:
            return
        try:
            check_second_person(found, person, now)
        except ApprovalRefusedError as error:
            raise problem_of(error) from error

    def act(self, request: Request, pk: int, work: Callable[[str, str], object]) -> Any:
        """Do `work(content hash, reason)` once, and answer with the request as it is then."""
        found = _read(request, pk)
        self.check_may(request, found)
        seen = required_hash(request)
        reason = read_body(request, ReasonSerializer).validated_data.get("reason", "")

        def do() -> Answer:
            work(seen, reason)
            now = _read(request, pk)
            detail = _detail(request, now, timezone.now())
            return Answer(200, detail, {"ETag": hash_tag(request, now.content_hash, detail)})

        try:
            return answer_once(request, do)
        except ApprovalRefusedError as error:
            if isinstance(error, ChangedSinceError) and error.code == "changed":
                # The transaction that found it was undone; whoever asked should learn it now.
                recheck(kind=found.kind, subject=found.subject, at=timezone.now())
            raise problem_of(error) from error


def problem_of(error: ApprovalRefusedError) -> Problem:
    """A refusal as the API tells it."""
    if error.code == "no_reason":
        return invalid({"reason": [FieldProblem("required", error.reason)]})
    if error.code == "not_what_you_saw":
        return stale(error.reason)
    kind: ProblemType = FORBIDDEN
    if isinstance(error, SamePersonError):
        kind = SECOND_PERSON
    elif isinstance(error, NotPendingError):
        kind = NOT_PENDING
    elif isinstance(error, ChangedSinceError):
        kind = CHANGED_SINCE
    elif error.code == "not_a_person":
        kind = PERSON_NEEDED
    return Problem(kind, error.reason)


def _decide(view: _ActionView, request: Request, pk: int, outcome: ApprovalOutcome) -> Any:
    return view.act(
        request,
        pk,
        lambda seen, reason: decide(
            request_id=pk,
            approver=signed_in(request),
            outcome=outcome,
            seen_hash=seen,
            reason=reason,
            at=timezone.now(),
        ),
    )


_REFUSALS = (SECOND_PERSON, NOT_PENDING, CHANGED_SINCE)


class ApproveView(_ActionView):
    """Approving."""

    @operation(
        "approval_approve",
        "Approve exactly what was read",
        tag=TAG,
        description="For a signed-in person without a hand in it; never for a token. What is "
        "approved is carried out at once.",
        answer=ApprovalSerializer,
        body=ReasonSerializer,
        parameters=[ID],
        governed=True,
        keyed=True,
        found_by_path=True,
        problems=_REFUSALS,
    )
    def post(self, request: Request, pk: int) -> Any:
        return _decide(self, request, pk, ApprovalOutcome.APPROVE)


class RejectView(_ActionView):
    """Rejecting."""

    @operation(
        "approval_reject",
        "Reject, saying why",
        tag=TAG,
        description="For a signed-in person without a hand in it; never for a token.",
        answer=ApprovalSerializer,
        body=ReasonSerializer,
        parameters=[ID],
        governed=True,
        keyed=True,
        found_by_path=True,
        problems=_REFUSALS,
    )
    def post(self, request: Request, pk: int) -> Any:
        return _decide(self, request, pk, ApprovalOutcome.REJECT)


class WithdrawView(_ActionView):
    """Taking one's own request back."""

    def check_may(self, request: Request, found: ApprovalRequest) -> None:
        """Only the author.

        Raises:
            Problem: 403.
        """
        if found.author_id != request.user.pk:
            raise Problem(FORBIDDEN, "Only the person who asked can withdraw it.")

    @operation(
        "approval_withdraw",
        "Withdraw your own request",
        tag=TAG,
        description="For the person who asked; never for a token.",
        answer=ApprovalSerializer,
        body=ReasonSerializer,
        parameters=[ID],
        governed=True,
        keyed=True,
        found_by_path=True,
        problems=(NOT_PENDING,),
    )
    def post(self, request: Request, pk: int) -> Any:
        def work(seen: str, reason: str) -> None:
            if seen != _read(request, pk).content_hash:
                raise stale()
            withdraw(request_id=pk, actor=signed_in(request), reason=reason, at=timezone.now())

        return self.act(request, pk, work)
