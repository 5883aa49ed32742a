"""The queue of unmapped values, the editor that it opens, and the page of overlaps."""

from __future__ import annotations

import datetime as dt
import json
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from billing.models import AllocationRule, ChargeDimension, MonthlyCost, SpendOverlap
from billing.selectors.past_unallocated import past_unallocated
from billing.selectors.unallocated import ATTRIBUTES, unallocated_candidates
from billing.selectors.unmapped import NAMING, with_hints
from billing.selectors.use_cases import all_use_case_names
from portal.choices import Role
from portal.shell.periods import Month
from tests.adoption.factories import make_use_case, make_user
from tests.approving import approve_all
from tests.billing.factories import give_all
from tests.imports import START, line, make_connection, run_import

pytestmark = pytest.mark.django_db
MAY = Month(2026, 5)


@pytest.fixture
def finance(client: Client) -> Client:
    client.force_login(make_user(Role.FINANCE))
    return client


def test_values_are_listed_with_months_amount_and_a_suggestion_that_says_why(
    finance: Client,
) -> None:
    case, other = make_use_case(title="Answer drafts"), make_use_case(title="Ticket triage")
    give_all(other, value="taken")
    named = {"SubAccountId": "", "SubAccountName": ""}
    june = {
        "ChargePeriodStart": "2026-06-02T00:00:00Z", "ChargePeriodEnd": "2026-06-03T00:00:00Z",
        "BillingPeriodStart": "2026-06-01T00:00:00Z", "BillingPeriodEnd": "2026-07-01T00:00:00Z",
    }  # fmt: skip
    workspace = {"SubAccountId": "ws-answer-drafts", "SubAccountName": "Drafts of answers"}
    run_import(make_connection(), [
        line(3, "10", Tags="{}", **workspace), line(3, "5", Tags="{}", **workspace | june),
        line(4, "90", Tags='{"use_case": "taken"}', **named),
        line(5, "1", Tags='{"job": "zzz"}', ResourceId="key", **named),
    ])  # fmt: skip
    ChargeDimension.objects.filter(resource_id="key").update(api_key_id="key-77", principal_id="p")
    candidates, is_cut = unallocated_candidates(fields=NAMING, first=MAY, last=MAY + 1, now=START)
    found = with_hints(candidates, use_cases=all_use_case_names(case.owner))
    assert not is_cut
    (workspace_row,) = (each for each in found if each.candidate.value == "ws-answer-drafts")
    assert workspace_row.candidate.sum.billed_nano == 15 * 10**9
    assert workspace_row.candidate.months == {"2026-05", "2026-06"}
    assert workspace_row.hint is not None
    assert (workspace_row.hint.named.slug, workspace_row.hint.score) == (case.slug, 100)
    values = {(each.candidate.attribute, each.candidate.value) for each in found}
    assert {("api_key", "key-77"), ("tag", "zzz")} <= values
    assert not {value for _, value in values} & {"taken", "p"}
    page = finance.get(reverse("costs-unmapped")).content.decode()
    assert 'May 2026 to Jun 2026<span class="sub">2 of them</span>' in page
    assert escape("“ws-answer-drafts” is like its address “answer-drafts”") in page
    link = page.partition('aria-label="Make a rule for ws-answer-drafts"')[0].rpartition('href="')[
        2
    ]
    query = parse_qs(urlsplit(link.partition('"')[0].replace("&amp;", "&")).query)
    assert query["use_case"] == [case.slug]
    form = finance.get(reverse("allocation-rule-new"), {k: v[0] for k, v in query.items()})
    assert f'value="{case.slug}"' in form.content.decode()


PERSONAL = {
    "user_email": "bob@acme.example", "aws:createdBy": "IAMUser:x:bob",
    "contact": "bob@acme.example", "called": "bob", "squad": "blue",
}  # fmt: skip


def test_no_list_shows_what_a_person_cost(finance: Client) -> None:
    """Tags and keys that name one stand in no list, as principals do not; a rule is by hand."""
    run_import(make_connection(), [line(3, "55", Tags=json.dumps(PERSONAL), ResourceId="bob")])
    ChargeDimension.objects.update(principal_id="bob")
    may = {"first": "2026-05", "last": "2026-05"}
    now = START + dt.timedelta(days=1)
    fields = list(ATTRIBUTES)
    found, _ = unallocated_candidates(fields=fields, first=MAY, last=MAY, now=now)
    past = past_unallocated(fields=fields, first=MAY, last=MAY, at=now)
    assert {(each.tag_key, each.value) for each in found if each.tag_key} == {("squad", "blue")}
    assert {(each.attribute, each.value) for each in past.candidates} == {
        (each.attribute, each.value) for each in found
    }
    for address in (reverse("costs-unmapped"), f"{reverse('costs-unallocated')}?by=resource"):
        page = finance.get(address, may | {"by": "resource"}).content.decode()
        assert "bob" not in page.casefold().partition("<main")[2]


