"""What gaming teams do, each on one team of a simulated organisation.

A move takes the organisation, the name of the team that games, how hard it tries and a source of
chance, and gives the organisation as it then is. Pure.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from adoption.metrics import ndu
from adoption.redteam.readings import rollouts_of
from adoption.redteam.world import (
    AFTER,
    DAY,
    HOUR,
    Change,
    Incident,
    Organisation,
    Rollout,
    Service,
    Team,
)

TOKENS_OF_A_RUN = 2_000_000


def burn(team: Team, runs: int) -> Team:
    """Agents work for it: tokens and credits."""
    return replace(
        team,
        tokens=team.tokens + runs * TOKENS_OF_A_RUN,
        credits=(*team.credits, Decimal(runs) / 2),
    )


def _is_later(rollout: Rollout) -> bool:
    return AFTER.starts_at <= rollout.at < AFTER.ends_at and rollout.kind == ndu.DEPLOY


def each_service(team: Team, change: Callable[[Service], Service]) -> Team:
    return replace(team, services=tuple(change(each) for each in team.services))


def burn_tokens(org: Organisation, name: str, amount: int, draw: random.Random) -> Organisation:
    """A1: junk tasks that lead nowhere."""
    return org.with_team(burn(org.team(name), 500 * amount))


def split_deployments(
    org: Organisation, name: str, amount: int, draw: random.Random
) -> Organisation:
    """A2: each deployment in several, one after another."""
    team = org.team(name)

    def split(service: Service) -> Service:
        ends = _ends_of_units(service)
        parts: list[Rollout] = []
        for rollout in service.rollouts:
            parts += _parts(rollout, amount, ends) if _is_later(rollout) else [rollout]
        return replace(service, rollouts=tuple(parts))

    return org.with_team(burn(each_service(team, split), amount))


def _ends_of_units(service: Service) -> Mapping[str, dt.datetime]:
    """By change, until when something further belongs to the same unit, under either rule."""
    ends: dict[str, dt.datetime] = {}
    for rule in (ndu.RULE, ndu.PROMISED):
        counted = ndu.count_units(rollouts_of(service), rule)
        for unit in (*counted.gross, *counted.units):
            for key in unit.changes:
                end = unit.at + rule.span
                ends[key] = min(end, ends.get(key, end))
    return ends


def _parts(rollout: Rollout, count: int, ends: Mapping[str, dt.datetime]) -> list[Rollout]:
    known = [ends[each.key] for each in rollout.changes if each.key in ends]
    room = min([*known, AFTER.ends_at]) - rollout.at
    found = []
    for part in range(count):
        # More parts than changes: the last changes go out in steps.
        mine = rollout.changes[part::count] or rollout.changes[-1:]
        found.append(
            replace(
                rollout,
                key=f"{rollout.key}.{part}",
                at=rollout.at + room * part / (count + 1),
                changes=mine,
                version=rollout.version if part == 0 else f"{rollout.version}.{part}",
                mended_at=rollout.mended_at if part == 0 else None,
            )
        )
    return found


def deploy_again(org: Organisation, name: str, amount: int, draw: random.Random) -> Organisation:
    """A3: the same thing deployed over and over."""

    def again(service: Service) -> Service:
        copies = [
            replace(each, key=f"{each.key}/{n}", at=each.at + (n + 1) * 7 * HOUR, mended_at=None)
            for each in service.rollouts
            if _is_later(each)
            for n in range(amount)
        ]
        return replace(service, rollouts=(*service.rollouts, *copies))

    team = org.team(name)
    return org.with_team(burn(each_service(team, again), 10 * amount))


def more_regions(org: Organisation, name: str, amount: int, draw: random.Random) -> Organisation:
    """A4: the same thing to more regions."""

    def fan_out(service: Service) -> Service:
        copies = [
            replace(
                each,
                key=f"{each.key}@{n}",
                region=f"region-{n}",
                at=each.at + draw.randint(0, 90) * HOUR / 60,
                mended_at=None,
            )
            for each in service.rollouts
            if _is_later(each)
            for n in range(amount)
        ]
        found = [*service.rollouts, *copies]
        draw.shuffle(found)
        return replace(service, rollouts=tuple(found))

    return org.with_team(each_service(org.team(name), fan_out))


def split_service(org: Organisation, name: str, amount: int, draw: random.Random) -> Organisation:
    """A5: one service becomes two, and the split is written down."""
    team = org.team(name)
    first, *others = team.services
    moved = {each.key for each in first.rollouts if _is_later(each) and draw.random() < 0.5}
    blamed = {each.version for each in first.rollouts if each.key in moved}
    parent = replace(
        first,
        rollouts=tuple(each for each in first.rollouts if each.key not in moved),
        incidents=tuple(each for each in first.incidents if each.caused_by not in blamed),
    )
    child = Service(
        f"{first.name}-new",
        tuple(each for each in first.rollouts if each.key in moved),
        tuple(each for each in first.incidents if each.caused_by in blamed),
        came_from=first.name,
    )
    return org.with_team(replace(team, services=(parent, child, *others)))


def roll_back_and_again(
    org: Organisation, name: str, amount: int, draw: random.Random
) -> Organisation:
    """A6: deploy, roll back, deploy the same again."""

    def shake(service: Service) -> Service:
        found: list[Rollout] = []
        for each in service.rollouts:
            if not _is_later(each) or draw.random() > amount / 20:
                found.append(each)
                continue
            keys = tuple(one.key for one in each.changes)
            back = each.at + HOUR / 2
            found += [
                replace(each, mended_at=back),
                Rollout(f"{each.key}-back", back, (), f"{each.version}-back",
                        kind=ndu.ROLLBACK, undoes=keys),
                replace(each, key=f"{each.key}-again", at=each.at + HOUR, mended_at=None),
            ]  # fmt: skip
        return replace(service, rollouts=tuple(found))

    return org.with_team(each_service(org.team(name), shake))


_TRIVIAL = (
    ("dependabot[bot]", ("package-lock.json",)),
    ("", ("docs/typo.md",)),
    ("", (".github/workflows/ci.yml",)),
    ("", ("yarn.lock", "package.json")),
)


def trivial_changes(org: Organisation, name: str, amount: int, draw: random.Random) -> Organisation:
    """A7: typos in documents, version bumps and settings, deployed daily."""

    def farm(service: Service) -> Service:
        found = []
        for day in range((AFTER.ends_on - AFTER.starts_on).days):
            at = AFTER.starts_at + day * DAY + 4 * HOUR
            changes = []
            for n in range(amount):
                author, paths = draw.choice(_TRIVIAL)
                changes.append(
                    Change(
                        f"{service.name}:trivial{day}.{n}",
                        author or f"{name}-p{n % 7}",
                        at - HOUR,
                        paths,
                        lines=2,
                        trailers=("Co-Authored-By: Claude <noreply@anthropic.com>",),
                    )
                )
            found.append(
                Rollout(f"{service.name}:trivial{day}", at, tuple(changes), f"trivial{day}")
            )
        return replace(service, rollouts=(*service.rollouts, *found))

    return org.with_team(burn(each_service(org.team(name), farm), 84 * amount))


def change_each(team: Team, change: Callable[[Change], Change]) -> Team:
    return each_service(
        team,
        lambda service: replace(
            service,
            rollouts=tuple(
                replace(each, changes=tuple(change(one) for one in each.changes))
                for each in service.rollouts
            ),
        ),
    )


def hug_caps(org: Organisation, name: str, amount: int, draw: random.Random) -> Organisation:
    """A8: every change just below a limit of size."""
    return org.with_team(change_each(org.team(name), lambda one: replace(one, lines=399)))


def stuff_trailers(org: Organisation, name: str, amount: int, draw: random.Random) -> Organisation:
    """A9: a co-author trailer on everything."""
    said = ("Co-Authored-By: Claude <noreply@anthropic.com>",) * amount
    return org.with_team(change_each(org.team(name), lambda one: replace(one, trailers=said)))


def strip_trailers(org: Organisation, name: str, amount: int, draw: random.Random) -> Organisation:
    """A9: and on nothing."""
    return org.with_team(change_each(org.team(name), lambda one: replace(one, trailers=())))


def lose_slow_commits(
    org: Organisation, name: str, amount: int, draw: random.Random
) -> Organisation:
    """A10: the first commits of what took long are gone."""
    waits = {
        one.key: rollout.at - one.began_at
        for service in org.team(name).services
        for rollout in service.rollouts
        for one in rollout.changes
        if one.began_at is not None
    }
    slow = set(sorted(waits, key=lambda key: (-waits[key], key))[: len(waits) * amount // 20])
    return org.with_team(
        change_each(
            org.team(name), lambda one: replace(one, began_at=None) if one.key in slow else one
        )
    )


def unplug_pager(org: Organisation, name: str, amount: int, draw: random.Random) -> Organisation:
    """A10: the paging system is not connected any more."""
    team = each_service(
        org.team(name), lambda service: replace(service, incidents=(), has_pager=False)
    )
    return org.with_team(team)


def leave_out_weeks(org: Organisation, name: str, amount: int, draw: random.Random) -> Organisation:
    """A11: deployments of some weeks are not reported: of the later window where they were few,
    of the baseline where they were many. The next one that is reported contains their changes."""

    def forget(service: Service) -> Service:
        gone = _weeks_to_forget(service, amount)
        found: list[Rollout] = []
        carried: tuple[Change, ...] = ()
        for each in sorted(service.rollouts, key=lambda one: (one.at, one.key)):
            if _week(each.at) in gone and each.kind == ndu.DEPLOY:
                carried = (*carried, *each.changes)
                continue
            found.append(replace(each, changes=(*carried, *each.changes)))
            carried = ()
        return replace(service, rollouts=tuple(found))

    return org.with_team(each_service(org.team(name), forget))


def _week(at: dt.datetime) -> dt.date:
    return at.date() - dt.timedelta(days=at.weekday())


def _weeks_to_forget(service: Service, amount: int) -> set[dt.date]:
    later: dict[dt.date, int] = {}
    earlier: dict[dt.date, int] = {}
    for each in service.rollouts:
        if each.kind == ndu.DEPLOY:
            side = later if each.at >= AFTER.starts_at else earlier
            side[_week(each.at)] = side.get(_week(each.at), 0) + 1
    last = AFTER.ends_on - dt.timedelta(days=7)
    few = sorted((week for week in later if week < last), key=lambda week: (later[week], week))
    many = sorted(earlier, key=lambda week: (-earlier[week], week))
    return {*few[:amount], *many[:amount]}


def lower_severities(
    org: Organisation, name: str, amount: int, draw: random.Random
) -> Organisation:
    """A19: every incident is called harmless afterwards."""

    def lower(incident: Incident) -> Incident:
        return replace(incident, severities=(*incident.severities, *(("low",) * amount)))

    team = each_service(
        org.team(name),
        lambda service: replace(service, incidents=tuple(map(lower, service.incidents))),
    )
    return org.with_team(team)


def ship_slop(org: Organisation, name: str, amount: int, draw: random.Random) -> Organisation:
    """A20: large unread changes every day, which others have to take out again."""

    def add(service: Service) -> Service:
        found: list[Rollout] = []
        for rollout in _slop(service, amount):
            found.append(rollout)
        return replace(service, rollouts=(*service.rollouts, *found))

    return org.with_team(burn(each_service(org.team(name), add), 84 * amount))


def _slop(service: Service, amount: int) -> Iterable[Rollout]:
    """It takes as long as what was slowest before: nobody reads it any faster."""
    slow = max(
        (
            each.at - one.began_at
            for each in service.rollouts
            for one in each.changes
            if one.began_at is not None
        ),
        default=DAY,
    )
    author = f"{service.name.partition('/')[0]}-p1"
    for day in range((AFTER.ends_on - AFTER.starts_on).days):
        at = AFTER.starts_at + day * DAY + 16 * HOUR
        changes = tuple(
            Change(f"{service.name}:slop{day}.{n}", author, at - slow, lines=2000,
                   undone_at=at + (1 + n % 20) * DAY)
            for n in range(amount)
        )  # fmt: skip
        yield Rollout(f"{service.name}:slop{day}", at, changes, f"slop{day}")


def stop_delivering(org: Organisation, name: str, amount: int, draw: random.Random) -> Organisation:
    """A17: spend little, deliver next to nothing: one change is left."""

    def stop(service: Service) -> Service:
        later = [each for each in service.rollouts if _is_later(each)]
        keep = {each.key for each in later[:1]} if service == org.team(name).services[0] else set()
        return replace(
            service,
            rollouts=tuple(
                each for each in service.rollouts if not _is_later(each) or each.key in keep
            ),
        )

    team = each_service(org.team(name), stop)
    return org.with_team(replace(team, credits=team.credits[:5]))
