#!/usr/bin/env python3
"""Read approved values of one metric into plain rows. Needs Python 3.11 and nothing else.

    export PLUMBLINE_TOKEN=plb_…
    python3 read_values.py http://127.0.0.1:8000 held_deliveries scope=programme:ai-adoption
    python3 read_values.py http://127.0.0.1:8000 sandbox_series          # sample values

Prints one line a value: a figure with its window, status and version, or why there is none.
"""

# ruff: noqa: T201, S310 - a script for a terminal; the address is the caller's own

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from decimal import Decimal


def fetch(base, path, query, token):
    """The answer as JSON, and the day after which it will be gone, if its version is ending.

    Raises:
        SystemExit: the portal refuses; its own sentence says why (409: not approved).
    """
    url = f"{base}/api/v1/{path}?{urllib.parse.urlencode(query)}"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=30
        ) as got:
            return json.load(got), got.headers.get("Sunset")
    except urllib.error.HTTPError as error:
        problem = json.load(error)
        raise SystemExit(f"{problem['status']}: {problem['detail']}") from None


def rows(document):
    """One dictionary a value, with everything that a report must say beside it."""
    for value in document["results"]:
        yield {
            "metric": f"{value['metric']} {value['version']} ({value['status']})",
            "scope": value["scope_name"],
            "from": value["window"]["from"],
            "before": value["window"]["to"],
            # Exact: never through a float.
            "value": None if value["value"] is None else Decimal(value["value"]),
            "reason": value["reason"],
            "unit": value["currency"] or value["unit"],
            "data": value["data_status"],
            "warnings": value["warnings"],
        }


def main(base, metric, *filters):
    token = os.environ.get("PLUMBLINE_TOKEN", "")
    if not token:
        raise SystemExit("set PLUMBLINE_TOKEN to a token with the scope metrics:read")
    folder = "sandbox/metrics" if metric.startswith("sandbox_") else "metrics"
    query = dict(each.split("=", 1) for each in filters)
    document, sunset = fetch(base.rstrip("/"), f"{folder}/{metric}/values/", query, token)
    if sunset:
        print(f"This version ends on {sunset}.", file=sys.stderr)
    for row in rows(document):
        figure = f"no value: {row['reason']}" if row["value"] is None else row["value"]
        said = ", ".join([row["data"], *row["warnings"]])
        window = f"{row['from']} to {row['before']}"
        print(f"{row['metric']}, {row['scope']}, {window}: {figure} {row['unit']} [{said}]")


if __name__ == "__main__":
    if len(sys.argv) < 3 or any("=" not in each for each in sys.argv[3:]):
        raise SystemExit("usage: read_values.py BASE_URL METRIC [scope=… from=… to=… as_of=…]")
    main(*sys.argv[1:])