@pytest.mark.parametrize("query", ["by=tag", "by=api_key", "by=resource", "by=billing_account"])
def test_what_cost_lines_say_is_for_those_who_may_see_them(client: Client, query: str) -> None:
    run_import(make_connection(), [line(3, "55")])
    client.force_login(make_user())
    assert client.get(reverse("costs-unmapped")).status_code == 403
    assert reverse("costs-unmapped") not in client.get(reverse("costs")).content.decode()
    for more in ("", "&export=csv"):
        address = f"{reverse('costs-unallocated')}?month=2026-05&{query}{more}"
        assert client.get(address).status_code == 400
    opened = client.get(reverse("costs-unallocated"), {"month": "2026-05"})
    assert "By service, May 2026" in opened.content.decode()


def rule_data(case_slug: str, **changes: str) -> dict[str, str]:
    return {
        "name": "Keys of drafts", "field": "provider", "tag_key": "", "mode": "one_of",
        "value": "Cloud\r\nOther", "connection": "", "starts_on": "2026-05-01", "ends_on": "",
        "priority": "100", "reason": "", "month": "2026-05", "previewed": "", "split": "even",
        "also-TOTAL_FORMS": "2", "also-INITIAL_FORMS": "0",
        "also-0-field": "service", "also-0-tag_key": "", "also-0-mode": "starts_with",
        "also-0-value": "Model", "also-1-field": "tag", "also-1-tag_key": "", "also-1-mode":
        "equals", "also-1-value": "",
        "shares-TOTAL_FORMS": "1", "shares-INITIAL_FORMS": "0",
        "shares-0-use_case": case_slug, "shares-0-percent": "",
    } | changes  # fmt: skip


def test_a_rule_of_several_conditions_is_previewed_asked_for_and_kept(finance: Client) -> None:
    case = make_use_case()
    run_import(make_connection(), [line(3, "10")])
    new = reverse("allocation-rule-new")
    preview = finance.post(new, rule_data(case.slug, preview="1"))
    assert "10.00" in preview.content.decode()
    data = rule_data(case.slug, save="1", previewed=preview.context["digest"])
    assert finance.post(new, data).status_code == 302
    approve_all()
    rule = AllocationRule.objects.get()
    assert (rule.split, rule.value) == ("even", "Cloud\nOther")
    assert rule.further == '[["service", "", "starts_with", "Model"]]'
    assert MonthlyCost.objects.get().use_case_id == case.pk
    page = finance.get(reverse("allocation-rule", args=[rule.key])).content.decode()
    assert escape("Provider is one of “Cloud”, “Other”, and Service starts with “Model”") in page
    edit = finance.get(reverse("allocation-rule-edit", args=[rule.key])).content.decode()
    assert "Model</textarea>" in edit
    listed = finance.get(reverse("allocation-rules"), {"field": "service"}).content.decode()
    assert "Keys of drafts" in listed


def test_what_does_not_fit_together_is_said_at_the_field(finance: Client) -> None:
    case = make_use_case()
    new = reverse("allocation-rule-new")
    for changes, expected in (
        ({"mode": "equals"}, "One value, please"),
        ({"also-1-value": "x"}, "Say which tag to look at"),
        ({"shares-0-percent": "10"}, "Only fixed shares have a size"),
        ({"split": "fixed"}, "How much of it?"),
        ({"split": "team"}, "The team decides who gets it"),
    ):
        page = finance.post(new, rule_data(case.slug, preview="1", **changes)).content.decode()
        assert expected in page, changes
    longer = finance.post(new, rule_data(case.slug, add_condition="1")).content.decode()
    assert "also-2-value" in longer
    assert AllocationRule.objects.count() == 0


