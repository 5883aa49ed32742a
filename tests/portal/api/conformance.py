"""Holds answers against the schema that the API publishes of itself."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]


@cache
def published_schema() -> PublishedSchema:
    """Read once a process; whoever asks only reads it."""
    return PublishedSchema()


class PublishedSchema:
    """The schema as a client gets it."""

    def __init__(self) -> None:
        generated = SchemaGenerator().get_schema(public=True)
        self.document: dict[str, Any] = json.loads(OpenApiJsonRenderer().render(generated))
        self._paths = {
            path: re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + "$")
            for path in self.document["paths"]
        }

    def operations(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Path, method and description of each operation."""
        return [
            (path, method, operation)
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
        ]

    def operation(self, path: str, method: str) -> dict[str, Any]:
        """The operation that answers a real path; a word that is named goes before a parameter."""
        for known in sorted(self._paths, key=lambda known: known.count("{")):
            if self._paths[known].match(path):
                found: dict[str, Any] = self.document["paths"][known][method]
                return found
        raise AssertionError(f"{path} is not in the schema")

    def check(self, response: Any, method: str) -> None:
        """The status is documented, and the body is as documented for it."""
        path = response.wsgi_request.path
        where = f"{method} {response.wsgi_request.get_full_path()}: {response.status_code}"
        documented = self.operation(path, method)["responses"].get(str(response.status_code))
        assert documented is not None, f"{where} is not documented"
        content = documented.get("content")
        if content is None:
            assert response.content == b"", where
            return
        media_type = response["Content-Type"]
        assert media_type in content, f"{where} answers {media_type}"
        schema = {**content[media_type]["schema"], "components": self.document["components"]}
        errors = [
            error.message for error in Draft202012Validator(schema).iter_errors(response.json())
        ]
        assert not errors, f"{where}: {errors[:3]}"
