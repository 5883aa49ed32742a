"""A stream of GitHub hooks that tells one consistent story, for load and order."""

from __future__ import annotations

import datetime as dt
import json
import random
from dataclasses import dataclass
from typing import Any

from adoption.models import Change, Deployment, PullRequest
from tests.adoption.histories import make_sha

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
REPOSITORY = {"full_name": "acme/shop", "html_url": "https://github.com/acme/shop",
              "default_branch": "main"}  # fmt: skip


@dataclass(frozen=True)
class Message:
    """One delivery."""

    event: str
    delivery: str
    body: bytes


def iso(step: int) -> str:
    return (START + dt.timedelta(minutes=step)).isoformat().replace("+00:00", "Z")


def story(size: int, *, repositories: int = 1) -> list[Message]:
    """About `size` deliveries in the order in which they happen: requests opened, labelled, merged
    and pushed; deployments queued, running, done, replaced, now and then failed."""
    messages: list[Message] = []
    step = 0
    tip = {number: make_sha(10**7 + number) for number in range(repositories)}
    while len(messages) < size:
        step += 1
        number = step % repositories
        name = f"acme/shop-{number}"
        place = REPOSITORY | {"full_name": name, "html_url": f"https://github.com/{name}"}
        if step % 5:
            messages += _request(step, place, tip, number)
        else:
            messages += _deployment(step, place, tip[number])
    return messages[:size]


def _message(event: str, step: int, part: int, body: dict[str, Any]) -> Message:
    return Message(event, f"guid-{step}-{part}", json.dumps(body).encode())


def _request(step: int, place: dict[str, str], tip: dict[int, str], number: int) -> list[Message]:
    merge = make_sha(step)
    pull = {
        "number": step, "state": "open", "title": f"Change {step}", "body": "",
        "html_url": f"{place['html_url']}/pull/{step}", "user": {"login": f"dev{step % 7}"},
        "created_at": iso(step * 10), "updated_at": iso(step * 10), "merged_at": None,
        "merge_commit_sha": make_sha(-step),
        "head": {"ref": "b", "sha": make_sha(5 * 10**6 + step)},
        "base": {"ref": "main"}, "labels": [],
    }  # fmt: skip
    labelled = pull | {"labels": [{"name": "ai"}], "updated_at": iso(step * 10 + 1)}
    merged = labelled | {"state": "closed", "merged_at": iso(step * 10 + 2),
                         "updated_at": iso(step * 10 + 2), "merge_commit_sha": merge}  # fmt: skip
    push = {
        "ref": "refs/heads/main", "before": tip[number], "after": merge, "forced": False,
        "deleted": False, "repository": place, "head_commit": {"timestamp": iso(step * 10 + 2)},
        "commits": [{"id": merge, "message": f"Change {step} (#{step})",
                     "timestamp": iso(step * 10 + 2), "url": f"{place['html_url']}/commit/{merge}",
                     "author": {"name": "Dev", "email": f"dev{step % 7}@acme.example"},
                     "added": [], "modified": [f"src/{step % 3}.py"], "removed": []}],
    }  # fmt: skip
    tip[number] = merge
    found = [
        _message("pull_request", step, part, {"action": "x", "pull_request": each,
                                              "repository": place})
        for part, each in enumerate((pull, labelled, merged))
    ]  # fmt: skip
    return [*found, _message("push", step, 9, push)]


def _deployment(step: int, place: dict[str, str], sha: str) -> list[Message]:
    deployment = {
        "id": step, "sha": sha, "ref": "main", "task": "deploy", "environment": "production",
        "production_environment": True, "transient_environment": False,
        "created_at": iso(step * 10),
    }  # fmt: skip
    end = "failure" if step % 35 == 0 else "success"
    found = [_message("deployment", step, 0, {"deployment": deployment, "repository": place})]
    for part, state in enumerate(("in_progress", end, "inactive"), 1):
        status = {"state": state, "created_at": iso(step * 10 + part)}
        body = {"deployment": deployment, "deployment_status": status, "repository": place}
        found.append(_message("deployment_status", step, part, body))
    return found


def disturbed(messages: list[Message], dice: random.Random) -> list[Message]:
    """The same with a third of it doubled, all of it out of order, and one in a hundred garbage."""
    mixed = [*messages, *dice.sample(messages, len(messages) // 3)]
    mixed += [
        Message("push", f"garbage-{number}", dice.randbytes(40))
        for number in range(max(1, len(messages) // 100))
    ]
    dice.shuffle(mixed)
    return mixed


def dump() -> list[tuple[Any, ...]]:
    """Everything that hooks made, without numbers that depend on who came first."""
    requests = PullRequest.objects.order_by("repository__key", "number").values_list(
        "repository__key", "number", "state", "title", "merged_at", "merge_sha", "head_sha",
        "labels", "created_at", "stamps", "author__value",
    )  # fmt: skip
    deployments = Deployment.objects.order_by("external_id").values_list(
        "external_id", "service__key", "environment", "tier", "status", "raw_status", "sha",
        "queued_at", "started_at", "finished_at", "events", "is_baseline", "is_redeploy",
        "is_rollback", "remediation",
    )  # fmt: skip
    changes = Change.objects.order_by("repository__key", "kind", "external_id").values_list(
        "repository__key", "kind", "external_id", "sha", "title", "merged_at", "paths", "strength",
        "delivered_by__external_id", "delivered_at", "delivered_how", "rolled_back_at",
        "part_of__external_id", "author__value",
    )  # fmt: skip
    return [*requests, *deployments, *changes]
