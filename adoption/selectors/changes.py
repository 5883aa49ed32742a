"""Reading changes: those of a use case, those waiting to be logged, and the evidence on them.

Authors are not read here: what a person did is that person's to log, and nobody else's to see.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)

from adoption.choices import DeliveryState, Involvement, Strength
from adoption.models import Change, Delivery, Evidence, RepositoryLink, Suggestion, UseCase
from adoption.policies import may_log_delivery, may_see_registry
from adoption.selectors.teams import memberships_on
from adoption.selectors.use_cases import ENDED_STAGES
from portal.models import User
from portal.policies import AnyUser
from portal.shell.periods import day_bounds

UNKNOWN = "unknown"  # no evidence was seen, which does not mean that a human did it alone
REMINDED_FOR = dt.timedelta(days=60)  # what nobody logged by then is not asked for any more
SHOWN_TO_PICK = 12


def changes_of_use_case(use_case: UseCase) -> QuerySet[Change]:
    """Changes of the repositories linked to a use case, merged while the link held.

    Days of a link are those of the programme's zone. A step of a pull request counts with it.
    """
    zone = ZoneInfo(use_case.programme.time_zone)
    inside = Q(pk__in=[])
    for link in RepositoryLink.objects.filter(use_case=use_case):
        part = Q(
            repository_id=link.repository_id, merged_at__gte=day_bounds(link.starts_on, zone)[0]
        )
        if link.ends_on is not None:
            part &= Q(merged_at__lt=day_bounds(link.ends_on, zone)[0])
        inside |= part
    return Change.objects.filter(inside, part_of__isnull=True)


def logged(key: str = "pk") -> Exists:
    """Whether a delivery that counts is behind the change that `key` names; not, whose."""
    counting = Delivery.objects.filter(change=OuterRef(key)).exclude(state=DeliveryState.REJECTED)
    return Exists(counting)


def changes_to_log(use_case: UseCase) -> QuerySet[Change]:
    """Changes with evidence of AI assistance that nobody has logged yet, newest first."""
    return (
        changes_of_use_case(use_case)
        .exclude(strength="")
        .filter(~logged())
        .order_by("-merged_at", "-pk")
    )


@dataclass(frozen=True, slots=True)
class ChangesToPick:
    """Changes that can be picked now, and whether there are more than are shown."""

    changes: Sequence[Change]
    is_cut: bool
    words: str


def changes_to_pick(use_case: UseCase, words: str = "", *, picked: str = "") -> ChangesToPick:
    """The newest changes waiting to be logged, whose title or commit holds every one of `words`.

    Messages are not searched: they name people. The change with key `picked` is always there and
    first, whatever the words.
    """
    rows = changes_to_log(use_case)
    wanted = Q()
    for word in words.split()[:8]:
        wanted &= Q(title__icontains=word) | Q(sha__istartswith=word)
    order: list[str | Case] = ["-merged_at", "-pk"]
    if picked.isdecimal() and len(picked) < 19:
        chosen = Q(pk=int(picked))
        wanted = wanted | chosen if wanted else wanted
        order.insert(0, Case(When(chosen, then=Value(0)), default=Value(1)))
    found = list(
        rows.filter(wanted)
        .select_related("repository", "delivered_by")
        .defer("message")
        .order_by(*order)[: SHOWN_TO_PICK + 1]
    )
    return ChangesToPick(found[:SHOWN_TO_PICK], len(found) > SHOWN_TO_PICK, words)


def change_rows(user: AnyUser, use_case: UseCase) -> QuerySet[Change]:
    """Changes of a use case as its list shows them, each with its evidence strength.

    `evidence_strength` is `unknown` where nothing was seen.
    """
    if not may_see_registry(user):
        return Change.objects.none()
    return changes_of_use_case(use_case).annotate(
        evidence_strength=Case(
            When(strength="", then=Value(UNKNOWN)), default=F("strength"), output_field=CharField()
        ),
    )


def logged_among(change_ids: Sequence[int]) -> set[int]:
    """Those of these changes that somebody logged; who, is not told. One query."""
    rows = Delivery.objects.filter(change_id__in=change_ids).exclude(state=DeliveryState.REJECTED)
    return set(rows.values_list("change_id", flat=True))


def strength_counts(use_case: UseCase) -> dict[str, int]:
    """Changes of a use case by their strongest evidence, strongest first, `unknown` last.

    Two queries.
    """
    found = _counts(use_case, "strength")
    counts = {strength.value: found.get(strength.value, 0) for strength in Strength}
    return {**counts, UNKNOWN: found.get("", 0)}


def _counts(use_case: UseCase, column: str) -> dict[str, int]:
    """Changes by `strength` or `involvement`, which the index `adoption_change_counted` holds.

    Counted by the moment of the merge, which is never null, so that the index answers alone.
    """
    rows = changes_of_use_case(use_case).order_by().values_list(column)
    return dict(rows.annotate(count=Count("merged_at")))


def involvement_counts(use_case: UseCase) -> dict[str, int]:
    """Changes of a use case by whether AI had a part; `unknown` is always there. Two queries."""
    found = _counts(use_case, "involvement")
    return {each.value: found.get(each.value, 0) for each in Involvement}


def has_repository(use_case: UseCase) -> bool:
    """Whether any repository is linked, now or earlier."""
    return RepositoryLink.objects.filter(use_case=use_case).exists()


def evidence_of(change: Change) -> list[Evidence]:
    """What was seen on a change and on its steps, strongest first."""
    order = {strength.value: number for number, strength in enumerate(Strength)}
    found = Evidence.objects.filter(Q(change=change) | Q(change__part_of=change)).order_by("pk")
    return sorted(found, key=lambda sign: (order[sign.strength], sign.pk))


def agents_of(change_ids: Sequence[int]) -> list[tuple[int, str]]:
    """Change and agent, for every sign on these changes, each pair once."""
    rows = Evidence.objects.filter(change_id__in=change_ids).order_by("change_id", "agent")
    return list(rows.values_list("change_id", "agent").distinct())


def is_logged(change: Change) -> bool:
    """Whether somebody has logged it; who, is not told."""
    return Change.objects.filter(logged(), pk=change.pk).exists()


@dataclass(frozen=True, slots=True)
class ChangeToLog:
    """A change to remind somebody of: for which use case, and whether it is their own."""

    change: Change
    use_case_slug: str
    use_case_title: str
    is_own: bool


def _links_at_merge(teams: Sequence[int]) -> QuerySet[RepositoryLink]:
    """For a subquery: links that held when the change was merged, those of `teams` first."""
    # `teams` is never empty, or the case becomes a bare 1, which PostgreSQL reads as a column.
    is_other = Case(When(use_case__team_id__in=[0, *teams], then=Value(0)), default=Value(1))
    # A day beside a moment means its midnight, in both databases; taking the day of each moment
    # would be a call of Python for each row in SQLite.
    return (
        RepositoryLink.objects.filter(
            Q(ends_on__isnull=True) | Q(ends_on__gt=OuterRef("merged_at")),
            repository=OuterRef("repository"),
            starts_on__lte=OuterRef("merged_at"),
        )
        .exclude(use_case__stage__in=ENDED_STAGES)
        .order_by(is_other, "use_case__title", "pk")
    )


def _waiting(
    rows: QuerySet[Change], links: QuerySet[RepositoryLink], since: dt.datetime
) -> QuerySet[Any]:
    """Those of `rows` that are worth a reminder, each with the key of its `link`, newest first."""
    return (
        rows.filter(merged_at__gte=since, reverted_at__isnull=True, part_of__isnull=True)
        .exclude(strength="")
        # Whether there is one is asked of every row, which of them only of those that are shown.
        .annotate(link=Subquery(links.values("pk")[:1]))
        .filter(~logged(), Exists(links))
        .select_related("repository", "delivered_by")
        .defer("message")
        .order_by("-merged_at", "-pk")
    )


def changes_to_remind_of(user: AnyUser, *, now: dt.datetime, limit: int) -> list[ChangeToLog]:
    """Recent changes with evidence that this person may want to log; their own first.

    Their own ones, and those for use cases of teams they belong to today. A constant number of
    queries, each led by an index (author, or repository and day). Days of links are UTC days
    here: a reminder may be early or late by hours.
    """
    if not may_log_delivery(user) or not isinstance(user, User):
        return []
    since = now - REMINDED_FOR
    teams = list(memberships_on(now.date()).filter(user=user).values_list("team_id", flat=True))
    asked = Exists(Suggestion.objects.filter(change=OuterRef("pk"), user=user))
    mine = Change.objects.filter(~asked, author__user=user)  # those are in the inbox, or answered
    own = list(_waiting(mine, _links_at_merge(teams), since)[:limit])
    of_teams = RepositoryLink.objects.filter(use_case__team_id__in=teams)
    repositories = set(of_teams.values_list("repository_id", flat=True))
    others = _waiting(
        Change.objects.filter(~asked, repository_id__in=repositories).exclude(
            pk__in=[change.pk for change in own]
        ),
        _links_at_merge(teams).filter(use_case__team_id__in=teams),
        since,
    )
    found: list[tuple[Any, bool]] = [(change, True) for change in own]
    found += [(change, False) for change in others[: limit - len(own)]]
    links = RepositoryLink.objects.filter(pk__in=[change.link for change, _ in found])
    use_cases = {
        pk: (slug, title)
        for pk, slug, title in links.values_list("pk", "use_case__slug", "use_case__title")
    }
    return [ChangeToLog(change, *use_cases[change.link], is_own) for change, is_own in found]
