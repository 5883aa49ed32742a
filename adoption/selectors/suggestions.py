"""Reading suggestions: which changes are worth one, and a person's own inbox.

A suggestion is told to its person only; no selector here takes anybody else's.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet

from adoption.choices import DeliveryState, Involvement, SuggestionState
from adoption.links import Link
from adoption.models import (
    Change,
    Delivery,
    Evidence,
    PullRequest,
    RepositoryLink,
    Suggestion,
    UseCase,
    UseCaseMark,
)
from adoption.policies import may_log_delivery
from adoption.selectors.changes import logged
from adoption.selectors.use_cases import ENDED_STAGES
from adoption.suggesting import (
    EXPIRES_AFTER,
    Facts,
    Mark,
    Place,
    Ranked,
    rank,
    tickets_in,
)
from portal.models import User
from portal.policies import AnyUser
from portal.shell.periods import day_bounds

HISTORY = dt.timedelta(days=365)  # how far back one's own habits are looked at
EXPIRED_SHOWN = 20


def is_delivered(at: dt.datetime) -> Q:
    """Changes that are in production now and were not undone."""
    stays = Q(rolled_back_at__isnull=True) | Q(restored_at__isnull=False)
    return stays & Q(delivered_at__lte=at, reverted_at__isnull=True, part_of__isnull=True)


def changes_to_suggest(at: dt.datetime, repository_ids: Iterable[int] | None = None) -> list[Any]:
    """Changes that reached production lately, by somebody known, and that nobody has logged.

    A revert delivers nothing, and what its author says is human is not asked about.
    """
    rows = (
        Change.objects.filter(
            is_delivered(at),
            delivered_at__gt=at - EXPIRES_AFTER,
            author__user__is_active=True,
            reverts__isnull=True,
        )
        .exclude(involvement=Involvement.HUMAN)
        .filter(~logged())
        .select_related("repository", "author")
        .order_by("pk")
    )
    if repository_ids is not None:
        rows = rows.filter(repository_id__in=list(repository_ids))
    return list(rows)


class _Link(NamedTuple):
    use_case: int
    starts: dt.datetime
    ends: dt.datetime | None

    def holds(self, at: dt.datetime) -> bool:
        return self.starts <= at and (self.ends is None or at < self.ends)


@dataclass
class Background:
    """What ranking looks at beside the changes, read in a constant number of queries."""

    places: list[Place]
    marks: list[Mark]
    links: Mapping[int, list[_Link]]
    history: Mapping[tuple[int, int], list[int]]
    pulls: Mapping[int, PullRequest]
    agents: Mapping[int, list[str]]

    def rank(self, change: Change, user_id: int) -> Ranked:
        """The use cases that one change of one person may have been for."""
        pull = self.pulls.get(change.pk)
        return rank(
            Facts(
                repository=change.repository.name,
                title=change.title,
                message=change.message,
                branch=pull.head_ref if pull else "",
                labels=pull.labels if pull else (),
                paths=change.paths or (),
                linked=[
                    link.use_case
                    for link in self.links.get(change.repository_id, ())
                    if link.holds(change.merged_at)
                ],
                history=self.history.get((user_id, change.repository_id), ()),
                strength=change.strength,
                agents=self.agents.get(change.pk, ()),
            ),
            self.places,
            self.marks,
        )


def background(changes: Sequence[Change], user_ids: Iterable[int], at: dt.datetime) -> Background:
    """Everything that speaks for a use case, for these changes and people: six queries."""
    use_cases = UseCase.objects.exclude(stage__in=ENDED_STAGES).order_by("pk")
    places = [Place(*row) for row in use_cases.values_list("pk", "slug", "title")]
    marks = UseCaseMark.objects.exclude(use_case__stage__in=ENDED_STAGES).order_by("pk")
    repositories = {change.repository_id for change in changes}
    ids = [change.pk for change in changes]
    agents: dict[int, list[str]] = defaultdict(list)
    signs = Evidence.objects.filter(Q(change_id__in=ids) | Q(change__part_of_id__in=ids))
    for change_id, whole_id, agent in signs.order_by("pk").values_list(
        "change_id", "change__part_of_id", "agent"
    ):
        agents[whole_id or change_id].append(agent)
    return Background(
        places,
        [Mark(*row) for row in marks.values_list("use_case_id", "kind", "value")],
        _links(repositories),
        _history(repositories, user_ids, at),
        {
            pull.change_id: pull
            for pull in PullRequest.objects.filter(change_id__in=ids).only(
                "change_id", "head_ref", "labels"
            )
            if pull.change_id is not None
        },
        agents,
    )


def _links(repositories: Iterable[int]) -> dict[int, list[_Link]]:
    """By repository: the use cases it is linked to, days being those of their programmes."""
    found: dict[int, list[_Link]] = defaultdict(list)
    rows = RepositoryLink.objects.filter(repository_id__in=repositories).order_by("pk")
    for link in rows.select_related("use_case__programme"):
        zone = ZoneInfo(link.use_case.programme.time_zone)
        ends = day_bounds(link.ends_on, zone)[0] if link.ends_on else None
        found[link.repository_id].append(
            _Link(link.use_case_id, day_bounds(link.starts_on, zone)[0], ends)
        )
    return found


def _history(
    repositories: Iterable[int], user_ids: Iterable[int], at: dt.datetime
) -> dict[tuple[int, int], list[int]]:
    """By person and repository: use cases of what they logged, newest first."""
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    rows = Delivery.objects.filter(
        claimed_by_id__in=list(user_ids),
        change__repository_id__in=list(repositories),
        claimed_at__gt=at - HISTORY,
    ).exclude(state=DeliveryState.REJECTED)
    for user_id, repository_id, use_case_id in rows.order_by("-claimed_at", "-pk").values_list(
        "claimed_by_id", "change__repository_id", "use_case_id"
    ):
        found[user_id, repository_id].append(use_case_id)
    return found


def changes_of_ticket(ticket: str, *, limit: int) -> list[Change]:
    """The newest changes whose title or branch names a ticket, in whatever case."""
    named = Q(title__icontains=ticket) | Q(pull_request__head_ref__icontains=ticket)
    rows = Change.objects.filter(named, part_of__isnull=True).select_related(
        "repository", "pull_request"
    )
    found = rows.defer("message").order_by("-merged_at", "-pk")[: limit * 4]
    return [each for each in found if ticket in tickets_in(each.title, _branch(each))][:limit]


def _branch(change: Change) -> str:
    pull = getattr(change, "pull_request", None)
    return pull.head_ref if pull else ""


def request_behind(link: Link) -> PullRequest | None:
    """A pull or merge request that a link names and that is not merged (yet)."""
    if link.kind != "request":
        return None
    named = Q(url=link.address) | Q(repository__key=link.repository, number=link.number)
    found = list(PullRequest.objects.filter(named, change__isnull=True).order_by("pk")[:2])
    return found[0] if len(found) == 1 else None


def rank_one(change: Change, user: AnyUser, at: dt.datetime) -> Ranked | None:
    """The use cases that a change which this person pastes may have been for."""
    if not may_log_delivery(user) or not isinstance(user, User):
        return None
    return background([change], [user.pk], at).rank(change, user.pk)


# --- the inbox -------------------------------------------------------------------------------


def own_suggestions(user: AnyUser) -> QuerySet[Suggestion]:
    """Everything that was ever suggested to this person."""
    if not may_log_delivery(user) or not isinstance(user, User):
        return Suggestion.objects.none()
    return Suggestion.objects.filter(user_id=user.pk)


def waiting_suggestions(user: AnyUser, at: dt.datetime) -> QuerySet[Suggestion]:
    """What waits for this person's click, the likeliest first, then the newest."""
    rows = own_suggestions(user).filter(state=SuggestionState.OFFERED, expires_at__gt=at)
    return _for_page(rows).order_by("-score", "-change__delivered_at", "pk")


