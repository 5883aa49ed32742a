"""`manage.py close_period YYYY-MM`: the checklist of a month, and asking for its close."""

from __future__ import annotations

import datetime as dt
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.choices import CloseState
from billing.selectors.close_checks import Checklist, checklists
from billing.selectors.close_figures import COMPONENTS
from billing.services.closes import CloseRefusedError, request_close
from portal.models import User
from portal.shell.money import nano_text
from portal.shell.periods import BadPeriodError, Month


class Command(BaseCommand):
    help = (
        "Show what is done and what is missing for closing a month. With --as somebody of finance "
        "asks for every close that is ready; the terminal never decides: another person does, at "
        "the page of approvals, where it is known who they are."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("month", help="billing month, YYYY-MM")
        parser.add_argument("--issuer", help="only this issuer")
        parser.add_argument("--account", help="only this billing account")
        parser.add_argument("--currency", help="only this currency")
        parser.add_argument(
            "--as", dest="person", metavar="USER", help="ask for the close as this person"
        )
        parser.add_argument("--reason", default="", help="a word to the second person")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            month = Month.parse(options["month"])
        except BadPeriodError as error:
            raise CommandError(str(error)) from error
        person = self._person(options["person"])
        now = timezone.now()
        wanted = self._wanted(month, options, now)
        problems: dict[str, list[str]] = {}
        if person is not None:
            for each in wanted:
                problems[each.key] = self._ask(each, person, options["reason"], now)
            wanted = self._wanted(month, options, now)
        if options["json"]:
            document = {"month": str(month), "scopes": [_present(each) for each in wanted]}
            self.stdout.write(json.dumps(document, indent=2, ensure_ascii=False))
        else:
            for each in wanted:
                for line in _as_text(each):
                    self.stdout.write(line)
        refused = [problem for found in problems.values() for problem in found]
        if refused:
            raise CommandError("Not asked for: " + " ".join(refused))

    def _person(self, name: str | None) -> User | None:
        if name is None:
            return None
        found = User.objects.filter(username=name, is_active=True).first()
        if found is None:
            raise CommandError(f"--as: nobody signs in as {name!r}.")
        return found

    def _wanted(self, month: Month, options: dict[str, Any], now: dt.datetime) -> list[Checklist]:
        limits = {name: options[name] for name in ("account", "currency")}
        issuer = (options["issuer"] or "").casefold()
        found = [
            each
            for each in checklists(month, now=now)[1]
            if all(value in (None, getattr(each.scope, name)) for name, value in limits.items())
            and issuer in ("", each.scope.folded)
        ]
        if not found:
            raise CommandError(f"There is no invoice for {month} to close against.")
        return found

    def _ask(self, each: Checklist, person: User, reason: str, now: dt.datetime) -> list[str]:
        """What keeps it from being asked for; a month that is closed or asked for needs nothing."""
        if each.close is not None or each.request is not None:
            return []
        try:
            request_close(scope=each.scope, reason=reason, actor=person, at=now)
        except CloseRefusedError as error:
            return [f"{each.scope}: {problem}" for problem in error.problems]
        return []


def _present(each: Checklist) -> dict[str, Any]:
    return {
        "issuer": each.scope.issuer,
        "account": each.scope.account or None,
        "currency": each.scope.currency,
        "state": each.state.value,
        "settled_from": each.settled_from.isoformat(),
        "checks": [
            {"key": check.key, "done": check.is_done, "problems": list(check.problems)}
            for check in each.checks
        ],
        "invoices": [
            {
                "number": own.invoice.number,
                "total": nano_text(own.invoice.total_nano),
                **{name: nano_text(getattr(own, f"{name}_nano")) for name in COMPONENTS},
                "residual": nano_text(own.residual_nano),
                "lines": own.lines,
                "basis": own.basis or None,
            }
            for own in each.invoices
        ],
        "request": each.request.pk if each.request else None,
        "closed_at": each.close.closed_at.isoformat() if each.close else None,
        "figures_hash": each.close.figures_hash if each.close else None,
        "corrections": len(each.corrections),
    }


def _as_text(each: Checklist) -> list[str]:
    lines = [f"{each.scope}: {CloseState(each.state).label}"]
    for check in each.checks:
        lines.append(f"  [{'x' if check.is_done else ' '}] {check.label}")
        lines += [f"      {problem}" for problem in check.problems]
    for own in each.invoices:
        parts = ", ".join(f"{n} {nano_text(getattr(own, f'{n}_nano'))}" for n in COMPONENTS)
        lines.append(
            f"  invoice {own.invoice.number}: {nano_text(own.invoice.total_nano)} "
            f"{each.scope.currency} = {parts}; residual {nano_text(own.residual_nano)}"
        )
    if each.request is not None:
        lines.append(
            f"  request {each.request.pk} by {each.request.author} waits for another person"
        )
    return lines
