"""Publishing: append-only, chained in the database, anchored outside of it, told once."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from adoption.choices import StandingStatus
from adoption.metrics import verify_snapshot as offline
from adoption.metrics.snapshot import UnrepeatableValueError, sha256_of
from adoption.models import MetricStanding, MetricValue, Snapshot, SnapshotValue
from adoption.selectors.served_values import served_values
from adoption.selectors.snapshots import file_of
from adoption.services.snapshot_heads import SnapshotHeadMismatchError, heads_path, trusted_keys
from adoption.services.snapshots import publish_snapshot
from portal.models import WebhookDelivery
from portal.services.webhooks import create_subscription
from tests.adoption.factories import NOW, make_use_case
from tests.adoption.served import (
    MONDAY,
    catalogue,
    count_people,
    definition,
    make_value,
    make_version,
    registered,
    restate,
)
from tests.approving import unguarded

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _heads(tmp_path: Path, settings: Any) -> None:
    settings.AUDIT_HEADS_DIR = tmp_path


def publish(capture: Any) -> Snapshot:
    """Publish, and run what waits for the commit."""
    with capture(execute=True):
        return publish_snapshot(at=NOW).snapshot


def command(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(*arguments, "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def refused(write: Any) -> str:
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        write()
    return str(error.value)


@pytest.mark.both_engines
def test_published_told_anchored_and_calculated_again(
    tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    use_case = make_use_case()
    create_subscription(
        name="Warehouse", url="https://warehouse.example/", events=["snapshot.published"],
        actor=None, at=NOW,
    )  # fmt: skip
    with catalogue(use_case) as versions:
        first = publish(django_capture_on_commit_callbacks)
        assert publish(django_capture_on_commit_callbacks) == first  # nothing has changed
        value = MetricValue.objects.filter(metric_version=versions[0]).earliest("pk")
        restate(value, {"part": 1, "whole": 30, "contributors": 22})
        second = publish(django_capture_on_commit_callbacks)
        assert (second.number, second.previous_sha256) == (2, first.sha256)
        assert second.value_count == 9
        files = []
        for row in (first, second):
            path = tmp_path / f"{row.number}.json"
            path.write_bytes(file_of(row))
            files.append(str(path))
        found = command("verify_snapshot", *files, "--whole", "--recalculate")
        assert [one["recalculated"] for one in found["snapshots"]] == [9, 9]
        assert [one["different"] for one in found["snapshots"]] == [[], []]
        with pytest.raises(CommandError, match="chain was cut"):
            command("verify_snapshot", files[0], "--whole")
        entry = json.loads(second.document)["values"][0]
        assert (entry["value"], entry["status"]) == ("0.033333333", "restated")
        assert entry["facts"]["contributors"] == 10
    bodies = WebhookDelivery.objects.order_by("pk").values_list("body", flat=True)
    told = [json.loads(body) for body in bodies]
    assert [one["data"]["number"] for one in told] == [1, 2]
    assert SnapshotValue.objects.filter(snapshot=second, value=value).count() == 0
    assert value.snapshots.get().snapshot == first
    assert len(heads_path().read_text().split("\n\n")) == 2


@pytest.mark.both_engines
def test_the_same_facts_give_the_same_document_on_both_engines() -> None:
    """The hash is written down here, so an engine that writes it differently fails."""
    use_case = make_use_case(title="Drafts")
    with catalogue(use_case, windows=2):
        made = publish_snapshot(at=NOW).snapshot
    document = json.loads(made.document)
    for place, each in enumerate(document["values"]):
        assert each["scope"].pop("id") == use_case.pk, place
    del document["key"]
    text = offline.canonical(document)
    assert sha256_of(text) == "49544eaca5cfea3fff7e2116c0b2242e7c657e72b563212f3af2ed0ba485010e"


@pytest.mark.both_engines
def test_the_database_refuses_to_change_a_snapshot_or_break_the_chain() -> None:
    with catalogue(make_use_case()):
        made = publish_snapshot(at=NOW).snapshot
    rows = Snapshot.objects.filter(pk=made.pk)
    assert "never changed" in refused(lambda: rows.update(value_count=0))
    assert "never deleted" in refused(lambda: rows._raw_delete(rows.db))
    inside = SnapshotValue.objects.filter(snapshot=made)
    assert "never changed" in refused(lambda: inside.update(position=99))
    assert "never deleted" in refused(lambda: inside._raw_delete(inside.db))
    fields = {
        "document": "{}", "content_sha256": "c" * 64, "key_number": 1, "public_key": "k" * 64,
        "signature": "s" * 128, "value_count": 0, "dashboard_count": 0, "published_at": NOW,
    }  # fmt: skip

    def insert(number: int, previous: str) -> Snapshot:
        return Snapshot.objects.create(
            number=number, sha256=f"{number}" * 64, previous_sha256=previous, **fields
        )

    for number, previous in ((3, made.sha256), (2, "f" * 64), (5, "")):
        assert "follows the newest" in refused(lambda n=number, p=previous: insert(n, p))
    assert insert(2, made.sha256).number == 2


@pytest.mark.both_engines
def test_a_database_put_back_publishes_nothing_until_it_is_said(
    django_capture_on_commit_callbacks: Any,
) -> None:
    with catalogue(make_use_case()):
        publish(django_capture_on_commit_callbacks)
        ahead = heads_path().read_text().replace('"number": 1', '"number": 2')
        heads_path().write_text(heads_path().read_text() + ahead)
        with pytest.raises(SnapshotHeadMismatchError, match="ends with snapshot 2"):
            publish_snapshot(at=NOW, even_if_unchanged=True)
        said = command("publish_snapshot", "--after-restore", "Disk failure", "--even-if-unchanged")
        assert (said["number"], said["heads_given_up"]) == (2, 1)
        heads_path().write_text(heads_path().read_text().replace("Disk failure", "Nothing"))
        with pytest.raises(SnapshotHeadMismatchError, match="wrong signature"):
            publish_snapshot(at=NOW)


def test_only_what_is_trusted_there_is_served_and_small_groups_are_not_told() -> None:
    use_case, other = make_use_case(), make_use_case()
    metric, reach = definition("held_rate"), definition("reach", calculate=count_people)
    with registered(metric, reach):
        version = make_version(metric, use_case.owner)
        proposed = make_version(reach, use_case.owner, status=StandingStatus.PROPOSED)
        make_value(proposed, use_case.pk, {"contributors": 22})
        make_value(version, use_case.pk, {"part": 1, "whole": 3, "contributors": 9})
        make_value(version, other.pk, {"part": 1, "whole": 3, "contributors": 19})
        old = make_value(version, other.pk, {"part": 9, "whole": 9, "contributors": 19}, week=-99)
        asked = served_values(since=MONDAY)
        assert {key[2] for key in asked} == {use_case.pk, other.pk}
        assert all(key[0] == version.pk for key in asked)
        small = asked[version.pk, "use_case", use_case.pk][0]
        assert (small.computed.reason, small.computed.n, small.facts) == ("small_group", 0, "")
        with unguarded("adoption.MetricStanding"):
            MetricStanding.objects.create(
                metric_version=version, scope_kind="use_case", scope_id=other.pk,
                owner=other.owner, status=StandingStatus.SUSPENDED, status_since=NOW,
            )  # fmt: skip
        assert {key[2] for key in served_values(since=MONDAY)} == {use_case.pk}
        assert old.pk not in {value.pk for rows in asked.values() for value in rows}
        entry = json.loads(publish_snapshot(at=NOW).snapshot.document)["values"][0]
    assert (entry["value"], entry["reason"], entry["n"]) == (None, "small_group", None)
    assert (entry["facts"], entry["facts_sha256"]) == (None, None)


def test_a_wrong_number_stops_the_snapshot_and_names_it() -> None:
    use_case = make_use_case()
    with catalogue(use_case):
        with unguarded("adoption.MetricValue"):
            MetricValue.objects.filter(scope_id=use_case.pk).update(value_nano=1)
        with pytest.raises(UnrepeatableValueError, match="do not give the stored value"):
            publish_snapshot(at=NOW)
    assert not Snapshot.objects.exists()


def test_the_keys_of_the_house_are_not_those_of_the_audit() -> None:
    from django.conf import settings

    from portal.audit.signing import AUDIT_SEAL, public_key

    keys = settings.AUDIT_KEYS
    assert public_key(keys, keys.newest, purpose=AUDIT_SEAL) not in trusted_keys()