def expired_suggestions(user: AnyUser, at: dt.datetime) -> QuerySet[Suggestion]:
    """What nobody answered in time and can still be logged, newest first."""
    over = Q(state=SuggestionState.EXPIRED) | Q(state=SuggestionState.OFFERED, expires_at__lte=at)
    return _for_page(own_suggestions(user).filter(over)).order_by("-expires_at", "pk")


def _for_page(rows: QuerySet[Suggestion]) -> QuerySet[Suggestion]:
    return rows.select_related("use_case", "change__repository", "change__delivered_by").defer(
        "change__message"
    )


def own_suggestion(user: AnyUser, pk: int) -> Suggestion | None:
    """One of this person's own; None for others', as if there were none."""
    return _for_page(own_suggestions(user).filter(pk=pk)).first()


def use_case_titles() -> dict[int, str]:
    """Titles of the use cases that take deliveries, for candidates that are stored by number."""
    open_ones = UseCase.objects.exclude(stage__in=ENDED_STAGES)
    return dict(open_ones.order_by("title", "pk").values_list("pk", "title"))


def suggestion_rows(rows: QuerySet[Suggestion]) -> QuerySet[Any, Any]:
    """What the API answers of each, in one query."""
    return rows.values(
        "id", "state", "state_reason", "dismissal", "offered_at", "expires_at", "score",
        "candidates", "delivery_id", use_case_slug=F("use_case__slug"),
        change_sha=F("change__sha"), change_title=F("change__title"),
        change_url=F("change__url"), change_involvement=F("change__involvement"),
        change_delivered_at=F("change__delivered_at"),
    )  # fmt: skip
