"""Asking: real requests through Django's test client, each undone afterwards."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from typing import Any
from unittest import mock
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.template.base import Template
from django.test import Client
from django.utils.safestring import SafeString

from portal.models import User
from tests.access.matrix import Cell, Column, Row
from tests.access.rewriting import Living, doors_open
from tests.access.routes import path_of
from tests.access.world import World


class Asker:
    """Everybody of a world at their browsers; nothing that they do stays."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.living = Living()
        self._paths: dict[int, str] = {}
        self._allowed: dict[tuple[Column, str, str], int] = {}
        self.clients = {column: Client(raise_request_exception=False) for column in Column}
        for column, person in world.people.items():
            self.clients[column].force_login(person)
        leaver = world.people[Column.LEAVER]
        User.objects.filter(pk=leaver.pk).update(is_active=False)

    def path(self, row: Row) -> str:
        """The address of a row; worked out once."""
        if id(row) not in self._paths:
            self._paths[id(row)] = path_of(row, self.world)
        return self._paths[id(row)]

    def send(
        self,
        column: Column,
        method: str,
        path: str,
        data: Any = None,
        look: Callable[[], None] | None = None,
        **more: Any,
    ) -> Any:
        """The answer to one request. What it wrote is undone, once `look` has looked at it."""
        client = self.clients[column]
        logging.disable(logging.CRITICAL)  # thousands of refusals would bury what matters
        kept = SimpleCookie(client.cookies)
        with transaction.atomic():
            answer: Any = client.generic(method, path, *_body(path, method, data), **more)
            answer.body = answer.getvalue().decode(errors="replace")  # streamed, or a workbook
            if look is not None:
                look()
            transaction.set_rollback(True)
        client.cookies = kept
        logging.disable(logging.NOTSET)
        return answer

    @contextlib.contextmanager
    def doors_open(self) -> Iterator[None]:
        """Views let everybody pass; what their queries find is up to the policies still."""
        with doors_open(self.living):
            yield

    def person(self, column: Column) -> Any:
        """Whoever this column stands for, read anew: roles are remembered on the object."""
        if column == Column.ANONYMOUS:
            return AnonymousUser()
        return User.objects.get(pk=self.world.people[column].pk)

    def allowed(self, column: Column, method: str, path: str) -> int:
        """The status of an address that a page offers; remembered."""
        known = (column, method, path)
        if known not in self._allowed:
            with without_templates():
                self._allowed[known] = int(self.send(column, method, path).status_code)
        return self._allowed[known]

    def status(self, cell: Cell) -> int:
        """The status that this cell gets."""
        return int(self.send(cell.column, cell.method, self.path(cell.row)).status_code)


def _body(path: str, method: str, data: Any) -> tuple[Any, str]:
    if method in {"GET", "HEAD", "OPTIONS"}:
        return "", "application/octet-stream"
    if path.startswith("/api/"):
        return json.dumps({} if data is None else data), "application/json"
    return urlencode(data or {}, doseq=True), "application/x-www-form-urlencoded"


_RENDER = Template.render


@contextlib.contextmanager
def drawn() -> Iterator[None]:
    """Draw pages, also inside `without_templates`."""
    with mock.patch.object(Template, "render", _RENDER):
        yield


@contextlib.contextmanager
def without_templates() -> Iterator[None]:
    """Answer with empty pages: who gets in is decided before anything is drawn.

    Drawing is nine tenths of the time; `test_leaks.py` draws, and so does the long run.
    """
    with mock.patch.object(Template, "render", return_value=SafeString("")):
        yield
