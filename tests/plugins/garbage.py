"""What was collected stays: the thousands of tests are no garbage, and need not be looked at again.

The collector of Python goes through all that lives each time much has been made. Of a test process
most is modules and collected tests; left out, a run takes a tenth less of a core.
"""

from __future__ import annotations

import gc

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """From here on only what tests make is looked at."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """At the end everything is let go, as ever: what a library leaks is said."""
    gc.unfreeze()
