"""Requests that schemathesis makes from the API's own description, sent straight into the WSGI app.

Each request runs in a transaction that is undone, so that the hundredth finds what the first found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Config, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from portal.models import User

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CSRF = "c" * 32
COOKIES = "cookies"  # not a header: the transport keeps a jar, which would replace the header


@contextmanager
def _connections_kept() -> Iterator[None]:
    """As Django's own test client has it: the end of a request does not end the connection."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


def session_of(user: User) -> dict[str, str]:
    """Headers of somebody who is signed in, with what writes need."""
    client = Client()
    client.force_login(user)
    session = client.cookies["sessionid"].value
    return {COOKIES: f"sessionid={session} csrftoken={CSRF}", "X-CSRFToken": CSRF}


@dataclass
class Fuzz:
    """A run over every operation for every caller, until there were enough requests.

    Attributes:
        callers: headers by name of the caller; those without a valid sign-in begin with `no`.
        paths: values that are there, for what stands in a path.
    """

    document: dict[str, Any]
    callers: Mapping[str, Mapping[str, str]]
    paths: Mapping[str, Sequence[str]]
    seed: int
    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        config = Config.from_dict({"generation": {"with-security-parameters": False}})
        self.schema = schemathesis.openapi.from_dict(self.document, config=config)
        self.schema.app = get_wsgi_application()
        # An operation that cannot be read is an `Err`, which has no `ok`: the run then fails.
        self.operations: list[Any] = [
            each.ok()  # type: ignore[union-attr]
            for each in self.schema.get_all_operations()
        ]

    def run(self, total: int, *, examples: int = 100) -> Iterator[int]:
        """Send at least `total` requests; yields after each step how many it sent.

        Args:
            examples: requests at one operation in one step; callers take turns by chance.
        """
        turn = 0
        while self.requests < total:
            for operation in self.operations:
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    before = self.requests
                    # An operation without parameters has nothing that could be wrong.
                    with suppress(Unsatisfiable):
                        self._ask(operation, mode, self.seed + turn, examples)
                    yield self.requests - before
            turn += 1

    def one_turn(self) -> None:
        """One request at each operation: what it is to take and what it is not to take, in turn."""
        for number, operation in enumerate(self.operations):
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)[:: (-1) ** number]:
                before = self.requests
                with suppress(Unsatisfiable):
                    self._ask(operation, mode, self.seed + number, 1)
                if self.requests > before:
                    break

    def _ask(self, operation: Any, mode: GenerationMode, number: int, examples: int) -> None:
        names = [name for name in self.paths if f"{{{name}}}" in operation.path]
        known = st.fixed_dictionaries({name: st.sampled_from(self.paths[name]) for name in names})
        some = settings(
            max_examples=examples,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            derandomize=False,
            suppress_health_check=list(HealthCheck),
        )

        @seed(number)
        @some
        @given(
            case=operation.as_strategy(generation_mode=mode),
            caller=st.sampled_from(sorted(self.callers)),
            values=known,
            is_there=st.integers(0, 3),
        )
        def ask(case: Any, caller: str, values: dict[str, str], is_there: int) -> None:
            if values and is_there:  # else what was generated, which is nowhere
                case.path_parameters = {**(case.path_parameters or {}), **values}
            self._send(case, caller, f"{operation.method.upper()} {operation.path}", number)

        ask()

    def _send(self, case: Any, caller: str, where: str, number: int) -> None:
        self.requests += 1
        self.asked[(caller, where)] += 1
        with transaction.atomic(), _connections_kept():
            # The transport does not unpack; compression has tests of its own.
            headers = {**self.callers[caller], "Accept-Encoding": "identity"}
            cookies = dict(pair.split("=") for pair in headers.pop(COOKIES, "").split())
            response = case.call(headers=headers, cookies=cookies)
            transaction.set_rollback(True)
        self.statuses[response.status_code] += 1
        if caller.startswith("no") and response.status_code < 300:
            self._fault(where, caller, number, "let in without a valid sign-in")
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                self._fault(where, caller, number, _told(failure, case, response))
        except Failure as failure:
            self._fault(where, caller, number, _told(failure, case, response))

    def _fault(self, where: str, caller: str, number: int, text: str) -> None:
        """One of a kind is enough to read."""
        key = f"{where}: {text.splitlines()[0]}"
        self.faults.setdefault(key, f"{where} as {caller} (seed {number}): {text}")


def _told(failure: BaseException, case: Any, response: Any) -> str:
    title = getattr(failure, "title", type(failure).__name__)
    sent = {"path": case.path_parameters, "query": case.query, "body": repr(case.body)[:300]}
    detail = str(failure).replace("\n", " ")[:300]
    return f"{title} ({response.status_code})\n{detail}\nsent {sent}\n{response.content[:300]!r}"
