"""What could be seen at all: the smallest detectable effect, the power, the weeks that it takes.

For counts of events, on the logarithm of their ratio: an effect r on `x0` events of the baseline
has the standard error `sqrt(phi * (1 / x0 + 1 / (x0 * r * k)))`, with `k` times the baseline's
exposure afterwards.
"""

from __future__ import annotations

import math

from adoption.validation import numerics

LARGEST = 60.0  # ratios beyond are not looked for
_NEAR_ONE = 1.0001


def _z(alpha: float, power: float) -> float:
    return float(numerics.stats.norm.isf(alpha / 2) + numerics.stats.norm.ppf(power))


def _error(ratio: float, events: float, dispersion: float, exposure_ratio: float) -> float:
    return math.sqrt(dispersion * (1 + 1 / (ratio * exposure_ratio)) / events)


def smallest_increase(
    events: float,
    *,
    dispersion: float = 1.0,
    exposure_ratio: float = 1.0,
    alpha: float = 0.05,
    power: float = 0.8,
) -> float | None:
    """The smallest ratio above 1 that is found with this power; None when there is none to 60.

    Args:
        events: expected in the baseline.
        exposure_ratio: exposure after over exposure before.
    """
    if events <= 0:
        return None
    z = _z(alpha, power)

    def excess(ratio: float) -> float:
        return math.log(ratio) - z * _error(ratio, events, dispersion, exposure_ratio)

    if excess(_NEAR_ONE) > 0:
        return _NEAR_ONE
    if excess(LARGEST) < 0:
        return None
    return float(numerics.optimize.brentq(excess, _NEAR_ONE, LARGEST, xtol=1e-12))


def smallest_decrease(
    events: float,
    *,
    dispersion: float = 1.0,
    exposure_ratio: float = 1.0,
    alpha: float = 0.05,
    power: float = 0.8,
) -> float | None:
    """The ratio nearest to 1 below it that is found with this power; None when there is none.

    The equation has two roots, because with fewer and fewer events afterwards less and less is
    known: below the farther one nothing is detectable again.
    """
    if events <= 0:
        return None
    z = _z(alpha, power)

    def excess(ratio: float) -> float:
        return -math.log(ratio) - z * _error(ratio, events, dispersion, exposure_ratio)

    found = numerics.optimize.minimize_scalar(
        lambda r: -excess(r), bounds=(1e-6, 1 / _NEAR_ONE), method="bounded"
    )
    best = float(found.x)
    if excess(best) < 0:
        return None
    if excess(1 / _NEAR_ONE) > 0:
        return 1 / _NEAR_ONE
    return float(numerics.optimize.brentq(excess, best, 1 / _NEAR_ONE, xtol=1e-12))


def power_of_ratio(
    ratio: float,
    events: float,
    *,
    dispersion: float = 1.0,
    exposure_ratio: float = 1.0,
    alpha: float = 0.05,
) -> float:
    """How probably an effect of this ratio is told from 1, either way."""
    if events <= 0:
        return 0.0
    distance = math.log(ratio) / _error(ratio, events, dispersion, exposure_ratio)
    edge = float(numerics.stats.norm.isf(alpha / 2))
    return float(
        numerics.stats.norm.cdf(distance - edge) + numerics.stats.norm.cdf(-distance - edge)
    )


def weeks_needed(
    ratio: float,
    events_per_week: float,
    *,
    dispersion: float = 1.0,
    alpha: float = 0.05,
    power: float = 0.8,
) -> int | None:
    """Weeks before and as many after until a ratio is found with this power; None for ratio 1.

    Raises:
        ValueError: nothing happens in a week, or the ratio is not above 0.
    """
    if not events_per_week > 0 or not ratio > 0:
        raise ValueError("the ratio and the events of a week are above 0")
    if ratio == 1:
        return None
    need = dispersion * (1 + 1 / ratio) * (_z(alpha, power) / math.log(ratio)) ** 2
    return math.ceil(need / events_per_week)


def smallest_difference(
    units: tuple[int, int],
    deviation: float,
    *,
    explained: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.8,
) -> float | None:
    """The smallest difference of two means that is found, in the unit of the metric.

    Args:
        units: in each group; with fewer than two in one there is none.
        deviation: standard deviation within a group.
        explained: share of the variance that a pre-treatment covariate explains (CUPED), 0 to 1.
            How much of it to take out is estimated, which costs `1 / (n - 4)` of the variance when
            the covariate is normal (after Cochran 1957, Biometrics 13); with four units or fewer
            there is none.
    """
    first, second = units
    if min(units) < 2 or deviation <= 0 or (explained and sum(units) <= 4):
        return None
    size = numerics.power.TTestIndPower().solve_power(
        effect_size=None, nobs1=first, ratio=second / first, alpha=alpha, power=power
    )
    estimated = 1 + 1 / (sum(units) - 4) if explained else 1.0
    return float(size) * deviation * math.sqrt((1 - explained) * estimated)


def plain_words(events: int, increase: float | None, decrease: float | None) -> str:
    """What a baseline can show, as a person should read it before they register anything."""
    unit = "event" if events == 1 else "events"
    if increase is None:
        return f"With {events} {unit} in the baseline no increase up to sixtyfold can be seen."
    up = f"+{(increase - 1) * 100:.0f} %"
    down = "no decrease" if decrease is None else f"decreases of −{(1 - decrease) * 100:.0f} %"
    more = "" if decrease is None else " or more"
    return (
        f"With {events} {unit} in the baseline you can only see increases of {up} or more, and "
        f"{down}{more}."
    )
