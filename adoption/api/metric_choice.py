"""Which version of a metric answers, and for which scopes: only where it is served."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.http import http_date
from rest_framework.response import Response

from adoption.choices import StandingStatus
from adoption.models import MetricStanding, MetricVersion
from adoption.selectors.metric_scopes import Scope, scope_or_none, scopes_of
from adoption.selectors.metric_standings import is_exported, is_served, standing_in, standings_of
from portal.api.errors import NOT_APPROVED, FieldProblem, Problem, invalid
from portal.policies import AnyUser


@dataclass(frozen=True, slots=True)
class Choice:
    """The version that answers, each scope that it answers for, and its (bare) standing there."""

    version: MetricVersion
    scopes: dict[int, Scope]
    standings: dict[int, MetricStanding]
    withheld: list[tuple[Scope, StandingStatus]]


def not_approved(version: str | None, status: str, key: str) -> Problem:
    label = StandingStatus(status).label.lower()
    return Problem(
        NOT_APPROVED,
        f"Metric {key} {version or ''} is “{label}” here. Only approved figures are answered; "
        "its page says who can ask for an approval.".replace("  ", " "),
        more={"metric_status": status},
    )


def choose(
    versions: Sequence[MetricVersion], scope: Scope | None, user: AnyUser, key: str
) -> Choice:
    """The newest version that is served, for one scope or for all that it is served in.

    Raises:
        Problem: 409 with where the newest one stands.
    """
    found = standings_of(versions, user, bare=True)
    worst: tuple[str | None, str] = (None, StandingStatus.DRAFT.value)
    for index, version in enumerate(versions):
        mine = [each for each in found if each.metric_version_id == version.pk]
        for each in mine:
            each.metric_version = version
        if scope is not None:
            wanted = {scope.pk: scope}
        else:
            wanted = scopes_of(version.definition["catalogue"]["scope"])
        holding = {pk: standing_in(mine, pk) for pk in wanted}
        served = {pk: each for pk, each in holding.items() if each and is_served(each)}
        if served:
            left = [
                (wanted[pk], StandingStatus(each.status if each else StandingStatus.DRAFT))
                for pk, each in holding.items()
                if pk not in served
            ]
            return Choice(version, {pk: wanted[pk] for pk in served}, served, left)
        if index == 0:
            statuses = [each.status for each in holding.values() if each is not None]
            worst = (version.version, statuses[0] if statuses else StandingStatus.DRAFT.value)
    raise not_approved(*worst, key)


def asked_scope(text: str | None, kinds: set[str]) -> Scope | None:
    if text is None:
        return None
    kind, _, ref = text.partition(":")
    if kind not in kinds:
        grain = " or ".join(sorted(kinds))
        raise invalid(
            {"scope": [FieldProblem("other_grain", f"This metric is computed by {grain}.")]}
        )
    found = scope_or_none(kind, ref)
    if found is None:
        raise invalid({"scope": [FieldProblem("does_not_exist", "There is no such scope.")]})
    return found


def pinned_versions(versions: list[MetricVersion], wanted: str | None) -> list[MetricVersion]:
    if wanted is None:
        return versions
    found = [each for each in versions if each.version == wanted]
    if not found:
        raise invalid({"version": [FieldProblem("does_not_exist", "There is no such version.")]})
    return found


def exportable(choice: Choice, key: str, now: dt.datetime) -> Choice:
    kept = {pk: each for pk, each in choice.standings.items() if is_exported(each, now=now)}
    if not kept:
        status = next(iter(choice.standings.values())).status
        raise not_approved(choice.version.version, status, key)
    return Choice(choice.version, {pk: choice.scopes[pk] for pk in kept}, kept, choice.withheld)


def announce_end(response: Response, choice: Choice) -> None:
    """Deprecation (RFC 9745) and Sunset (RFC 8594) of a version on its way out."""
    ending = [each for each in choice.standings.values() if each.sunset_on is not None]
    ending = [each for each in ending if each.status == StandingStatus.DEPRECATED]
    if not ending:
        return
    first = min(ending, key=lambda each: each.sunset_on or dt.date.max)
    sunset = dt.datetime.combine(first.sunset_on or dt.date.max, dt.time(), tzinfo=dt.UTC)
    response["Deprecation"] = f"@{int(first.status_since.timestamp())}"
    response["Sunset"] = http_date(sunset.timestamp())
