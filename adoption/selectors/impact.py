"""Reading registered effects: where they stand, what came out, and what it is worth."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from adoption.choices import RegistrationState, VerdictWord
from adoption.models import CalibrationRun, ImpactRegistration, ImpactVerdict, UnitValue, UseCase
from adoption.policies import may_see_registry
from portal.policies import AnyUser
from portal.shell.formats import MINUS, NARROW_SPACE

FEWEST_FOR_CALIBRATION = 20
_SETTLING_NEVER = "No number of weeks within reach would settle it."


def registrations_visible_to(user: AnyUser) -> QuerySet[ImpactRegistration]:
    """All of them inside the organisation, none outside: nulls are as open as wins."""
    rows = ImpactRegistration.objects.all()
    return rows if may_see_registry(user) else rows.none()


def verdicts_visible_to(user: AnyUser) -> QuerySet[ImpactVerdict]:
    """Every verdict, superseded ones too."""
    rows = ImpactVerdict.objects.all()
    return rows if may_see_registry(user) else rows.none()


def registration_for_page(user: AnyUser, slug: str, pk: int) -> ImpactRegistration | None:
    """One registration of that use case with what its page shows, or None."""
    found: ImpactRegistration | None = (
        registrations_visible_to(user)
        .filter(use_case__slug=slug, pk=pk)
        .select_related("use_case__programme", "use_case__team", "use_case__owner")
        .select_related("created_by", "approval", "replaces")
        .prefetch_related("amendments__made_by", "losses")
        .first()
    )
    return found


def current_verdict(registration: ImpactRegistration) -> ImpactVerdict | None:
    return registration.verdicts.filter(superseded_at__isnull=True).first()


def state_of(registration: ImpactRegistration, *, is_due: bool) -> RegistrationState:
    """Where it stands; `is_due`: its window has closed and its values no longer change."""
    if registration.withdrawn_at is not None:
        return RegistrationState.WITHDRAWN
    if registration.approved_at is None:
        return RegistrationState.WAITING
    if ImpactRegistration.objects.filter(replaces=registration, approved_at__isnull=False).exists():
        return RegistrationState.REPLACED
    if registration.verdicts.exists():
        return RegistrationState.JUDGED
    return RegistrationState.DUE if is_due else RegistrationState.IN_PROGRESS


# --- an outcome in words --------------------------------------------------------------------------


def effect_text(text: str | None, scale: str, unit: str = "") -> str:
    """An effect as a person reads it: `+87 %` for a ratio, `−3.2 hours` for a difference."""
    if text is None:
        return "not known"
    if text.endswith("infinity"):
        return "without bound"
    value = Decimal(text)
    if scale == "ratio":
        change = (value - 1) * 100
        return f"{_signed(change, 0 if abs(change) >= 10 else 1)}{NARROW_SPACE}%"
    return f"{_signed(value, 2)}{NARROW_SPACE}{unit}".strip()


def _signed(value: Decimal, places: int) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    sign = "+" if rounded > 0 else MINUS if rounded < 0 else ""
    return f"{sign}{abs(rounded)}"


@dataclass(frozen=True, slots=True)
class Reading:
    """A verdict as a page shows it: the interval first, the word second.

    Attributes:
        effect, interval: in words; empty when nothing was estimated.
        settling: what would settle it, as sentences; for `inconclusive`.
        raw: the stored result.
    """

    word: str
    would_read: str
    is_practical: bool
    effect: str
    low: str
    high: str
    level: str
    reasons: Sequence[str]
    deviations: Sequence[str]
    n_before: int
    n_after: int
    guardrails: Sequence[Mapping[str, str]]
    settling: Sequence[str]
    raw: Mapping[str, Any]

    @property
    def interval(self) -> str:
        return f"{self.low} to {self.high}" if self.low else ""


def reading_of(result: str, *, unit: str = "") -> Reading:
    """The stored document of an outcome in words."""
    raw = json.loads(result)
    found = raw["estimate"]
    interval = found["interval"] if found else None
    scale = found["scale"] if found else "ratio"

    def text(value: str | None) -> str:
        return effect_text(value, scale, unit)

    return Reading(
        word=raw["verdict"],
        would_read=raw["reading"] or "",
        is_practical=raw["is_practical"],
        effect=text(found["effect"]) if found else "",
        low=text(interval["low"]) if interval else "",
        high=text(interval["high"]) if interval else "",
        level=f"{Decimal(interval['level']) * 100:.0f}{NARROW_SPACE}%" if interval else "",
        reasons=raw["reasons"],
        deviations=raw["deviations"],
        n_before=raw["n_before"],
        n_after=raw["n_after"],
        guardrails=[_guardrail(each) for each in raw["guardrails"]],
        settling=_settling(raw),
        raw=raw,
    )


def _guardrail(row: Mapping[str, Any]) -> Mapping[str, str]:
    interval = row["interval"]
    return {
        "key": row["key"].split("@")[0],
        "version": row["key"].split("@")[1],
        "state": row["state"],
        "margin": effect_text(row["margin"], row["scale"]),
        "interval": f"{effect_text(interval['low'], row['scale'])} to "
        f"{effect_text(interval['high'], row['scale'])}"
        if interval
        else "",
    }


def _settling(raw: Mapping[str, Any]) -> list[str]:
    if VerdictWord.INCONCLUSIVE not in (raw["verdict"], raw["reading"]):
        return []
    said, settling = [], raw["settling"]
    if settling["events_for_seen"] is not None:
        weeks = settling["weeks_for_seen"]
        said.append(
            f"If the effect is as large as the one seen, {settling['events_for_seen']} events on "
            "each side would tell it from none"
            + (f": about {weeks} weeks each." if weeks is not None else ".")
        )
    if settling["weeks_for_interest"] is not None:
        said.append(
            "For the smallest effect of interest it takes about "
            f"{settling['weeks_for_interest']} weeks on each side."
        )
    return said or [_SETTLING_NEVER]


# --- what it is worth -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Benefit:
    """What is proven to be worth something, before cost.

    Attributes:
        units: units of the metric in the window after that the near bound proves; 0 without a
            `supported` verdict.
        nano: their worth in nano-units of `currency`; None without a value of a unit.
        reason: why there is no amount, as a sentence.
    """

    units: Decimal
    nano: int | None
    currency: str
    reason: str
    value: UnitValue | None


def unit_value_of(use_case: UseCase, metric_key: str) -> UnitValue | None:
    """The newest value of a unit, with its owner."""
    return (
        UnitValue.objects.filter(use_case=use_case, metric_key=metric_key)
        .select_related("owner")
        .first()
    )


def benefit_of(verdict: ImpactVerdict, value: UnitValue | None) -> Benefit:
    """Conservative: only what is supported, and only the bound nearest to nothing."""
    units = proven_units(
        json.loads(verdict.result), json.loads(verdict.protocol)["plan"], json.loads(verdict.facts)
    )
    currency = value.currency if value else ""
    if not units:
        return Benefit(Decimal(0), 0 if value else None, currency, "0 proven", value)
    if value is None:
        return Benefit(units, None, "", "nobody has said what a unit is worth", None)
    amount = (units * value.amount_nano).to_integral_value(rounding=ROUND_HALF_EVEN)
    return Benefit(units, int(amount), value.currency, "", value)


def proven_units(
    result: Mapping[str, Any], plan: Mapping[str, Any], facts: Mapping[str, Any]
) -> Decimal:
    """Units of the metric gained in the window after, by the near bound of the interval."""
    found = result["estimate"]
    if result["verdict"] != VerdictWord.SUPPORTED or found is None:
        return Decimal(0)
    rises = plan["direction"] == "increase"
    near = Decimal(found["interval"]["low" if rises else "high"])
    null = Decimal(1) if found["scale"] == "ratio" else Decimal(0)
    gained = max(Decimal(0), near - null if rises else null - near)
    weeks = {side: len(facts["weeks"][side]) for side in ("before", "after")}
    if found["scale"] == "ratio":
        return gained * int(result["n_before"]) / weeks["before"] * weeks["after"]
    if result["method"] in ("paired_changes", "permuted_changes", "cuped"):
        return gained * weeks["after"] * len(plan["unit_ids"])
    return gained * int(result["n_after"])


# --- all of them ----------------------------------------------------------------------------------

_CURRENT = ImpactVerdict.objects.filter(registration=OuterRef("pk"), superseded_at__isnull=True)


def verdict_rows(user: AnyUser) -> QuerySet[ImpactRegistration]:
    """Approved registrations that were not replaced, each with its current verdict or none.

    `word` is the verdict or `in_progress`; `result` its document; `decided` the last decision.
    """
    replaced = Q(replaced_by__isnull=False, replaced_by__approved_at__isnull=False)
    return (
        registrations_visible_to(user)
        .filter(approved_at__isnull=False)
        .exclude(replaced)
        .annotate(
            word=Coalesce(Subquery(_CURRENT.values("verdict")[:1]), Value("in_progress")),
            result=Subquery(_CURRENT.values("result")[:1]),
            decided=Subquery(
                _CURRENT.order_by("-decisions__decided_at").values("decisions__kind")[:1]
            ),
        )
    )


def word_counts(rows: QuerySet[ImpactRegistration]) -> list[tuple[str, int]]:
    """How many of each word in `verdict_rows`, in the fixed order of the words: also of nought."""
    counts = Counter(row["word"] for row in rows.values("word"))  # type: ignore[misc]
    return [(word, counts[word]) for word in (*VerdictWord.values, "in_progress")]


def registrations_of(user: AnyUser, use_case: UseCase) -> QuerySet[ImpactRegistration]:
    """Of one use case, newest first, with the words of `verdict_rows` where they are judged."""
    return (
        registrations_visible_to(user)
        .filter(use_case=use_case)
        .annotate(
            word=Subquery(_CURRENT.values("verdict")[:1]),
            result=Subquery(_CURRENT.values("result")[:1]),
        )
        .order_by("-created_at", "-pk")
    )


@dataclass(frozen=True, slots=True)
class OwnCalibration:
    """How often checks that must find nothing found nothing, over the programme's own verdicts."""

    checks: int
    passed: int
    restated: int
    still_inside: int

    @property
    def is_enough(self) -> bool:
        return self.checks >= FEWEST_FOR_CALIBRATION


