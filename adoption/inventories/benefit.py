"""Whether a stated benefit can be held against anything.

Of 2,954 benefits in the largest public registry, about one in forty names an amount; the others
cannot turn out wrong. The rule is a pattern match: it finds what is *stated*, not what is true.
"""

from __future__ import annotations

import re

from adoption.inventory_choices import BenefitCheck

_NUMBER = r"\d[\d,.\u00a0\u202f ]*"
_UNITS = (
    r"%|percent\b|per cent\b|percentage points?\b|bps\b|"
    r"(?:work(?:ing)?[- ]|man[- ]|staff[- ]|person[- ])?(?:seconds?|minutes?|mins?|hours?|hrs?|"
    r"days?|weeks?|months?|years?)\b|fte\b|fold\b|x\b|times\b|"
    r"(?:usd|eur|gbp|dollars?|euros?|pounds?)\b|"
    r"(?:tickets?|cases?|calls?|errors?|defects?|incidents?|claims?|documents?|files?|pages?|"
    r"records?|requests?|applications?|inquiries|enquiries|invoices?|reports?|images?|employees|"
    r"people|users|staff|customers|travell?ers|officers|analysts)\b"
)
_SCALE = r"(?:thousand |million |billion |k |m |bn )?"
_AMOUNT = re.compile(
    rf"(?:[$€£]\s?\d|\b(?:usd|eur|gbp)\s?\d|{_NUMBER}[- ]?{_SCALE}(?:{_UNITS})|"
    r"\b(?:by|in|to) (?:a )?(?:half|third|quarter)\b|\b(?:halv(?:e|es|ed|ing)|twofold|threefold|"
    r"doubl(?:e|es|ed|ing)|tripl(?:e|es|ed|ing))\b)",
    re.IGNORECASE,
)
_MEASURABLE = re.compile(
    r"\b(?:time|hours?|minutes?|days?|costs?|savings?|spend(?:ing)?|expenses?|errors?|defects?|"
    r"backlogs?|throughput|volumes?|latency|delays?|turnaround|wait(?:ing)?|rates?|accuracy|precision|"
    r"recall|false (?:positives?|negatives?|alarms?)|incidents?|failures?|downtime|rework|revenue|"
    r"satisfaction|workload|labou?r|duplicates?|corrections?|complaints?)\b",
    re.IGNORECASE,
)
_USAGE = re.compile(
    r"\b(?:tokens?|prompts?|seats?|licen[cs]es?|sessions?|chats?|active (?:users?|developers?)|"
    r"lines (?:of code|written|accepted)|accepted (?:lines|suggestions|completions)|"
    r"acceptance rate|messages sent|credits)\b",
    re.IGNORECASE,
)


def check_benefit(text: str, *, has_number: bool) -> BenefitCheck:
    """What can be held against the benefit: a number of the record, or an amount in the prose.

    A number without a unit (a year, a paragraph of a law) is no amount.
    """
    if has_number or _AMOUNT.search(text):
        return BenefitCheck.MEASURABLE
    if not text.strip():
        return BenefitCheck.NOT_STATED
    return BenefitCheck.NO_NUMBER if _MEASURABLE.search(text) else BenefitCheck.NOTHING_MEASURABLE


def usage_word(text: str) -> str:
    """The word of `text` that measures use of a tool, or nothing."""
    found = _USAGE.search(text)
    return found[0] if found else ""
