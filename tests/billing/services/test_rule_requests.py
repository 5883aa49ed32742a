"""The end of a rule is asked for once; what a request would do is read as things are now."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connection

from billing.approvals import RULE_KIND
from billing.models import AllocationRule
from billing.services.allocation_rules import RuleRefusedError
from billing.services.rule_requests import asked_change, request_end, request_replacement
from portal.approvals.registry import SubjectGoneError
from portal.choices import ApprovalStatus, Role
from portal.models import ApprovalRequest, User
from portal.services.approvals import withdraw
from tests.adoption.factories import make_use_case, make_user
from tests.approving import approve
from tests.billing.factories import give_all, make_draft
from tests.imports import START

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]
LATER = START + dt.timedelta(hours=1)


@pytest.fixture
def finance() -> User:
    return make_user(Role.FINANCE, name="Fay Finance")


@pytest.fixture
def rule() -> AllocationRule:
    return give_all(make_use_case())


def ask_for_end(rule: AllocationRule, actor: User, *, at: dt.datetime = LATER) -> ApprovalRequest:
    return request_end(rule_id=rule.pk, reason="The pilot is over.", actor=actor, at=at)


def waiting() -> list[int]:
    rows = ApprovalRequest.objects.filter(kind=RULE_KIND, status=ApprovalStatus.PENDING)
    return list(rows.values_list("pk", flat=True))


def test_the_end_of_a_rule_is_asked_for_once(finance: User, rule: AllocationRule) -> None:
    first = ask_for_end(rule, finance)
    for person in (finance, make_user(Role.FINANCE)):
        with pytest.raises(RuleRefusedError, match="Fay Finance has asked to end this rule"):
            ask_for_end(rule, person)
    assert waiting() == [first.pk]
    withdraw(request_id=first.pk, actor=finance, reason="Wrong rule.", at=LATER)
    second = ask_for_end(rule, finance)
    approve(second, at=LATER)
    rule.refresh_from_db()
    assert rule.retired_at == LATER


def test_a_request_that_has_run_out_stands_in_nobodys_way(
    finance: User, rule: AllocationRule
) -> None:
    first = ask_for_end(rule, finance)
    second = ask_for_end(rule, finance, at=first.expires_at)
    assert waiting() == [second.pk]


def test_an_end_takes_the_place_of_ones_own_change(finance: User, rule: AllocationRule) -> None:
    changed = make_draft((make_use_case(), 500_000))
    request_replacement(rule_id=rule.pk, draft=changed, reason="Half.", actor=finance, at=LATER)
    end = ask_for_end(rule, finance)
    assert waiting() == [end.pk]


def test_what_is_asked_is_read_against_the_live_version(
    finance: User, rule: AllocationRule
) -> None:
    end = ask_for_end(rule, finance)
    asked = asked_change(end.subject, end.payload)
    assert (asked.live, asked.draft) == (rule, None)
    approve(end, at=LATER)
    with pytest.raises(SubjectGoneError):
        asked_change(end.subject, end.payload)


@pytest.mark.django_db(transaction=True)
def test_of_two_clicks_at_once_one_is_refused(finance: User, rule: AllocationRule) -> None:
    start = threading.Barrier(2)
    refused: list[str] = []

    def click() -> None:
        start.wait(20)
        try:
            ask_for_end(rule, finance)
        except RuleRefusedError as error:
            refused.append(error.reason)
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(waiting()), len(refused)) == (1, 1)
    assert ApprovalRequest.objects.filter(target="end@1").count() == 1
