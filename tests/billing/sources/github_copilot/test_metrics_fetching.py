"""Usage metrics by API: every file behind the links, without our credential, and nothing else."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from billing.models import Charge, Usage
from billing.sources.github_copilot.client import is_report_host
from portal.choices import RunStatus
from portal.imports.fetching import json_documents
from portal.imports.files import landed_files
from portal.imports.outbound.errors import AnswerRefusedError
from portal.models import Connection, ImportRun
from tests.billing.sources import fake_provider
from tests.billing.sources.fake_provider import ANSWER_FAULTS, Params, served
from tests.billing.sources.fetched import allow_loopback, connect, fetch_days
from tests.billing.sources.github_copilot.serving import Copilot, item, seat
from tests.billing.sources.numbered_pages import NumberedProvider, NumberedShape
from tests.billing.sources.numbered_shapes import BEARER
from tests.billing.sources.providers import PROVIDERS
from tests.billing.sweeps import swept
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
FIRST, DAYS = dt.date(2026, 9, 28), 3
LAST = FIRST + dt.timedelta(days=DAYS)
PATH = "/orgs/octo-org/copilot/metrics/reports/organization-1-day"


def report_of(day: str, part: int) -> dict[str, Any]:
    """One organisation's row of a report; an enterprise may have several, in several files."""
    return {
        "day": day,
        "organization_id": str(100 + part),
        "user_initiated_interaction_count": 10 + part,
        "daily_active_users": 3,
    }


@dataclass
class GitHub(NumberedProvider):
    """GitHub's API, and beside it a store of reports that wants no credential and refuses one.

    Attributes:
        missing: days that have no report: the status, or an empty answer for 200.
        files: how many files a report has.
        says: changes of the answer with links.
        leads_to: the host of links, when it is another one.
    """

    missing: dict[str, int] = field(default_factory=dict)
    files: int = 2
    says: dict[str, Any] = field(default_factory=dict)
    leads_to: str = ""
    address: str = ""
    taken: list[str] = field(default_factory=list)
    lines: bool = False
    torn: bool = False

    def answer(self, path: str, params: Params, posted: Mapping[str, Any]) -> Any | None:
        if path != PATH:
            return super().answer(path, params, posted)
        day = dict(params)["day"]
        if day in self.missing:
            return "" if self.missing[day] == 200 else None
        host = self.leads_to or self.address
        links = [f"{host}/reports/{day}/{part}?sig=secret" for part in range(self.files)]
        return {"download_links": links, "report_day": day} | self.says

    def report(self, path: str) -> bytes:
        _, _, day, part = path.split("/")
        self.taken.append(f"{day}/{part}")
        row = report_of(day, int(part))
        if self.lines:
            other = {**row, "organization_id": f"20{part}"}
            return b"\n".join(json.dumps(each).encode() for each in (row, other)) + b"\n"
        body = json.dumps({"day_totals": [row]}, indent=1).encode()
        return body[:-9] if self.torn else body


class _Handler(fake_provider._Handler):
    provider: GitHub

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if not path.startswith("/reports/"):
            super().do_GET()
        elif self.headers.get("Authorization") or "X-GitHub-Api-Version" in self.headers:
            self._say(400, b"{}")  # as a store does that is sent two permissions
        else:
            fault = self.provider.draw()
            if fault is not None and fault.startswith(("busy_", "error_")):
                self._say(503, b"oh")
            else:
                self._harm(fault, self.provider.report(path))


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    allow_loopback(monkeypatch)
    monkeypatch.setattr(fake_provider, "_Handler", _Handler)
    rows = [item(str(FIRST + dt.timedelta(days=n)), model=f"model {n}") for n in range(DAYS)]
    shape = NumberedShape(lambda spent, size: Copilot(rows, [seat(1)]), BEARER, "usageItems")
    provider = GitHub(shape)  # type: ignore[arg-type]
    with served(provider) as address:
        provider.address = address
        yield provider


def connected(github: GitHub, **config: Any) -> Connection:
    (copilot,) = (each for each in PROVIDERS if each.name == "github-copilot")
    where = {"fetch_metrics": True, "report_hosts": "127.0.0.1"}
    return connect(copilot, github.address, **where | config)


def fetched(connection: Connection) -> ImportRun:
    run = fetch_days(connection, FIRST, LAST)
    assert isinstance(run, ImportRun), run
    assert run.status == RunStatus.APPLIED, run.problem
    return run


def interactions() -> dict[str, int]:
    """By day, of all organisations together."""
    rows = Usage.objects.filter(
        superseded_at__isnull=True, dimension__metric="interactions"
    ).values_list("day", "quantity_micro")
    found: dict[str, int] = {}
    for day, micro in rows:
        found[str(day)] = found.get(str(day), 0) + micro // 10**6
    return found


