"""No word of usage gets through, however it is written; words of outcomes do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adoption.choices import Comparator
from adoption.metrics.alternatives import ALTERNATIVES, outcome_in, usage_in
from adoption.metrics.registry import USAGE_INPUTS, metrics

USAGE = (
    "tokens", "token count", "prompts", "seats", "licences", "licenses assigned", "sessions",
    "lines of code", "lines", "requests", "credits", "acceptance rate", "hours saved",
    "time saved", "active users", "weekly active users", "daily active users", "WAU", "DAU", "MAU",
    "80% of developers weekly", "80 percent of engineers", "adoption rate", "usage", "logins",
    "everyone uses copilot daily", "share of ai generated code", "suggestions accepted",
    "completions", "pull requests", "commits", "utilisation", "developers using AI",
    "api calls", "engagement", "saving 4 hours a week", "AI adoption", "queries",
)  # fmt: skip
OUTCOMES = {
    "25 held deliveries by June": "held_deliveries",
    "Work that holds in checkout": "held_deliveries",
    "Half of the teams deliver something": "share_of_teams_with_held_delivery",
    "Three teams with a held delivery": "teams_with_held_delivery",
    "Ten production deployments": "ai_production_deployments",
    "Below 40 USD per held delivery": "effective_cost_per_held_delivery",
}
_LETTERS = str.maketrans("oeas", "0345")
_CYRILLIC = str.maketrans("oeac", "оеас")


@pytest.mark.parametrize("text", USAGE)
def test_each_word_of_usage_is_refused_with_a_registered_metric_to_use_instead(text: str) -> None:
    refused = usage_in(text)
    assert refused is not None
    assert refused.alternative.metric_key in metrics
    assert refused.alternative.metric_key in refused.reason
    assert refused.alternative.instead in refused.reason


@pytest.mark.parametrize("name", sorted(USAGE_INPUTS))
def test_every_input_that_metrics_may_not_use_is_a_word_of_usage(name: str) -> None:
    assert usage_in(name) is not None


@st.composite
def disguised(draw: st.DrawFn) -> str:
    """A word of usage as a person who wants it through would write it."""
    text = draw(st.sampled_from(USAGE))
    text = draw(st.sampled_from((text, text.upper(), text.title(), text.lower())))
    disguise = draw(st.sampled_from(("none", "cyrillic", "digits", "invisible", "separators")))
    if disguise == "cyrillic":
        text = text.translate(_CYRILLIC)
    elif disguise == "digits":
        text = " ".join(
            word.lower().translate(_LETTERS) if word.isalpha() and len(word) > 5 else word
            for word in text.split()
        )
    elif disguise == "invisible":
        at = draw(st.integers(1, len(text) - 1))
        text = f"{text[:at]}\u200b{text[at:]}"
    elif disguise == "separators":
        text = text.replace(" ", draw(st.sampled_from(("-", "_", "/", "  ", ". "))))
    before = draw(st.sampled_from(("", "Reach ", "More ", "Q3: ", "At least 80 ", "Held: ")))
    after = draw(st.sampled_from(("", " by June", " per team", " in production", "!", " (held)")))
    return f"{before}{text}{after}"


@settings(max_examples=60, deadline=None)
@given(disguised())
def test_no_disguise_gets_a_word_of_usage_through(text: str) -> None:
    assert usage_in(text) is not None


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(("tokens", "prompts", "sessions", "licences", "credits", "completions")),
    st.data(),
)
def test_one_letter_wrong_hides_nothing(word: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(word) - 2))
    wrong = data.draw(
        st.sampled_from((word[:at] + word[at + 1 :], word[:at] + "x" + word[at:],
                         word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]))
    )  # fmt: skip
    if len(wrong) >= 6:
        assert usage_in(f"Use {wrong}") is not None


@pytest.mark.parametrize(("text", "key"), OUTCOMES.items())
def test_words_of_outcomes_find_their_metric(text: str, key: str) -> None:
    assert usage_in(text) is None
    assert outcome_in(text) == key
    assert key in metrics


def test_what_is_offered_instead_is_itself_no_usage_and_means_its_metric() -> None:
    for alternative in ALTERNATIVES:
        assert usage_in(alternative.instead) is None
        metric = metrics.get(alternative.metric_key)
        assert metric.measure is not None
        assert not metric.inputs & USAGE_INPUTS
        assert Comparator.AT_LEAST in metric.comparators or metric.unit == "money"


def test_a_text_without_any_of_it_is_neither() -> None:
    assert usage_in("Fewer escaped defects in checkout") is None
    assert outcome_in("Fewer escaped defects in checkout") is None
