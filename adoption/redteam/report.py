"""What each attack achieves on each metric, a token leaderboard and a faulty tile. Pure."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adoption.metrics.contracts import Computed
from adoption.metrics.registry import NANO, metrics
from adoption.redteam.attacks import ATTACKS, KNOWN_LIMITS, Attack
from adoption.redteam.counterexamples import (
    credits_per_pull_request,
    place_of,
    true_credits_per_pull_request,
)
from adoption.redteam.proofs import PROOFS, table, value_metrics
from adoption.redteam.readings import GUARDRAILS, VALUES, calculate, improved, index_facts, read
from adoption.redteam.world import Organisation, Team, make_organisation

SEED, AMOUNT = 20261129, 10
GAMING = "team-2"
HEADS = {
    "ndu": "NDU",
    "ndi": "NDI",
    "change_lead_time": "lead time",
    "change_lead_time_p90": "lead p90",
    "severe_incidents_per_100_ndu": "severe/100",
    "survival_21_days": "survival",
    "use_case_reach": "reach",
    "held_deliveries": "held",
    "change_fail_rate": "fail rate",
    "deployment_rework_rate": "rework",
    "deployment_frequency": "deploys/week",
    "failed_deployment_recovery_time": "recovery",
}


@dataclass(frozen=True)
class Outcome:
    """One attack: values of both organisations, and what the two other ways of measuring show."""

    attack: Attack
    before: Mapping[str, Computed]
    after: Mapping[str, Computed]
    places: tuple[int, int]
    tiles: tuple[Decimal | None, Decimal | None]
    true_tiles: tuple[Decimal | None, Decimal | None]

    @property
    def improvements(self) -> list[str]:
        """Value metrics that look better afterwards."""
        return [key for key in VALUES if improved(key, self.before[key], self.after[key])]

    @property
    def unexpected(self) -> list[str]:
        """Those of them that the attack is not known to move."""
        return [key for key in self.improvements if key not in self.attack.works_on]


def organisation(seed: int) -> Organisation:
    """Honest teams and the one that will game, its baseline registered."""
    found = make_organisation(seed)
    team = found.team(GAMING)
    registered = calculate("ndi", index_facts(team)).n
    return found.with_team(dataclasses.replace(team, base_units=registered))


def try_all(seed: int = SEED, amount: int = AMOUNT) -> list[Outcome]:
    """Every attack, each on the same honest organisation."""
    honest = organisation(seed)
    first = read(honest, GAMING)
    return [_try(honest, first, attack, seed, amount) for attack in (*ATTACKS, *KNOWN_LIMITS)]


def _try(
    honest: Organisation, first: Mapping[str, Computed], attack: Attack, seed: int, amount: int
) -> Outcome:
    gamed = attack.apply(honest, GAMING, amount, random.Random(seed))  # noqa: S311  (a simulation)
    teams = [each.team(GAMING) for each in (honest, gamed)]
    return Outcome(
        attack=attack,
        before=first,
        after=read(gamed, GAMING),
        places=(_place(honest), _place(gamed)),
        tiles=(_tile(teams[0]), _tile(teams[1])),
        true_tiles=(_true_tile(teams[0]), _true_tile(teams[1])),
    )


def _place(found: Organisation) -> int:
    return place_of(GAMING, {team.name: team.tokens for team in found.teams})


def _tile(team: Team) -> Decimal | None:
    return credits_per_pull_request(team.credits, team.pull_requests)


def _true_tile(team: Team) -> Decimal | None:
    return true_credits_per_pull_request(team.credits, team.pull_requests)


# --- in words ---------------------------------------------------------------------------------


def shown(value: Computed) -> str:
    """A value, short; `none` when there is none."""
    if value.nano is None:
        return "none"
    return f"{Decimal(value.nano) / NANO:.3f}".rstrip("0").rstrip(".")


def change_of(outcome: Outcome, key: str) -> str:
    """`=` when nothing moved, else both values; `!` behind what looks better."""
    before, after = outcome.before[key], outcome.after[key]
    if before.nano == after.nano:
        return "="
    mark = "!" if improved(key, before, after) and key in VALUES else ""
    return f"{shown(before)}→{shown(after)}{mark}"


def _money(value: Decimal | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def _pair(first: str, second: str) -> str:
    return "=" if first == second else f"{first}→{second}"


def rows(outcomes: Iterable[Outcome], keys: Sequence[str]) -> list[list[str]]:
    """The table, heads first."""
    heads = ["attack", *(HEADS[key] for key in keys), "token rank", "credits/PR", "true credits/PR"]
    found = [heads]
    for each in outcomes:
        found.append(
            [
                f"{each.attack.number} {each.attack.title}",
                *(change_of(each, key) for key in keys),
                _pair(str(each.places[0]), str(each.places[1])),
                _pair(_money(each.tiles[0]), _money(each.tiles[1])),
                _pair(_money(each.true_tiles[0]), _money(each.true_tiles[1])),
            ]
        )
    return found


def plain(table: Sequence[Sequence[str]]) -> str:
    """A table in columns, for a terminal."""
    widths = [max(len(row[n]) for row in table) for n in range(len(table[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )


def _markdown(table: Sequence[Sequence[str]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join([head, "|" + "---|" * len(table[0]), *body])


def summary(outcomes: Sequence[Outcome]) -> str:
    """One sentence for the end of the table."""
    tried = [each for each in outcomes if each.attack in ATTACKS]
    unexpected = sum(len(each.unexpected) for each in tried)
    known = sum(len(each.improvements) for each in outcomes) - unexpected
    climbed = sum(each.places[1] < each.places[0] for each in tried)
    return (
        f"{len(tried)} attacks on {len(VALUES)} value metrics: {unexpected} improvements that were "
        f"not known, {known} known limits at work; {climbed} attacks climb the token leaderboard."
    )


def as_data(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """For `--json`: values in nano-units as whole numbers, money as text."""
    return [
        {
            "attack": each.attack.key,
            "number": each.attack.number,
            "title": each.attack.title,
            "works_on": list(each.attack.works_on),
            "improvements": each.improvements,
            "unexpected": each.unexpected,
            "metrics": {
                key: {
                    "version": metrics.get(key).version,
                    "is_value": key in VALUES,
                    "before_nano": each.before[key].nano,
                    "after_nano": each.after[key].nano,
                    "reason_after": each.after[key].reason,
                }
                for key in (*VALUES, *GUARDRAILS)
            },
            "token_rank": list(each.places),
            "credits_per_pull_request": [_money(one) for one in each.tiles],
            "true_credits_per_pull_request": [_money(one) for one in each.true_tiles],
        }
        for each in outcomes
    ]


_INTRODUCTION = """# Attacks, tried

