"""The published expectations of NDU and NDI, exactly."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest

from adoption.metrics.change_series import Series, series_of
from adoption.metrics.ndi import index_of
from adoption.metrics.ndu import BASELINE, HOTFIX, ROLLBACK, Brought, Rollout, count_units, lead_in
from adoption.metrics.windows import Window

START = dt.datetime(2026, 3, 2, 10, 0, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def rollout(
    after: dt.timedelta,
    *keys: str,
    kind: str = "deploy",
    series: str = "product",
    undone: dt.timedelta | None = None,
    undoes: tuple[str, ...] = (),
) -> Rollout:
    at = None if undone is None else START + undone
    changes = tuple(Brought(key, series, at) for key in keys)
    return Rollout(f"{after}-{kind}", START + after, changes, kind, undoes)


def figures(*rollouts: Rollout) -> tuple[int, int, dict[str, int]]:
    counted = count_units(rollouts)
    return len(counted.units), len(counted.rework), dict(counted.apart)


@pytest.mark.parametrize(
    ("name", "rollouts", "units", "rework", "apart"),
    [
        ("1 change, 1 deploy", [rollout(HOUR, "a")], 1, 0, {}),
        ("same change to 5 regions", [rollout(n * HOUR, "a") for n in range(5)], 1, 0, {}),
        ("a change of a day in 4", [rollout(n * 5 * HOUR, f"a{n}") for n in range(4)], 1, 0, {}),
        ("3 redeploys of one change", [rollout(n * 2 * DAY, "a") for n in range(4)], 1, 0, {}),
        (
            "deploy, rollback, redeploy of the same change",
            [rollout(HOUR, "a"), rollout(2 * HOUR, kind=ROLLBACK, undoes=("a",)),
             rollout(2 * DAY, "a")],
            0, 1, {},
        ),
        (
            "deploy, rollback, a real fix",
            [rollout(HOUR, "a"), rollout(2 * HOUR, kind=ROLLBACK, undoes=("a",)),
             rollout(2 * DAY, "b")],
            1, 1, {},
        ),
        ("10 bot bumps", [rollout(n * DAY, f"b{n}", series="bot") for n in range(10)], 0, 0,
         {"bot": 10}),
        ("one feature per day for 5 days", [rollout(n * DAY, f"a{n}") for n in range(5)], 5, 0, {}),
        ("a baseline delivers nothing, ever",
         [rollout(HOUR, "a", kind=BASELINE), rollout(2 * DAY, "a")], 0, 0, {}),
        ("a hotfix is rework", [rollout(HOUR, "a"), rollout(2 * DAY, "b", kind=HOTFIX)], 1, 1, {}),
        ("reverted after 20 days", [rollout(HOUR, "a", undone=20 * DAY)], 0, 0, {}),
        ("reverted after 22 days", [rollout(HOUR, "a", undone=22 * DAY)], 1, 0, {}),
        ("reverted before it was there", [rollout(HOUR, "a", undone=-DAY)], 0, 0, {}),
        ("one of two is undone",
         [rollout(HOUR, "a", undone=DAY), rollout(2 * HOUR, "b")], 1, 0, {}),
        ("24 hours later is another unit", [rollout(0 * HOUR, "a"), rollout(DAY, "b")], 2, 0, {}),
    ],
)  # fmt: skip
def test_worked_expectations(
    name: str, rollouts: list[Rollout], units: int, rework: int, apart: dict[str, int]
) -> None:
    assert figures(*rollouts) == (units, rework, apart), name
    assert figures(*reversed(rollouts)) == (units, rework, apart), "the order of arrival"


@pytest.mark.parametrize("count", range(1, 21))
def test_a_deployment_in_parts_or_again_is_the_deployment(count: int) -> None:
    whole = count_units([rollout(HOUR, "a", "b", "c")]).units
    parts = [rollout(HOUR + n * DAY / count, *["a", "b", "c"][n::count], "a") for n in range(count)]
    assert len(count_units(parts).units) == len(whole) == 1
    again = [rollout(HOUR + n * 3 * DAY, "a", "b", "c") for n in range(count)]
    assert count_units(again).units == whole


def test_units_from_a_lead_in_on_are_those_of_the_whole_history() -> None:
    whole = [rollout(n * 13 * HOUR, f"a{n}") for n in range(40)]
    whole.insert(20, rollout(19 * 13 * HOUR + DAY + HOUR, "late"))
    whole = [each for each in whole if each.key != f"{20 * 13 * HOUR}-deploy"]
    start = START + 30 * 13 * HOUR
    since = lead_in([each.at for each in whole], start)
    assert START < since < start
    part = [each for each in whole if each.at >= since]
    expected = [unit for unit in count_units(whole).units if unit.at >= start]
    assert [unit for unit in count_units(part).units if unit.at >= start] == expected
    assert lead_in([], start) == start


def test_the_index_is_that_of_families_with_a_baseline() -> None:
    baseline = Window(dt.date(2026, 1, 5), dt.date(2026, 3, 30), "UTC")  # 12 weeks
    after = Window(dt.date(2026, 4, 13), dt.date(2026, 6, 8), "UTC")  # 8 weeks
    first, later = baseline.starts_at + 9 * HOUR, after.starts_at + 9 * HOUR

    def each_day(start: dt.datetime, count: int, name: str) -> list[Rollout]:
        return [
            Rollout(f"{name}{n}", start + n * DAY, (Brought(f"{name}{n}"),)) for n in range(count)
        ]

    families = {
        "old": [*each_day(first, 36, "b"), *each_day(later, 36, "a")],
        "new": each_day(later, 50, "n"),
    }
    index = index_of(families, baseline, after)
    assert (index.base, index.after) == (36, 36)
    assert index.value == Fraction(36) / (Fraction(36) * 8 / 12)
    assert index_of({"new": families["new"]}, baseline, after).value is None
    assert index_of(families, baseline, after, base_units=72).value == Fraction(36, 48)


@pytest.mark.parametrize(
    ("given", "series"),
    [
        ({"paths": ["src/app.py", "README.md"]}, Series.PRODUCT),
        ({"paths": None}, Series.PRODUCT),
        ({"paths": ["README.md", "docs/img/x.png"]}, Series.DOCS),
        ({"paths": [".github/workflows/ci.yml"]}, Series.CONFIG),
        ({"paths": ["package-lock.json", "package.json"]}, Series.DEPENDENCIES),
        ({"paths": ["README.md", "deploy/values.yaml"]}, Series.CONFIG),
        ({"paths": []}, Series.NO_OP),
        ({"paths": ["src/a.py"], "lines": 0}, Series.NO_OP),
        ({"paths": ["src/a.py"], "is_revert": True}, Series.REVERT),
        ({"author_names": ["dependabot[bot]"]}, Series.BOT),
        ({"author_names": ["49699333+dependabot[bot]@users.noreply.github.com"]}, Series.BOT),
        ({"author_names": ["renovate"]}, Series.BOT),
        ({"author_names": ["copilot-swe-agent[bot]"]}, Series.PRODUCT),
        ({"author_names": ["mira@acme.example", "Mira"]}, Series.PRODUCT),
    ],
)  # fmt: skip
def test_series(given: dict[str, object], series: Series) -> None:
    assert series_of(**given) is series  # type: ignore[arg-type]
