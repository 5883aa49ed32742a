"""Metrics of teams whose sources an installation may lack: review load and sentiment.

Facts hold None where there is no source. Missing is never taken for good.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from fractions import Fraction

from adoption.metrics.contracts import Computed, Facts
from adoption.metrics.exact import SECONDS_OF_HOUR, median_interval, nano, quantile, share_nano
from adoption.metrics.window_facts import moments_of
from adoption.metrics.windows import Window

MINIMUM_PULLS, MINIMUM_RESPONSE = 30, Fraction(3, 5)
_HOUR = Fraction(1, SECONDS_OF_HOUR)
NO_REVIEWS = "reviews: no connected source says when a pull request was first reviewed"
NO_REVIEW_HOURS = "hours of reviewing: no connected source says how long a review took"
NO_SURVEY = "answers to a survey: none is connected"


def _facts(window: Window, as_of: dt.datetime, name: str) -> Facts:
    return {**moments_of(window, as_of), name: None}


def collect_reviews(
    team_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> Mapping[int, Facts]:
    """No source of this version brings reviews."""
    return {pk: _facts(window, as_of, "reviews") for pk in team_ids}


def calculate_review_wait(facts: Facts) -> Computed:
    """The median wait for the first review, in hours; what still waits ranks as the longest."""
    reviews = facts["reviews"]
    if reviews is None:
        return Computed(nano=None, reason="not_evaluable", missing=NO_REVIEWS)
    waits, waiting, people = reviews["waits_seconds"], reviews["waiting"], reviews["contributors"]
    total = len(waits) + waiting
    if total < MINIMUM_PULLS:
        return Computed(nano=None, reason="below_minimum", n=total, contributors=people)
    found = quantile(waits, waiting, Fraction(1, 2))
    if found is None:
        return Computed(
            nano=None,
            reason="not_evaluable",
            missing=f"a first review of {waiting} of {total} pull requests",
            n=total,
            contributors=people,
        )
    return Computed(
        nano=nano(found * _HOUR),
        n=total,
        contributors=people,
        interval=median_interval(waits, waiting, _HOUR),
    )


def calculate_review_hours(facts: Facts) -> Computed:
    """Hours that people spent on reviewing, for each delivery unit of the team's services."""
    reviews = facts["reviews"]
    if reviews is None or reviews.get("seconds") is None:
        return Computed(nano=None, reason="not_evaluable", missing=NO_REVIEW_HOURS)
    total, people = reviews["pulls"], reviews["contributors"]
    if total < MINIMUM_PULLS:
        return Computed(nano=None, reason="below_minimum", n=total, contributors=people)
    if not reviews["units"]:
        return Computed(nano=None, reason="no_units", n=total, contributors=people)
    hours = Fraction(reviews["seconds"], reviews["units"]) * _HOUR
    return Computed(nano=nano(hours), n=total, contributors=people)


def collect_sentiment(
    team_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> Mapping[int, Facts]:
    """No source of this version brings a survey."""
    return {pk: _facts(window, as_of, "survey") for pk in team_ids}


def calculate_sentiment(facts: Facts) -> Computed:
    """The mean of answers from 1 to 5, when at least 60 % of those asked answered."""
    survey = facts["survey"]
    if survey is None:
        return Computed(nano=None, reason="not_evaluable", missing=NO_SURVEY)
    answers, asked = survey["answers"], survey["asked"]
    if not answers or Fraction(len(answers), asked) < MINIMUM_RESPONSE:
        return Computed(
            nano=None, reason="below_minimum", n=len(answers), contributors=len(answers)
        )
    return Computed(
        nano=nano(Fraction(sum(answers), len(answers))),
        n=len(answers),
        contributors=len(answers),
        coverage_nano=share_nano(len(answers), asked),
    )
