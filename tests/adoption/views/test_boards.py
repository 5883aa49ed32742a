"""Pages of dashboards and snapshots: what they show, and building without scripts."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from adoption.choices import StandingStatus
from adoption.models import Dashboard, DashboardAccess, MetricStanding, UseCase
from adoption.services.snapshots import publish_snapshot
from portal.env import UnsafeEnvironmentError, read_origins
from portal.models import ApprovalRequest, User
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.adoption.served import catalogue, goal, make_dashboard, submit
from tests.approving import approve

pytestmark = pytest.mark.django_db
LATER = NOW + dt.timedelta(hours=1)
Story = tuple[UseCase, Any]


@pytest.fixture
def story(tmp_path: Path, settings: Any) -> Iterator[Story]:
    settings.AUDIT_HEADS_DIR = tmp_path
    use_case = make_use_case(title="Drafts")
    with (
        catalogue(use_case, windows=6) as versions,
        time_machine.travel(LATER, tick=False),
    ):
        yield use_case, versions


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def approved(story: Story) -> Dashboard:
    dashboard = make_dashboard(*story)
    approve(submit(dashboard))
    return Dashboard.objects.get(pk=dashboard.pk)


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_built_submitted_and_approved_without_scripts(story: Story) -> None:
    use_case, versions = story
    owner = use_case.owner
    milestone = goal(make_dashboard(use_case, []))
    client = client_of(owner)
    made = client.post(
        "/dashboards/new/", {"title": "Value", "purpose": "Go on?", "milestone": milestone.pk}
    )
    build = made["Location"]
    assert build == "/dashboards/value/build/"
    for place, version in enumerate(versions):
        page = client.get(build, {"metric": version.pk})
        assert f'value="use_case:{use_case.pk}"' in page.content.decode()
        said = {"action": "add", "version": version.pk, "scope": f"use_case:{use_case.pk}",
                "kind": "number", "title": "", "expected_version": place + 1}  # fmt: skip
        assert client.post(build, said).status_code == 302
    assert client.post(build, {"action": "down:0", "expected_version": 4}).status_code == 302
    stale = client.post(build, {"action": "remove:0", "expected_version": 4})
    assert (stale.status_code, "Nothing was changed" in text_of(stale)) == (409, True)
    wrong = client.post(build, {"action": "add", "expected_version": 5})
    assert wrong.status_code == 400
    fragment = client.post(
        build, {"action": "up:1", "expected_version": 5}, headers={"HX-Request": "true"}
    )
    assert (fragment.status_code, b"<html" in fragment.content) == (200, False)
    submitted = client.post("/dashboards/value/submit/", {"reason": "", "expected_version": 6})
    assert submitted.status_code == 302
    request = ApprovalRequest.objects.get(kind="adoption.dashboard")
    text = text_of(client_of(make_user()).get(f"/approvals/{request.pk}/"))
    assert "2027-01-18 to 2027-02-15: 0.458333333 ratio" in text
    assert text_of(client.get(request.url)).count("Certified") >= 3
    assert "In review" in text_of(client.get("/dashboards/value/"))
    approve(request)
    text = text_of(client.get("/dashboards/value/"))
    assert "which shows who approved exactly what" in text
    assert "Not approved" not in text


def test_what_cannot_be_submitted_says_why(story: Story) -> None:
    use_case, versions = story
    dashboard = make_dashboard(use_case, versions[:1])
    page = text_of(client_of(use_case.owner).get(f"/dashboards/{dashboard.slug}/submit/"))
    assert "It cannot be submitted yet." in page
    assert "It looks from 1 side (performance) and needs 3 of SPACE" in page
    sent = client_of(use_case.owner).post(
        f"/dashboards/{dashboard.slug}/submit/", {"expected_version": dashboard.version}
    )
    assert (sent.status_code, ApprovalRequest.objects.count()) == (200, 0)


def test_what_is_not_trusted_is_visibly_so(story: Story) -> None:
    use_case, versions = story
    draft = make_dashboard(use_case, versions, title="Other")
    client = client_of(make_user())
    assert "Nobody has approved it yet" in text_of(client.get(f"/dashboards/{draft.slug}/"))
    dashboard = approved(story)
    address = f"/dashboards/{dashboard.slug}/"
    MetricStanding.objects.filter(metric_version=versions[0]).update(
        status=StandingStatus.SUSPENDED
    )
    page = text_of(client.get(address))
    assert "A tile is no longer approved." in page
    assert "this version is suspended" in page
    with time_machine.travel(NOW + dt.timedelta(days=179), tick=False):
        later = client_of(make_user())  # a session does not last that long
        page = text_of(later.get(address))
        assert "Stale: two newer windows are over and not filled." in page
    with time_machine.travel(NOW + dt.timedelta(days=181), tick=False):
        later = client_of(make_user())
        assert "do not rely on it until it is approved again" in text_of(later.get(address))
        assert "0.45" not in text_of(later.get(f"{address}embed/"))
        assert later.get(f"{address}export/").status_code == 302


def test_an_export_carries_version_status_and_expiry(story: Story) -> None:
    dashboard = approved(story)
    answer = client_of(make_user()).get(f"/dashboards/{dashboard.slug}/export/")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 18
    assert {row["Dashboard version"] for row in rows} == {"1"}
    assert {row["Dashboard status"] for row in rows} == {"approved"}
    assert all(row["Approved until"].startswith("2027-05-19") for row in rows)
    assert (rows[0]["Value"], rows[0]["Standing"]) == ("0.25", "certified")
    assert DashboardAccess.objects.get().action == "exported"


def test_how_often_it_was_used_is_for_its_owner(story: Story) -> None:
    dashboard = approved(story)
    address = f"/dashboards/{dashboard.slug}/"
    reader = client_of(make_user())
    for _ in range(5):
        assert "How it is used" not in text_of(reader.get(address))
    page = text_of(client_of(dashboard.owner).get(address))
    assert "How it is used" in page
    assert "Viewed employee 5" in page


def test_nobody_frames_it_but_those_who_may(story: Story, settings: Any) -> None:
    dashboard = approved(story)
    client, address = client_of(make_user()), f"/dashboards/{dashboard.slug}/embed/"
    answer = client.get(address)
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    settings.EMBED_ORIGINS = ("https://wiki.example.org",)
    answer = client.get(address)
    assert "frame-ancestors https://wiki.example.org" in answer["Content-Security-Policy"]
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert "X-Frame-Options" not in answer
    other = client.get(f"/dashboards/{dashboard.slug}/")
    assert "frame-ancestors 'none'" in other["Content-Security-Policy"]
    assert read_origins("https://a.example, http://b:81", "X") == (
        "https://a.example",
        "http://b:81",
    )
    for wrong in ("*", "https://*.example", "'self'", "https://a.example/path", "data:"):
        with pytest.raises(ValueError, match="is no origin"):
            read_origins(wrong, "X")
    assert issubclass(UnsafeEnvironmentError, Exception)


def test_twelve_tiles_cost_no_more_queries_than_three(story: Story) -> None:
    use_case, versions = story
    client = client_of(make_user())

    def queries(tiles: Any) -> int:
        dashboard = make_dashboard(use_case, tiles)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/dashboards/{dashboard.slug}/").status_code == 200
        return len(captured)

    queries(versions)
    few = queries(versions)
    assert queries([version for version in versions for _ in range(4)]) == few


def test_snapshots_are_shown_and_given_away(story: Story, tmp_path: Path) -> None:
    approved(story)
    client = client_of(make_user())
    assert "No snapshot has been published yet" in text_of(client.get("/snapshots/"))
    call_command("publish_snapshot", verbosity=0, stdout=io.StringIO())
    publish_snapshot(at=NOW, even_if_unchanged=True)
    page = text_of(client.get("/snapshots/2/"))
    assert "18 values, 1 approved dashboard " in page
    assert "python3 verify_snapshot.py --key" in page
    part = client.get("/snapshots/2/?v-sort=-window", headers={"HX-Request": "true"})
    assert part.content.decode().count("<section") == 1
    assert client.get("/snapshots/3/").status_code == 404
    script = tmp_path / "script.py"
    script.write_bytes(client.get("/snapshots/verifier/").content)
    compile(script.read_text(), "script.py", "exec")
    assert client.get("/snapshots/1/file/")["Content-Disposition"].endswith('"snapshot-1.json"')
    assert "2" in text_of(client.get("/dashboards/what-drafts-bring/tiles/1/"))


def test_who_moves_a_tile_by_keyboard_goes_on_with_it(story: Story) -> None:
    use_case, versions = story
    dashboard = make_dashboard(use_case, versions)
    client, address = client_of(dashboard.owner), f"/dashboards/{dashboard.slug}/build/"

    def after(action: str) -> str:
        dashboard.refresh_from_db()
        values = {"action": action, "expected_version": dashboard.version}
        answer = client.post(address, values, headers={"HX-Request": "true"})
        [focused] = re.findall(r"<[^>]+ autofocus[^>]*>", answer.content.decode())
        return focused

    assert 'value="down:1"' in after("down:0")
    assert 'value="up:2"' in after("down:1"), "the last tile can only go up"
    assert 'value="up:1"' in after("up:2")
    assert 'value="down:0"' in after("up:1"), "the first can only go down"
    assert after("remove:0").startswith("<h2")
    assert "autofocus" not in client.get(address).content.decode()
