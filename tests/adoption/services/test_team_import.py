"""Lists of teams: what would change, what is taken, who leaves, and every way of being wrong."""

from __future__ import annotations

import datetime as dt
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from adoption.models import GroupTeam, Identity, Membership, Team
from adoption.selectors.headcount import eligible_headcount, team_headcount, weeks_before
from adoption.services.group_teams import follow_groups, map_group
from adoption.services.identities import resolve_identities
from adoption.services.provider_teams import take_members
from adoption.services.team_import import (
    TeamListRefusedError,
    TeamPlan,
    apply_team_list,
    plan_team_list,
)
from adoption.services.teams import add_membership, create_team
from adoption.sources.github.config import GitHubConfig
from adoption.sources.github.teams import team_members
from adoption.sources.gitlab.config import GitLabConfig
from adoption.sources.gitlab.groups import group_members
from adoption.sources.records import Account
from adoption.team_files import read_team_file
from portal.choices import Role
from portal.models import User
from tests.adoption.factories import NOW, make_user
from tests.adoption.sending import make_connection

pytestmark = pytest.mark.django_db
DAY = dt.date(2026, 10, 1)
HEAD = "team,below,person,starts_on,ends_on\n"


def take(text: str, on: dt.date = DAY, origin: str = "file") -> list[str]:
    said = read_team_file((HEAD + text).encode())
    expected = plan_team_list(said=said, origin=origin, on=on)
    done = apply_team_list(said=said, origin=origin, on=on, actor=None, at=NOW)
    assert done == expected
    return [str(step) for step in done.steps]


def spells() -> set[tuple[str, str, str, str | None]]:
    rows = Membership.objects.select_related("team", "user")
    return {
        (row.team.name, row.user.username, row.starts_on.isoformat(),
         row.ends_on.isoformat() if row.ends_on else None)
        for row in rows
    }  # fmt: skip


@pytest.fixture(autouse=True)
def people() -> dict[str, User]:
    return {
        name: User.objects.create_user(
            username=name, full_name=name.title(), email=f"{name}@acme.example"
        )
        for name in ("ada", "bo", "cy")
    }


@pytest.mark.both_engines
def test_teams_are_made_people_start_leave_and_come_back() -> None:
    first = take("Search,Product,ada,2026-01-05,\nSearch,,BO@acme.example,,\nProduct,,,,\n")
    assert first == [
        "“Product” is created", "“Search” is created",
        "Ada belongs to “Search” from 2026-01-05", "Bo belongs to “Search” from 2026-10-01",
    ]  # fmt: skip
    assert Team.objects.get(name="Search").parent == Team.objects.get(name="Product")
    assert take("Search,Product,ada,2026-01-05,\nSearch,,bo,,\nProduct,,,,\n") == []
    gone = take("Search,,bo,,\n", on=DAY + dt.timedelta(days=7))
    assert gone == ["Ada leaves “Search” on 2026-10-08"]
    back = take("Search,,bo,,\nSearch,,ada,,\n", on=DAY + dt.timedelta(days=30))
    assert back == ["Ada belongs to “Search” from 2026-10-31"]
    assert spells() == {
        ("Search", "ada", "2026-01-05", "2026-10-08"), ("Search", "bo", "2026-10-01", None),
        ("Search", "ada", "2026-10-31", None),
    }  # fmt: skip


