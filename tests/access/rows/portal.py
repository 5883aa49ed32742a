"""The frame's own addresses: home, signing in, imports, the API's own pages, health."""

from __future__ import annotations

from tests.access.matrix import (
    ALL,
    EVERYBODY,
    STRANGERS,
    Column,
    Door,
    Row,
    action,
    api,
    form_function,
    listing,
    only,
    page,
    safe,
)
from tests.access.readers import Panel, Reader

# They answer for what is imported, or check or approve what comes of it; the pages show raw input.
SEE_IMPORTS = only(
    Column.PROGRAMME_LEAD, Column.FINANCE, Column.APPROVER, Column.AUDITOR, Column.ADMINISTRATOR
)
RUN_IMPORTS = only(Column.PROGRAMME_LEAD, Column.FINANCE, Column.ADMINISTRATOR)
DECIDE = only(Column.PROGRAMME_LEAD, Column.FINANCE)
CONFIGURE = only(Column.ADMINISTRATOR)

UNSEEN = EVERYBODY - SEE_IMPORTS  # connections, runs and rows are not even found for them

ROWS = [
    page("home", EVERYBODY, inside=0),
    Row(
        "sign-in",
        {method: Door(STRANGERS, refused=302) for method in ("GET", "POST", "PUT")},
        stranger=None,
        refuses_first=True,
        has_options=True,
        why="Who is signed in already goes on to where they were heading.",
    ),
    action("sign-out", EVERYBODY, has_options=True, inside=0),
    Row(
        "theme",
        {"POST": Door(ALL, 302)},
        stranger=None,
        why="A cookie of the browser; who chooses light or dark need not be anybody.",
    ),
    # Imports
    listing("connection-list", SEE_IMPORTS, unseen=UNSEEN),
    form_function("connection-new", CONFIGURE),
    form_function("connection-new", CONFIGURE, query="source=focus", label="of a source"),
    page("connection", SEE_IMPORTS, values={"slug": "cloud.slug"}, unseen=UNSEEN),
    form_function("connection-edit", CONFIGURE, values={"slug": "cloud.slug"}, unseen=UNSEEN),
    form_function("connection-upload", RUN_IMPORTS, values={"slug": "cloud.slug"}, unseen=UNSEEN),
    listing("import-run-list", SEE_IMPORTS, unseen=UNSEEN),
    page("import-run", SEE_IMPORTS, values={"pk": "run.pk"}, unseen=UNSEEN),
    page("import-run", SEE_IMPORTS, values={"pk": "held.pk"}, unseen=UNSEEN, label="held"),
    action("import-run-replay", RUN_IMPORTS, values={"pk": "run.pk"}, unseen=UNSEEN),
    action("import-run-release", DECIDE, values={"pk": "held.pk"}, unseen=UNSEEN),
    action("import-run-discard", DECIDE, values={"pk": "held.pk"}, unseen=UNSEEN),
    listing("rejected-row-list", SEE_IMPORTS, unseen=UNSEEN),
    Row(
        "rejected-row",
        {"GET": Door(SEE_IMPORTS), "POST": Door(RUN_IMPORTS)},
        values={"pk": "rejected.pk"},
        unseen=UNSEEN,
    ),
    # What machines ask
    Row(
        "healthz",
        safe(Door(ALL)),
        stranger=None,
        has_options=True,
        why="A load balancer has no account.",
    ),
    Row(
        "readyz",
        safe(Door(ALL)),
        stranger=None,
        has_options=True,
        why="A load balancer has no account.",
    ),
    # The API's own
    api("api-schema", get=Door(EVERYBODY), has_options=True, inside=0),
    page("api-docs", EVERYBODY, has_options=True, inside=0),
    Row(
        "api/",
        {method: Door(ALL, 404) for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")},
        stranger=None,
        why="What is not there is not there for anybody; a stranger learns nothing by it.",
    ),
]

_SELECTORS = "portal.selectors.imports"
READERS = [
    *(
        Reader(f"{_SELECTORS}:{name}", SEE_IMPORTS)
        for name in (
            "connections_visible_to",
            "runs_visible_to",
            "rejected_rows_visible_to",
            "connections_with_standing",
            "held_runs",
            "waiting_rows_by_connection",
        )
    ),
]
# Held runs for those who decide, rows in quarantine for those who mend.
PANELS = [Panel("portal.imports", RUN_IMPORTS)]
