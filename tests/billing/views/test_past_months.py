"""Invoices, reconciliation and closes as of a moment: what the pages and files said then."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from billing.api import explanations
from billing.models import Invoice, PeriodClose
from billing.selectors import month_books
from billing.selectors.explanations import Bounds
from billing.selectors.moments import moment_key
from portal.choices import Role
from tests.adoption.factories import make_user
from tests.billing.closing import bill_line, make_invoice, tell_a_close
from tests.billing.month_story import BEGAN, LATER, tell_a_month
from tests.imports import Clock, make_connection, run_import

pytestmark = pytest.mark.django_db
EXPLAIN = "/api/v1/costs/explain/"
# How many different answers there are at least over all that happens: the steps do change them.
LEAST = {
    "INV-1": 8, "OTHER-1": 2, "close-checklist": 9, "close-journal csv": 6, "corrections csv": 3,
    "invoices csv": 6, "reconciliation": 9, "withdrawn": 3, "workbook": 9,
}  # fmt: skip
PAGES = ("reconciliation", "close-checklist")
FILES = ("invoices", "close-journal", "corrections")
Told = dict[str, object]


@pytest.fixture
def auditor(client: Client) -> Client:
    client.force_login(make_user(Role.AUDITOR))
    return client


class Asking:
    """Asks every page and file, now or as of a moment, for what a reader sees of it."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def everything(self, now: dt.datetime, at: dt.datetime | None = None) -> Told:
        """By address; without what only says or asks for the moment."""
        with time_machine.travel(now, tick=False):
            found: Told = {each: self.page(each, at) for each in self.pages(at or now)}
            found |= {each: self.page(reverse(each), at) for each in PAGES}
            found |= {f"{each} csv": self.export(each, at) for each in FILES}
            found["withdrawn"] = self.export("invoices", at, state="withdrawn")
            found["workbook"] = self.workbook(at)
            return found | {each: self.explained(each, at) for each in ("INV-1", "OTHER-1")}

    def pages(self, then: dt.datetime) -> list[str]:
        """Every version of an invoice that there was, and every closed month."""
        versions = Invoice.objects.filter(recorded_at__lte=then).order_by("pk")
        closes = PeriodClose.objects.filter(closed_at__lte=then).order_by("pk")
        return [one(each) for each in versions] + [frozen(each) for each in closes]

    def page(self, address: str, at: dt.datetime | None) -> list[str]:
        answer = self.client.get(f"{address}{_query(at)}")
        assert answer.status_code == 200, answer.content.decode()
        body = answer.content.decode()
        assert ("As recorded at <strong>" in body) == (at is not None), address
        return _read(body)

    def explained(self, number: str, at: dt.datetime | None) -> Told | None:
        """Through the API; None where there was no such invoice in force."""
        moment = {"as_of": moment_key(at)} if at else {}
        answer = self.client.get(EXPLAIN, {"figure": f"invoice:{number}"} | moment)
        if answer.status_code == 400:
            assert "there is no invoice" in answer.content.decode()
            return None
        told: Told = answer.json()
        assert told.pop("as_of") == (at.isoformat() if at else None)
        return told

    def workbook(self, at: dt.datetime | None) -> list[bytes]:
        """The sheets and the texts of the XLSX file."""
        answer = self.client.get(f"{reverse('close-workbook')}{_query(at)}")
        assert answer.status_code == 200, answer.content.decode()
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            names = [each for each in packed.namelist() if "sheet" in each or "Strings" in each]
            return [packed.read(each) for each in names]

    def export(self, name: str, at: dt.datetime | None, **more: str) -> str:
        answer = self.client.get(f"{reverse(name)}{_query(at, export='csv', **more)}")
        assert answer.status_code == 200, answer.content.decode()
        return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


def _query(at: dt.datetime | None, **query: str) -> str:
    moment = {"as_of": moment_key(at)} if at else {}
    return f"?{urlencode(query | moment)}" if query or moment else ""


_SKIPPED = re.compile(
    r'<form.*?</form>|<p class="as-of-said">.*?</p>|<p class="reference">.*?</p>|'
    r'<a class="btn[^>]*>.*?</a>|<div class="empty">.*?</div>', re.S
)  # fmt: skip


def _read(body: str) -> list[str]:
    """The words of a page below its head, in order."""
    main = body.split("<main", 1)[1].split("</main>")[0]
    return re.sub(r"<[^>]+>", "\n", _SKIPPED.sub("", main)).split()


@pytest.mark.both_engines
def test_what_was_told_of_a_month_is_told_again(auditor: Client) -> None:
    asking, kept = Asking(auditor), {}
    for step, at in tell_a_month():
        kept[step] = at, asking.everything(at)
    for step, (at, then) in kept.items():
        again = asking.everything(LATER, at)
        assert again.keys() == then.keys(), step
        for address, told in then.items():
            assert again[address] == told, (step, address)
    by_version: dict[str, set[str]] = {}
    for _, then in kept.values():
        for address, told in then.items():
            by_version.setdefault(address, set()).add(str(told))
    assert max(len(by_version[one(each)]) for each in Invoice.objects.all()) >= 6
    assert len(by_version[frozen(PeriodClose.objects.get())]) == 3
    for address, least in LEAST.items():
        assert len({str(then.get(address)) for _, then in kept.values()}) >= least, address


