"""A process with everything loaded that acts scenarios out in children, which strace may kill.

Started as `python -m tests.reliability.kills.server`; one JSON object a line in and out:

    {"do": "begin" | "look_now" | "mend" | …, "scenario": …, "database": …, "landing": …}
        → {"value": …} or {"error": …}
    {"do": "act", …, "trace": "sendto,…", "inject": "sendto:signal=KILL:when=3" | null,
     "log": FILE, "without": "transactions" | null}
        → {"signal": 9 | 0, "code": …}, once the child is gone
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

SECONDS = 30  # a child that takes longer hangs
PR_SET_PTRACER, ANYBODY = 0x59616D61, ctypes.c_ulong(-1)


def main() -> None:
    django.setup()
    from django.urls import reverse

    from tests.reliability.kills import judge

    reverse("home")  # loads every page once, before the first child would
    for text in sys.stdin:
        asked = json.loads(text)
        answer = _act(asked) if asked["do"] == "act" else _ask(getattr(judge, asked["do"]), asked)
        print(json.dumps(answer), flush=True)  # noqa: T201  (the answer)


def _use(asked: dict[str, Any]) -> None:
    """In a child: make the database of the request ours."""
    from django.conf import settings
    from django.db import connection

    connection.settings_dict["NAME"] = asked["database"]
    settings.LANDING_DIR = Path(asked["landing"])
    settings.AUDIT_HEADS_DIR = Path(asked["landing"]) / "heads"


def _ask(work: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Do something in a child of its own and take its answer from a pipe."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            _use(asked)
            answer = {"value": work(asked["scenario"])}
        except BaseException:
            answer = {"error": traceback.format_exc()[-3000:]}
        _leave(writing, json.dumps(answer).encode())
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    found: dict[str, Any] = json.loads(told) if told else {"error": "the child died"}
    return found


def _leave(writing: int, told: bytes) -> None:
    """Close the database as an ending process does, answer, and end."""
    from django.db import connection

    with contextlib.suppress(Exception):
        connection.close()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(told)
    os._exit(0)


def _act(asked: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        _be_the_victim(asked, reading)
    os.close(reading)
    tracer = _attach(child, asked)
    os.write(writing, b"go")
    os.close(writing)
    try:
        tracer.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.kill(child, 9)
        tracer.communicate()
        os.waitpid(child, 0)
        return {"signal": 0, "code": "hangs"}
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return {"signal": os.WTERMSIG(status), "code": None}
    return {"signal": 0, "code": os.WEXITSTATUS(status)}


def _attach(child: int, asked: dict[str, Any]) -> subprocess.Popen[str]:
    command = ["strace", "-f", "-s", "120", "-o", asked["log"], "-e", f"trace={asked['trace']}"]
    command += ["-e", "signal=none", "-p", str(child)]
    if asked["inject"]:
        command[1:1] = ["-e", f"inject={asked['inject']}"]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    if "attached" not in said:
        raise RuntimeError(f"strace cannot watch a process here: {said}")
    return tracer


def _be_the_victim(asked: dict[str, Any], start: int) -> None:
    # Where a process may watch its own children only, strace is allowed all the same.
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY, 0, 0, 0)
    from django.db import connection

    from tests.imports import START, Clock
    from tests.reliability.kills.scenarios import SCENARIOS

    # A module that is compiled is kept by the first run only: the others have no such calls.
    sys.dont_write_bytecode = True
    code = 0
    try:
        _use(asked)
        if asked["without"] == "transactions":
            _write_without_transactions()
        os.read(start, 2)
        SCENARIOS[asked["scenario"]].act(Clock(START + timedelta(hours=1)))
        connection.close()
    except BaseException as problem:
        traceback.print_exception(problem)
        code = 1
    os._exit(code)


def _write_without_transactions() -> None:
    """An importer that commits each statement: what the harness must find fault with."""
    from django.db import connection
    from django.db.transaction import Atomic

    from billing.services import allocations, charge_store, usage_store
    from portal.imports import runner

    setattr(Atomic, "__enter__", lambda self: None)  # noqa: B010  (replaced on purpose)
    setattr(Atomic, "__exit__", lambda self, *problem: None)  # noqa: B010
    connection.features.has_select_for_update = False
    connection.validate_no_atomic_block = lambda: None  # type: ignore[method-assign]
    for module in (runner, allocations):
        if "lock_connection" in vars(module):
            vars(module)["lock_connection"] = lambda connection_id: None
    for writer in (
        allocations,
        charge_store,
        usage_store,
    ):  # a lock of a transaction, which there is not
        vars(writer)["hold_what_facts_point_at"] = lambda: None


if __name__ == "__main__":
    main()
