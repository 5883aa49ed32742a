"""Each attack of the catalogue on each value metric: none makes one better.

The calculations are the catalogue's own, on facts of simulated organisations. What the same attack
does to a token leaderboard is asserted beside it, so that an attack that does nothing is found out.
"""

from __future__ import annotations

import dataclasses
import functools
import random
from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adoption.metrics import ndu
from adoption.metrics.contracts import Computed
from adoption.metrics.registry import KNOWN_INPUTS, USAGE_INPUTS, metrics
from adoption.redteam import attacks, counterexamples, moves, trifles
from adoption.redteam.readings import (
    GUARDRAILS,
    VALUES,
    calculate,
    improved,
    index_facts,
    lead_facts,
    read,
    shares,
    units_facts,
    use_case_facts,
)
from adoption.redteam.world import Organisation, Team, make_organisation
from tests.plugins.proofs import Figures
from tests.plugins.sweeping import examples

TEAM = "team-2"
SEEDS = st.integers(0, 10_000)
# The simplest example comes first and is the only one by default: the hardest attack.
AMOUNTS = st.integers(1, 20).map(lambda softer: 21 - softer)
WEEKS = st.integers(1, 5).map(lambda fewer: 6 - fewer)
EXAMPLES = settings(max_examples=examples(1))  # the proof below tries many more
LOGGED = {"held_deliveries"}  # whatever somebody logs is one, whatever its worth
PROMISED = {
    "ndu": units_facts,
    "ndi": index_facts,
    "change_lead_time": lead_facts,
    "change_lead_time_p90": lead_facts,
    "severe_incidents_per_100_ndu": use_case_facts,
    "survival_21_days": use_case_facts,
}


def tried(attack: attacks.Attack, seed: int, amount: int) -> list[str]:
    """The values that the attack makes better and that it is not known to move."""
    before, after = attacked(attack.apply, seed, amount)
    first, second = read_once(before), read(after, TEAM)
    return [
        key
        for key in VALUES
        if key not in attack.works_on and improved(key, first[key], second[key])
    ]


@functools.lru_cache(maxsize=4)
def honest(seed: int) -> Organisation:
    """Before the attack. A registration holds what the baseline came to."""
    found = make_organisation(seed)
    team = found.team(TEAM)
    return found.with_team(dataclasses.replace(team, base_units=_base_units(found)))


@functools.lru_cache(maxsize=4)
def read_once(before: Organisation) -> Mapping[str, Computed]:
    """What every attack on the same organisation is compared with."""
    return read(before, TEAM)


def attacked(attack: attacks.Apply, seed: int, amount: int) -> tuple[Organisation, Organisation]:
    before = honest(seed)
    return before, attack(before, TEAM, amount, random.Random(seed))  # noqa: S311  (a simulation)


def _base_units(organisation: Organisation) -> int:
    return calculate("ndi", index_facts(organisation.team(TEAM))).n


def same(before: Organisation, after: Organisation, *, but: frozenset[str] = frozenset()) -> None:
    first, second = read_once(before), read(after, TEAM)
    for key in {*VALUES, *GUARDRAILS} - but:
        assert first[key] == second[key], key


def calculate_first(key: str, team: Team) -> Computed:
    """Version 1, which is computed beside the second."""
    (earlier,) = metrics.get(key).superseded_versions
    assert earlier.windowed is not None
    return earlier.windowed.calculate({**PROMISED[key](team), "rule": ndu.rule_fact()})


def never_better(
    before: Organisation, after: Organisation, *, keys: tuple[str, ...] = VALUES
) -> None:
    first, second = read_once(before), read(after, TEAM)
    for key in keys:
        assert not improved(key, first[key], second[key]), (key, first[key], second[key])


def test_the_simulation_has_values_to_move() -> None:
    """Otherwise nothing below could fail."""
    values = read(make_organisation(1), TEAM)
    assert {key for key in (*VALUES, *GUARDRAILS) if values[key].nano is None} == set()
    assert 0 < (values["survival_21_days"].nano or 0) < 10**9


@given(SEEDS, AMOUNTS)
@EXAMPLES
def test_a1_burning_tokens_moves_nothing(seed: int, amount: int) -> None:
    before, after = attacked(moves.burn_tokens, seed, amount)
    same(before, after)
    place = {
        org: counterexamples.place_of(TEAM, {team.name: team.tokens for team in org.teams})
        for org in (before, after)
    }
    assert place[after] == 1  # the leaderboard falls for it
    assert place[before] >= place[after]


@given(SEEDS, AMOUNTS)
@EXAMPLES
def test_a2_splitting_a_deployment_moves_nothing(seed: int, amount: int) -> None:
    before, after = attacked(moves.split_deployments, seed, amount)
    never_better(before, after)


@given(SEEDS, AMOUNTS)
@EXAMPLES
def test_a3_deploying_again_moves_nothing(seed: int, amount: int) -> None:
    same(*attacked(moves.deploy_again, seed, amount))


@given(SEEDS, AMOUNTS)
@EXAMPLES
def test_a4_more_regions_move_nothing(seed: int, amount: int) -> None:
    same(*attacked(moves.more_regions, seed, amount))


