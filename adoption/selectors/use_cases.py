"""Reading use cases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db.models import Case, QuerySet, Value, When
from django.utils.text import slugify

from adoption.choices import NEXT_STAGES, STAGES_THAT_NEED_A_REASON, Stage
from adoption.models import (
    ImpactDecision,
    MilestoneEvent,
    Repository,
    RepositoryLink,
    StageChange,
    UseCase,
    UseCaseComment,
    UseCaseLink,
)
from adoption.policies import may_move_use_case, may_see_registry
from portal.models import User
from portal.policies import AnyUser
from portal.shell.periods import day_of

ENDED_STAGES = STAGES_THAT_NEED_A_REASON
# The way forward; the two ends can follow from any of them.
STAGES_IN_ORDER = (Stage.PROPOSED, Stage.APPROVED, Stage.PILOT, Stage.LIVE, Stage.VALIDATED)
STAGE_ORDER = Case(
    *(When(stage=stage, then=Value(number)) for number, stage in enumerate(Stage)),
    default=Value(len(Stage)),
)
_SIMILAR_ENOUGH = 0.34
_WORDS_OF_A_PROBLEM = 4  # fewer say too little about what is meant
_WORDS_WITHOUT_MEANING = frozenset(
    ("a", "an", "and", "ai", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to")
    + ("using", "with", "assistant", "tool")
)


def use_cases_visible_to(user: AnyUser) -> QuerySet[UseCase]:
    """Those that this person may see: all of them inside the organisation, none outside."""
    return UseCase.objects.all() if may_see_registry(user) else UseCase.objects.none()


def use_case_for_page(user: AnyUser, slug: str) -> UseCase | None:
    """One use case with what its page shows of it, or None."""
    found: UseCase | None = (
        use_cases_visible_to(user)
        .select_related("programme", "team", "owner", "profile")
        .filter(slug=slug)
        .first()
    )
    return found


def zone_of(use_case: UseCase) -> ZoneInfo:
    """The zone in which the days of this use case are cut: its programme's."""
    return ZoneInfo(use_case.programme.time_zone)


def stages_open_to(user: AnyUser, use_case: UseCase) -> list[Stage]:
    """The stages to which this person may move the use case, or ask to move it, now."""
    if not may_move_use_case(user, use_case):
        return []
    return list(NEXT_STAGES[Stage(use_case.stage)])


@dataclass(frozen=True, slots=True)
class StageStep:
    """One stage on the way: when it was entered last (a day in the programme's zone), if it was."""

    stage: Stage
    entered_on: dt.date | None
    is_current: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """A line of the decision log. `by` is None for what a measure said."""

    at: dt.datetime
    day: dt.date
    kind: str
    title: str
    note: str
    by: User | None
    stage: str = ""
    from_stage: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """How a use case came where it is."""

    steps: list[StageStep]
    decisions: list[Decision]


def _steps(use_case: UseCase, entered: dict[str, dt.date]) -> list[StageStep]:
    stages: list[Stage] = list(STAGES_IN_ORDER)
    if use_case.stage in ENDED_STAGES:
        # What was not reached before the end is left out: it will not follow any more.
        stages = [stage for stage in stages if stage in entered] + [Stage(use_case.stage)]
    return [StageStep(stage, entered.get(stage), stage == use_case.stage) for stage in stages]


def history_of(
    use_case: UseCase,
    *,
    comments: Iterable[UseCaseComment] | None = None,
    links: Iterable[UseCaseLink] | None = None,
) -> History:
    """Stage changes, milestone events, decisions on verdicts, comments that are decisions and
    removed links, newest first.

    With it the way through the stages. Three queries, whatever the length, and one each for its
    comments and its links (removed ones too) where they are not given.
    """
    zone = zone_of(use_case)
    entered: dict[str, dt.date] = {}
    decisions = []
    for change in StageChange.objects.filter(use_case=use_case).select_related("decided_by"):
        day = day_of(change.decided_at, zone)
        entered.setdefault(change.to_stage, day)
        decisions.append(
            Decision(
                at=change.decided_at,
                day=day,
                kind="stage",
                title="",
                note=change.reason,
                by=change.decided_by,
                stage=change.to_stage,
                from_stage=change.from_stage,
            )
        )
    decisions.extend(_milestone_events(use_case, zone))
    decisions.extend(_on_verdicts(use_case, zone))
    if comments is None:
        comments = UseCaseComment.objects.filter(use_case=use_case).select_related("author")
    if links is None:
        links = UseCaseLink.objects.filter(use_case=use_case).select_related("removed_by")
    decisions.extend(_noted(comments, links, zone))
    decisions.sort(key=lambda decision: decision.at, reverse=True)
    return History(_steps(use_case, entered), decisions)