Made by `python manage.py redteam --docs`; a test compares. What gaming does to the metrics of
delivery, beside what the same does to a token leaderboard and to a tile "credits for each pull
request" that is computed as such tiles were found to be: the number of pull requests cancels out.

Six simulated teams of a seed, of which one games in the twelve weeks after its registered baseline.
Only that team is shown. `=`: not moved at all. `→`: before and after. `!`: a value that looks
better, which is named under *What still works*. `none`: no value, with a reason, where a better one
was hoped for.
"""


def document(outcomes: Sequence[Outcome]) -> str:
    """`docs/attacks.md`."""
    tried = [each for each in outcomes if each.attack in ATTACKS]
    parts = [
        _INTRODUCTION,
        "## Values\n",
        _markdown(rows(tried, VALUES)),
        "\n## Guardrails and context\n\nThese move when something is done; no target can be set on "
        "them.\n",
        _markdown([row[: 1 + len(GUARDRAILS)] for row in rows(tried, GUARDRAILS)]),
        "\n## What is done\n",
        *(f"- **{each.attack.number} {each.attack.title}.** {each.attack.what}" for each in tried),
        "\n## What still works\n\nNo count is beyond gaming. These are known to move a value, and "
        "show elsewhere.\n",
        _markdown(_limits(outcomes)),
        "\n## All attacks on all values\n\nThe catalogue has 24 attacks; this is which test proves "
        "what about each. A value that rests on nothing that an attack moves cannot be moved by "
        f"it; for all others a test or a limit is named. {len(value_metrics())} values × "
        f"{len(PROOFS)} attacks, and no pair is left out: a test of this table fails otherwise.\n",
        _markdown(table()),
        "",
        summary(outcomes),
        "",
    ]
    return "\n".join(parts)


def _limits(outcomes: Iterable[Outcome]) -> list[list[str]]:
    found = [["attack", "can move", "seen in", "here"]]
    for each in outcomes:
        if each.attack.works_on:
            here = [f"{HEADS[key]} {change_of(each, key)}" for key in each.improvements]
            found.append(
                [
                    f"{each.attack.number} {each.attack.title}",
                    ", ".join(HEADS[key] for key in each.attack.works_on),
                    each.attack.seen_by,
                    ", ".join(here) or "nothing, with this seed",
                ]
            )
    return found
