"""Writing use cases: registering, editing, linking repositories. Stages: `stages.py`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack
from zoneinfo import ZoneInfo

import structlog
from django.db import transaction

from adoption.approvals import STAGE_KIND
from adoption.choices import STAGES_THAT_NEED_A_STOP_RULE, RiskTier, Stage
from adoption.models import (
    Programme,
    Repository,
    RepositoryLink,
    StageChange,
    Team,
    UseCase,
    UseCaseProfile,
)
from adoption.services.dated_rows import ending_problem, overlapping, period_problem
from adoption.services.refusals import RefusedError, check_version
from adoption.services.slugs import save_with_slug
from adoption.services.use_case_profiles import profile_for_update, write_profile
from portal.models import User
from portal.services.approvals import recheck
from portal.shell.periods import day_of

logger = structlog.get_logger(__name__)


class BadUseCaseError(RefusedError):
    """An edit would leave the use case without something that its stage asks for."""


class BadRepositoryLinkError(RefusedError):
    """The period of a link cannot be, or overlaps another one."""


class UseCaseChanges(TypedDict, total=False):
    """What an edit may change. Stage, slug and version are not among it."""

    title: str
    programme: Programme
    team: Team
    owner: User
    problem: str
    hypothesis: str
    value_type: str
    risk_tier: str
    stop_rule: str


def create_use_case(
    *,
    title: str,
    programme: Programme,
    team: Team,
    owner: User,
    value_type: str,
    risk_tier: str = RiskTier.MINIMAL,
    problem: str = "",
    hypothesis: str = "",
    stop_rule: str = "",
    profile: Mapping[str, Any] | None = None,
    is_draft: bool = False,
    actor: User,
    at: dt.datetime,
) -> UseCase:
    """Register a use case as `proposed`; its slug is made from the title, once.

    Args:
        profile: fields of its record, by the names of `inventories/fields.py`.
        is_draft: its registration is not finished; everybody sees it all the same.

    Raises:
        BadRecordError: a field of the record cannot be so.
        ValidationError: a field is wrong.
    """
    use_case = UseCase(
        title=title.strip(),
        programme=programme,
        team=team,
        owner=owner,
        value_type=value_type,
        risk_tier=risk_tier,
        problem=problem.strip(),
        hypothesis=hypothesis.strip(),
        stop_rule=stop_rule.strip(),
        stage=Stage.PROPOSED,
        stage_since=day_of(at, ZoneInfo(programme.time_zone)),
        created_by=actor,
        created_at=at,
        updated_at=at,
    )
    with transaction.atomic():
        save_with_slug(use_case, use_case.title, fallback="use-case")
        StageChange.objects.create(
            use_case=use_case,
            from_stage="",
            to_stage=Stage.PROPOSED,
            decided_by=actor,
            decided_at=at,
        )
        write_profile(UseCaseProfile(use_case=use_case, is_draft=is_draft), profile or {})
    logger.info("use_case_created", use_case=use_case.pk, actor=actor.pk)
    return use_case


def save_next_version(use_case: UseCase, *, at: dt.datetime) -> None:
    """Save it with the next version number, checked."""
    use_case.version += 1
    use_case.updated_at = at
    use_case.full_clean()
    use_case.save()


def _check_programme_move(use_case: UseCase, programme: Programme) -> None:
    if programme.pk != use_case.programme_id and use_case.milestones.exists():
        raise BadUseCaseError(
            "This use case has milestones, which are promised within its programme. Remove them "
            "before you move it to another programme.",
            field="programme",
        )


def update_use_case(
    *,
    use_case_id: int,
    expected_version: int,
    actor: User,
    at: dt.datetime,
    profile: Mapping[str, Any] | None = None,
    is_draft: bool | None = None,
    **changes: Unpack[UseCaseChanges],
) -> UseCase:
    """Change the named fields; the others stay. The version rises by one.

    Args:
        profile: fields of its record, by the names of `inventories/fields.py`.
        is_draft: whether its registration goes on; None leaves that as it is.

    Raises:
        BadRecordError: a field of the record cannot be so.
        StaleVersionError: it is no longer at `expected_version`.
        BadUseCaseError: the stage asks for a stop rule and the edit removes it, or a use case with
            milestones would change its programme.
        ValidationError: a field is wrong.
    """
    with transaction.atomic():
        use_case = UseCase.objects.select_for_update().get(pk=use_case_id)
        check_version("use case", expected=expected_version, current=use_case.version)
        if "programme" in changes:
            _check_programme_move(use_case, changes["programme"])
        for name, value in changes.items():
            setattr(use_case, name, value.strip() if isinstance(value, str) else value)
        if use_case.stage in STAGES_THAT_NEED_A_STOP_RULE and not use_case.stop_rule:
            raise BadUseCaseError(
                f"A use case at stage “{use_case.get_stage_display()}” needs a stop rule: say "
                "which measured result would end it.",
                field="stop_rule",
            )
        if profile is not None or is_draft is not None:
            record = profile_for_update(use_case)
            record.is_draft = record.is_draft if is_draft is None else is_draft
            write_profile(record, profile or {})
        if actor.pk not in use_case.editors_since_stage:
            use_case.editors_since_stage = [*use_case.editors_since_stage, actor.pk]
        save_next_version(use_case, at=at)
        recheck(kind=STAGE_KIND, subject=str(use_case.pk), at=at)
    logger.info(
        "use_case_updated",
        use_case=use_case.pk,
        actor=actor.pk,
        fields=sorted((*changes, *(profile or ()))),
    )
    return use_case


def link_repository(
    *,
    use_case_id: int,
    repository: Repository,
    starts_on: dt.date,
    ends_on: dt.date | None = None,
    actor: User,
    at: dt.datetime,
) -> RepositoryLink:
    """Say that the repository's changes belong to the use case on those days (end exclusive).

    Raises:
        BadRepositoryLinkError: the period is empty or overlaps an earlier link of the two.
        ValidationError: a field is wrong.
    """
    if problem := period_problem(starts_on, ends_on):
        raise BadRepositoryLinkError(problem, field="ends_on")
    with transaction.atomic():
        use_case = UseCase.objects.select_for_update().get(pk=use_case_id)
        others = use_case.repository_links.filter(repository=repository)
        known = overlapping(others, starts_on=starts_on, ends_on=ends_on).first()
        if known is not None:
            raise BadRepositoryLinkError(
                f"“{repository}” is linked to this use case from {known.starts_on} already.",
                field="starts_on",
            )
        link = RepositoryLink(
            use_case=use_case, repository=repository, starts_on=starts_on, ends_on=ends_on
        )
        link.full_clean()
        link.save()
    logger.info("repository_linked", link=link.pk, actor=actor.pk, at=at.isoformat())
    return link


def end_repository_link(
    *, link_id: int, ends_on: dt.date, actor: User, at: dt.datetime
) -> RepositoryLink:
    """End a link; `ends_on` is the first day whose changes no longer belong to the use case.

    Raises:
        BadRepositoryLinkError: it has ended already, or would end before it starts.
    """
    with transaction.atomic():
        link = RepositoryLink.objects.select_for_update().get(pk=link_id)
        if problem := ending_problem(link, ends_on):
            raise BadRepositoryLinkError(problem, field="ends_on")
        link.ends_on = ends_on
        link.full_clean()
        link.save(update_fields=["ends_on"])
    logger.info("repository_link_ended", link=link.pk, actor=actor.pk, at=at.isoformat())
    return link