@pytest.mark.parametrize("lines", sampled([False, True], True))
def test_every_file_of_every_day_is_taken_and_no_secret_goes_or_stays(
    github: GitHub, lines: bool
) -> None:
    github.lines = lines
    run = fetched(connected(github))
    assert len(github.taken) == 2 * DAYS
    assert interactions() == {
        str(FIRST + dt.timedelta(days=n)): 42 if lines else 21 for n in range(DAYS)
    }
    assert Charge.objects.count() == DAYS
    (landed,) = landed_files(list(run.files.all()))
    text = landed.path.read_text()
    assert "sig=secret" not in text
    assert '"download_links": 2' in text
    assert "metrics:2026-09-28" in text


def test_without_the_setting_nothing_is_asked(github: GitHub) -> None:
    run = fetched(connected(github, fetch_metrics=False))
    assert not any(path == PATH for path, _ in github.requests)
    assert "no_metrics" not in str(run.notes)


@pytest.mark.parametrize("status", sampled([404, 200], 404))
def test_a_day_without_a_report_is_left_unsaid_and_asked_for_again(
    github: GitHub, status: int
) -> None:
    connection = connected(github)
    github.missing = {"2026-09-30": status}
    fetched(connection)
    assert sorted(interactions()) == ["2026-09-28", "2026-09-29"]
    github.missing = {}
    fetched(connection)
    assert sorted(interactions()) == ["2026-09-28", "2026-09-29", "2026-09-30"]


def test_a_report_that_is_nowhere_is_said(github: GitHub) -> None:
    github.missing = {str(FIRST + dt.timedelta(days=n)): 404 for n in range(DAYS)}
    assert "no_metrics" in str(fetched(connected(github)).notes)


@pytest.mark.parametrize(
    ("says", "said"),
    [
        ({"report_day": "2026-09-01"}, "the report of another day"),
        ({"download_links": ["https://169.254.169.254/x"]}, "leads where its reports do not lie"),
        *swept(
            ({"download_links": "none"}, "without links"),
            ({"download_links": [7]}, "without links"),
            ({"download_links": ["file:///etc/passwd"]}, "leads where its reports do not lie"),
            (
                {"download_links": ["https://copilot-reports-x.b01.azurefd.net.evil.example/x"]},
                "leads where its reports do not lie",
            ),
        ),
    ],
)
def test_an_answer_that_is_not_the_report_of_the_day_brings_nothing(
    github: GitHub, says: dict[str, Any], said: str
) -> None:
    github.says = says
    problem = fetch_days(connected(github), FIRST, LAST)
    assert isinstance(problem, str)
    assert said in problem
    assert not github.taken


def test_half_a_report_brings_nothing(github: GitHub) -> None:
    github.torn = True
    assert "no valid JSON" in str(fetch_days(connected(github), FIRST, LAST))
    assert not Charge.objects.exists()


@pytest.mark.parametrize("rounds", sampled([4, 12], 4))
def test_whatever_goes_wrong_on_the_way_the_quantities_are_true_or_unchanged(
    github: GitHub, rounds: int
) -> None:
    connection = connected(github)
    truth = {str(FIRST + dt.timedelta(days=n)): 21 for n in range(DAYS)}
    github.chance = random.Random(9)  # noqa: S311  (faults, not secrets)
    github.chances = dict.fromkeys(ANSWER_FAULTS, 0.02)
    seen = set()
    for _ in range(rounds):
        run = fetch_days(connection, FIRST, LAST)
        if isinstance(run, ImportRun):
            assert run.status == RunStatus.APPLIED, run.problem
        seen.add(isinstance(run, ImportRun))
        assert interactions() in ({}, truth)
    assert seen == {True, False}  # some attempts went well, some did not
    assert github.met
    assert interactions() == truth


def test_hosts_of_reports() -> None:
    assert is_report_host({}, "copilot-reports-acc0engfa5gra7ha.b01.azurefd.net")
    assert is_report_host({}, "copilot-reports-production-x1.b01.azurefd.net")
    assert not is_report_host({}, "copilot-reports.evil.example")
    assert not is_report_host({}, "")
    assert is_report_host({"report_hosts": "Reports.example, b"}, "reports.example")


def test_documents_of_a_body() -> None:
    assert json_documents(b'{"a":1}\n\n{"a":2}\n', place="p") == [b'{"a":1}', b'{"a":2}']
    assert json_documents(b'{\n"a": 1\n}', place="p") == [b'{\n"a": 1\n}']
    for bad in (b"", b"<html>", b'{"a":1}\n{"a":', b'{"a":1,"a":2}'):
        with pytest.raises(AnswerRefusedError):
            json_documents(bad, place="p")
