"""Lineage and charge pages: moments nobody can know, statuses of then, and what was rounded."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from billing.models import Charge
from billing.selectors.moments import moment_key
from portal.choices import Role
from portal.imports.files import landed_path
from tests.adoption.factories import make_use_case, make_user
from tests.billing.factories import make_rule
from tests.imports import Clock, line, make_connection, run_import

pytestmark = pytest.mark.django_db
LATER = dt.datetime(2026, 12, 1, 9, 30, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def later() -> Any:
    with time_machine.travel(LATER, tick=False):
        yield


@pytest.fixture
def finance(client: Client) -> Client:
    client.force_login(make_user(Role.FINANCE))
    return client


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("explain", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("moment", "problem"),
    [("soon", "expected 2026-11-20 or 2026-11-20T14:05Z"), ("2026-12-02", "has not come yet")],
)
def test_a_moment_that_cannot_be_known_is_said_at_its_field(
    moment: str, problem: str, finance: Client
) -> None:
    run_import(make_connection(), [line(3, "1")])
    response = finance.get(f"{reverse('cost-lineage')}?{urlencode({'as_of': moment})}")
    page = response.content.decode()
    assert response.status_code == 400
    assert problem in page.partition('id="as-of-error"')[2].partition("</ul>")[0]
    assert f'name="as_of" value="{moment}"' in page
    assert "As recorded at (UTC)" in page
    with pytest.raises(CommandError, match=problem.partition("T")[0]):
        command("cost:", "--as-of", moment)


def test_today_means_all_of_it_so_far(finance: Client) -> None:
    run_import(make_connection(), [line(3, "1")])
    assert finance.get(f"{reverse('cost-lineage')}?as_of=2026-12-01").status_code == 200
    assert "sum: " in command("cost:", "--as-of", "2026-12-01")


@pytest.mark.parametrize(
    ("route", "query", "problem"),
    [
        ("cost-export-focus", "first=2026-05&last=2026-04", "To (last): It must not end before"),
        ("cost-export-focus", "first=May&last=2026-04", "From (first):"),
        (
            "cost-export-focus",
            "first=2026-05&last=2026-05&as_of=2026-11-01",
            "answers for now only",
        ),
        (
            "cost-export-unit-costs",
            "first=2026-05&last=2026-05&as_of=2026-11-01",
            "answers for now only",
        ),
        ("cost-lineage", "month=May", "month:"),
        ("cost-lineage", "colour=red", "unknown key"),
    ],
)
def test_what_cannot_be_read_names_the_field_and_what_is_expected(
    route: str, query: str, problem: str, finance: Client
) -> None:
    response = finance.get(f"{reverse(route)}?{query}")
    assert response.status_code == 400
    assert problem in response.content.decode()


def test_the_status_of_then_stands_beside_the_amount_of_then(finance: Client) -> None:
    cloud, clock = make_connection(), Clock()
    run_import(cloud, [line(3, "1")], clock=clock)
    at = clock()
    run_import(cloud, [line(3, "5")], clock=clock)
    page = finance.get(f"{reverse('cost-lineage')}?as_of={moment_key(at)}").content.decode()
    then = page.partition("As recorded at ")[2]
    assert "Provisional" in then.partition("Restated")[0]
    assert "1.00" in then
    said = command("cost:", "--as-of", moment_key(at))
    assert "status provisional" in said
    assert "billed 1," in said


@pytest.fixture
def rounded() -> Charge:
    """A line with more digits than are kept, shared out between two use cases and nobody."""
    make_rule((make_use_case(title="One"), 333_333), (make_use_case(title="Two"), 333_333))
    run_import(
        make_connection(),
        [line(3, "3.3333333335", EffectiveCost="0.123456789", ListCost="2", ContractedCost="1.5")],
    )
    return Charge.objects.get()


def test_a_charge_says_what_was_rounded_and_calls_nothing_else_exact(
    finance: Client, rounded: Charge
) -> None:
    page = finance.get(reverse("charge", args=[rounded.pk])).content.decode()
    assert "stored as 3.333333334 USD; the source wrote 3.3333333335" in page
    assert "exactly 0.123456789 USD" in page
    assert "exactly 3.33" not in page
    number = rounded.run_id
    link = f'<a href="{reverse("import-run", args=[number])}">import run {number}</a>'
    assert f"{link} -0.0000000005 USD billed" in page
    went = page.partition("Where it went")[2].partition("</section>")[0]
    assert went.count("Largest remainder: a nano-unit more of billed") == 1
    assert went.count("<td") >= 3


def test_without_its_record_an_amount_is_what_is_stored(finance: Client, rounded: Charge) -> None:
    landed_path(rounded.file.sha256).unlink()
    page = finance.get(reverse("charge", args=[rounded.pk])).content.decode()
    assert "stored as 3.333333334 USD" in page
    assert "the source wrote" not in page
    assert "exactly" not in page
    assert "-0.0000000005 USD billed" in page


@pytest.mark.parametrize("as_of", ["", "2026-11-30"])
def test_a_figure_names_the_residue_of_its_runs(
    as_of: str, finance: Client, rounded: Charge
) -> None:
    query = urlencode({"month": "2026-05", "as_of": as_of})
    page = finance.get(f"{reverse('cost-lineage')}?{query}").content.decode()
    assert "import run" in page.partition('id="rounding"')[2]
    assert "-0.0000000005 USD billed" in page
    said = command("cost:month=2026-05", *(["--as-of", as_of] if as_of else []))
    assert "stored to 0.000000001, rounded half even" in said
    assert f"residue of run {rounded.run_id}, all its lines: -0.0000000005 USD billed" in said


def test_the_command_says_what_the_source_wrote_and_who_took_the_rest(rounded: Charge) -> None:
    said = command(f"charge:{rounded.pk}")
    assert "written by the source: billed 3.3333333335, effective" in said
    assert said.count("largest remainder of billed") == 1