def own_calibration(verdicts: QuerySet[ImpactVerdict]) -> OwnCalibration:
    """Placebo intervals that held the null, and restated effects that the first interval held."""
    checks = passed = restated = inside = 0
    first: dict[int, Mapping[str, Any]] = {}
    rows = verdicts.order_by("registration_id", "number")
    for registration_id, number, result in rows.values_list("registration_id", "number", "result"):
        found = json.loads(result)
        check = found["placebo"]
        is_checked = check and check["passed"] is not None
        if number == 1 and is_checked and check["kind"] == "placebo_in_time":
            checks += 1
            passed += check["passed"]
        if found["estimate"] is None:
            continue
        if registration_id not in first:
            first[registration_id] = found["estimate"]["interval"]
            continue
        bounds, effect = first[registration_id], Decimal(found["estimate"]["effect"])
        restated += 1
        inside += Decimal(bounds["low"]) <= effect <= Decimal(bounds["high"])
    return OwnCalibration(checks, passed, restated, inside)


def newest_calibrations() -> list[CalibrationRun]:
    """The newest simulation of each method and story; each is a piece of work of its own."""
    newest: dict[tuple[str, str], CalibrationRun] = {}
    for run in CalibrationRun.objects.order_by("method", "made_at", "pk"):
        newest[run.method, run.story] = run
    return list(newest.values())
