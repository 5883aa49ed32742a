"""One function says the status of a cost, and the page and the handbook list all it can say."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from billing.choices import CostBasis, Finality
from billing.selectors.costs import CostSum, Kind
from billing.selectors.figures import status_of, word_of
from billing.vocabularies import COST_STATUSES, INVOICE_STATUSES
from portal.choices import Role
from portal.shell.statuses import FigureStatus
from tests.adoption.factories import make_user

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
DOCS = Path(__file__).resolve().parents[3] / "docs"


def every_status() -> set[FigureStatus]:
    """What comes out of everything that can go in."""
    found = set()
    imports = (None, NOW, NOW - dt.timedelta(days=30))
    for finality, basis, imported in itertools.product(Finality, CostBasis, imports):
        kind = Kind("USD", basis)
        cost = CostSum((), kind, 1, 1, 0, 1, finality, imported, dt.date(2026, 11, 1))
        found.add(status_of(cost, now=NOW))
    return found


def test_the_vocabulary_has_every_status_and_no_other() -> None:
    listed = [status.key for status in COST_STATUSES.statuses]
    assert sorted(listed) == sorted(every_status())
    assert all(status.meaning for status in COST_STATUSES.statuses)


@pytest.mark.django_db
def test_the_page_of_definitions_lists_exactly_those(client: Client) -> None:
    client.force_login(make_user(Role.FINANCE))
    page = client.get(reverse("cost-definitions")).content.decode()
    section = page.partition('id="status"')[2].partition("</section>")[0]
    shown = re.findall(
        r'<dt><span class="status[^>]*>(?:<svg.*?</svg>)?([A-Z][a-z]+)</span>', section
    )
    assert shown == [COST_STATUSES.label(status.key) for status in COST_STATUSES.statuses]


def test_the_handbook_of_the_api_lists_exactly_those() -> None:
    text = (DOCS / "api.md").read_text("utf-8").partition("\n* `status` says")[2]
    listed = re.findall(r"`([a-z]+)` \(", text.partition("\n* ")[0])
    assert sorted(listed) == sorted(every_status())


def test_the_finance_handbook_explains_exactly_those() -> None:
    text = (DOCS / "finance.md").read_text("utf-8")
    table = text.partition("## What stands beside every figure")[2].partition("\n## ")[0]
    words = set(re.findall(r"^\| ([a-z ]+) \|", table, re.MULTILINE))
    assert words - {"word", "billed", "effective", "basis", "as of"} == set(every_status())


@pytest.mark.django_db
def test_the_page_of_definitions_says_what_an_invoice_can_have(client: Client) -> None:
    client.force_login(make_user(Role.FINANCE))
    page = client.get(reverse("cost-definitions")).content.decode()
    section = page.partition('id="invoice-status"')[2].partition("</section>")[0]
    assert {each.key for each in INVOICE_STATUSES.statuses} == {
        word_of(found) for found in (Finality.FINAL, Finality.RESTATED, Finality.CLOSED)
    }
    for each in INVOICE_STATUSES.statuses:
        assert str(each.html()) in section
        assert each.meaning in section
    handbook = (DOCS / "finance.md").read_text("utf-8")
    said = handbook.partition("What an invoice itself states")[2].partition("\n")[0]
    assert all(f"*{each.key}*" in said for each in INVOICE_STATUSES.statuses)
