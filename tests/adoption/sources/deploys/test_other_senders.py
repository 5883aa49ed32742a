"""Senders beside GitHub and GitLab, on recorded rows and on bodies in their documented shape."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adoption.deploys.config import DeployConfig, PipelineConfig
from adoption.deploys.payload import BadPayloadError, Node
from adoption.sources.argocd.hook import read_hook as read_argocd
from adoption.sources.azure_devops.hook import pull_request as azure_pull_request
from adoption.sources.azure_devops.hook import read_build
from adoption.sources.azure_devops.hook import read_hook as read_azure
from adoption.sources.bitbucket.hook import read_hook as read_bitbucket
from adoption.sources.bitbucket.normaliser import deployment as bitbucket_deployment
from adoption.sources.bitbucket.normaliser import pull_request as bitbucket_pull_request
from adoption.sources.circleci.hook import read_hook as read_circleci
from adoption.sources.circleci.hook import read_workflow
from adoption.sources.codedeploy.hook import read_hook as read_codedeploy
from adoption.sources.generic.hook import read_hook as read_generic
from adoption.sources.jenkins.hook import read_hook as read_jenkins
from tests.adoption.histories import make_sha

ALL = PipelineConfig(deploy_pattern=".", deploy_environment="production")
SHA = make_sha(1)
PLACE = ("bitbucket.org/acme/shop", "https://bitbucket.org/acme/shop")


@pytest.fixture
def raw(shared_data: Path) -> Any:
    def rows(name: str) -> Iterator[dict[str, Any]]:
        path = shared_data / "payloads" / "devlake_raw" / f"{name}.csv"
        with path.open(newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                yield json.loads(row["data"])

    return rows


def test_recorded_deployments_of_bitbucket(raw: Any) -> None:
    found = [bitbucket_deployment(Node(row), PLACE) for row in raw("bitbucket_deployments")]
    assert Counter(each.raw_status for each in found) == {
        "COMPLETED": 7, "IN_PROGRESS": 1, "PENDING": 1, "STOPPED": 1, "SUCCESSFUL": 1,
        "UNDEPLOYED": 2, "UNKNOWN": 1,
    }  # fmt: skip
    assert Counter(each.status for each in found) == {
        "succeeded": 8, "running": 1, "queued": 1, "canceled": 1, "superseded": 2, "unknown": 1,
    }  # fmt: skip
    assert Counter(each.tier for each in found) == {"production": 7, "staging": 3, "testing": 4}
    assert all(each.finished_at for each in found if each.status == "succeeded")


def test_recorded_pull_requests_of_bitbucket_and_azure(raw: Any) -> None:
    rows = list(raw("bitbucket_pull_requests"))
    found = [bitbucket_pull_request(Node(row), PLACE) for row in rows]
    assert Counter(each.state for each in found) == {"merged": 13, "open": 16}
    assert sum(each.merge_sha is not None for each in found) == 13
    (row,) = raw("azuredevops_pull_requests")
    request = azure_pull_request(Node(row), found[0].observed_at)
    assert (request.state, request.merge_sha) == ("open", None)


def test_recorded_builds_of_azure(raw: Any) -> None:
    found = [read_build(Node(row), ALL).deployments[0] for row in raw("azuredevops_builds")]
    assert Counter(each.status for each in found) == {
        "succeeded": 2, "canceled": 1, "running": 1,
    }  # fmt: skip
    only_deploys = PipelineConfig(deploy_pattern="^deploy_to_(?P<environment>prod)$")
    readings = [read_build(Node(row), only_deploys) for row in raw("azuredevops_builds")]
    assert [len(each.deployments) for each in readings].count(1) == 1
    assert {d.environment for each in readings for d in each.deployments} == {"prod"}


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("jenkins_builds", {"SUCCESS": 5, "FAILURE": 1, "NOT_BUILD": 1}),
        ("jenkins_builds_multibranch", {"SUCCESS": 7, "FAILURE": 1}),
    ],
)
def test_recorded_builds_of_jenkins(raw: Any, name: str, statuses: dict[str, int]) -> None:
    """A build without a repository joins nothing; a word that no rule knows is no success."""
    seen: Counter[str] = Counter()
    for row in raw(name):
        reading = read_jenkins("", row, ALL)
        assert bool(reading.deployments) != bool(reading.ignored)
        seen[row["result"]] += 1
        for each in reading.deployments:
            assert each.sha
            assert (each.status == "succeeded") == (each.raw_status == "SUCCESS")
            assert (each.status == "unknown") == (each.raw_status == "NOT_BUILD")
    assert seen == statuses


def test_recorded_workflows_of_circleci(raw: Any) -> None:
    vcs = Node({"target_repository_url": "https://github.com/acme/site", "revision": SHA})
    rows = list(raw("circleci_workflows"))
    found = [read_workflow(Node(row), vcs, ALL).deployments[0] for row in rows]
    assert Counter(each.status for each in found) == {"failed": 3, "succeeded": 1}
    assert not read_workflow(Node(rows[0]), Node({}), ALL).deployments


def test_a_hook_of_circleci() -> None:
    body = {
        "id": "e1", "type": "workflow-completed", "happened_at": "2026-03-01T10:05:00Z",
        "workflow": {"id": "w1", "name": "deploy-prod", "status": "success",
                     "created_at": "2026-03-01T10:00:00Z", "stopped_at": "2026-03-01T10:05:00Z"},
        "pipeline": {"vcs": {"revision": SHA, "branch": "main",
                             "target_repository_url": "https://github.com/acme/site"}},
    }  # fmt: skip
    config = PipelineConfig(deploy_pattern=r"^deploy-(?P<environment>\w+)$")
    (found,) = read_circleci("", body, config).deployments
    assert (found.environment, found.sha, found.status) == ("prod", SHA, "succeeded")
    assert "part of a workflow" in read_circleci("", body | {"type": "job-completed"}, ALL).ignored
    assert "do" in read_circleci("", body, PipelineConfig()).ignored


def test_a_push_and_a_merge_at_bitbucket() -> None:
    place = {"full_name": "acme/shop", "mainbranch": {"name": "main"}}
    commit = {"hash": SHA, "date": "2026-03-01T10:00:00+00:00", "message": "One\n\nTwo"}
    target = {"hash": SHA, "date": "2026-03-01T10:00:00+00:00"}
    change = {"new": {"type": "branch", "name": "main", "target": target}, "commits": [commit],
              "old": {"target": {"hash": make_sha(0)}}}  # fmt: skip
    reading = read_bitbucket(
        "repo:push", {"repository": place, "push": {"changes": [change]}}, DeployConfig()
    )
    assert [each.title for each in reading.changes] == ["One"]
    assert (reading.pushes[0].before, reading.pushes[0].is_default) == (make_sha(0), True)
    assert "comment" in read_bitbucket("pullrequest:comment_created", {}, DeployConfig()).ignored


APP: dict[str, Any] = {
    "metadata": {"name": "shop", "uid": "u-1"},
    "spec": {"source": {"repoURL": "https://git.example/acme/config"},
             "destination": {"namespace": "prod"}},
    "status": {"health": {"status": "Healthy"}, "operationState": {
        "phase": "Succeeded", "startedAt": "2026-03-01T10:00:00Z",
        "finishedAt": "2026-03-01T10:01:00Z", "syncResult": {"revision": SHA}}},
}  # fmt: skip


def test_argo_cd_counts_what_is_synchronised_and_healthy_once() -> None:
    own = {"app": APP, "commit": make_sha(2), "repository": "https://git.example/acme/shop"}
    (found,) = read_argocd("", own, DeployConfig()).deployments
    assert (found.sha, found.repository) == (make_sha(2), "git.example/acme/shop")
    (again,) = read_argocd("", own, DeployConfig()).deployments
    assert found.external_id == again.external_id
    (bare,) = read_argocd("", {"app": APP}, DeployConfig()).deployments
    assert (bare.sha, bare.environment) == (SHA, "prod")
    ill = APP | {"status": APP["status"] | {"health": {"status": "Degraded"}}}
    assert "healthy" in read_argocd("", {"app": ill}, DeployConfig()).ignored


def test_code_deploy_has_no_commit_unless_it_is_added() -> None:
    detail = {"deploymentId": "d-1", "application": "shop", "deploymentGroup": "prod",
              "state": "SUCCESS"}  # fmt: skip
    body = {"detail-type": "CodeDeploy Deployment State-change Notification",
            "time": "2026-03-01T10:00:00Z", "detail": detail}  # fmt: skip
    (found,) = read_codedeploy("", body, DeployConfig()).deployments
    assert (found.sha, found.status, found.service) == (None, "succeeded", "shop")
    joined = body | {"detail": detail | {"commit": SHA, "repository": "https://git.example/a/b"}}
    assert read_codedeploy("", joined, DeployConfig()).deployments[0].sha == SHA
    assert read_codedeploy("", body | {"detail-type": "Other"}, DeployConfig()).ignored


def test_a_pull_request_event_of_azure() -> None:
    resource = {
        "pullRequestId": 7, "status": "completed", "title": "T",
        "closedDate": "2026-03-01T10:00:00Z",
        "repository": {"remoteUrl": "https://dev.azure.com/acme/p/_git/shop", "id": "r"},
        "lastMergeCommit": {"commitId": SHA}, "targetRefName": "refs/heads/main",
    }  # fmt: skip
    body = {"eventType": "git.pullrequest.merged", "createdDate": "2026-03-01T10:00:01Z",
            "resource": resource}  # fmt: skip
    (found,) = read_azure("", body, ALL).changes
    assert (found.state, found.merge_sha, found.base_ref) == ("merged", SHA, "main")
    assert "workitem" in read_azure("", {"eventType": "workitem.created"}, ALL).ignored


DEVLAKE: dict[str, Any] = {
    "id": "d1", "startedDate": "2026-03-01T10:00:00Z", "finishedDate": "2026-03-01T10:05:00Z",
    "deploymentCommits": [
        {"repoUrl": f"https://git.example/acme/{name}", "commitSha": make_sha(number),
         "startedDate": "2026-03-01T10:00:00Z", "finishedDate": "2026-03-01T10:05:00Z"}
        for number, name in enumerate(("shop", "search"), 1)
    ],
}  # fmt: skip


def test_the_devlake_shape_in_both_spellings_never_assumes_production() -> None:
    found = read_generic("", DEVLAKE, DeployConfig()).deployments
    assert [each.repository for each in found] == [
        "git.example/acme/shop",
        "git.example/acme/search",
    ]
    assert len({each.external_id for each in found}) == 2
    assert {(each.group_id, each.tier, each.environment) for each in found} == {
        ("d1", None, "unknown")
    }
    old = {"pipeline_id": "d1", "commit_sha": make_sha(1),
           "repo_url": "https://git.example/acme/shop",
           "start_time": "2026-03-01T10:00:00Z", "end_time": "2026-03-01T10:05:00Z",
           "environment": "PRODUCTION"}  # fmt: skip
    (same,) = read_generic("", old, DeployConfig()).deployments
    assert (same.external_id, same.tier) == (found[0].external_id, "production")
    with pytest.raises(BadPayloadError, match="startedDate"):
        read_generic("", {"commit_sha": SHA, "repo_url": "https://a.example/b/c"}, DeployConfig())


def test_pull_requests_of_the_devlake_shape() -> None:
    body = {"pullRequestKey": "12", "id": "x", "displayTitle": "T", "status": "MERGED",
            "createdDate": "2026-03-01T10:00:00Z", "mergedDate": "2026-03-02T10:00:00Z",
            "mergeCommitSha": SHA, "url": "https://git.example/acme/shop/pull/12"}  # fmt: skip
    (found,) = read_generic("", body, DeployConfig()).changes
    assert (found.repository, found.merge_sha) == ("git.example/acme/shop", SHA)
    with pytest.raises(BadPayloadError, match="mergedDate"):
        read_generic("", body | {"status": "OPEN"}, DeployConfig())


def test_our_own_shape_needs_something_and_has_a_bound() -> None:
    with pytest.raises(BadPayloadError, match="changes"):
        read_generic("", {}, DeployConfig())
    with pytest.raises(BadPayloadError, match="500"):
        read_generic("", {"changes": [{}] * 501}, DeployConfig())
