"""Trifles in the code itself, and what is logged of them: what version 1 fell for. Pure."""

from __future__ import annotations

import random
from dataclasses import replace

from adoption.metrics.sizes import shrunk
from adoption.redteam.moves import burn, change_each, each_service
from adoption.redteam.readings import index_facts, lead_facts, units_facts
from adoption.redteam.world import AFTER, DAY, HOUR, Change, Organisation, Rollout, Service

DAYS = (AFTER.ends_on - AFTER.starts_on).days


def one_a_day(org: Organisation, name: str, amount: int, draw: random.Random) -> Organisation:
    """A7: two lines of code, every day."""
    return _with_trifles(org, name, every=1, is_logged=False)


def one_a_day_logged(
    org: Organisation, name: str, amount: int, draw: random.Random
) -> Organisation:
    """A7: and each of them logged for a milestone, under somebody's name."""
    return _with_trifles(org, name, every=1, is_logged=True)


def now_and_then(org: Organisation, name: str, amount: int, draw: random.Random) -> Organisation:
    """A7: as many as the bound of sizes lets through."""
    return _below_the_bound(org, name, is_logged=False)


def now_and_then_logged(
    org: Organisation, name: str, amount: int, draw: random.Random
) -> Organisation:
    """A7: and each of them logged."""
    return _below_the_bound(org, name, is_logged=True)


def _below_the_bound(org: Organisation, name: str, *, is_logged: bool) -> Organisation:
    for every in range(1, DAYS):
        found = _with_trifles(org, name, every=every, is_logged=is_logged)
        team = found.team(name)
        facts = (units_facts(team), lead_facts(team), index_facts(team))
        if not any(shrunk(each["sizes"]) for each in facts):
            return found
    return org


def _with_trifles(org: Organisation, name: str, *, every: int, is_logged: bool) -> Organisation:
    def trifle(service: Service) -> Service:
        found = []
        for day in range(0, DAYS, every):
            at = AFTER.starts_at + day * DAY + 22 * HOUR
            key = f"{service.name}:trifle{day}"
            change = Change(key, f"{name}-p1", at - HOUR, lines=2, is_promised=is_logged)
            found.append(Rollout(key, at, (change,), f"trifle{day}"))
        return replace(service, rollouts=(*service.rollouts, *found))

    return org.with_team(burn(each_service(org.team(name), trifle), DAYS // every))


def log_the_rest(org: Organisation, name: str, amount: int, draw: random.Random) -> Organisation:
    """What was delivered without a word is logged as well."""
    return org.with_team(change_each(org.team(name), lambda one: replace(one, is_promised=True)))


def log_what_lasted(org: Organisation, name: str, amount: int, draw: random.Random) -> Organisation:
    """A10: what was undone is not logged, so that only what lasted would count."""
    return org.with_team(
        change_each(
            org.team(name),
            lambda one: replace(one, is_promised=one.is_promised and one.undone_at is None),
        )
    )
