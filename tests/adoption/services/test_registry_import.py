"""Importing a registry: whole or not at all, once and not twice, and never over newer words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adoption.inventories import omb
from adoption.inventories.reading import read_registry
from adoption.inventories.writing import registry_text
from adoption.models import Programme, Team, UseCase, UseCaseProfile
from adoption.selectors.benefits import own_vague_benefits, vague_benefits
from adoption.selectors.inventories import inventory_records
from adoption.services.registry_import import (
    RegistryImport,
    RegistryRefusedError,
    import_registry,
)
from adoption.services.registry_places import ImportOptions
from adoption.services.use_cases import update_use_case
from tests.adoption.factories import NOW, make_programme, make_team, make_use_case, make_user
from tests.adoption.inventories.test_forms import CELLS, SYSTEM, omb_file

pytestmark = pytest.mark.django_db
SECOND = CELLS | {
    "id": "DOX-2", "use_case_name": "Reading of forms", "development_stage": "Retired",
    "agency_bureau": "Forms", "benefits": "Reads 40 % of the forms alone.",
}  # fmt: skip


def run(data: bytes, *, form: str = "omb-csv", **more: Any) -> RegistryImport:
    reading = read_registry(data, file="file", form=form)
    assert not reading.rejections
    options = ImportOptions(**{name: more.pop(name) for name in list(more) if name != "is_dry_run"})
    return import_registry(rows=reading.rows, options=options, actor=None, at=NOW, **more)


def cells_out() -> list[dict[str, str]]:
    return [dict(each) for each in omb.write(inventory_records(UseCase.objects.all()))]


def counts(done: RegistryImport) -> tuple[int, int, int]:
    return len(done.created), len(done.updated), len(done.unchanged)


@pytest.fixture
def programme() -> Programme:
    return make_programme()


def test_rows_are_registered_below_their_organisation_and_come_out_the_same(
    programme: Programme,
) -> None:
    done = run(omb_file(CELLS, SECOND))
    assert counts(done) == (2, 0, 0)
    first, second = UseCase.objects.order_by("pk")
    assert (first.team.name, first.team.parent and first.team.parent.name) == (
        "Post", "Department of Examples"
    )  # fmt: skip
    assert first.owner == programme.owner
    assert (first.value_type, first.risk_tier, first.stage) == ("not_stated", "high", "proposed")
    assert second.stage == "retired"
    assert Team.objects.filter(name="Department of Examples").count() == 1
    assert cells_out() == [CELLS, SECOND]


@pytest.mark.both_engines
def test_the_same_file_again_changes_nothing(programme: Programme) -> None:
    run(omb_file(CELLS, SECOND))
    before = list(UseCase.objects.values()), list(UseCaseProfile.objects.values())
    assert counts(run(omb_file(CELLS, SECOND))) == (0, 0, 2)
    assert before == (list(UseCase.objects.values()), list(UseCaseProfile.objects.values()))


@pytest.mark.both_engines
def test_a_later_file_changes_what_it_changed_and_nothing_that_was_edited_here(
    programme: Programme,
) -> None:
    run(omb_file(CELLS))
    use_case = UseCase.objects.get()
    update_use_case(
        use_case_id=use_case.pk, expected_version=1, actor=use_case.owner, at=NOW,
        hypothesis="Ours.", problem="Ours, better.", profile={"benefit_text": "Ours: 3 days less"},
    )  # fmt: skip
    done = run(omb_file(CELLS | {"benefits": "Theirs, newer.", "vendor_name": "Acme"}))
    assert counts(done) == (0, 1, 0)
    use_case.refresh_from_db()
    assert (use_case.problem, use_case.hypothesis) == ("Ours, better.", "Ours.")
    assert use_case.profile.benefit_text == "Theirs, newer."
    assert use_case.profile.vendors == "Acme"
    assert use_case.version == 3


def test_a_use_case_that_ended_there_ends_here(programme: Programme) -> None:
    run(omb_file(CELLS))
    assert counts(run(omb_file(CELLS | {"development_stage": "Retired"}))) == (0, 1, 0)
    use_case = UseCase.objects.get()
    assert use_case.stage == "retired"
    newest = use_case.stage_changes.first()
    assert newest is not None
    assert "inventory" in newest.reason


@pytest.mark.both_engines
def test_one_row_that_cannot_be_taken_stops_all_of_them(programme: Programme) -> None:
    make_programme()
    reading = read_registry(omb_file(CELLS, SECOND), file="x", form="omb-csv")
    with pytest.raises(RegistryRefusedError) as refused:
        import_registry(rows=reading.rows, options=ImportOptions(), actor=None, at=NOW)
    assert [(each.line, each.field) for each in refused.value.rejections] == [
        (2, "programme"), (4, "programme")
    ]  # fmt: skip
    assert "--programme" in refused.value.rejections[0].expected
    assert not UseCase.objects.exists()
    usage = {"slug": "b", "title": "B", "programme": programme.slug, "team": make_team().slug,
             "record": {"benefit_measure": "tokens", "benefit_unit": "count"}}  # fmt: skip
    fine = usage | {"slug": "a", "title": "A", "record": {}}
    data = json.dumps({"form": "plumbline-registry", "use_cases": [fine, usage]}).encode()
    with pytest.raises(RegistryRefusedError) as refused:
        run(data, form="json")
    (rejection,) = refused.value.rejections
    assert (rejection.line, rejection.field) == (2, "benefit_measure")
    assert not UseCase.objects.exists()


def test_options_say_where_rows_belong(programme: Programme) -> None:
    make_programme()
    team, owner = make_team(), make_user()
    person = make_user(email="post@dox.example")
    run(omb_file(CELLS, SECOND | {"contact_email": "nobody@dox.example"}),
        programme=programme, team=team, owner=owner, value_type="quality")  # fmt: skip
    first, second = UseCase.objects.order_by("pk")
    assert (first.owner, second.owner) == (person, owner)
    assert {first.team, second.team} == {team}
    assert {first.programme, second.programme} == {programme}
    assert first.value_type == "quality"


def test_an_address_of_several_people_or_of_one_who_left_is_nobodys(programme: Programme) -> None:
    make_user(email="post@dox.example", is_active=False)
    run(omb_file(CELLS))
    assert UseCase.objects.get().owner == programme.owner


def test_a_row_without_an_organisation_wants_a_team(programme: Programme) -> None:
    bare = CELLS | {"agency": "", "agency_name": "", "agency_bureau": ""}
    with pytest.raises(RegistryRefusedError) as refused:
        run(omb_file(bare))
    assert "--team" in refused.value.rejections[0].expected


def test_a_dry_run_says_what_would_happen_and_leaves_nothing(programme: Programme) -> None:
    teams = Team.objects.count()
    assert counts(run(omb_file(CELLS, SECOND), is_dry_run=True)) == (2, 0, 0)
    assert (UseCase.objects.count(), Team.objects.count()) == (0, teams)


@pytest.mark.parametrize("form", ["omb-csv", "json", "annex-viii"])
def test_our_own_export_is_recognised_and_changes_nothing(form: str) -> None:
    make_use_case(
        title="Of ours", risk_tier="high", problem="Slow.\r\nVery.",
        profile={"benefit_unit": "%", "baseline": None, "tools": ["Claude"]},
    )  # fmt: skip
    text = "".join(registry_text(inventory_records(UseCase.objects.all()), form))
    before = list(UseCase.objects.values()), list(UseCaseProfile.objects.values())
    assert counts(run(text.encode(), form=form)) == (0, 0, 1)
    assert before == (list(UseCase.objects.values()), list(UseCaseProfile.objects.values()))


def test_our_own_document_moves_a_registry_to_another_portal(programme: Programme) -> None:
    run(omb_file(CELLS, SECOND))
    text = "".join(registry_text(inventory_records(UseCase.objects.all()), "json"))
    document = json.loads(text)
    for item in document["use_cases"]:
        item["slug"] += "-copy"
    assert counts(run(json.dumps(document).encode(), form="json")) == (2, 0, 0)
    assert cells_out()[2:] == [CELLS, SECOND]


def test_a_system_of_annex_viii_is_registered_as_high_risk(programme: Programme) -> None:
    data = json.dumps({"form": "annex-viii", "systems": [SYSTEM]}).encode()
    run(data, form="annex-viii", team=make_team())
    use_case = UseCase.objects.get()
    assert (use_case.title, use_case.risk_tier) == ("Sorter", "high")
    assert use_case.profile.market_status == "in_service"


def test_vague_benefits_are_listed_for_who_can_mend_them(programme: Programme) -> None:
    done = run(omb_file(CELLS, SECOND, CELLS | {"id": "DOX-3", "benefits": ""}))
    assert vague_benefits(done.touched) == [
        {
            "slug": "sorting-of-letters", "title": "Sorting of letters",
            "owner": programme.owner.username, "problem": "no_number",
        }
    ]  # fmt: skip
    assert [each.slug for each in own_vague_benefits(programme.owner)] == ["sorting-of-letters"]
    assert not own_vague_benefits(make_user())
