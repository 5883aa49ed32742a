"""What a sweep takes that the default tests leave out, and that nothing is left out of both."""

from __future__ import annotations

import pytest

from portal.env import BASE_DIR
from tests.plugins.sweeping import MORE, sampled

pytest_plugins = ["pytester"]
SUITE = """
import pytest
from hypothesis import given, settings, strategies
from tests.plugins.sweeping import examples, sampled

seen = []

@given(strategies.integers())
def test_of_a_property(number):
    seen.append(number)

def test_that_counts_them():
    print("examples:", len(seen))

@settings(max_examples=examples(3))
@given(strategies.integers())
def test_of_few_examples(number):
    print("few")

@pytest.mark.parametrize("case", sampled("abc", "b"))
def test_of_cases(case):
    pass

@pytest.mark.sweep
def test_long():
    pass

@pytest.mark.prove
@given(strategies.integers())
def test_of_a_proof(number):
    pass
"""
DEFAULT = "not prove and not benchmark and not sweep"


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(BASE_DIR))
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    pytester.makepyfile(SUITE)
    pytester.makeini("[pytest]\nmarkers = sweep\n prove\n benchmark")
    return pytester


def _named(run: pytest.Pytester, expression: str) -> list[str]:
    options = ["-p", "tests.plugins.sweeping", "-p", "no:cacheprovider", "-p", "no:randomly"]
    answer = run.runpytest_subprocess(*options, "-m", expression, "-v", "-rP")
    assert answer.ret == 0, answer.outlines
    few = sum(line == "few" for line in answer.outlines)
    names = [
        line.split("::")[1].split()[0]
        for line in answer.outlines
        if "PASSED" in line and "::" in line and "%" in line
    ]
    return [*names, f"few: {few}"]


def test_by_default_a_sample_and_few_examples(run: pytest.Pytester) -> None:
    names = _named(run, DEFAULT)
    assert names == [
        *("test_of_a_property", "test_that_counts_them", "test_of_few_examples"),
        *("test_of_cases[b]", "few: 3"),
    ]


def test_a_sweep_takes_the_rest_and_every_property_again(run: pytest.Pytester) -> None:
    names = _named(run, "sweep")
    assert names == [
        *("test_of_a_property", "test_of_few_examples", "test_of_cases[a]", "test_of_cases[c]"),
        *("test_long", f"few: {3 * MORE}"),
    ]


def test_a_usual_case_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\['x'\] are none of the cases"):
        sampled("abc", "a", "x")