@given(SEEDS, AMOUNTS)
@EXAMPLES
def test_a5_splitting_a_service_moves_nothing(seed: int, amount: int) -> None:
    before, after = attacked(moves.split_service, seed, amount)
    never_better(before, after)
    first, second = read_once(before), read(after, TEAM)
    for key in ("ndi", "survival_21_days", "severe_incidents_per_100_ndu", "change_lead_time"):
        assert first[key] == second[key], key


@given(SEEDS, AMOUNTS)
@EXAMPLES
def test_a6_rolling_back_and_deploying_again_never_helps(seed: int, amount: int) -> None:
    before, after = attacked(moves.roll_back_and_again, seed, amount)
    never_better(before, after)
    first, second = read_once(before), read(after, TEAM)
    for key in ("change_fail_rate", "deployment_rework_rate"):
        assert not improved(key, first[key], second[key]), key


@given(SEEDS, AMOUNTS)
@EXAMPLES
def test_a7_documents_bots_and_settings_move_nothing(seed: int, amount: int) -> None:
    before, after = attacked(moves.trivial_changes, seed, amount)
    first, second = read_once(before), read(after, TEAM)
    for key in {*VALUES, *GUARDRAILS} - LOGGED:
        assert (first[key].nano, first[key].n) == (second[key].nano, second[key].n), key
    tokens = [org.team(TEAM).tokens for org in (before, after)]
    assert tokens[1] > tokens[0]


@given(SEEDS)
@EXAMPLES
def test_a7_a_trifle_a_day_improves_nothing(seed: int) -> None:
    before, after = attacked(trifles.one_a_day, seed, 1)
    never_better(before, after)
    first, second = index_facts(before.team(TEAM)), index_facts(after.team(TEAM))
    # What served no promise changes no count, even where sizes are not looked at.
    one, other = (calculate("ndi", {**facts, "sizes": None}) for facts in (first, second))
    assert (one.nano, one.n) == (other.nano, other.n)
    before, after = attacked(trifles.one_a_day_logged, seed, 1)
    never_better(before, after, keys=tuple(key for key in VALUES if key not in LOGGED))
    found = read(after, TEAM)["ndu"]
    assert (found.nano, found.reason) == (None, "not_evaluable")
    assert "of a size" in found.missing


def test_a7_version_1_fell_for_it() -> None:
    """Without the link and the sizes the same trifles make every value better."""
    before, after = attacked(trifles.one_a_day, 3, 1)
    moved = 0
    for key in PROMISED:
        first, second = (calculate_first(key, org.team(TEAM)) for org in (before, after))
        moved += improved(key, first, second)
    assert moved == len(PROMISED)


@given(SEEDS, AMOUNTS)
@EXAMPLES
def test_a8_sizes_just_under_a_limit_move_nothing(seed: int, amount: int) -> None:
    same(*attacked(moves.hug_caps, seed, amount))


@given(SEEDS, AMOUNTS)
@EXAMPLES
def test_a9_trailers_move_nothing(seed: int, amount: int) -> None:
    for attack, unknown in ((moves.stuff_trailers, "none"), (moves.strip_trailers, "all")):
        before, after = attacked(attack, seed, amount)
        same(before, after)
        share = shares(after.team(TEAM))
        assert share["unknown"] == (0 if unknown == "none" else share["changes"])


@given(SEEDS, AMOUNTS)
@EXAMPLES
def test_a10_missing_data_is_never_the_best(seed: int, amount: int) -> None:
    before, after = attacked(moves.lose_slow_commits, seed, amount)
    never_better(before, after)
    coverage = read(after, TEAM)["change_lead_time"].coverage_nano
    assert coverage is not None
    assert coverage < 10**9
    before, after = attacked(trifles.log_what_lasted, seed, amount)
    never_better(before, after)  # what failed and was not logged still failed
    before, after = attacked(moves.unplug_pager, seed, amount)
    found = read(after, TEAM)["severe_incidents_per_100_ndu"]
    assert (found.nano, found.reason) == (None, "not_evaluable")
    never_better(before, after, keys=tuple(key for key in VALUES if key != "survival_21_days"))


@given(SEEDS, WEEKS)
@EXAMPLES
def test_a11_leaving_out_weeks_never_helps(seed: int, amount: int) -> None:
    before, after = attacked(moves.leave_out_weeks, seed, amount)
    never_better(before, after, keys=("ndu", "ndi", "severe_incidents_per_100_ndu"))
    unregistered = dataclasses.replace(after.team(TEAM), base_units=0)
    lost = calculate("ndi", index_facts(unregistered))
    held = calculate("ndi", index_facts(after.team(TEAM)))
    # Without the count of the registration, a forgotten baseline would have made it better.
    assert lost.nano is None or (held.nano or 0) <= lost.nano


