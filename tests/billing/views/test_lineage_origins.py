"""A figure of many lines is shown first; its rules and files follow."""

from __future__ import annotations

import pytest
from django.test import Client

from billing.views import lineage
from tests.billing.views.conftest import Bill

pytestmark = pytest.mark.django_db

RULE = "Drafts by tag, version 1"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every figure has too many lines to be summed at once."""
    monkeypatch.setattr(lineage, "MOST_LINES_AT_ONCE", 0)


def _origins(page: str) -> str:
    """The section of rules and files; empty without one."""
    _, found, rest = page.partition('<section class="panel" id="origins"')
    return rest.partition("</section>")[0] if found else ""


@pytest.mark.usefixtures("many")
def test_of_many_lines_the_page_names_where_rules_and_files_are(
    finance: Client, bill: Bill
) -> None:
    url = bill.url("cost-lineage")
    section = _origins(finance.get(url).content.decode())
    address = f"{url}&amp;measure=billed&amp;origins=1"
    assert f'hx-get="{address}"' in section
    assert f'href="{address}#origins"' in section  # without a script too
    assert RULE not in section


@pytest.mark.usefixtures("many")
def test_asked_for_they_come_alone_to_a_script_and_in_the_page_without(
    finance: Client, bill: Bill
) -> None:
    url = f"{bill.url('cost-lineage')}&origins=1"
    alone = finance.get(url, headers=HTMX).content.decode()
    page = finance.get(url).content.decode()
    assert "<main" not in alone
    assert "<main" in page
    assert RULE in _origins(alone)
    assert _origins(alone) == _origins(page)
    assert "hx-get" not in _origins(page)


@pytest.mark.usefixtures("many")
def test_a_figure_without_lines_asks_for_nothing(finance: Client, bill: Bill) -> None:
    url = f"{bill.url('cost-lineage')}&month=2020-01&origins=1"
    assert not finance.get(url, headers=HTMX).content.decode().strip()
    assert not _origins(finance.get(url).content.decode())


def test_few_lines_are_summed_at_once(finance: Client, bill: Bill) -> None:
    section = _origins(finance.get(bill.url("cost-lineage")).content.decode())
    assert RULE in section
    assert "hx-get" not in section


@pytest.mark.usefixtures("many")
def test_who_may_not_see_costs_gets_no_part_of_them(client: Client, bill: Bill) -> None:
    answer = client.get(f"{bill.url('cost-lineage')}&origins=1", headers=HTMX)
    assert RULE not in answer.content.decode()
