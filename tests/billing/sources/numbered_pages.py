"""Providers whose pages are asked for by number, or that answer in one piece, and misbehave.

What they answer is made by the `serving` of each source's own tests; here it is harmed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.billing.sources.answers import Provider
from tests.billing.sources.fake_provider import FakeProvider, Params, Spend


@dataclass
class NumberedShape:
    """How such a provider tells what was spent.

    Attributes:
        serve: the truth, and the most rows of a page → what answers.
        rows: the key under which an answer has its rows.
        paging: keys that tell of further pages.
    """

    serve: Callable[[Sequence[Spend], int], Provider]
    secret: tuple[str, str]
    rows: str
    paging: tuple[str, ...] = ()
    spent: list[Spend] = field(default_factory=list)


class NumberedProvider(FakeProvider):
    """Harms single answers: there is no order of pages beside their numbers."""

    shape: NumberedShape  # type: ignore[assignment]

    def answer(self, path: str, params: Params, posted: Mapping[str, Any]) -> Any | None:
        """The page that a request gets."""
        self.requests.append((path, params))
        query, body = dict(params), dict(posted)
        serve = self.shape.serve(self.shape.spent, self.page_size)
        where: dict[str, Any] = body if "page" in body else query
        page = int(where.get("page", 1))
        if page > 1 and self._meets("loop"):
            where["page"] = type(where["page"])(1)
        answer = serve(path, query, body)
        rows = answer.get(self.shape.rows)
        if rows:
            self._harm_rows(rows)
        if page > 1 and self._meets("repeated"):
            where["page"] = type(where["page"])(page - 1)
            answer[self.shape.rows] = serve(path, query, body)[self.shape.rows]
        if any(key in answer for key in self.shape.paging) and self._meets("no_cursor"):
            answer = {key: each for key, each in answer.items() if key not in self.shape.paging}
        return answer

    def _harm_rows(self, rows: list[Any]) -> None:
        if self._meets("lost"):
            rows.pop(self.chance.randrange(len(rows)))
        if self._meets("reordered"):
            self.chance.shuffle(rows)
        if self._meets("empty_day"):
            rows.clear()
