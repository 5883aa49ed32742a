"""The statistical libraries, which no process loads before it needs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from adoption.validation import numerics

REPOSITORY = Path(__file__).resolve().parents[3]
_START = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
import django; django.setup()
from django.urls import get_resolver; get_resolver().url_patterns
print(sorted({name.partition(".")[0] for name in sys.modules} & {"scipy", "statsmodels", "pandas"}))
"""


def test_a_process_starts_with_all_its_pages_and_without_the_statistical_libraries() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _START], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert ended.stdout.strip() == "[]", ended.stderr


def test_every_named_library_is_there() -> None:
    for name in numerics.__all__:
        assert getattr(numerics, name).__name__.split(".")[0] in {"scipy", "statsmodels"}


def test_threads_that_ask_first_and_together_all_get_it() -> None:
    code = """
import threading
from adoption.validation import numerics
found = []
threads = [threading.Thread(target=lambda: found.append(numerics.stats.norm.isf(0.025)))
           for _ in range(8)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
assert [round(one, 6) for one in found] == [1.959964] * 8, found
"""
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


def test_a_library_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="sklearn"):
        getattr(numerics, "sklearn")  # noqa: B009 (mypy knows that it is not there)