def test_an_overlap_is_found_said_and_taken_back_on_its_page(finance: Client) -> None:
    for slug, account in (("invoice", "1"), ("gateway", "2")):
        rows = [line(day, f"{day}.5", BillingAccountId=account) for day in range(3, 10)]
        run_import(make_connection(slug), rows)
    page = finance.get(reverse("cost-overlaps"))
    text = page.content.decode()
    assert "the same sum on 7 of 7 days" in text
    assert text.count("45.50") >= 2
    link = text.partition(f'href="{reverse("cost-overlap-new")}?')[2].partition('"')[0]
    asked = {k: v[0] for k, v in parse_qs(link.replace("&amp;", "&")).items()}
    assert finance.post(reverse("cost-overlap-new"), asked | {"last": ""}).status_code == 302
    overlap = SpendOverlap.objects.get()
    assert overlap.is_excluded
    text = finance.get(reverse("cost-overlaps")).content.decode()
    assert "The second is not counted" in text
    assert text.count("45.50") >= 2
    assert "no two sources" in text.casefold()
    again = finance.post(reverse("cost-overlap-new"), asked | {"last": ""})
    assert again.status_code == 409
    end = reverse("cost-overlap-end", args=[overlap.pk])
    assert finance.post(end, {"reason": ""}).status_code == 200
    assert finance.post(end, {"reason": "Another key."}).status_code == 302
    overlap.refresh_from_db()
    assert overlap.retired_reason == "Another key."


def test_what_only_looks_alike_is_answered_and_not_asked_again(finance: Client) -> None:
    for slug, account in (("invoice", "1"), ("gateway", "2")):
        rows = [line(day, f"{day}.5", BillingAccountId=account) for day in range(3, 10)]
        run_import(make_connection(slug), rows)
    costs = reverse("costs")
    month = {"from": "2026-05", "to": "2026-05"}
    warned = finance.get(costs, month).content.decode()
    assert "Perhaps counted twice" in warned
    then = finance.get(costs, month | {"as_of": "2026-11-20T13:00Z"}).content.decode()
    assert "As of now, not of the moment shown: perhaps counted twice." in then
    assert "45.50" in warned
    assert reverse("cost-overlaps") in warned
    assert "Perhaps counted twice" in finance.get("/").content.decode()
    page = finance.get(reverse("cost-overlaps")).content.decode()
    mark = 'aria-label="Different money: Gateway"'
    link = page.partition(mark)[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    asked = {key: value[0] for key, value in parse_qs(urlsplit(link).query).items()}
    assert asked["is_distinct"] == "on"
    assert "checked" in finance.get(link).content.decode()
    assert finance.post(reverse("cost-overlap-new"), asked | {"last": ""}).status_code == 302
    overlap = SpendOverlap.objects.get()
    assert (overlap.is_distinct, overlap.is_excluded) == (True, False)
    assert "Different money: both count" in finance.get(reverse("cost-overlaps")).content.decode()
    assert "Perhaps counted twice" not in finance.get(costs, month).content.decode()
    assert "Perhaps counted twice" not in finance.get("/").content.decode()


def test_saying_it_begins_with_the_months_and_shows_which_import_brought_them(
    finance: Client,
) -> None:
    invoice, gateway = make_connection("invoice"), make_connection("gateway")
    runs = [
        run_import(each, [line(day, f"{day}.5", BillingAccountId=account) for day in range(3, 10)])
        for each, account in ((invoice, "1"), (gateway, "2"))
    ]
    # A later month of one source alone: what is in question has ended.
    june = {
        "ChargePeriodStart": "2026-06-02T00:00:00Z", "ChargePeriodEnd": "2026-06-03T00:00:00Z",
        "BillingPeriodStart": "2026-06-01T00:00:00Z", "BillingPeriodEnd": "2026-07-01T00:00:00Z",
    }  # fmt: skip
    later = run_import(gateway, [line(2, "1", BillingAccountId="2", **june)])
    page = finance.get(reverse("cost-overlaps")).content.decode()
    link = page.partition(f'href="{reverse("cost-overlap-new")}?')[2].partition('"')[0]
    query = dict(parse_qsl(link.replace("&amp;", "&")))
    assert (query["first"], query["last"]) == ("2026-05", "2026-05")
    form = finance.get(reverse("cost-overlap-new"), query).content.decode()
    assert form.count('value="2026-05"') == 2
    brought = form.partition("Brought by")[2].partition("<form")[0]
    for run in runs:
        assert reverse("import-run", args=[run.pk]) in brought
        assert run.files.get().name in brought
    assert reverse("import-run", args=[later.pk]) not in brought
    assert "Brought by" not in finance.get(reverse("cost-overlap-new")).content.decode()
    odd = finance.get(reverse("cost-overlap-new"), query | {"first": "May"})
    assert (odd.status_code, b"Brought by" in odd.content) == (200, False)