def test_a_version_recorded_later_leads_to_the_one_in_force_then(auditor: Client) -> None:
    first = make_invoice("3.00", at=BEGAN)
    second = make_invoice("4.00", at=BEGAN + dt.timedelta(days=2))
    page = text_of(auditor, one(second, BEGAN + dt.timedelta(days=1)))
    assert "It was recorded after 11 Jun 2026, 12:00 UTC." in page
    assert f'href="{one(first, BEGAN + dt.timedelta(days=1))}">The version in force then' in page
    assert "None was in force then" in text_of(auditor, one(second, BEGAN - dt.timedelta(days=1)))


def test_a_month_closed_later_was_not_closed_then(auditor: Client) -> None:
    closed = tell_a_close(at=BEGAN + dt.timedelta(days=60))["closed"]
    page = text_of(auditor, frozen(closed, BEGAN))
    assert "This month was closed after 10 Jun 2026" in page
    assert "Frozen figures" not in page
    assert "No closed month had moved then" in text_of(
        auditor, f"{reverse('corrections')}{_query(BEGAN)}"
    )
    listed = text_of(auditor, f"{reverse('corrections')}{_query(LATER)}")
    assert f'href="{frozen(closed, LATER)}"' in listed
    assert "is no moment" in text_of(auditor, f"{frozen(closed)}?as_of=soon", 400)


def test_a_moment_that_is_none_is_refused_at_its_field(auditor: Client) -> None:
    invoice = make_invoice()
    for moment, problem in (("soon", "is no moment"), ("2999-01-01", "has not come yet")):
        page = text_of(auditor, f"{one(invoice)}?as_of={moment}", 400)
        assert problem in page
        assert "Does it tie?" not in page
        assert problem in text_of(auditor, f"{reverse('invoices')}?as_of={moment}")
        for name in PAGES:
            assert problem in unescape(text_of(auditor, f"{reverse(name)}?as_of={moment}", 400))


def test_too_much_is_refused_and_not_timed_out(
    auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_import(make_connection(), [bill_line(3), bill_line(4)])
    invoice = make_invoice()
    monkeypatch.setattr(month_books, "MOST_CHARGES_AS_OF", 1)
    monkeypatch.setattr(explanations, "_BOUNDS", Bounds(charges=1))
    for address in (one(invoice, LATER), *(f"{reverse(each)}{_query(LATER)}" for each in PAGES)):
        page = text_of(auditor, address)
        assert "Not worked out as of that moment" in page
        assert "More than 1 charges lie in May 2026" in page
    for name in ("close-journal", "close-workbook"):
        assert "More than 1 charges" in text_of(auditor, f"{reverse(name)}{_query(LATER)}", 400)
    query = {"figure": "invoice:INV-1", "as_of": moment_key(LATER)}
    assert "More than 1 charges" in text_of(auditor, f"{EXPLAIN}?{urlencode(query)}", 400)


def test_links_stay_at_the_moment(auditor: Client) -> None:
    invoice = make_invoice()
    assert f'href="{one(invoice, LATER)}"' in text_of(
        auditor, f"{reverse('invoices')}{_query(LATER)}"
    )
    assert f'href="{one(invoice)}"' in text_of(auditor, reverse("invoices"))
    for name in PAGES:
        page = text_of(auditor, f"{reverse(name)}{_query(LATER)}")
        links = re.findall(r'href="(/costs/(?:invoices/\d|\w+/(?:\w+/)?\?)[^"]*)"', page)
        assert len(links) >= 3, name
        assert all("as_of=2026-12-01T09%3A30" in each for each in links), (name, links)


def test_it_takes_as_many_queries_however_much_there_is(
    auditor: Client, django_assert_max_num_queries: Any
) -> None:
    cloud, clock, counts = make_connection(), Clock(), []
    for number in (2, 9):
        run_import(cloud, [bill_line(day) for day in range(1, number)], clock=clock)
        invoice = make_invoice(str(number), at=clock())
        make_invoice("9", number=f"INV-1{number}", at=clock())
        make_invoice("9", number=f"INV-2{number}", at=clock())
        lists = (f"{reverse(each)}{_query(clock.now)}" for each in ("invoices", *PAGES))
        for address in (one(invoice, clock.now), *lists):
            text_of(auditor, address)
            with django_assert_max_num_queries(70) as asked:
                text_of(auditor, address)
            counts.append(len(asked))
    half = len(counts) // 2
    assert counts[:half] == counts[half:]


def one(invoice: Invoice, at: dt.datetime | None = None) -> str:
    return f"{reverse('invoice', args=[invoice.pk])}{_query(at)}"


def frozen(close: PeriodClose, at: dt.datetime | None = None) -> str:
    return f"{reverse('close', args=[close.key])}{_query(at)}"


def text_of(client: Client, url: str, status: int = 200) -> str:
    with time_machine.travel(LATER, tick=False):
        answer = client.get(url)
    assert answer.status_code == status, answer.content.decode()
    return answer.content.decode()
