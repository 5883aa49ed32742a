"""The attacks of the catalogue on delivery metrics, by name. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from adoption.redteam import moves, trifles
from adoption.redteam.world import Organisation

Apply = Callable[[Organisation, str, int, random.Random], Organisation]


@dataclass(frozen=True, slots=True)
class Attack:
    """One way of gaming.

    Attributes:
        number: in the catalogue of the metrics reference.
        title, what: for a person.
        works_on: metrics that it is known to move; said openly, with what shows it.
    """

    key: str
    number: str
    title: str
    what: str
    apply: Apply
    works_on: tuple[str, ...] = ()
    seen_by: str = ""


# Whatever somebody logs as a delivery is one, whatever its worth: it stands under their name.
_HELD, _LIST = ("held_deliveries",), "the list of the use case's deliveries"

ATTACKS = (
    Attack(
        "tokens", "A1", "Burn tokens", "Agents work on junk that leads nowhere.", moves.burn_tokens
    ),
    Attack(
        "split",
        "A2",
        "Split deployments",
        "Each deployment goes out in parts.",
        moves.split_deployments,
    ),
    Attack(
        "again", "A3", "Deploy again", "The same is deployed over and over.", moves.deploy_again
    ),
    Attack("regions", "A4", "More regions", "The same goes to more regions.", moves.more_regions),
    Attack(
        "service",
        "A5",
        "Split a service",
        "One service becomes two, as is written down.",
        moves.split_service,
    ),
    Attack(
        "rollback",
        "A6",
        "Roll back and deploy again",
        "What was live is taken out and back.",
        moves.roll_back_and_again,
    ),
    Attack(
        "trivial",
        "A7",
        "Trivial changes",
        "Documents, version bumps and settings, daily, all of them logged.",
        moves.trivial_changes,
        _HELD,
        _LIST,
    ),
    Attack(
        "daily",
        "A7",
        "A trifle a day",
        "Two lines of code, deployed every day, which serve no promise.",
        trifles.one_a_day,
    ),
    Attack(
        "daily_logged",
        "A7",
        "A trifle a day, logged",
        "And each of them logged for a milestone, under somebody's name.",
        trifles.one_a_day_logged,
        _HELD,
        _LIST,
    ),
    Attack(
        "caps",
        "A8",
        "Stay below limits",
        "Every change is just below a limit of size.",
        moves.hug_caps,
    ),
    Attack(
        "stuff", "A9", "Stuff trailers", "A co-author trailer on everything.", moves.stuff_trailers
    ),
    Attack(
        "strip", "A9", "Strip trailers", "A co-author trailer on nothing.", moves.strip_trailers
    ),
    Attack(
        "commits",
        "A10",
        "Lose slow commits",
        "First commits of slow changes go missing.",
        moves.lose_slow_commits,
    ),
    Attack(
        "lasted",
        "A10",
        "Log only what lasted",
        "What was taken out again is not logged.",
        trifles.log_what_lasted,
    ),
    Attack(
        "pager",
        "A10",
        "Unplug the pager",
        "Incidents are not reported any more.",
        moves.unplug_pager,
        ("survival_21_days",),
        "severe incidents, no longer evaluable",
    ),
    Attack(
        "weeks",
        "A11",
        "Leave out weeks",
        "Weak weeks after, strong weeks before.",
        moves.leave_out_weeks,
        # What an unreported deployment brought counts later, with the next one that is reported.
        ("change_lead_time", "change_lead_time_p90", "survival_21_days", "held_deliveries"),
        "changes merged and in no deployment",
    ),
    Attack(
        "severity",
        "A19",
        "Lower severities",
        "Every incident is called harmless afterwards.",
        moves.lower_severities,
    ),
    Attack(
        "slop",
        "A20",
        "Ship unread work",
        "Large changes that others take out again.",
        moves.ship_slop,
    ),
    Attack(
        "stop", "A17", "Stop delivering", "Spend less, deliver one change.", moves.stop_delivering
    ),
)
# What still works, said openly.
_ALL = (
    "ndu",
    "ndi",
    "change_lead_time",
    "change_lead_time_p90",
    "survival_21_days",
    "severe_incidents_per_100_ndu",
)
KNOWN_LIMITS = (
    Attack(
        "few",
        "A7",
        "Trifles below the bound",
        "As many two-line changes as the bound of sizes lets through.",
        trifles.now_and_then,
        works_on=("change_lead_time", "change_lead_time_p90"),
        seen_by="the raw count of deployments beside its units",
    ),
    Attack(
        "few_logged",
        "A7",
        "Trifles below the bound, logged",
        "And each of them logged for a milestone, under somebody's name.",
        trifles.now_and_then_logged,
        works_on=(*_ALL, *_HELD),
        seen_by=_LIST,
    ),
    Attack(
        "log_rest",
        "A7",
        "Log the rest",
        "Work that was done and that nobody had logged is logged.",
        trifles.log_the_rest,
        works_on=("ndu", "ndi", "survival_21_days", "severe_incidents_per_100_ndu", *_HELD),
        seen_by="the coverage beside the value; windows of unlike coverage are not compared",
    ),
)
