"""How noisy weeks are beyond chance, how alike one is to the next, and what both cost an interval.

Weeks are looked at around their fitted values, in units of the noise that chance alone makes
(Poisson's for counts, that between measurements of one week for measurements). Their covariance is
`I + t A(f)`: chance, and an excess of `t` times as much in which a week resembles the one `k` weeks
later by `f ** k`. Neither `t` nor `f` is known, and from two dozen weeks neither can be estimated
well enough to be taken for true: an estimate of `f` put into a formula, whatever its correction for
short series, leaves intervals that hold the truth in 88 to 91 of 100 cases. So the interval is
averaged over all of them, each weighed by its restricted likelihood (Harville 1974, Biometrika 61:
that is the likelihood of the weeks with the unknown means integrated out) and by what is known
beforehand. With independent noise alone this gives Student's interval again.

What is known beforehand, a `Prior` for each kind of comparison, was chosen by simulation so that
95 % intervals of two times twelve weeks hold the truth in 93 to 97 of 100 cases, give or take the
error of two thousand simulations, for any likeness up to 0.6. Above that no two dozen weeks can
tell a level that wanders from one that was moved; `docs/validation/methods.md` says what is done
then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from adoption.validation import numerics

LIKENESS = np.array([0.0, 0.4, 0.6, 0.8])  # of the excess, a week with the next
EXCESS = np.expm1(np.arange(46) * 0.3)  # times chance; 0 is no excess, the last 730,000
EACH_EXCESS = 0.045  # weight beforehand of each but the first
NOISY = 0.4  # p of Pearson's test of the weeks; below it they do not count as chance
ALIKE = -0.05  # a correlation with the next week; around a fitted mean, chance gives less
FAR = 10_000  # weeks between sides that are fitted apart
Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Prior:
    """What is known of noise before any week is looked at.

    Attributes:
        likeness: a weight for each of `LIKENESS`.
        no_excess: weight of there being no excess; only its ratio to `EACH_EXCESS` matters.
    """

    likeness: tuple[float, float, float, float]
    no_excess: float

    def weights(self, *, is_whole: bool) -> Array:
        """Weights by likeness and excess. Of a whole, an independent excess is no excess at all."""
        each = np.full((len(LIKENESS), len(EXCESS)), EACH_EXCESS)
        each[:, 0] = self.no_excess
        if is_whole:
            each[0] = 0.0
            each[0, 0] = self.no_excess + EACH_EXCESS * (len(EXCESS) - 1)
        found: Array = each * np.array(self.likeness)[:, None]
        return found


COUNTS = Prior((0.75, 0.05, 0.10, 0.10), no_excess=0.4)
SERIES = Prior((0.60, 0.05, 0.15, 0.20), no_excess=0.4)
# Measurements of a week have nearly always something in common, and a little of it, of which weeks
# show hardly anything, already makes a pool of them too sure. So less speaks for none beforehand
# than with counts, and no test lets weeks off.
MEASUREMENTS = Prior((0.60, 0.05, 0.15, 0.20), no_excess=0.1)


@dataclass(frozen=True, slots=True)
class Frame:
    """What is known of weeks before they are looked at: for all rows of them the same.

    Attributes:
        rotations: per likeness, weeks to independent residuals.
        spreads: per likeness, the excess variance of each of those, for an excess of 1.
        kinship: per likeness, the covariance of the excess between weeks.
    """

    rotations: Array
    spreads: Array
    kinship: Array

    @property
    def freedom(self) -> int:
        """Weeks less fitted terms."""
        return int(self.spreads.shape[1])

    def excess_of(self, contrast: Array) -> Array:
        """Variance of a sum of weeks with these weights by an excess of 1, per likeness."""
        found: Array = np.einsum("i,lij,j->l", contrast, self.kinship, contrast)
        return found


def frame(places: Array, terms: Array, weights: Array) -> Frame:
    """Weeks at these places in time, around these fitted terms.

    Args:
        places: week numbers; a wash-out leaves a hole.
        terms: a column for each fitted term, in the units of the residuals.
        weights: how strongly the excess of a week shows in its residual: 1 for counts, the root of
            the number of measurements for measurements.
    """
    apart = np.abs(places[:, None] - places[None, :]).astype(float)
    kinship = np.stack([np.where(apart == 0, 1.0, each**apart) for each in LIKENESS])
    kinship = kinship * weights[:, None] * weights[None, :]
    whole = np.linalg.qr(terms, mode="complete")[0][:, terms.shape[1] :]
    spreads, turned = np.linalg.eigh(whole.T @ kinship @ whole)
    return Frame(whole @ turned, np.maximum(spreads, 0.0), kinship)


@lru_cache(maxsize=64)
def two_sides(before: int, after: int) -> Frame:
    """Equal weeks around a mean of each side. The sides count as far apart, which errs to caution:
    a likeness across the launch would only make the difference of the sides steadier."""
    places = np.concatenate([np.arange(before), FAR + np.arange(after)])
    terms = np.zeros((before + after, 2))
    terms[:before, 0] = terms[before:, 1] = 1.0
    return frame(places, terms[:, [bool(before), bool(after)]], np.ones(before + after))


def weights_of(residuals: Array, seen: Frame, prior: Prior, *, is_whole: bool = False) -> Array:
    """How likely each likeness and excess is, given rows of residuals: row, likeness, excess.

    Args:
        is_whole: the residuals are in units of all noise there is, the excess included: where a
            week has a single measurement, how much of it is excess cannot be told from one week.
    """
    turned = (residuals[None, :, :] @ seen.rotations) ** 2
    variances = 1.0 + EXCESS[None, :, None] * seen.spreads[:, None, :]
    variances = variances / _unit(is_whole=is_whole)[None, :, None]
    logs = -0.5 * (
        np.log(variances).sum(axis=2)[:, None, :] + turned @ (1.0 / variances).transpose(0, 2, 1)
    )
    with np.errstate(divide="ignore"):  # what cannot be weighs nothing
        logs = logs + np.log(prior.weights(is_whole=is_whole))[:, None, :]
    logs = logs.transpose(1, 0, 2)
    found: Array = np.exp(logs - logs.max(axis=(1, 2), keepdims=True))
    found /= found.sum(axis=(1, 2), keepdims=True)
    return found


def _unit(*, is_whole: bool) -> Array:
    """Per excess: the variance of a week that the residuals are measured in, in those of chance."""
    return 1.0 + EXCESS if is_whole else np.ones_like(EXCESS)


def is_chance(residuals: Array, seen: Frame, places: Array) -> Array:
    """Per row, whether nothing speaks against independent weeks with no more noise than chance."""
    squares = (residuals**2).sum(axis=1)
    next_to = np.diff(places) == 1
    products = (residuals[:, 1:] * residuals[:, :-1])[:, next_to].sum(axis=1)
    share = residuals.shape[1] / max(1, int(next_to.sum()))
    alike = np.where(squares > 0, products / np.where(squares > 0, squares, 1.0) * share, -1.0)
    p_value = numerics.stats.chi2.sf(squares, max(1, seen.freedom))
    found: Array = (p_value >= NOISY) & (alike <= ALIKE)
    return found


@dataclass(frozen=True, slots=True)
class Mixture:
    """What is known of an estimate's error, one row each: normal, with one of many deviations.

    Attributes:
        weights: of the deviations, each row adding up to 1.
        deviations: on the scale of the estimate.
    """

    weights: Array
    deviations: Array

    def above(self, distance: Array) -> Array:
        """How probably the error is larger than this, per row."""
        tails = numerics.special.ndtr(-distance[:, None] / self.deviations)
        found: Array = (self.weights * tails).sum(axis=1)
        return found

    def reach(self, alpha: float) -> Array:
        """Beyond which the error lies with probability alpha, both ways together, per row."""
        # Newton's steps from below never overshoot: the tails are convex beyond nought.
        normal = numerics.special.ndtr
        found: Array = self.deviations.min(axis=1) * float(numerics.stats.norm.isf(alpha / 2))
        for _ in range(60):
            scaled = found[:, None] / self.deviations
            excess = 2 * (self.weights * normal(-scaled)).sum(axis=1) - alpha
            heights = np.exp(-0.5 * scaled**2) / (self.deviations * math.sqrt(2 * math.pi))
            step = excess / (2 * (self.weights * heights).sum(axis=1))
            found = found + np.maximum(0.0, step)
            if (step < 1e-13 * found).all():
                break
        return found


def mixture(weights: Array, chance: Array, excess: Array, *, is_whole: bool = False) -> Mixture:
    """The error of an estimate.

    Args:
        weights: of `weights_of`.
        chance: variance by chance (with `is_whole` by all noise, if it is independent), per row.
        excess: variance by an excess of 1, per row and likeness.
    """
    variances = chance[:, None, None] + excess[:, :, None] * EXCESS[None, None, :]
    variances = variances / _unit(is_whole=is_whole)[None, None, :]
    rows = len(weights)
    return Mixture(weights.reshape(rows, -1), np.sqrt(variances).reshape(rows, -1))


@dataclass(frozen=True, slots=True)
class Noise:
    """What weeks show of their noise.

    Attributes:
        dispersion: variance of a week as a multiple of chance, at least 1, as most likely seen.
        likeness: of the excess of a week to that of the next one, 0 to 0.8; 0 without excess.
        is_plain: whether nothing speaks against independent weeks and chance alone.
    """

    dispersion: float
    likeness: float
    is_plain: bool

    @property
    def factor(self) -> float:
        """How many times as large as by chance the variance of a long sum of weeks is."""
        return 1 + (self.dispersion - 1) * (1 + self.likeness) / (1 - self.likeness)


def noise_from(weights: Array, *, is_plain: bool) -> Noise:
    """The noise of one row in two numbers, for a reader and for promises.

    The dispersion is averaged on the logarithmic scale: few weeks leave a long upper tail, and it
    would speak for all of them.
    """
    each = weights[0]
    dispersion = math.exp(float((each.sum(axis=0) * np.log1p(EXCESS)).sum()))
    share = each[:, 1:].sum()
    likeness = float((each[:, 1:].sum(axis=1) * LIKENESS).sum() / share) if share > 0 else 0.0
    return Noise(1.0 if is_plain else dispersion, 0.0 if is_plain else likeness, is_plain)
