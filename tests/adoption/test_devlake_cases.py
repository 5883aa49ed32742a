"""The DORA cases of Apache DevLake, and every place where its result is not ours.

Each difference stands in a table with the thread in which users or developers of DevLake report
it, or with our own rule where it is a choice. A difference that is not in the table fails.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from adoption.deploys.payload import repository_key
from adoption.deploys.tiers import tier_of
from adoption.placement import Placement, Rollout, ServiceRule, Unit, place_changes
from adoption.sources.circleci.hook import read_hook as read_circleci
from adoption.sources.gitlab.config import GitLabConfig
from adoption.sources.gitlab.hook import read_hook as read_gitlab
from adoption.sources.records import DeploymentRecord

ISSUES = "https://github.com/apache/devlake/issues"
PULLS = "https://github.com/apache/devlake/pull"


class Difference(NamedTuple):
    """Ours, theirs, why, and where theirs is reported."""

    ours: str
    theirs: str
    why: str
    thread: str


# Minutes from the first commit to production: DORA's change lead time, and DevLake's cycle time.
LEAD_TIMES = {
    "pr2": Difference(
        "158",
        "1598",
        "The first commit is dated after the request was opened (a squash rewrote it). DevLake "
        "drops the negative coding time and counts from the opening, so that the span begins "
        "before the work that it measures.",
        f"{PULLS}/3019",
    ),
    "pr3": Difference(
        "8799",
        "10203",
        "It was in production a day before it was merged. DevLake drops the negative deploy time "
        "and adds the review that came after production, though its own definition is deployment "
        "minus first commit.",
        f"{ISSUES}/3516",
    ),
}

# By pipeline: what we say about it, what DevLake says.
DEPLOYMENTS = {
    "457475337": Difference(
        "succeeded",
        "FAILURE",
        "Its deployment job succeeded while the pipeline is still in progress. DevLake takes the "
        "result of the pipeline for that of the deployment.",
        f"{ISSUES}/7089",
    ),
    "485877118": Difference(
        "succeeded",
        "FAILURE",
        "All of its deployment jobs succeeded. DevLake takes the result of the pipeline for that "
        "of the deployment.",
        f"{ISSUES}/7089",
    ),
}
# Where both agree that it is none, or that it is one, on grounds that users asked for.
AGREED = {
    "485932864": (None, f"{ISSUES}/5885"),  # a skipped pipeline is no deployment
    "485932865": (None, f"{ISSUES}/5885"),  # its deployment job was skipped
    "485932863": ("not production", f"{ISSUES}/5169"),  # no environment is named
}


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def moment(text: str) -> dt.datetime:
    day, _, clock = text.replace("T", " ").partition(" ")
    year, month, date = map(int, day.split("-"))
    hour, minute, second = (int(float(part)) for part in clock[:8].split(":"))
    return dt.datetime(year, month, date, hour, minute, second, tzinfo=dt.UTC)


def minutes(earlier: dt.datetime, later: dt.datetime) -> str:
    span = (later - earlier).total_seconds() / 60
    return str(math.ceil(span)) if span > 0 else ""


@pytest.fixture
def cases(shared_data: Path) -> Path:
    return shared_data / "payloads" / "devlake_dora_cases"


# --- Lead times and containment ------------------------------------------------------------------


def lead_time_case(folder: Path) -> tuple[Placement, dict[str, dict[str, str]], list[str]]:
    """The case as we would have it: ranges since the deployment before are the provider's lists."""
    ranges: dict[str, set[str]] = {}
    for row in rows(folder, "commits_diffs"):
        if row["old_commit_sha"]:
            ranges.setdefault(row["new_commit_sha"], set()).add(row["commit_sha"])
    mapped = {row["row_id"] for row in rows(folder, "project_mapping")
              if row["project_name"] == "project1" and row["table"] == "cicd_scopes"}  # fmt: skip
    services: dict[tuple[str, str], int] = {}
    rollouts = []
    for number, row in enumerate(rows(folder, "cicd_deployment_commits")):
        if row["result"] != "SUCCESS" or row["environment"] != "PRODUCTION":
            continue
        if row["cicd_scope_id"] not in mapped:
            continue
        service = services.setdefault((row["cicd_scope_id"], row["repo_url"]), len(services) + 1)
        included = frozenset(ranges.get(row["commit_sha"], ()))
        rollouts.append(Rollout(
            number, service, "prod", row["commit_sha"], moment(row["finished_date"]), row["id"],
            included_commits=included,
        ))  # fmt: skip
    pulls = {row["id"]: row for row in rows(folder, "pull_requests")}
    names = list(pulls)
    units = [
        Unit(number, (pulls[name]["merge_commit_sha"],))
        for number, name in enumerate(names)
        if pulls[name]["merged_date"]
    ]
    rules = dict.fromkeys(services.values(), ServiceRule(first_delivers=False))
    return place_changes({}, units, rollouts, rules), pulls, names