@pytest.mark.both_engines
def test_a_list_ends_only_what_it_began(people: dict[str, User]) -> None:
    team = create_team(name="Search", actor=people["ada"], at=NOW)
    add_membership(team_id=team.pk, user=people["cy"], starts_on=DAY, actor=people["ada"], at=NOW)
    take("Search,,ada,,\n", origin="connection:gh")
    take("Search,,bo,,\n", on=DAY + dt.timedelta(days=5))
    assert {row[1]: row[3] for row in spells()} == {"ada": None, "bo": None, "cy": None}
    take("Search,,,,\n", on=DAY + dt.timedelta(days=9))
    assert {row[1]: row[3] for row in spells()} == {"ada": None, "bo": "2026-10-10", "cy": None}


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        ("Search,,nobody,,\n", 2, "person"),
        (",,ada,,\n", 2, "team"),
        ("Search,,ada,1.2.2026,\n", 2, "starts_on"),
        ("Search,,ada,2026-02-01,2026-02-01\n", 2, "ends_on"),
        ("Search,,ada,,\nSearch,,ADA,,\n", 3, "person"),
        ("Search,Nowhere,ada,,\n", 2, "below"),
        ("A,B,ada,,\nB,A,bo,,\n", 2, "below"),
        ("A,B,,,\nA,C,,,\n", 3, "below"),
        ("Search,,ada\n", 2, "row"),
        ('Search,,"ada,,\n', 2, "file"),
        ("", 2, "file"),
    ],
)
def test_with_one_problem_nothing_is_taken(text: str, line: int, field: str) -> None:
    take("Search,,cy,,\n")
    before = spells()
    said = read_team_file((HEAD + text).encode())
    with pytest.raises(TeamListRefusedError) as refused:
        apply_team_list(said=said, origin="file", on=DAY, actor=None, at=NOW)
    problem = refused.value.problems[0]
    assert problem.field == field
    assert problem.line >= line
    assert spells() == before
    assert set(Team.objects.values_list("name", flat=True)) == {"Search"}


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"team\nSearch\n", b"team,person,salary\nSearch,ada,1\n"]
)
def test_a_file_without_the_right_heading_is_refused(data: bytes) -> None:
    assert read_team_file(data).problems


def test_the_semicolons_and_the_mark_of_spreadsheets_are_read() -> None:
    said = read_team_file("\ufeffTeam;Person\r\nSearch;ada\r\n".encode())
    assert [(each.team, each.person) for each in said.members] == [("Search", "ada")]


def test_the_command_prints_one_document_and_fails_by_line(tmp_path: Path) -> None:
    file = tmp_path / "teams.csv"
    file.write_text(HEAD + "Search,,ada,,\n")
    out = StringIO()
    call_command("import_teams", str(file), "--dry-run", "--json", stdout=out)
    document = json.loads(out.getvalue())
    assert (document["status"], document["started"], document["teams_created"]) == ("checked", 1, 1)
    assert not Team.objects.exists()
    call_command("import_teams", str(file), stdout=StringIO())
    assert Membership.objects.count() == 1
    file.write_text(HEAD + "Search,,nobody,,\n")
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError) as failed:
        call_command("import_teams", str(file), "--json", stdout=out, stderr=err)
    assert failed.value.returncode == 2  # noqa: PLR2004
    assert "line 2, person" in err.getvalue()
    assert json.loads(out.getvalue())["problems"][0]["field"] == "person"


def test_the_page_shows_what_would_change_and_takes_exactly_that(client: Client) -> None:
    client.force_login(make_user(Role.PROGRAMME_LEAD))
    url = reverse("team-import")
    upload = SimpleUploadedFile("teams.csv", (HEAD + "Search,,ada,,\n").encode())
    page = client.post(url, {"file": upload}).content.decode()
    assert "Ada belongs to “Search”" in page
    assert not Team.objects.exists()
    answer = client.post(url, {"text": HEAD + "Search,,ada,,\n", "apply": "1"})
    assert answer.status_code == 302
    assert Membership.objects.count() == 1
    upload = SimpleUploadedFile("teams.csv", (HEAD + "Search,,nobody,,\n").encode())
    page = client.post(url, {"file": upload}).content.decode()
    assert "line 2, person" in page
    assert "Take it" not in page


