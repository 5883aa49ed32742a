"""A page of the documentation for each metric, made of its definition. Pure: it reads nothing else.

What a page says is what the definition promises, so it cannot be out of date: a test makes the
pages again and compares.
"""

from __future__ import annotations

from collections.abc import Iterable

from adoption.metrics.attacks import attack_text
from adoption.metrics.contracts import Better, Windowed
from adoption.metrics.documents import definition_document, document_sha256
from adoption.metrics.privacy import K_MANAGERS
from adoption.metrics.registry import MetricDefinition, computed_versions
from adoption.redteam.proofs import known_to_move
from portal.shell.money import nano_text

INDEX = "README.md"
_BETTER = {
    Better.HIGHER: "higher is better",
    Better.LOWER: "lower is better",
    Better.CONTEXT: "neither is better: it is context",
}


def pages_of(definitions: Iterable[MetricDefinition]) -> dict[str, str]:
    """Text by file name: one page for each metric that is computed by window, and their index."""
    found = sorted(
        (each for each in definitions if each.windowed is not None), key=lambda each: each.key
    )
    pages = {f"{each.key}.md": page_of(each) for each in found}
    return {INDEX: _index(found), **pages}


def _index(definitions: Iterable[MetricDefinition]) -> str:
    rows = "".join(
        f"| [{each.label}]({each.key}.md) | `{each.key}` {each.version} | {each.unit} "
        f"| {_grain(each.windowed)} |\n"
        for each in definitions
        if each.windowed is not None
    )
    return (
        "# The catalogue, metric by metric\n\n"
        "Made of the definitions by `manage.py document_metrics docs/metrics`; change those and "
        "make it anew.\nWhat holds for all of them is in [../metrics.md](../metrics.md).\n\n"
        "| metric | key and version | unit | of each, over |\n|---|---|---|---|\n"
        f"{rows}"
    )


def _grain(windowed: Windowed) -> str:
    return f"{_words(windowed.scope)}, {_words(windowed.window)}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def page_of(metric: MetricDefinition) -> str:
    """Everything that a metric of the catalogue promises.

    Raises:
        TypeError: it is not computed window by window.
    """
    windowed = metric.windowed
    if windowed is None:
        raise TypeError(f"{metric.key!r} is not computed window by window")
    number = f", number {windowed.number} of the catalogue" if windowed.number else ""
    facts = "".join(f"| {name} | {said} |\n" for name, said in _facts(metric, windowed))
    resists = "".join(
        f"| {key} | {attack_text(key)} | `{test}` |\n"
        for key, test in sorted(windowed.resists.items(), key=_attack_order)
    )
    return (
        f"# {metric.label}\n\n`{metric.key}` {metric.version}{number}. "
        "[All metrics](README.md)\n\n"
        f"**Formula.** {metric.formula}\n\n**For the decision:** {metric.decision}\n\n"
        f"| | |\n|---|---|\n{facts}\n"
        "## Attacks that it resists\n\n| | attack | shown by |\n|---|---|---|\n"
        f"{resists}\n{_limits(metric.key)}"
        f"## Ask for it\n\n```sh\n{_question(metric, windowed)}\n```\n\n"
        "Approved values only; anything else is a 409 with its status "
        "([the API](../api.md#metric-values)).\n"
    )


def _limits(key: str) -> str:
    """What moves it all the same; nothing where nothing is known."""
    rows = "".join(
        f"| {attack} | {attack_text(attack)} | {seen} |\n" for attack, seen in known_to_move(key)
    )
    if not rows:
        return ""
    return (
        "## What is known to move it\n\n| | attack | seen in |\n|---|---|---|\n"
        f"{rows}\nBy how much, in a simulation: [attacks](../attacks.md#what-still-works).\n\n"
    )


def _attack_order(item: tuple[str, str]) -> tuple[int, str]:
    key = item[0]
    return (int(key[1:]) if key[1:].isdigit() else 0, key)


def _facts(metric: MetricDefinition, windowed: Windowed) -> list[tuple[str, str]]:
    days, hours = divmod(int(windowed.matures_after.total_seconds()) // 3600, 24)
    matures = f"{days} days" if days else f"{hours} hours"
    earlier = [each.version for each in computed_versions(metric) if each.version != metric.version]
    floor = (
        f"{windowed.k} contributors; {max(windowed.k, K_MANAGERS)} for who leads or owns, and in "
        "what is written for several"
        if windowed.k
        else "none: it is not about people"
    )
    return [
        ("unit", f"{metric.unit}, {_BETTER[windowed.better]}"),
        ("one value for each", _grain(windowed)),
        ("final", f"{matures} after the window" if days or hours else "when the window is over"),
        ("rests on", ", ".join(_words(each) for each in sorted(metric.inputs))),
        ("smallest sample", str(windowed.minimum_n)),
        ("smallest group", floor),
        (
            "compared with another window",
            f"when their coverages differ by {nano_text(windowed.coverage_bound_nano)} at most",
        ),
        ("guarded by", ", ".join(f"`{each}`" for each in sorted(windowed.guardrails))),
        ("side of SPACE", windowed.dimension),
        ("claimed to be good when it moves", "yes" if windowed.is_value else "no"),
        ("readers", windowed.readers),
        ("withheld from", windowed.withheld_from or "nobody beyond small groups"),
        ("earlier versions that are computed", ", ".join(earlier) or "none"),
        ("definition", f"`{document_sha256(definition_document(metric))}`"),
    ]


def _question(metric: MetricDefinition, windowed: Windowed) -> str:
    return (
        'curl -s -H "Authorization: Bearer $PLUMBLINE_TOKEN" \\\n'
        f'    "$BASE/api/v1/metrics/{metric.key}/values/?scope={windowed.scope}:…"'
    )