def _milestone_events(use_case: UseCase, zone: ZoneInfo) -> list[Decision]:
    events = MilestoneEvent.objects.filter(use_case=use_case).select_related("decided_by")
    return [
        Decision(
            at=event.happened_at,
            day=day_of(event.happened_at, zone),
            kind=event.kind,
            title=event.title,
            note=event.note,
            by=event.decided_by,
        )
        for event in events
    ]


def _on_verdicts(use_case: UseCase, zone: ZoneInfo) -> list[Decision]:
    decided = ImpactDecision.objects.filter(verdict__registration__use_case=use_case)
    return [
        Decision(
            at=each.decided_at,
            day=day_of(each.decided_at, zone),
            kind="impact",
            title=f"{each.get_kind_display()} on “{each.verdict.get_verdict_display()}”",
            note=each.reason,
            by=each.decided_by,
        )
        for each in decided.select_related("decided_by", "verdict__registration")
    ]


def _noted(
    comments: Iterable[UseCaseComment], links: Iterable[UseCaseLink], zone: ZoneInfo
) -> Iterator[Decision]:
    """Comments that are decisions, without the text of those taken back, and removed links."""
    for comment in comments:
        if comment.is_decision:
            is_back = comment.withdrawn_at is not None
            yield Decision(
                at=comment.written_at,
                day=day_of(comment.written_at, zone),
                kind="withdrawn" if is_back else "comment",
                title="",
                note="" if is_back else comment.text,
                by=comment.author,
            )
    for link in links:
        if link.removed_at is not None:
            yield Decision(
                at=link.removed_at,
                day=day_of(link.removed_at, zone),
                kind="link",
                title=link.title,
                note=link.url,
                by=link.removed_by,
            )


def repository_links_of(use_case: UseCase) -> list[RepositoryLink]:
    """Its links with their repositories, open ones first."""
    links = RepositoryLink.objects.filter(use_case=use_case).select_related("repository")
    return sorted(links, key=lambda link: (link.ends_on is not None, link.repository.name, link.pk))


def repositories_to_link() -> QuerySet[Repository]:
    """Every repository that an import has brought."""
    return Repository.objects.order_by("name", "pk")


@dataclass(frozen=True, slots=True)
class SimilarUseCase:
    """A use case whose title or problem is close to another one, and how close (0 to 1)."""

    slug: str
    title: str
    team: str
    stage: str
    likeness: float


def _words(text: str) -> frozenset[str]:
    words = slugify(text, allow_unicode=True).split("-")
    return frozenset(word for word in words if word and word not in _WORDS_WITHOUT_MEANING)


def _trigrams(words: frozenset[str]) -> frozenset[str]:
    return frozenset(
        padded[start : start + 3]
        for word in words
        for padded in (f"  {word} ",)
        for start in range(len(padded) - 2)
    )


def _likeness(first: frozenset[str], second: frozenset[str]) -> float:
    return len(first & second) / len(first | second) if first and second else 0.0


def similar_use_cases(
    user: AnyUser, title: str, *, problem: str = "", exclude_slug: str = "", limit: int = 5
) -> list[SimilarUseCase]:
    """Use cases whose titles, or problems, share many words or word parts, closest first.

    Trigrams of words, so that an ending or a spelling mistake does not hide a duplicate. Texts are
    short and a registry has hundreds of them, so they are compared here and not in SQL.
    """
    words, of_problem = _words(title), _words(problem)
    wanted = _trigrams(words)
    found = []
    rows = use_cases_visible_to(user).exclude(slug=exclude_slug)
    for slug, other, team, stage, text in rows.values_list(
        "slug", "title", "team__name", "stage", "problem"
    ):
        other_words = _words(other)
        likeness = max(_likeness(wanted, _trigrams(other_words)), _likeness(words, other_words))
        if len(of_problem) >= _WORDS_OF_A_PROBLEM:
            likeness = max(likeness, _likeness(of_problem, _words(text)))
        if likeness >= _SIMILAR_ENOUGH:
            found.append(SimilarUseCase(slug, other, team, stage, likeness))
    found.sort(key=lambda item: (-item.likeness, item.title, item.slug))
    return found[:limit]


def proposals_waiting(user: AnyUser) -> QuerySet[UseCase]:
    """Proposed use cases that wait for a decision, oldest first; drafts do not wait yet."""
    return (
        use_cases_visible_to(user)
        .filter(stage=Stage.PROPOSED)
        .exclude(profile__is_draft=True)
        .select_related("owner", "team")
        .order_by("stage_since", "pk")
    )
