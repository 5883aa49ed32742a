"""`manage.py import_registry`: use cases of another inventory, all of a file or nothing."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Model
from django.utils import timezone
from tqdm import tqdm

from adoption.choices import ValueType
from adoption.inventories.reading import READERS, read_registry
from adoption.models import Programme, Team
from adoption.selectors.benefits import vague_benefits
from adoption.services.registry_import import RegistryImport, RegistryRefusedError, import_registry
from adoption.services.registry_places import ImportOptions
from portal.imports.contracts import ImportRefusedError, Rejection
from portal.models import User
from portal.wording import counted

RowT = TypeVar("RowT", bound=Model)
_REFUSED = 2
_SHOWN = 20


class Command(BaseCommand):
    help = (
        "Import use cases from the OMB form (CSV), Annex VIII (JSON) or our own JSON. A row that "
        "cannot be taken stops the whole file. Exit 0 only when it was imported."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH")
        parser.add_argument("--format", choices=sorted(READERS), help="default: by the file's name")
        parser.add_argument(
            "--programme", help="slug, for rows that name none; default: the only one there is"
        )
        parser.add_argument(
            "--team",
            help="slug of one team for all rows; default: the organisation that a row names, made "
            "as a team where there is none",
        )
        parser.add_argument(
            "--owner",
            help="sign-in name, for rows whose address belongs to nobody here; default: whoever "
            "owns the programme",
        )
        parser.add_argument(
            "--value-type",
            choices=ValueType.values,
            help="for rows whose form does not ask for it; default: not stated",
        )
        parser.add_argument(
            "--actor", help="sign-in name of who imports; default: each use case's owner"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change and change nothing"
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"]
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror or error}") from None
        try:
            reading = read_registry(data, file=path.name, form=options["format"] or "")
        except ImportRefusedError as error:
            raise CommandError(str(error)) from None
        if reading.rejections:
            self._refuse(path, len(reading.rows), reading.rejections, as_json=options["json"])
        bar = partial(tqdm, unit=" use cases", file=sys.stderr, disable=None, leave=False)
        try:
            done = import_registry(
                rows=reading.rows,
                options=self._options(options),
                actor=_named(User, "username", options["actor"], "--actor"),
                at=timezone.now(),
                is_dry_run=options["dry_run"],
                progress=bar,
            )
        except RegistryRefusedError as error:
            self._refuse(path, len(reading.rows), error.rejections, as_json=options["json"])
        else:
            self._report(done, read=len(reading.rows), options=options)

    def _options(self, options: dict[str, Any]) -> ImportOptions:
        return ImportOptions(
            programme=_named(Programme, "slug", options["programme"], "--programme"),
            team=_named(Team, "slug", options["team"], "--team"),
            owner=_named(User, "username", options["owner"], "--owner"),
            value_type=options["value_type"],
        )

    def _refuse(
        self, path: Path, good: int, rejections: Sequence[Rejection], *, as_json: bool
    ) -> None:
        """Say which rows, why, and what was expected.

        Raises:
            CommandError: always.
        """
        if as_json:
            self.stdout.write(json.dumps({
                "status": "refused", "read": good + len(rejections), "created": 0, "updated": 0,
                "unchanged": 0,
                "rejected": [
                    {"file": path.name, "line": each.line, "field": each.field,
                     "value": each.value, "code": each.code, "expected": each.expected}
                    for each in rejections
                ],
            }, ensure_ascii=False, indent=2))  # fmt: skip
        for each in rejections[:_SHOWN]:
            value = f" “{each.value}”" if each.value else ""
            self.stderr.write(
                f"{path.name}, line {each.line}, {each.field or 'row'}{value}: "
                f"expected {each.expected}"
            )
        raise CommandError(
            f"{counted(len(rejections), 'problem')}; nothing was imported. Mend and import again.",
            returncode=_REFUSED,
        )

    def _report(self, done: RegistryImport, *, read: int, options: dict[str, Any]) -> None:
        vague = vague_benefits(done.touched)
        counts = {
            "status": "checked" if options["dry_run"] else "applied",
            "read": read,
            "created": len(done.created),
            "updated": len(done.updated),
            "unchanged": len(done.unchanged),
            "rejected": [],
            "teams_created": list(done.teams_created),
        }
        if options["json"]:
            document = {**counts, "use_cases": list(done.touched), "vague_benefits": vague}
            self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2))
            return
        verb = "would be" if options["dry_run"] else "were"
        self.stdout.write(
            f"{read} use cases read: {len(done.created)} {verb} registered, {len(done.updated)} "
            f"changed, {len(done.unchanged)} left as they are."
        )
        if vague:
            self.stdout.write(
                f"{len(vague)} state a benefit without a number; their owners find them on their "
                "home page, everybody in the portfolio with “Benefit: no number”."
            )


def _named(model: type[RowT], field: str, value: str | None, option: str) -> RowT | None:
    """The row that an option names, or None when it is not given.

    Raises:
        CommandError: there is none.
    """
    if value is None:
        return None
    found = model._default_manager.filter(**{field: value}).first()
    if found is None:
        raise CommandError(f"{option}: there is no {model._meta.verbose_name} {value!r}.")
    return found
