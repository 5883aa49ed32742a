"""Changes and deployments as CSV through the real command: dry run, quarantine, fix and replay."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from adoption.models import Change, Deployment, PullRequest
from portal.models import RejectedRow
from tests.adoption.sending import make_connection, place_all

pytestmark = pytest.mark.django_db
MERGE = "aa" * 20
CHANGES = (
    "external_id,repository,title,state,merged_at,merge_sha,labels,additions,author_email\n"
    f"812,git.example/acme/shop,Dunning,merged,2026-08-01T12:00:05Z,{MERGE},ai;needs docs,7,"
    "mira@acme.example\n"
    "813,git.example/acme/shop,Late,merged,yesterday,,,,\n"
)
DEPLOYMENTS = (
    "external_id,repository,environment,status,sha,finished_at,is_rollback\n"
    f"d-1,git.example/acme/shop,prod,succeeded,{'11' * 20},2026-07-01T09:00:00Z,\n"
    f"d-2,git.example/acme/shop,prod,succeeded,{MERGE},2026-08-03T09:14:22Z,no\n"
)


def bring(path: Path, *options: str) -> dict[str, Any]:
    out = StringIO()
    call_command("import_deliveries", "--source", "generic", "--connection", "own", "--json",
                 *options, str(path), stdout=out, stderr=StringIO())  # fmt: skip
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_rows_are_taken_and_a_bad_one_waits(tmp_path: Path) -> None:
    make_connection("generic", "own")
    changes = write(tmp_path, "changes.csv", CHANGES)
    assert bring(changes, "--dry-run")["inserted"] == 1
    assert not PullRequest.objects.exists()
    assert bring(changes)["rejected"] == 1
    assert bring(write(tmp_path, "deployments.csv", DEPLOYMENTS))["inserted"] == 2  # noqa: PLR2004
    place_all()
    change = Change.objects.select_related("delivered_by").get()
    assert change.delivered_by is not None
    assert change.delivered_by.external_id == "d-2"
    assert PullRequest.objects.get().labels == ["ai", "needs docs"]
    assert Deployment.objects.filter(is_baseline=True).count() == 1
    row = RejectedRow.objects.get()
    assert (row.line, row.field, row.value) == (3, "merged_at", "yesterday")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("external_id,nonsense\n1,2\n", "nonsense"),
        ("external_id,external_id\n1,2\n", "external_id"),
        ('external_id,repository\n"1,2\n', "damaged"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(tmp_path: Path, text: str, code: str) -> None:
    make_connection("generic", "own")
    with pytest.raises(CommandError, match=code):
        bring(write(tmp_path, "bad.csv", text))
