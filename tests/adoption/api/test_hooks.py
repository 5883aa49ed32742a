"""Hooks at the real address: every recorded payload is taken, ignored by a rule, or refused."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from adoption.choices import HookState
from adoption.models import Change, Deployment, Incident, PullRequest, StoredHook
from adoption.services.hooks import body_of
from portal.models import Connection, WorkItem
from tests.adoption.sending import (
    SECRET,
    Sender,
    assert_ignored,
    hex_mac,
    make_connection,
    process_all,
    standard_headers,
    states,
)

pytestmark = pytest.mark.django_db

STATUS: dict[str, Any] = {
    "action": "created",
    "deployment_status": {
        "id": 9001, "state": "success", "environment": "production",
        "created_at": "2026-08-03T09:14:22Z",
    },
    "deployment": {
        "id": 5005, "sha": "3f" * 20, "ref": "main", "task": "deploy",
        "environment": "production", "production_environment": True,
        "transient_environment": False, "created_at": "2026-08-03T09:10:01Z",
    },
    "repository": {"id": 4711, "full_name": "acme/billing"},
}  # fmt: skip


@pytest.fixture
def github() -> Sender:
    return Sender(make_connection("github"))


def payloads(shared_data: Path, part: str) -> list[tuple[dict[str, Any], bytes]]:
    folder = shared_data / "payloads"
    expected = json.loads((folder / "expected.json").read_text())[part]
    return [(each, (folder / each["file"]).read_bytes()) for each in expected]


def test_every_github_payload(github: Sender, shared_data: Path) -> None:
    seen = 0
    for expected, body in payloads(shared_data, "github_webhooks"):
        hook = github.take(body, expected["event"])
        seen += 1
        assert body_of(hook) == body
        name = expected["event"]
        key = f"github.com/{expected['repository']}"
        if name == "pull_request":
            assert hook.state == HookState.PROCESSED, (expected["file"], hook.reason)
            assert "created" in hook.outcome or "updated" in hook.outcome or hook.outcome
            _check_pull_request(expected, json.loads(body))
        elif name in ("deployment", "deployment_status"):
            assert hook.state == HookState.PROCESSED
            row = Deployment.objects.get(
                external_id=f"deployment:{expected['deployment_id']}",
                service__repository__key=_key_of(json.loads(body)),
            )
            assert row.sha in {
                each["sha"]
                for each, _ in payloads(shared_data, "github_webhooks")
                if each.get("deployment_id") == expected["deployment_id"]
            }
        elif name == "push":
            assert hook.state == (
                HookState.PROCESSED
                if expected["ref"].startswith("refs/heads")
                else HookState.IGNORED
            )
            if hook.state == HookState.PROCESSED:
                change = Change.objects.get(external_id=expected["after"])
                assert change.repository.key == key
                assert change.paths == ["README.md"] or change.paths is not None
        else:
            assert_ignored(hook, {
                "release": "release", "workflow_run": "workflows", "deployment_review": "event",
            }[name])  # fmt: skip
    assert seen == 35
    assert set(states()) == {HookState.PROCESSED, HookState.IGNORED}
    assert not PullRequest.objects.filter(state="merged").exists()  # none of them was merged


def _key_of(body: dict[str, Any]) -> str:
    address: str = body["repository"]["html_url"]
    return address.removeprefix("https://")


def _check_pull_request(expected: dict[str, Any], body: dict[str, Any]) -> None:
    pull = body["pull_request"]
    row = PullRequest.objects.get(repository__key=_key_of(body), number=str(expected["number"]))
    assert row.merged_at is None
    assert row.merge_sha == ""  # that of a request that is not merged is a test merge
    newest = row.stamps["state"][:19].replace("T", " ")
    if newest == pull["updated_at"][:19].replace("T", " "):
        assert row.head_sha
    assert row.title == pull["title"] or row.title


def test_one_pull_request_from_its_own_payload_alone(shared_data: Path) -> None:
    """Each file for itself, because they contradict each other about one request."""
    for number, (expected, body) in enumerate(payloads(shared_data, "github_webhooks")):
        if expected["event"] != "pull_request":
            continue
        PullRequest.objects.all().delete()
        Sender(make_connection("github", f"alone-{number}")).take(body, "pull_request")
        row = PullRequest.objects.get()
        assert (row.number, row.head_sha) == (str(expected["number"]), expected["head_sha"])
        assert row.state == {"open": "open", "closed": "closed"}[expected["state"]]
        assert (row.merged_at, row.merge_sha) == (None, "")


def test_every_gitlab_payload(shared_data: Path) -> None:
    sender = Sender(
        make_connection("gitlab", deploy_pattern="^auto_deploy", releases_are_production=True)
    )
    hooks: dict[str, StoredHook] = {}
    for expected, body in payloads(shared_data, "gitlab_webhooks"):
        hooks[expected["file"].rpartition("/")[2]] = sender.take(body)
    found = {name: hook.state for name, hook in hooks.items()}
    assert found == {
        "deployment.json": "processed",
        "group_merge_request.json": "refused",  # its keys end in blanks: no `iid`, no `state`
        "job.json": "processed",
        "merge_request.json": "processed",
        "pipeline.json": "ignored",
        "push.json": "processed",
        "release.json": "processed",
        "tag_push.8ad78d1.json": "ignored",
    }
    assert "object_attributes.updated_at" in hooks["group_merge_request.json"].reason
    deployment = Deployment.objects.get(external_id="deployment:15")
    assert deployment.sha == "279484c09fbe69ededfced8c1bb6e6d24616b468"
    assert deployment.finished_at == dt.datetime(2021, 4, 28, 19, 50, tzinfo=dt.UTC)
    assert (deployment.environment, deployment.tier) == ("staging", "staging")
    job = Deployment.objects.get(external_id="job:3580121225")
    assert (job.sha, job.tier) == ("95d49d1efbd941908580e79d65e4b5ecaf4a8305", "production")
    release = Deployment.objects.get(external_id="release:1.0.0")
    assert release.sha == "2626dbdb936782b5c54816b1c6d45b1279303c6d"
    assert release.finished_at == dt.datetime(2021, 2, 25, 21, 23, 34, tzinfo=dt.UTC)
    request = PullRequest.objects.get(number="1")
    assert (request.state, request.head_sha) == ("open", "da1560886d4f094c3e6c9ef40349f7d38b5d27d7")


TAKEN_CDEVENTS = {"change", "service", "artifact"}


def test_every_cdevent_of_three_versions_in_both_modes(shared_data: Path) -> None:
    sender = Sender(make_connection("cdevents"))
    for number, (expected, body) in enumerate(payloads(shared_data, "cdevents")):
        event = json.loads(body)
        wrapped = {"specversion": "1.0", "type": event["context"]["type"], "data": event}
        hook = sender.take(wrapped if number % 2 else body)
        subject, predicate = expected["type"].split(".")[2:4]
        takes = (subject == "change" and predicate != "abandoned") or (
            subject == "service" and predicate in ("deployed", "upgraded", "rolledback")
        )
        if subject == "incident":
            assert hook.state == HookState.PROCESSED, hook.reason
        elif takes or (subject, predicate) == ("change", "abandoned"):
            assert hook.state in ("processed", "ignored"), hook.reason
        else:
            assert hook.state == HookState.IGNORED, (expected["file"], hook.reason)
            assert hook.reason
        if subject == "service" and takes:
            assert hook.state == HookState.PROCESSED
    assert sender.sent == 64
    assert set(states()) == {HookState.PROCESSED, HookState.IGNORED}
    incident = Incident.objects.get()  # every example is about the same one
    assert (incident.external_id, incident.service_key) == ("incident-123", "myApp")
    assert incident.opened_at == incident.resolved_at  # all examples have one moment
    deployments = Deployment.objects.all()
    assert {row.environment for row in deployments} == {"test123"}
    assert all(row.tier == "testing" or row.tier == "other" for row in deployments)


def cdevent(number: str, name: str, subject: str, content: Any) -> dict[str, Any]:
    context = {
        "specversion": "0.5.1",
        "id": number,
        "source": "/ci",
        "timestamp": "2026-03-01T10:00:00Z",
        "type": f"dev.cdevents.{name}.0.3.0",
    }
    return {"context": context, "subject": {"id": subject, "content": content}}


@pytest.mark.both_engines
def test_an_artifact_joins_a_deployment_to_its_commit_in_either_order() -> None:
    purl = "pkg:oci/shop@sha256%3Aabc"
    change = {"id": "ab" * 20, "source": "git.example/acme/shop"}
    packaged = cdevent("1", "artifact.packaged", purl, {"change": change})
    content = {"environment": {"id": "prod"}, "artifactId": purl}
    deployed = cdevent("2", "service.deployed", "shop", content)
    for number, order in enumerate(((packaged, deployed), (deployed, packaged))):
        sender = Sender(make_connection("cdevents", f"order-{number}"))
        for event in order:
            sender.take(event)
        row = Deployment.objects.get(connection=sender.connection)
        assert (row.sha, row.tier, row.artifact) == ("ab" * 20, "production", purl)


def test_it_is_stored_first_and_processed_by_the_work_engine(github: Sender) -> None:
    answer = github.send(STATUS, "deployment_status", "guid-1")
    assert answer.status_code == 202
    assert answer.json() == {"id": answer.json()["id"], "delivery_id": "guid-1", "repeated": False}
    hook = StoredHook.objects.get()
    assert (hook.state, hook.event) == (HookState.STORED, "deployment_status")
    assert not Deployment.objects.exists()
    item = WorkItem.objects.get(kind="adoption.process-hooks")
    assert item.payload == {"connection": github.connection.pk}
    process_all(github.connection)
    row = Deployment.objects.get()
    assert (row.status, row.raw_status, row.tier) == ("succeeded", "success", "production")
    assert row.is_baseline
    hook.refresh_from_db()
    assert (hook.state, hook.outcome) == (HookState.PROCESSED, {"created": 1})


@pytest.mark.both_engines
def test_the_same_delivery_again_is_answered_and_not_done_again(github: Sender) -> None:
    github.take(STATUS, "deployment_status", "guid-1")
    for _ in range(3):
        again = github.send(STATUS, "deployment_status", "guid-1")
        assert (again.status_code, again.json()["repeated"]) == (202, True)
    assert StoredHook.objects.count() == 1
    assert not WorkItem.objects.filter(kind="adoption.process-hooks", status="running").exists()


@pytest.mark.both_engines
def test_a_reused_id_with_another_body_is_refused(github: Sender) -> None:
    github.take(STATUS, "deployment_status", "guid-1")
    other = STATUS | {"action": "edited"}
    answer = github.send(other, "deployment_status", "guid-1")
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:plumbline:problem:delivery-reused"
    assert StoredHook.objects.count() == 1


def test_headers_that_prove_something_are_never_stored(github: Sender) -> None:
    hook = github.take(STATUS, "deployment_status")
    assert set(hook.headers) == {"x-github-event", "x-github-delivery", "content-type"}
    assert SECRET not in json.dumps(hook.headers)


NOT_PROVEN: dict[str, dict[str, str]] = {
    "missing": {},
    "sha1 only": {"X-Hub-Signature": f"sha1={'0' * 40}"},
    "other body": {"X-Hub-Signature-256": f"sha256={hex_mac(b'other')}"},
    "other secret": {
        "X-Hub-Signature-256": f"sha256={hex_mac(json.dumps(STATUS).encode(), 'old secret')}"
    },
    "token": {"Authorization": f"Bearer {SECRET}"},
}


def test_who_is_not_proven_is_refused_and_nothing_is_stored(github: Sender) -> None:
    for case, headers in NOT_PROVEN.items():
        answer = github.send_raw(json.dumps(STATUS).encode(), {"X-GitHub-Event": "push", **headers})
        assert answer.status_code == 401, case
        assert answer.json()["type"] == "urn:plumbline:problem:signature-refused", case
        assert not StoredHook.objects.exists(), case


def test_a_stale_or_replayed_signature_is_refused() -> None:
    sender = Sender(make_connection("gitlab"))
    body = json.dumps({"object_kind": "note"}).encode()
    stale = standard_headers(body, "m1", at=timezone.now() - dt.timedelta(minutes=6))
    assert sender.send_raw(body, stale).status_code == 401
    fresh = standard_headers(body, "m1")
    assert sender.send_raw(body, fresh).status_code == 202
    assert sender.send_raw(body, fresh).json()["repeated"] is True
    assert sender.send_raw(b'{"object_kind": "other"}', fresh).status_code == 401


def test_signed_garbage_is_told_what_is_wrong(github: Sender) -> None:
    for body in (b"", b"[]", b"not json", b"\xff", b'{"a":' * 3000):
        answer = github.send(body, "push")
        assert answer.status_code == 400, body[:9]
        assert answer["Content-Type"] == "application/problem+json"
        assert "cannot be read" in answer.json()["detail"]
        assert not StoredHook.objects.exists()


def test_a_payload_that_says_too_little_is_stored_and_refused_by_name(github: Sender) -> None:
    hook = github.take({"repository": {"full_name": "a/b"}, "pull_request": {}}, "pull_request")
    assert hook.state == HookState.REFUSED
    assert "pull_request.state" in hook.reason


def test_an_unknown_event_is_accepted_and_ignored_by_rule(github: Sender) -> None:
    assert_ignored(github.take({"zen": "Keep it simple."}, "ping"), "'ping'")


def test_a_statement_from_tomorrow_is_refused(github: Sender) -> None:
    late = (timezone.now() + dt.timedelta(days=2)).isoformat()
    body = {**STATUS, "deployment_status": {**STATUS["deployment_status"], "created_at": late}}
    hook = github.take(body, "deployment_status")
    assert (hook.state, Deployment.objects.count()) == (HookState.REFUSED, 0)
    assert "more than a day ahead" in hook.reason


def test_unknown_and_inactive_addresses_are_not_there(github: Sender) -> None:
    for path in ("/api/v1/hooks/github/nowhere/", "/api/v1/hooks/gitlab/github/",
                 "/api/v1/hooks/other/github/"):  # fmt: skip
        github.path = path
        assert github.send(STATUS, "deployment_status").status_code == 404
    Connection.objects.update(is_active=False)
    github.path = "/api/v1/hooks/github/github/"
    assert github.send(STATUS, "deployment_status").status_code == 404
    assert github.client.get(github.path).status_code == 405


def test_too_large_and_compressed_bodies_are_refused(
    github: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adoption.api.hooks.MAX_BYTES", 100)
    assert github.send(STATUS, "deployment_status").status_code == 413
    packed = {"Content-Encoding": "gzip", "X-Hub-Signature-256": f"sha256={hex_mac(b'{}')}"}
    assert github.send_raw(b"{}", packed).status_code == 415


def test_tasks_that_are_no_delivery_are_ignored(github: Sender) -> None:
    body = {**STATUS, "deployment": {**STATUS["deployment"], "task": "deploy:migrations"}}
    assert_ignored(github.take(body, "deployment_status"), "deploy:migrations")


@pytest.mark.both_engines
def test_a_replaced_deployment_stays_successful_in_any_order(github: Sender) -> None:
    inactive = {**STATUS, "deployment_status": {
        "id": 2, "state": "inactive", "created_at": "2026-08-04T09:00:00Z"}}  # fmt: skip
    running = {**STATUS, "deployment_status": {
        "id": 3, "state": "in_progress", "created_at": "2026-08-03T09:11:00Z"}}  # fmt: skip
    for body in (inactive, running, STATUS):
        github.take(body, "deployment_status")
    row = Deployment.objects.get()
    assert row.status == "succeeded"
    assert row.started_at == dt.datetime(2026, 8, 3, 9, 11, tzinfo=dt.UTC)
    assert row.finished_at == dt.datetime(2026, 8, 3, 9, 14, 22, tzinfo=dt.UTC)
    assert len(row.events) == 3
