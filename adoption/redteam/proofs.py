"""All attacks of the catalogue on all values: which test shows what, and what is known to work.

An attack moves inputs. A value that rests on none of them cannot be moved by it, which the check of
inputs sees to. For every other pair a test is named here, or the limit is said openly; a test of
this table fails when a pair is left out or a name leads nowhere. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from adoption.metrics.attacks import ATTACKS as TEXTS
from adoption.metrics.registry import KNOWN_INPUTS, MetricDefinition, metrics

_SIMULATED = "tests/adoption/metrics/attacks/test_value_metrics.py::"
_MONEY = "tests/billing/metrics/test_money_attacks.py::"
_OUTCOMES = "tests/adoption/metrics/test_outcome_metrics.py::"
_WORKED = "tests/adoption/metrics/attacks/test_other_values.py::"
DELIVERY = (
    "ndu", "ndi", "change_lead_time", "change_lead_time_p90", "severe_incidents_per_100_ndu",
    "survival_21_days", "use_case_reach", "held_deliveries", "held_deliveries_weekly",
)  # fmt: skip
COST = ("cost_to_serve", "cost_per_accepted_outcome", "conservative_net_benefit")
VERDICTS = ("validated_impact", "conservative_net_benefit", "validation_coverage")
PROMISES = ("outcome_attainment", "milestone_alignment")
EVERY = frozenset(KNOWN_INPUTS)


@dataclass(frozen=True, slots=True)
class Proof:
    """Tests of one attack.

    Attributes:
        touches: inputs that it moves; every one of them for what is done to values themselves.
        tests: (metrics, test) pairs; an empty tuple of metrics stands for all of them.
        limits: metrics that it is known to move, with what shows it.
    """

    attack: str
    touches: frozenset[str]
    tests: tuple[tuple[tuple[str, ...], str], ...]
    limits: tuple[tuple[tuple[str, ...], str], ...] = ()

    def tests_of(self, key: str) -> list[str]:
        """Tests that show it for one metric."""
        return [test for keys, test in self.tests if not keys or key in keys]

    def is_limit(self, key: str) -> bool:
        """Whether it is said openly that this metric can be moved."""
        return any(key in keys for keys, _ in self.limits)


def known_to_move(key: str) -> list[tuple[str, str]]:
    """Attacks that are known to move a metric, each with what shows it."""
    return [(proof.attack, seen) for proof in PROOFS for keys, seen in proof.limits if key in keys]


_DELIVERED = frozenset({"deployments", "deliveries"})
_WORK = frozenset({"changes", "deployments", "deliveries"})
_SPENT = frozenset({"billed_cost", "effective_cost", "people_cost"})
_SAID = frozenset({"registrations", "targets", "milestones"})
_NO_TWO_UNITS = ((*COST[:2],), f"{_MONEY}test_a2_a7_what_moves_no_unit_makes_none_cheaper")
_VERDICT = f"{_OUTCOMES}test_a12_a14_what_was_changed_after_the_launch_has_no_value"
_SHOPPING = (
    "tests/adoption/validation/test_verdict.py"
    "::test_shopping_after_the_launch_is_never_better_than_exploratory"
)
_LATE = f"{_OUTCOMES}test_a12_a_target_that_is_changed_late_attains_nothing"
_DUE = (
    "tests/adoption/metrics/test_alignment.py"
    "::test_a_target_that_is_moved_out_or_withdrawn_stays_due"
)
_ALL_LAUNCHED = f"{_WORKED}test_a12_a14_coverage_falls_with_everything_that_is_not_judged"
_LOGGED = "the list of the use case's deliveries: each is logged under somebody's name"
_PILE = "tests/adoption/services/test_findings.py::test_a_pile_just_below_a_limit"
_BENEFIT, _UNIT, _OUTCOME = COST[2:], COST[:1], COST[1:2]
_ATTAINED, _JUDGED = PROMISES[:1], (*VERDICTS, "use_case_reach")

PROOFS = (
    Proof(
        "A1",
        _SPENT,
        (
            (_OUTCOME, f"{_MONEY}test_a1_burning_tokens_only_makes_an_outcome_dearer"),
            (_UNIT, f"{_MONEY}test_a1_what_is_burnt_makes_no_unit_cheaper"),
            (_BENEFIT, f"{_OUTCOMES}test_a16_without_the_whole_cost_there_is_no_benefit"),
            (DELIVERY, f"{_SIMULATED}test_a1_burning_tokens_moves_nothing"),
        ),
    ),
    Proof(
        "A2",
        _DELIVERED,
        (
            (DELIVERY, f"{_SIMULATED}test_a2_splitting_a_deployment_moves_nothing"),
            _NO_TWO_UNITS,
        ),
    ),
    Proof(
        "A3",
        _DELIVERED,
        (
            (DELIVERY, f"{_SIMULATED}test_a3_deploying_again_moves_nothing"),
            _NO_TWO_UNITS,
        ),
    ),
    Proof(
        "A4",
        _DELIVERED,
        (
            (DELIVERY, f"{_SIMULATED}test_a4_more_regions_move_nothing"),
            _NO_TWO_UNITS,
        ),
    ),
    Proof(
        "A5",
        _DELIVERED,
        (
            (DELIVERY, f"{_SIMULATED}test_a5_splitting_a_service_moves_nothing"),
            _NO_TWO_UNITS,
        ),
    ),
    Proof(
        "A6",
        _DELIVERED,
        (
            (DELIVERY, f"{_SIMULATED}test_a6_rolling_back_and_deploying_again_never_helps"),
            _NO_TWO_UNITS,
        ),
    ),
    Proof(
        "A7",
        _WORK,
        (
            (DELIVERY[:7], f"{_SIMULATED}test_a7_documents_bots_and_settings_move_nothing"),
            (DELIVERY[:7], f"{_SIMULATED}test_a7_a_trifle_a_day_improves_nothing"),
            _NO_TWO_UNITS,
        ),
        limits=(
            (DELIVERY[7:], _LOGGED),
            (_OUTCOME, f"{_LOGGED}; it is context, lower is not better"),
            (DELIVERY[:6], "as many trifles as stay below the bound of sizes: *What still works*"),
        ),
    ),
    Proof(
        "A8",
        frozenset({"changes"}),
        (
            (DELIVERY, f"{_SIMULATED}test_a8_sizes_just_under_a_limit_move_nothing"),
            _NO_TWO_UNITS,
            (
                ("the monitor",),
                _PILE,
            ),
        ),
    ),
    Proof(
        "A9", frozenset({"evidence"}), ((DELIVERY, f"{_SIMULATED}test_a9_trailers_move_nothing"),)
    ),
    Proof(
        "A10",
        EVERY,
        (
            (DELIVERY, f"{_SIMULATED}test_a10_missing_data_is_never_the_best"),
            (_UNIT, f"{_MONEY}test_a16_hidden_people_leave_no_cheap_unit_behind"),
            (_OUTCOME, f"{_MONEY}test_a17_spending_and_delivering_nothing_has_no_value"),
            (_BENEFIT, f"{_OUTCOMES}test_a16_without_the_whole_cost_there_is_no_benefit"),
            (_ATTAINED, f"{_OUTCOMES}test_a14_the_target_that_got_least_far_is_the_value"),
            (
                ("milestone_alignment",),
                f"{_WORKED}test_a10_a_target_that_nobody_measured_is_not_met",
            ),
            (
                ("validated_impact",),
                f"{_OUTCOMES}test_an_effect_is_shown_with_an_open_end_or_not_at_all",
            ),
            (("validation_coverage",), _ALL_LAUNCHED),
        ),
        limits=((("survival_21_days",), "an unplugged pager: severe incidents are not evaluable"),),
    ),
    Proof(
        "A11",
        _WORK,
        (
            (DELIVERY, f"{_SIMULATED}test_a11_leaving_out_weeks_never_helps"),
            _NO_TWO_UNITS,
        ),
        limits=(
            (
                (
                    "change_lead_time",
                    "change_lead_time_p90",
                    "survival_21_days",
                    "held_deliveries",
                ),
                "changes merged and in no deployment; a delivery then counts later, not more often",
            ),
            (("cost_per_accepted_outcome",), "the same: outcomes of other weeks are counted"),
        ),
    ),
    Proof(
        "A12",
        _SAID,
        (
            (
                ("ndi", "ndu", "survival_21_days", "severe_incidents_per_100_ndu"),
                f"{_SIMULATED}test_a12_the_windows_are_those_registered",
            ),
            (_ATTAINED, _LATE),
            (("milestone_alignment",), _DUE),
            (_JUDGED, _VERDICT),
            (_JUDGED, _SHOPPING),
        ),
    ),
    Proof(
        "A13",
        frozenset({"registrations"}),
        (
            (
                _JUDGED,
                "tests/adoption/validation/test_simulations.py"
                "::test_launching_after_the_worst_month_makes_an_effect_of_nothing",
            ),
            (
                ("ndi", *VERDICTS),
                "tests/adoption/services/test_impact_registrations.py"
                "::test_defaults_make_a_whole_plan_that_ends_before_the_idea",
            ),
        ),
    ),
    Proof(
        "A14",
        frozenset({"registrations", "targets"}),
        (
            (
                VERDICTS,
                "tests/adoption/validation/test_medians.py"
                "::test_a14_several_metrics_pay_for_being_several",
            ),
            (_ATTAINED, f"{_OUTCOMES}test_a14_the_target_that_got_least_far_is_the_value"),
            (_JUDGED, _VERDICT),
            (("milestone_alignment",), _DUE),
            (("ndi",), f"{_SIMULATED}test_a12_the_windows_are_those_registered"),
        ),
    ),
    Proof(
        "A15",
        frozenset({"survey"}),
        ((_BENEFIT, f"{_OUTCOMES}test_a15_hours_that_are_claimed_change_nothing"),),
    ),
    Proof(
        "A16",
        _SPENT,
        (
            (_UNIT, f"{_MONEY}test_a16_hidden_people_leave_no_cheap_unit_behind"),
            (_BENEFIT, f"{_OUTCOMES}test_a16_without_the_whole_cost_there_is_no_benefit"),
            (_OUTCOME, f"{_MONEY}test_a16_what_nobody_takes_stays_in_the_denominator"),
        ),
        limits=((_OUTCOME, "the unallocated share beside it; it is context, lower is not better"),),
    ),
    Proof(
        "A17",
        _SPENT | _WORK,
        (
            (COST[:2], f"{_MONEY}test_a17_spending_and_delivering_nothing_has_no_value"),
            (_BENEFIT, f"{_OUTCOMES}test_nothing_but_a_supported_verdict_is_worth_something"),
            (DELIVERY, f"{_SIMULATED}test_no_attack_improves_a_value"),
        ),
    ),
    Proof(
        "A18",
        frozenset({"anomalies"}),
        (
            (
                ("anomaly_detection_time", "anomaly_response_time"),
                "tests/billing/services/test_anomalies.py"
                "::test_one_use_case_is_not_set_off_against_another",
            ),
        ),
    ),
    Proof(
        "A19",
        frozenset({"incidents"}),
        ((DELIVERY, f"{_SIMULATED}test_a19_lowering_severities_moves_nothing"),),
    ),
    Proof(
        "A20",
        frozenset({"changes", "reviews"}),
        (
            (DELIVERY, f"{_SIMULATED}test_a20_work_that_others_undo_never_helps"),
            _NO_TWO_UNITS,
        ),
    ),
    Proof(
        "A21",
        EVERY,
        (
            (
                (),
                "tests/adoption/metrics/test_privacy.py::test_no_subtraction_is_about_fewer_than_k",
            ),
        ),
    ),
    Proof(
        "A22",
        EVERY,
        (
            (
                (),
                "tests/adoption/api/test_metric_values.py"
                "::test_nothing_but_an_approved_figure_is_answered",
            ),
        ),
    ),
    Proof(
        "A23",
        EVERY,
        (
            (
                (),
                "tests/adoption/metrics/test_fill.py"
                "::test_a_major_version_runs_beside_the_earlier_one",
            ),
            (
                (),
                "tests/adoption/metrics/test_standings.py"
                "::test_a_definition_that_was_changed_is_served_no_more",
            ),
            (DELIVERY, f"{_SIMULATED}test_a23_another_rule_rewrites_no_old_value"),
        ),
    ),
    Proof(
        "A24",
        frozenset(),
        (((), f"{_SIMULATED}test_a24_nothing_of_continuous_integration_is_an_input"),),
    ),
)


def value_metrics() -> list[MetricDefinition]:
    """Every metric of the registry more of which is claimed to be good, by key."""
    found = [each for each in metrics if each.windowed is not None and each.windowed.is_value]
    return sorted(found, key=lambda each: each.key)


def open_pairs(values: Iterable[MetricDefinition]) -> list[tuple[str, str]]:
    """(attack, metric) that the attack could move, and for which neither a test nor a limit is
    named; none, or the table has a hole."""
    return [
        (proof.attack, metric.key)
        for proof in PROOFS
        for metric in values
        if metric.inputs & proof.touches
        and not proof.tests_of(metric.key)
        and not proof.is_limit(metric.key)
    ]


def table() -> list[list[str]]:
    """For the documentation: each attack, how many values it cannot reach, tests and limits."""
    values = value_metrics()
    found = [["attack", "rests on none of it", "shown by a test", "tests", "known to move"]]
    for proof in PROOFS:
        apart = [each.key for each in values if not each.inputs & proof.touches]
        shown = [each.key for each in values if proof.tests_of(each.key)]
        found.append(
            [
                f"{proof.attack} {TEXTS[proof.attack]}",
                str(len(set(apart) - set(shown))),
                str(len(shown)),
                "<br>".join(f"`{test}`" for _, test in proof.tests),
                "<br>".join(f"{', '.join(keys)}: {why}" for keys, why in proof.limits) or "–",
            ]
        )
    return found
