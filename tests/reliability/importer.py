"""A process that imports on request, each time in a child of its own that may be killed.

Started as `python -m tests.reliability.importer`; reads one JSON object a line:
`{"arguments": [...], "start": FILE, "result": FILE, "without": [...], "dawdle": SECONDS}`, and
answers with the child's process id. The child waits for `start` to exist, runs `import_costs` with
the arguments and writes `{"code": …, "output": …, "error": …}` to `result`.

`without` takes a guard away, in the child alone: `lock` is the lock of the connection, `immediate`
SQLite's way of beginning transactions. `dawdle` waits between planning and applying, so that what
a guard prevents has time to happen. The product has no such switch.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import django


def main() -> None:
    django.setup()
    from django.core.management import get_commands, load_command_class

    # Load all that an import needs once, before the first child.
    load_command_class(get_commands()["import_costs"], "import_costs")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for text in sys.stdin:
        child = os.fork()
        if child == 0:
            _serve(json.loads(text))
        print(child, flush=True)  # noqa: T201  (the answer)


def _serve(asked: dict[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _take_guards_away(asked.get("without", ()), asked.get("dawdle", 0.0))
    while not Path(asked["start"]).exists():
        time.sleep(0.002)
    code, output, error = _import(asked["arguments"])
    draft = Path(asked["result"] + ".draft")
    draft.write_text(json.dumps({"code": code, "output": output, "error": error}))
    draft.rename(asked["result"])
    os._exit(0)


def _import(arguments: list[str]) -> tuple[int, str, str]:
    from django.core.management import CommandError, call_command

    output, error = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stderr(error):
            call_command("import_costs", *arguments, stdout=output, stderr=error)
    except CommandError as problem:
        return problem.returncode, output.getvalue(), f"{error.getvalue()}{problem}"
    except Exception as problem:
        return 99, output.getvalue(), f"{type(problem).__name__}: {problem}"
    return 0, output.getvalue(), error.getvalue()


def _take_guards_away(guards: list[str], dawdle: float) -> None:
    from django.db import connection

    from billing.services.charge_store import ChargeStore
    from portal.imports import runner

    if "lock" in guards:
        vars(runner)["lock_connection"] = lambda connection_id: None
    if "immediate" in guards:
        # mypy sees the general wrapper; SQLite's reads this when it connects.
        connection.transaction_mode = None  # type: ignore[attr-defined]
        connection.settings_dict["OPTIONS"] = {
            key: value
            for key, value in connection.settings_dict["OPTIONS"].items()
            if key != "transaction_mode"
        }
    if dawdle:
        plan = ChargeStore.plan

        def plan_and_wait(store: ChargeStore) -> Any:
            planned = plan(store)
            time.sleep(dawdle)
            return planned

        setattr(ChargeStore, "plan", plan_and_wait)  # noqa: B010  (replaced on purpose)


if __name__ == "__main__":
    main()
