"""The inbox and the page of a request: who sees what, who may press what, what a refusal says."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.choices import ApprovalOutcome, Role
from portal.models import ApprovalRequest, Connection, RoleGrant, User
from portal.services.approvals import decide
from portal.services.break_glass import open_break_glass
from tests.portal.approvals.people import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def at_page(client: Client) -> Callable[[User], Client]:
    def sign_in(person: User) -> Client:
        client.force_login(person)
        return client

    return sign_in


def press(client: Client, asked: ApprovalRequest, outcome: str, **changes: str) -> int:
    data = {"outcome": outcome, "seen": asked.content_hash, "reason": ""} | changes
    return client.post(f"/approvals/{asked.pk}/decide/", data).status_code


def said(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_the_inbox_shows_first_what_waits_for_the_reader_and_nothing_else(
    cast: Cast, at_page: Callable[[User], Client]
) -> None:
    cast.ask()
    assert "Call it New" in said(at_page(cast.kwame), "/approvals/")
    for other in (cast.ruth, cast.ed, cast.ada, cast.mira):
        page = said(at_page(other), "/approvals/")
        assert "Call it New" not in page
        assert "Nothing waits for your decision" in page
        assert "Call it New" in said(at_page(other), "/approvals/?view=open")
    assert "Call it New" in said(at_page(cast.ruth), "/approvals/?view=mine")
    assert "Call it New" not in said(at_page(cast.kwame), "/approvals/?view=mine")
    assert "Call it New" not in said(at_page(cast.kwame), "/approvals/?view=decided")


def test_a_role_that_does_not_count_yet_brings_nothing_into_the_inbox(
    cast: Cast, at_page: Callable[[User], Client]
) -> None:
    asked = cast.ask()
    soon = timezone.now() + dt.timedelta(hours=1)
    RoleGrant.objects.create(
        user=cast.mira, role=Role.APPROVER, granted_at=timezone.now(), counts_from=soon
    )
    assert "Call it New" not in said(at_page(cast.mira), "/approvals/")
    assert "too new" in said(at_page(cast.mira), f"/approvals/{asked.pk}/")


def test_the_list_is_exported_as_it_is_filtered(
    cast: Cast, at_page: Callable[[User], Client]
) -> None:
    cast.ask()
    answer: Any = at_page(cast.kwame).get("/approvals/?kind=test.label&export=csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["Request"], row["Kind"], row["Asked by"], row["Status"]) == (
        "Call it New",
        "Label",
        "Ruth",
        "Waiting",
    )


def test_the_page_shows_the_difference_by_word_and_mark_the_facts_and_whose_hands_are_in_it(
    cast: Cast, at_page: Callable[[User], Client]
) -> None:
    asked = cast.ask()
    page = said(at_page(cast.kwame), f"/approvals/{asked.pk}/")
    assert '<span class="change-mark">Changed</span> Name' in page
    assert "<del>Cloud</del>" in page
    assert "<ins>New</ins>" in page
    assert "<dt>Source</dt><dd>focus</dd>" in page
    assert "It reads better." in page
    assert "Ed <span" in page
    assert asked.content_hash[:12] in page
    assert f'name="seen" value="{asked.content_hash}"' in page


def test_who_may_decide_gets_the_buttons_and_who_may_not_is_told_why(
    cast: Cast, at_page: Callable[[User], Client]
) -> None:
    path = f"/approvals/{cast.ask().pk}/"
    assert 'value="approve"' in said(at_page(cast.kwame), path)
    for person, why in (
        (cast.ruth, "you have a hand in this: asked for it"),
        (cast.ed, "you have a hand in this: edited what it shows"),
        (cast.ada, "Approver or finance can."),
        (cast.mira, "Approver or finance can."),
    ):
        page = said(at_page(person), path)
        assert why in page
        assert 'value="approve"' not in page
    assert "Withdraw the request" in said(at_page(cast.ruth), path)
    assert "Withdraw the request" not in said(at_page(cast.kwame), path)


def test_approving_carries_it_out_and_the_page_says_who_did(
    cast: Cast, at_page: Callable[[User], Client]
) -> None:
    asked = cast.ask()
    assert press(at_page(cast.kwame), asked, "approve") == 302
    assert Connection.objects.get().name == "New"
    page = said(at_page(cast.mira), f"/approvals/{asked.pk}/")
    assert "by Kwame" in page
    assert "as a second person" in page
    assert "Page" in page
    assert press(at_page(cast.kwame), asked, "approve") == 409


def test_a_rejection_needs_a_reason_and_the_author_reads_it_at_home(
    cast: Cast, at_page: Callable[[User], Client]
) -> None:
    asked = cast.ask()
    assert "Waits for your decision" in said(at_page(cast.kwame), "/")
    answer = at_page(cast.kwame).post(
        f"/approvals/{asked.pk}/decide/",
        {"outcome": "reject", "seen": asked.content_hash, "reason": " "},
    )
    assert "Say why" in answer.content.decode()
    assert press(at_page(cast.kwame), asked, "reject", reason="It is on invoices.") == 302
    page = said(at_page(cast.ruth), "/")
    assert "What became of your requests" in page
    assert "It is on invoices." in page
    assert "Waits for your decision" not in said(at_page(cast.kwame), "/")


@pytest.mark.parametrize("who", ["ruth", "ed", "ada", "mira"])
def test_pressing_without_being_allowed_is_refused_with_the_sentence(
    cast: Cast, at_page: Callable[[User], Client], who: str
) -> None:
    asked = cast.ask()
    client = at_page(getattr(cast, who))
    answer = client.post(
        f"/approvals/{asked.pk}/decide/", {"outcome": "approve", "seen": asked.content_hash}
    )
    assert answer.status_code == 403
    assert "Nothing was decided." in answer.content.decode()
    assert Connection.objects.get().name == "Cloud"


def test_what_was_changed_after_the_page_was_opened_is_not_decided(
    cast: Cast, at_page: Callable[[User], Client]
) -> None:
    asked = cast.ask()
    assert press(at_page(cast.kwame), asked, "approve", seen="0" * 64) == 409
    Connection.objects.update(is_active=False)
    assert press(at_page(cast.kwame), asked, "approve") == 409
    asked.refresh_from_db()
    assert (asked.status, Connection.objects.get().name) == ("voided", "Cloud")
    assert "changed since it was asked" in said(at_page(cast.ruth), "/")


def test_only_the_author_withdraws(cast: Cast, at_page: Callable[[User], Client]) -> None:
    asked = cast.ask()
    path = f"/approvals/{asked.pk}/withdraw/"
    assert at_page(cast.kwame).post(path).status_code == 403
    assert at_page(cast.ruth).post(path, {"reason": "A mistake."}).status_code == 302
    assert at_page(cast.ruth).post(path).status_code == 409
    assert press(at_page(cast.kwame), asked, "approve") == 409


def test_an_expired_request_says_so_before_the_hourly_job_closes_it(
    cast: Cast, at_page: Callable[[User], Client]
) -> None:
    asked = cast.ask()
    rows = ApprovalRequest.objects.filter(pk=asked.pk)
    from django.db import connection

    from portal.approvals.triggers import remove

    remove(connection)  # what was asked is never changed; here time is to have passed
    before = timezone.now() - dt.timedelta(days=20)
    rows.update(requested_at=before, expires_at=before + dt.timedelta(days=14))
    page = said(at_page(cast.kwame), f"/approvals/{asked.pk}/")
    assert "Nobody decided in time." in page
    assert 'value="approve"' not in page
    assert "Call it New" not in said(at_page(cast.kwame), "/approvals/")
    assert press(at_page(cast.kwame), asked, "approve") == 409


def test_what_was_decided_under_break_glass_is_marked_wherever_it_is_shown(
    cast: Cast, at_page: Callable[[User], Client]
) -> None:
    asked = cast.ask()
    now = timezone.now()
    glass = open_break_glass(
        actor=cast.ada, reason="Everybody else is away.", lasting=dt.timedelta(hours=1), at=now
    )
    page = said(at_page(cast.ada), f"/approvals/{asked.pk}/")
    assert "You would approve alone, under break-glass." in page
    assert 'value="reject"' not in page
    assert press(at_page(cast.ada), asked, "approve") == 302
    for path in (f"/approvals/{asked.pk}/", "/approvals/?view=decided"):
        assert "nder break-glass" in said(at_page(cast.kwame), path)
    assert "under break-glass" in said(at_page(cast.ruth), "/")
    assert "Call it New" in said(at_page(cast.mira), f"/approvals/break-glass/{glass.pk}/")


def test_a_decision_by_command_is_told_as_such(
    cast: Cast, at_page: Callable[[User], Client]
) -> None:
    asked = cast.ask()
    decide(
        request_id=asked.pk,
        approver=cast.kwame,
        outcome=ApprovalOutcome.APPROVE,
        seen_hash=asked.content_hash,
        reason="Seen.",
        at=timezone.now(),
    )
    assert "The portal itself" in said(at_page(cast.ruth), f"/approvals/{asked.pk}/")
