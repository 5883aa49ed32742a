"""The recipes of the documentation, run and read against the API that they speak of."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.urls import resolve
from django.utils import timezone

from adoption.api.dashboards import DashboardSerializer, TileSerializer, TileValueSerializer
from adoption.api.metric_shapes import MetricValueSerializer, MetricValuesSerializer
from adoption.choices import StandingStatus
from adoption.models import Dashboard, MetricStanding
from portal.services.api_tokens import create_api_token
from tests.adoption.factories import make_use_case, make_user
from tests.adoption.served import catalogue, make_dashboard, submit
from tests.approving import approve
from tests.architecture.tree import REPOSITORY

RECIPES = REPOSITORY / "docs" / "recipes"


def run(folder: Path, base: str, slug: str, token: str) -> Any:
    """In a process of its own: the server of the test answers in a thread of this one."""
    return subprocess.run(
        [sys.executable, str(RECIPES / "read_dashboard.py"), base, slug],
        env={"PATH": os.environ["PATH"], "PLUMBLINE_TOKEN": token},
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_the_python_recipe_reads_a_dashboard(live_server: Any, tmp_path: Path) -> None:
    at = timezone.now() - dt.timedelta(minutes=1)
    use_case = make_use_case(title="Drafts")
    _, token = create_api_token(
        owner=make_user(),
        name="Report",
        scopes=["metrics:read"],
        actor=None,
        at=at,
        expires_at=at + dt.timedelta(days=1),
    )
    with catalogue(use_case) as versions:
        board = make_dashboard(use_case, versions)
        refused = run(tmp_path, live_server.url, board.slug, token)
        assert (refused.returncode, "409: This dashboard is not approved" in refused.stderr) == (
            1, True,
        )  # fmt: skip
        approve(submit(board, at=at))
        MetricStanding.objects.filter(metric_version=versions[2]).update(
            status=StandingStatus.SUSPENDED
        )
        first = run(tmp_path, live_server.url, board.slug, token)
        again = run(tmp_path, live_server.url, board.slug, token)  # from what was kept, after a 304
    assert first.returncode == 0, first.stderr
    assert (
        "review_hours 1.0.0 (certified), Drafts, 2026-08-31 to 2026-09-28: 0.291666666 ratio"
        in (first.stdout)
    )
    assert "no value: this version is suspended" in first.stdout
    assert again.stdout == first.stdout
    assert Dashboard.objects.get().accesses.get().count == 1


@pytest.mark.django_db(transaction=True)
def test_the_python_recipe_reads_values(live_server: Any) -> None:
    at = timezone.now() - dt.timedelta(minutes=1)
    _, token = create_api_token(
        owner=make_user(), name="Report", scopes=["metrics:read"], actor=None, at=at,
        expires_at=at + dt.timedelta(days=1),
    )  # fmt: skip

    def read(*arguments: str) -> Any:
        return subprocess.run(
            [sys.executable, str(RECIPES / "read_values.py"), live_server.url, *arguments],
            env={"PATH": os.environ["PATH"], "PLUMBLINE_TOKEN": token},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    money = read("sandbox_money", "from=2026-03-01")
    assert money.stdout == (
        "sandbox_money 1.0.0 (certified), Sandbox, 2026-03-01 to 2026-04-01: "
        "1999.999999999 EUR [final, sandbox]\n"
    )
    assert "no value: small_group share" in read("sandbox_small_group").stdout
    assert "ends on Thu, 31 Dec 2099" in read("sandbox_deprecated").stderr
    suspended = read("sandbox_suspended")
    assert (suspended.returncode, "409: " in suspended.stderr) == (1, True)
    assert "404: " in read("nothing", "scope=use_case:x").stderr


def test_the_excel_recipe_of_values_names_what_there_is() -> None:
    text = (RECIPES / "metric_values.pq").read_text("utf-8")
    columns = next(
        names
        for found in re.findall(r"\{([^{}]*)\}", text)
        if "data_version" in (names := re.findall(r'"([\w.]+)"', found))
    )
    assert set(columns) <= set(MetricValueSerializer().fields)
    assert set(re.findall(r"Answer\[(\w+)\]", text)) <= set(MetricValuesSerializer().fields)
    for path in re.findall(r'"(api/v1/[\w/]+)"', text):
        assert callable(resolve(f"/{path}").func)
    assert [text.count(each) for each in "([{"] == [text.count(each) for each in ")]}"]


def test_the_excel_recipe_names_what_there_is() -> None:
    """Addresses and fields of the M text, against the serializers that the API answers with."""
    text = (RECIPES / "dashboard.pq").read_text("utf-8")
    assert 'RelativePath = "api/v1/dashboards/" & Slug & "/"' in text
    top = set(re.findall(r"Answer\[(\w+)\]", text))
    assert top <= set(DashboardSerializer().fields)
    assert top >= {"tiles", "version", "expires_at"}
    lists = [re.findall(r'"([\w.]+)"', found) for found in re.findall(r"\{([^{}]*)\}", text)]
    tiles = next(names for names in lists if "standing" in names)
    values = next(names for names in lists if "window" in names)
    assert set(tiles) <= set(TileSerializer().fields)
    assert set(values) <= set(TileValueSerializer().fields)
    assert text.count("(") == text.count(")")
    assert text.count("[") == text.count("]")
    assert text.count("{") == text.count("}")
