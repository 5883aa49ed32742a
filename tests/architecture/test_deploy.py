"""The deployment files name only what exists: variables, values, commands, pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from portal.env import Environment
from tests.architecture.tree import REPOSITORY, walk

DEPLOY = REPOSITORY / "deploy"
VARIABLE = re.compile(r"\b(PLUMBLINE_[A-Z_]+|DATABASE_URL|CELERY_BROKER_URL)\b")


def deploy_files() -> list[Path]:
    return list(walk(DEPLOY))


def loaded(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text("utf-8"))


def templates() -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in walk(DEPLOY / "chart" / "templates")}


def test_every_variable_that_a_file_sets_is_one_that_is_read() -> None:
    read = {name.upper() for name in Environment.model_fields}
    named = {name for path in deploy_files() for name in VARIABLE.findall(path.read_text("utf-8"))}
    assert named
    assert named <= read


@pytest.mark.parametrize("service", ["web", "worker-default", "worker-imports", "scheduler"])
def test_a_process_of_the_compose_file_starts_safely_in_production(service: str) -> None:
    given = loaded("compose.yaml")["services"][service]
    resolved = {name: str(value) for name, value in given["environment"].items()}
    resolved["PLUMBLINE_SECRET_KEY"] = "k" * 60
    resolved["PLUMBLINE_TOKEN_PEPPERS"] = "1:" + "p" * 60
    resolved["PLUMBLINE_AUDIT_KEYS"] = "1:" + "a" * 60
    resolved["PLUMBLINE_CREDENTIAL_KEYS"] = ""
    resolved["PLUMBLINE_PRIVATE_NETWORKS"] = "10.2.0.0/16"
    resolved["PLUMBLINE_MAIL_URL"] = "smtp://mail.example.org"
    resolved["PLUMBLINE_MAIL_FROM"] = "plumbline@example.org"
    resolved["PLUMBLINE_ALLOWED_HOSTS"] = "plumbline.example.org"
    resolved["PLUMBLINE_TRUSTED_PROXY"] = "true"
    assert Environment.read({**resolved, "PLUMBLINE_ENV": "production"}).is_production
    assert given["depends_on"]["migration"] == {"condition": "service_completed_successfully"}


def test_every_queue_has_a_worker_in_both() -> None:
    from django.conf import settings

    queues = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    queues.add(settings.CELERY_TASK_DEFAULT_QUEUE)
    workers = [
        service["command"]
        for name, service in loaded("compose.yaml")["services"].items()
        if name.startswith("worker")
    ]
    assert {command[command.index("-Q") + 1] for command in workers} == queues
    assert set(loaded("chart/values.yaml")["workers"]) == queues


def test_a_worker_hands_its_work_back_before_it_is_killed() -> None:
    service = loaded("compose.yaml")["services"]["worker-imports"]
    assert service["environment"]["REMAP_SIGTERM"] == "SIGQUIT"
    assert service["stop_grace_period"] == "60s"
    assert "{name: REMAP_SIGTERM, value: SIGQUIT}" in templates()["workers.yaml"]
    assert "terminationGracePeriodSeconds: 60" in templates()["workers.yaml"]


@pytest.mark.parametrize("name", ["web.yaml", "workers.yaml", "scheduler.yaml", "migration.yaml"])
def test_a_template_of_the_chart_uses_values_and_parts_that_exist(name: str) -> None:
    text = templates()[name] + templates()["_parts.tpl"]
    for dotted in set(re.findall(r"\.Values\.([A-Za-z.]+)", text)):
        found = loaded("chart/values.yaml")
        for key in dotted.split("."):
            assert key in found, f"{name}: .Values.{dotted}"
            found = found[key]
    defined = set(re.findall(r'define "([^"]+)"', text))
    assert set(re.findall(r'include "([^"]+)"', text)) <= defined


@pytest.mark.parametrize("name", sorted(templates()))
def test_a_template_closes_what_it_opens(name: str) -> None:
    actions = re.findall(r"\{\{-? *([a-z]+)", templates()[name])
    opened = sum(action in {"range", "with", "if", "define"} for action in actions)
    assert opened == actions.count("end")


def test_the_documented_commands_are_those_that_run() -> None:
    operators = (REPOSITORY / "docs" / "operators.md").read_text("utf-8")
    dockerfile = (DEPLOY / "Dockerfile").read_text("utf-8")
    web = " ".join(re.findall(r'"([^"]+)"', dockerfile.split("CMD ")[1]))
    assert f"`{web}`" in operators
    for service in ("worker-default", "worker-imports", "scheduler"):
        command = loaded("compose.yaml")["services"][service]["command"]
        assert " ".join(command).split(" --pidfile")[0] in operators


def test_the_image_copies_everything_that_runs() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text("utf-8")
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8")
    for name in ("portal", "adoption", "billing", "templates", "manage.py"):
        assert f"COPY {name} " in dockerfile
        assert f"!{name}\n" in allowed
