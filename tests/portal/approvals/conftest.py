"""The kind that tests approve, and the people around it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.portal.approvals.kinds import registered_kind
from tests.portal.approvals.people import Cast, make_cast


@pytest.fixture(autouse=True)
def _kind() -> Iterator[None]:
    with registered_kind():
        yield


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()