@pytest.mark.both_engines
def test_sign_in_groups_are_followed_day_by_day(people: dict[str, User]) -> None:
    ada = people["ada"]
    search, shop = (create_team(name=name, actor=ada, at=NOW) for name in ("Search", "Shop"))
    map_group(group="cn=search", team=search, actor=ada, at=NOW)
    map_group(group="cn=shop", team=shop, actor=ada, at=NOW)
    add_membership(team_id=shop.pk, user=ada, starts_on=NOW.date(), actor=ada, at=NOW)
    for days, groups in ((0, {"cn=search", "cn=shop", "x"}), (0, {"cn=search", "cn=shop"}),
                         (3, {"x"}), (9, {"cn=search"})):  # fmt: skip
        follow_groups(user=ada, groups=groups, at=NOW + dt.timedelta(days=days))
    day = NOW.date()
    expected = [("Search", day, day + dt.timedelta(days=3)), ("Search", day + dt.timedelta(days=9),
                None), ("Shop", day, None)]  # fmt: skip
    found = Membership.objects.order_by("team__name", "starts_on")
    assert list(found.values_list("team__name", "starts_on", "ends_on")) == expected
    assert GroupTeam.objects.count() == 2  # noqa: PLR2004


def test_the_headcount_of_a_week_counts_everybody_once(people: dict[str, User]) -> None:
    take("Product,,,,\nSearch,Product,ada,2026-09-01,\nSearch,,bo,2026-09-16,2026-09-21\n"
         "Product,,ada,2026-09-01,\nProduct,,cy,2026-09-28,\n")  # fmt: skip
    product, search = (Team.objects.get(name=name).pk for name in ("Product", "Search"))
    weeks = weeks_before(dt.date(2026, 9, 30), 3)
    assert weeks == [dt.date(2026, 9, 7), dt.date(2026, 9, 14), dt.date(2026, 9, 21)]
    assert [each.people for each in team_headcount(team_id=product, weeks=weeks)] == [1, 2, 1]
    assert [each.people for each in eligible_headcount(team_ids=[search], weeks=weeks)] == [1, 2, 1]
    later = team_headcount(team_id=product, weeks=[dt.date(2026, 9, 28)])
    assert later[0].people == 2  # noqa: PLR2004
    assert eligible_headcount(team_ids=[search], weeks=[]) == []


def test_members_of_a_provider_become_people_by_their_identities(people: dict[str, User]) -> None:
    connection = make_connection("github", "gh", teams="acme/search = Search")
    config = GitHubConfig.model_validate(connection.config)
    asked: list[str] = []

    def ask(endpoint: str, path: str, params: object = (), *, body: object = None) -> list[object]:
        asked.append(path)
        return [{"login": "ada-gh"}, {"login": "stranger"}]

    def take_there(accounts: list[Account], days: int = 0) -> TeamPlan:
        return take_members(
            connection=connection, members={"Search": accounts}, actor=None,
            at=NOW + dt.timedelta(days=days), is_dry=False,
        )  # fmt: skip

    found = team_members(ask, config, "acme/search")
    assert asked == ["/orgs/acme/teams/search/members"]
    assert take_there(found).count("start") == 0
    unresolved = Identity.objects.filter(kind="github_login", user=None)
    assert set(unresolved.values_list("value", flat=True)) == {"ada-gh", "stranger"}
    mine = Identity.objects.get(value="ada-gh")
    resolve_identities(identity_ids=[mine.pk], user=people["ada"], actor=people["bo"], at=NOW)
    assert take_there(found, 1).count("start") == 1
    assert take_there(found, 2).unchanged == 1
    with pytest.raises(TeamListRefusedError, match="lists none"):
        take_there([], 3)
    assert take_there([Account("github_login", "stranger")], 4).count("end") == 1
    day = NOW.date()
    row = Membership.objects.get()
    assert (row.origin, row.starts_on, row.ends_on) == (
        "connection:gh", day + dt.timedelta(days=1), day + dt.timedelta(days=4),
    )  # fmt: skip
    listed = group_members(
        lambda *_, **__: [{"username": "x", "state": "blocked"}, {"username": "y"}],
        GitLabConfig(), "acme/search",
    )  # fmt: skip
    assert [each.value for each in listed] == ["y"]
