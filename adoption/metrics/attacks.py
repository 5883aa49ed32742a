"""The ways to make a number better without making anything better, each in one sentence.

The numbers are those of the catalogue of attacks in the metrics documentation; a definition says
which of them it resists and names the test that shows it.
"""

from __future__ import annotations

ATTACKS = {
    "A1": "burning tokens on work that nobody needs",
    "A2": "splitting one deployment into several",
    "A3": "deploying the same thing again",
    "A4": "rolling one change out to many regions",
    "A5": "splitting a service in two",
    "A6": "deploying, rolling back and deploying again",
    "A7": "farming trivial changes",
    "A8": "staying just under a limit of size",
    "A9": "adding or removing AI trailers",
    "A10": "having missing data count as the best value",
    "A11": "falling under a floor in a bad month",
    "A12": "choosing flattering dates",
    "A13": "starting after the worst month",
    "A14": "choosing the metric that came out well",
    "A15": "claiming hours saved",
    "A16": "paying for AI where nobody looks",
    "A17": "spending nothing to win a ratio of costs",
    "A18": "letting one use case's saving hide another's excess",
    "A19": "filing incidents below the line of severity",
    "A20": "pushing the work onto reviewers",
    "A21": "subtracting one query from another to see a small group",
    "A22": "publishing figures past their approval",
    "A23": "editing a definition to improve its number",
    "A24": "running checks until they are green",
}


def attack_text(key: str) -> str:
    """An attack in words; one that is not in the catalogue is read as it is named."""
    return ATTACKS.get(key, key)