def test_a12_the_windows_are_those_registered() -> None:
    facts = dict(index_facts(make_organisation(1).team(TEAM)))
    value = calculate("ndi", facts)
    for asked in ("2026-01-01T00:00:00.000000Z", "2026-06-01T00:00:00.000000Z"):
        assert calculate("ndi", {**facts, "starts_at": asked}) == value
    assert calculate("ndi", {**facts, "registration": None}).reason == "not_evaluable"
    early = {**facts, "as_of": "2026-07-01T00:00:00.000000Z"}
    assert calculate("ndi", early).reason == "window_open"


@given(SEEDS, AMOUNTS)
@EXAMPLES
def test_a19_lowering_severities_moves_nothing(seed: int, amount: int) -> None:
    before, after = attacked(moves.lower_severities, seed, amount)
    same(before, after)
    facts = use_case_facts(after.team(TEAM))
    lowered = [one["lowered"] for each in facts["services"] for one in each["incidents"]]
    assert all(lowered)  # what the downgrade rate is counted from


@given(SEEDS, AMOUNTS)
@EXAMPLES
def test_a20_work_that_others_undo_never_helps(seed: int, amount: int) -> None:
    before, after = attacked(moves.ship_slop, seed, amount)
    never_better(before, after)
    survival = [read(org, TEAM)["survival_21_days"].nano or 0 for org in (before, after)]
    assert survival[1] < survival[0]  # the guardrail shows it


def test_a23_another_rule_rewrites_no_old_value(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = units_facts(make_organisation(1).team(TEAM))
    old = calculate("ndu", facts)
    monkeypatch.setattr(ndu, "RULE", ndu.Rule(version="2", coalesce_hours=1, survival_days=1))
    assert calculate("ndu", facts) == old
    other = {**facts, "rule": ndu.rule_fact(ndu.RULE)}
    assert calculate("ndu", other) != old  # the rule in the facts is the one that counts


def test_a24_nothing_of_continuous_integration_is_an_input() -> None:
    assert not {each for each in KNOWN_INPUTS if each.startswith(("ci", "build", "test"))}
    for key in (*VALUES, *GUARDRAILS):
        found = metrics.get(key).inputs
        assert not found & USAGE_INPUTS
        assert "evidence" not in found, f"{key}: trailers are never an input of an outcome"


def test_the_leaderboard_and_the_tile_are_gamed() -> None:
    tokens = {"a": 9, "b": 9, "c": 10}
    assert counterexamples.token_leaderboard(tokens) == [(1, "c", 10), (2, "a", 9), (2, "b", 9)]
    credits = [Decimal(150), Decimal(50)]
    tile = [counterexamples.credits_per_pull_request(credits, count) for count in (1, 4, 40)]
    true = [counterexamples.true_credits_per_pull_request(credits, count) for count in (1, 4, 40)]
    assert tile == [200, 200, 200]
    assert true == [200, 50, 5]
    before, after = attacked(moves.stop_delivering, 1, 1)
    spent = [
        counterexamples.credits_per_pull_request(
            org.team(TEAM).credits, org.team(TEAM).pull_requests
        )
        for org in (before, after)
    ]
    assert spent[0] is not None
    assert spent[1] is not None
    assert spent[1] < spent[0]  # the tile calls it better
    never_better(before, after, keys=("ndu", "ndi", "use_case_reach"))


def test_every_resistance_names_a_test_that_exists() -> None:
    here = set(globals())
    named = {
        test.rpartition("::")[2]
        for metric in metrics
        if metric.windowed is not None
        for test in metric.windowed.resists.values()
        if test.startswith("tests/adoption/metrics/attacks/test_value_metrics.py")
    }
    assert named
    assert named <= here
    for key in VALUES:
        windowed = metrics.get(key).windowed
        assert windowed is not None
        assert windowed.is_value
        assert windowed.guardrails
        assert windowed.resists
        assert all(metrics.get(each).windowed for each in windowed.guardrails)


def run_all(figures: Figures, rounds: int) -> None:
    checks = improvements = 0
    for _ in figures.progress(range(rounds), "organisations"):
        seed, amount = figures.random.randint(0, 10**6), figures.random.randint(1, 20)
        for attack in attacks.ATTACKS:
            found = tried(attack, seed, amount)
            checks += len(VALUES) - len(attack.works_on)
            improvements += len(found)
            if found:
                figures.bad(f"{attack.key} makes {found} better at seed {seed}, amount {amount}")
    per_round = sum(len(VALUES) - len(attack.works_on) for attack in attacks.ATTACKS)
    figures("attacks on values", checks, rounds * per_round)
    figures("improvements", improvements, 0, at_most=True)


def test_no_attack_improves_a_value(figures: Figures) -> None:
    run_all(figures, 1)


@pytest.mark.prove("Attacks on value metrics", engine="sqlite")
def test_no_attack_improves_a_value_in_many_organisations(figures: Figures) -> None:
    run_all(figures, figures.scaled(100))


def test_what_still_works_is_found_by_the_same_check() -> None:
    """A limit that moves nothing is none, and would hide that the check is blind."""
    for limit in attacks.KNOWN_LIMITS:
        found = set(tried(dataclasses.replace(limit, works_on=()), 3, 1))
        assert found == set(limit.works_on), limit.key
