#!/usr/bin/env python3
"""Read an approved dashboard into plain rows. Needs Python 3.11 and nothing else.

    export PLUMBLINE_TOKEN=plb_…
    python3 read_dashboard.py http://127.0.0.1:8000 what-the-pilots-delivered

Keeps the answer and its ETag in a file beside it, so that asking again costs almost nothing.
Prints one line a value: a figure, or why there is none. Never 0 for “not known”.
"""

# ruff: noqa: T201, S310 - a script for a terminal; the address is the caller's own

import json
import os
import sys
import urllib.error
import urllib.request
from decimal import Decimal
from pathlib import Path


def fetch(base, path, token, kept):
    """The answer as JSON; what was kept when it still holds.

    Raises:
        SystemExit: the portal refuses; its own sentence says why (409: not approved).
    """
    cache = json.loads(kept.read_text("utf-8")) if kept.is_file() else {}
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    if cache:
        headers["If-None-Match"] = cache["etag"]
    request = urllib.request.Request(f"{base}/api/v1/{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            found = {"etag": answer.headers["ETag"], "body": json.load(answer)}
    except urllib.error.HTTPError as error:
        if error.code == 304:
            return cache["body"]
        problem = json.load(error)
        raise SystemExit(f"{problem['status']}: {problem['detail']}") from None
    kept.write_text(json.dumps(found), "utf-8")
    return found["body"]


def rows(dashboard):
    """One dictionary a value, with everything that a report must say beside it."""
    for tile in dashboard["tiles"]:
        head = {
            "dashboard": f"{dashboard['slug']} version {dashboard['version']}",
            "approved_until": dashboard["expires_at"],
            "metric": f"{tile['metric']} {tile['version']} ({tile['standing']})",
            "scope": tile["scope"]["name"],
        }
        for value in tile["values"]:
            yield head | {
                "from": value["window"]["from"],
                "before": value["window"]["to"],
                # Exact: never through a float.
                "value": None if value["value"] is None else Decimal(value["value"]),
                "reason": value["reason"],
                "unit": value["currency"] or value["unit"],
                "status": value["status"],
                "n": value["n"],
            }
        if not tile["values"]:
            yield head | {"value": None, "reason": tile["reason"]}


def main(base, slug):
    token = os.environ.get("PLUMBLINE_TOKEN", "")
    if not token:
        raise SystemExit("set PLUMBLINE_TOKEN to a token with the scope metrics:read")
    kept = Path(f"dashboard-{slug}.json")
    for row in rows(fetch(base.rstrip("/"), f"dashboards/{slug}/", token, kept)):
        figure = f"no value: {row['reason']}" if row["value"] is None else row["value"]
        window = f"{row['from']} to {row['before']}" if "from" in row else "any window"
        print(f"{row['metric']}, {row['scope']}, {window}: {figure} {row.get('unit', '')}".rstrip())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("usage: read_dashboard.py BASE_URL DASHBOARD")
    main(*sys.argv[1:])
