"""Use cases: address, version, the table of stages, links."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from adoption.choices import Stage
from adoption.models import Repository, StageChange, UseCase
from adoption.services.refusals import StaleVersionError
from adoption.services.stages import request_stage
from adoption.services.use_cases import (
    BadRepositoryLinkError,
    BadUseCaseError,
    create_use_case,
    end_repository_link,
    link_repository,
    update_use_case,
)
from tests.adoption.factories import (
    NOW,
    make_milestone,
    make_programme,
    make_team,
    make_use_case,
    make_user,
    registered_metric,
    walk_to,
)

pytestmark = pytest.mark.django_db


def test_registering_proposes_and_starts_the_decision_log() -> None:
    use_case = make_use_case(title="Invoice OCR")
    assert (use_case.slug, use_case.stage, use_case.version) == ("invoice-ocr", "proposed", 1)
    assert [str(change) for change in use_case.stage_changes.all()] == ["new → proposed"]


def test_the_slug_is_unique_and_outlives_the_title() -> None:
    first, second = make_use_case(title="Same title"), make_use_case(title="Same title")
    assert (first.slug, second.slug) == ("same-title", "same-title-2")
    renamed = update_use_case(
        use_case_id=first.pk, expected_version=1, actor=first.owner, at=NOW, title="Other"
    )
    assert renamed.slug == "same-title"


def test_a_title_does_not_take_the_address_of_a_page() -> None:
    assert make_use_case(title="New").slug == "new-2"


def test_a_long_title_gives_a_slug_that_fits() -> None:
    first, second = (make_use_case(title="long " * 31) for _ in range(2))
    assert len(first.slug) <= 80
    assert second.slug == f"{first.slug}-2"


def test_an_empty_title_or_unknown_value_type_is_refused_and_nothing_is_kept() -> None:
    owner, programme, team = make_user(), make_programme(), make_team()
    for title, value_type in (("  ", "quality"), ("Fine", "hype")):
        with pytest.raises(ValidationError):
            create_use_case(
                title=title,
                programme=programme,
                team=team,
                owner=owner,
                value_type=value_type,
                actor=owner,
                at=NOW,
            )
    assert not UseCase.objects.exists()


def test_the_stage_day_is_cut_in_the_programmes_zone() -> None:
    late = dt.datetime(2026, 11, 19, 23, 30, tzinfo=dt.UTC)
    programme = make_programme(time_zone="Asia/Tokyo")
    assert make_use_case(programme=programme, at=late).stage_since == dt.date(2026, 11, 20)
    assert make_use_case(at=late).stage_since == dt.date(2026, 11, 19)


def test_an_edit_of_an_older_version_is_refused_and_writes_nothing() -> None:
    use_case = make_use_case()
    edited = update_use_case(
        use_case_id=use_case.pk, expected_version=1, actor=use_case.owner, at=NOW, problem="A"
    )
    assert edited.version == 2
    with pytest.raises(StaleVersionError) as refused:
        update_use_case(
            use_case_id=use_case.pk, expected_version=1, actor=use_case.owner, at=NOW, problem="B"
        )
    assert (refused.value.expected, refused.value.current) == (1, 2)
    with pytest.raises(StaleVersionError):
        request_stage(
            use_case_id=use_case.pk,
            to_stage=Stage.APPROVED,
            expected_version=1,
            actor=use_case.owner,
            at=NOW,
        )
    use_case.refresh_from_db()
    assert (use_case.problem, use_case.version, use_case.stage) == ("A", 2, Stage.PROPOSED)


def test_the_stop_rule_stays_while_the_stage_needs_it() -> None:
    use_case = make_use_case(stop_rule="Stop at once.")
    moved = walk_to(use_case, Stage.PILOT)
    with pytest.raises(BadUseCaseError) as refused:
        update_use_case(
            use_case_id=use_case.pk,
            expected_version=moved.version,
            actor=use_case.owner,
            at=NOW,
            stop_rule="  ",
        )
    assert refused.value.field == "stop_rule"


@pytest.mark.both_engines
def test_the_database_itself_refuses_an_unknown_stage_and_an_end_without_reason() -> None:
    use_case = make_use_case()
    with pytest.raises(IntegrityError), transaction.atomic():
        UseCase.objects.filter(pk=use_case.pk).update(stage="done")
    with pytest.raises(IntegrityError), transaction.atomic():
        StageChange.objects.create(
            use_case=use_case, to_stage="stopped", decided_by=use_case.owner, decided_at=NOW
        )


def test_a_use_case_with_milestones_stays_in_its_programme() -> None:
    use_case, other = make_use_case(), make_programme()
    with registered_metric():
        make_milestone(use_case)
    with pytest.raises(BadUseCaseError) as refused:
        update_use_case(
            use_case_id=use_case.pk,
            expected_version=1,
            actor=use_case.owner,
            at=NOW,
            programme=other,
        )
    assert refused.value.field == "programme"


def test_links_do_not_overlap_and_end_once() -> None:
    use_case = make_use_case()
    actor = use_case.owner
    repository = Repository.objects.create(key="example/ocr", name="ocr")
    link = link_repository(
        use_case_id=use_case.pk,
        repository=repository,
        starts_on=dt.date(2026, 1, 1),
        actor=actor,
        at=NOW,
    )
    with pytest.raises(BadRepositoryLinkError):
        link_repository(
            use_case_id=use_case.pk,
            repository=repository,
            starts_on=dt.date(2026, 6, 1),
            actor=actor,
            at=NOW,
        )
    with pytest.raises(BadRepositoryLinkError):
        end_repository_link(link_id=link.pk, ends_on=link.starts_on, actor=actor, at=NOW)
    end_repository_link(link_id=link.pk, ends_on=dt.date(2026, 6, 1), actor=actor, at=NOW)
    link_repository(
        use_case_id=use_case.pk,
        repository=repository,
        starts_on=dt.date(2026, 6, 1),
        actor=actor,
        at=NOW,
    )
    with pytest.raises(BadRepositoryLinkError, match="already"):
        end_repository_link(link_id=link.pk, ends_on=dt.date(2026, 7, 1), actor=actor, at=NOW)
    # The same repository may serve a second use case on the same days.
    link_repository(
        use_case_id=make_use_case().pk,
        repository=repository,
        starts_on=dt.date(2026, 1, 1),
        actor=actor,
        at=NOW,
    )