def test_containment_and_lead_times_agree_where_theirs_are_right(cases: Path) -> None:
    folder = cases / "change_lead_time"
    found, pulls, names = lead_time_case(folder)
    commits: dict[str, dt.datetime] = {}
    for row in rows(folder, "pull_request_commits"):
        name, authored = row["pull_request_id"], moment(row["commit_authored_date"])
        commits[name] = min(commits.get(name, authored), authored)
    differences: dict[str, tuple[str, str]] = {}
    checked = 0
    for expected in rows(folder, "project_pr_metrics"):
        name = expected["id"]
        place_ = found.places.get(names.index(name))
        assert (place_ is None) == (not expected["pr_deployed_date"]), name
        pull = pulls[name]
        created, merged = moment(pull["created_date"]), moment(pull["merged_date"])
        assert minutes(commits[name], created) == expected["pr_coding_time"], name
        checked += 1
        if place_ is None:
            continue
        assert place_.at == moment(expected["pr_deployed_date"])
        assert minutes(merged, place_.at) == expected["pr_deploy_time"], name
        ours = minutes(commits[name], place_.at)  # DORA: from the first commit to production
        if ours != expected["pr_cycle_time"]:
            differences[name] = (ours, expected["pr_cycle_time"])
    assert checked == 6
    assert differences == {name: each[:2] for name, each in LEAD_TIMES.items()}


# --- Which pipelines are deployments -------------------------------------------------------------

CONFIG = GitLabConfig(deploy_pattern="^deploy( to (?P<environment>.+))?$")
_GITLAB = {"SUCCESS": "success", "FAILURE": "failed", "SKIPPED": "skipped"}
_CIRCLE = {"SUCCESS": "success", "FAILURE": "failed", "SKIPPED": "not_run"}


def named(row: Mapping[str, str]) -> str:
    """The name by which our configuration knows a deployment that theirs marks in a column."""
    if row["type"] != "DEPLOYMENT":
        return row["name"]
    return f"deploy to {row['environment'].lower()}" if row["environment"] else "deploy"


def job(row: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": row["id"].rpartition(":")[2], "name": named(row), "status": _GITLAB[row["result"]],
        "created_at": row["started_date"], "started_at": row["started_date"],
        "finished_at": row["finished_date"],
    }  # fmt: skip


def deployments_of(folder: Path) -> Iterator[tuple[str, DeploymentRecord]]:
    """What our readers make of each pipeline: GitLab's of its jobs, CircleCI's of its name."""
    commits = {row["pipeline_id"]: row for row in rows(folder, "cicd_pipeline_commits")}
    jobs: dict[str, list[dict[str, Any]]] = {}
    for row in rows(folder, "cicd_tasks"):
        jobs.setdefault(row["pipeline_id"], []).append(job(row))
    for row in rows(folder, "cicd_pipelines"):
        number, place = row["id"].rpartition(":")[2], commits[row["id"]]
        if row["id"] in jobs:
            reading = read_gitlab("Pipeline Hook", {
                "object_kind": "pipeline",
                "object_attributes": {"id": number, "sha": place["commit_sha"],
                                      "ref": place["branch"]},
                "project": {"web_url": place["repo_url"]},
                "builds": jobs[row["id"]],
            }, CONFIG)  # fmt: skip
        else:
            reading = read_circleci("", {
                "type": "workflow-completed",
                "workflow": {"id": number, "name": named(row), "status": _CIRCLE[row["result"]],
                             "created_at": row["created_date"],
                             "stopped_at": row["finished_date"]},
                "pipeline": {"vcs": {"revision": place["commit_sha"],
                                     "target_repository_url": place["repo_url"]}},
            }, CONFIG)  # fmt: skip
        for record in reading.deployments:
            yield number, record


def test_the_same_pipelines_are_deployments(cases: Path) -> None:
    folder = cases / "deployment_generator"
    theirs = {row["cicd_deployment_id"].rpartition(":")[2]: row
              for row in rows(folder, "cicd_deployment_commits")}  # fmt: skip
    ours: dict[str, list[DeploymentRecord]] = {}
    for number, record in deployments_of(folder):
        if record.status != "unknown":  # one that was not run did not deploy
            ours.setdefault(number, []).append(record)
    assert ours.keys() == theirs.keys()
    differences = {}
    for number, records in ours.items():
        expected = theirs[number]
        assert {record.sha for record in records} == {expected["commit_sha"]}
        assert {record.repository for record in records} == {repository_key(expected["repo_url"])}
        tiers = {tier_of(record.environment or "", explicit=record.tier) for record in records}
        assert (tiers == {"production"}) == (expected["environment"] == "PRODUCTION"), number
        statuses = {record.status for record in records}
        if statuses != {{"SUCCESS": "succeeded", "FAILURE": "failed"}[expected["result"]]}:
            differences[number] = (" ".join(sorted(statuses)), expected["result"])
    assert differences == {number: each[:2] for number, each in DEPLOYMENTS.items()}


def test_what_was_skipped_or_names_no_environment_is_no_production(cases: Path) -> None:
    found = dict(deployments_of(cases / "deployment_generator"))
    for number, (tier, _thread) in AGREED.items():
        record = found.get(number)
        if tier is None:
            assert record is None or record.status == "unknown", number
        else:
            assert record is not None
            assert tier_of(record.environment or "", explicit=record.tier) != "production"


def test_every_difference_names_its_reason_and_its_thread() -> None:
    for each in (*LEAD_TIMES.values(), *DEPLOYMENTS.values()):
        assert each.ours != each.theirs
        assert len(each.why) > 60
        assert each.thread.startswith("https://github.com/apache/devlake/")
