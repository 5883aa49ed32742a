"""Kills (or fails) a scenario at each of its system calls and says what was found afterwards."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from tests.plugins.workers import test_database_variables as database_variables
from tests.reliability.kills.judge import imported

# What reaches the server, and what changes a file. The landed inputs are files on both engines.
ON_FILES = ("write", "fsync", "rename", "unlink", "mkdir")
CALLS = {
    "postgres": ("sendto", *ON_FILES),
    "sqlite": ("pwrite64", "fdatasync", "ftruncate", *ON_FILES),
}
KILLED = 9
TRIES = 3
WRITES_CHARGES = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM|COPY) \W*billing_charge\b")
SCENARIO = re.compile(r"[^a-z]+")


class Point(NamedTuple):
    """The `number`-th call of `call`, counted for each call by itself."""

    call: str
    number: int


class Finding(NamedTuple):
    """What one point showed."""

    point: Point
    signal: int
    code: Any
    problems: list[str]


def require_strace() -> None:
    """Skip where there is no strace; fail there when one is required."""
    if shutil.which("strace"):
        return
    message = "NO STRACE: sudo apt install -y strace"
    if os.environ.get("REQUIRE_STRACE") == "1":
        pytest.fail(f"REQUIRE_STRACE=1 and {message}")
    pytest.skip(message)


class Databases:
    """Small databases, copied from each other."""

    def __init__(self, engine: str, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._made: set[str] = set()
        self._tests_own = str(connection.settings_dict["NAME"])
        self._server: psycopg.Connection[Any] | None = None
        if engine == "postgres":
            # Another one than the test's: a template must have no visitors.
            told = connection.get_connection_params()
            names = ("user", "password", "host", "port")
            self._server = psycopg.connect(
                dbname="postgres",
                autocommit=True,
                **{name: told[name] for name in names if name in told},
            )

    def name(self, label: str) -> str:
        plain = SCENARIO.sub("_", label.lower())
        return f"kills_{plain}" if self._server else str(self.folder / f"{plain}.sqlite3")

    def copy(self, source: str | None, label: str) -> str:
        """Copy a database (None: the test's own, empty one) and return the copy's name."""
        connection.close()
        origin, target = source or self._tests_own, self.name(label)
        self.drop(target)
        if self._server:
            self._server.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(target), sql.Identifier(origin)
                )
            )
        elif source:
            shutil.copyfile(origin, target)
        else:
            copy_in_use(origin, target)
        self._made.add(target)
        return target

    def empty(self, label: str) -> str:
        """A database without any table; returns its name."""
        name = self.name(label)
        self.drop(name)
        if self._server:
            self._server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        self._made.add(name)
        return name

    def execute(self, name: str, statement: str) -> None:
        """One statement in one of the databases, past the portal."""
        if self._server:
            told: dict[str, Any] = {**self._server.info.get_parameters(), "dbname": name}
            told["password"] = self._server.info.password
            with psycopg.connect(autocommit=True, **told) as own:
                own.execute(statement.encode())
        else:
            with closing(sqlite3.connect(name)) as own_file:
                own_file.execute(statement)

    def drop(self, name: str) -> None:
        if self._server:
            self._server.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
        else:
            for suffix in ("", "-wal", "-shm", "-journal"):
                Path(name + suffix).unlink(missing_ok=True)
        self._made.discard(name)

    def close(self) -> None:
        for name in list(self._made):
            self.drop(name)
        if self._server:
            self._server.close()


def copy_in_use(origin: str, target: str) -> None:
    """Copy a SQLite file that this process may have open elsewhere, in another thread for example.

    Reading it as a file would give up all locks that this process holds on it: the next process
    that closes it then takes itself for the last one and removes the log under the others.
    """
    with closing(sqlite3.connect(origin)) as own, closing(sqlite3.connect(target)) as copy:
        own.backup(copy)


class Actor:
    """The process whose children are killed."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "actor.log"
        self._output = self.log.open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.reliability.kills.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            text=True,
            env={
                **os.environ,
                **database_variables(),
                "DJANGO_SETTINGS_MODULE": "portal.settings",
                "PLUMBLINE_LOG_LEVEL": "CRITICAL",
            },
        )

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"do": do, **fields}), file=self._process.stdin, flush=True)  # noqa: T201
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the acting process died, see {self.log}")
        told: dict[str, Any] = json.loads(answer)
        return told

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._output.close()


@dataclass
class Place:
    """A copy of a prepared state: a database and what was landed."""

    database: str
    landing: Path

    def fields(self) -> dict[str, str]:
        return {"database": self.database, "landing": str(self.landing)}


class Stage:
    """One scenario on one engine: prepared once, counted once, then killed point by point.

    With `fills`, metrics are filled as well after each kill.
    """

    def __init__(
        self,
        databases: Databases,
        actor: Actor,
        scenario: str,
        *,
        without: str | None = None,
        fills: bool = False,
    ) -> None:
        self.databases = databases
        self.actor = actor
        self.scenario = scenario
        self.without = without
        self.word, self.mend = ("fills", "mend_and_fill") if fills else ("", "mend")
        self.calls = ",".join(CALLS[databases.engine])
        base = self._place(None, "prepared")
        self.prepared = base
        self.before = self._ask("begin", base)
        self.points = self._count()

    def _place(self, origin: Place | None, label: str) -> Place:
        name = f"{self.scenario} {self.without or ''} {self.word} {label}"
        place = Place(
            self.databases.copy(origin.database if origin else None, name),
            self.databases.folder / f"landing-{SCENARIO.sub('-', name.lower())}",
        )
        shutil.rmtree(place.landing, ignore_errors=True)
        if origin:
            shutil.copytree(origin.landing, place.landing)
        else:
            place.landing.mkdir()
        return place

    def _ask(self, do: str, place: Place) -> Any:
        told = self.actor.ask(do, scenario=self.scenario, **place.fields())
        if "error" in told:
            raise RuntimeError(f"{self.scenario}, {do}: {told['error']}")
        return told["value"]

    def _act(self, place: Place, inject: str | None) -> tuple[int, Any]:
        log = self.databases.folder / "strace.log"
        told = self.actor.ask(
            "act",
            scenario=self.scenario,
            **place.fields(),
            trace=self.calls,
            inject=inject,
            log=str(log),
            without=self.without,
        )
        return told["signal"], told["code"]

    def _count(self) -> list[Point]:
        """Act once undisturbed: which calls there are, and how it must end."""
        place = self._place(self.prepared, "undisturbed")
        signal, code = self._act(place, None)
        if (signal, code) != (0, 0):
            said = self.actor.log.read_text(errors="replace")[-3000:]
            raise RuntimeError(f"{self.scenario} fails by itself: {signal}, {code}\n{said}")
        log = (self.databases.folder / "strace.log").read_text()
        made = Counter(re.findall(r"^\d+ +([a-z0-9]+)\(", log, re.MULTILINE))
        self.after = self._ask("look_now", place)["digest"]
        end = self._ask(self.mend, place)
        if end["problems"]:
            raise RuntimeError(f"{self.scenario} fails by itself: {end['problems']}")
        self.end = end["digest"]
        self.writing = _writing(log)
        return [Point(call, k) for call in sorted(made) for k in range(1, made[call] + 1)]

    def fault(self, point: Point, how: str = "signal=KILL") -> Finding:
        """Let one call kill (or fail) the victim; what held, and what was wrong."""
        place, signal, code = self._act_at(point, how)
        problems = []
        if how == "signal=KILL" and signal != KILLED:
            # Without this a harness that injects nothing would find nothing, and look well.
            problems.append(f"was not killed: signal {signal}, code {code}")
        if code == "hangs":
            problems.append("hangs")
        try:
            problems += self._compare(self._ask(self.mend, place))
        except RuntimeError as error:
            problems.append(f"cannot be mended: {str(error)[-500:]}")
        return Finding(point, signal, code, problems)

    def _act_at(self, point: Point, how: str) -> tuple[Place, int, Any]:
        """Try again when no call was met: statements that are sent together take a message more or
        less, by when their answers come, so the last call of all is not there each time."""
        tries = 0
        while True:
            place = self._place(self.prepared, "killed")
            signal, code = self._act(place, f"{point.call}:{how}:when={point.number}")
            tries += 1
            if how != "signal=KILL" or signal == KILLED or tries == TRIES:
                return place, signal, code

    def _compare(self, found: dict[str, Any]) -> list[str]:
        problems = list(found["problems"])
        if found["left"] not in (imported(self.before), imported(self.after)):
            problems.append(f"half an import: {_differ(found['left'], imported(self.after))}")
        if found["digest"] != self.end:
            problems.append(f"another end: {_differ(found['digest'], self.end)}")
        return problems


def _writing(log: str) -> list[Point]:
    """From the first statement that writes charges to the last, as a server is sent them.

    Empty on SQLite, whose calls write pages and do not say of what.
    """
    sent = re.findall(r"^\d+ +sendto\((.*)", log, re.MULTILINE)
    found = [k for k, text in enumerate(sent, start=1) if WRITES_CHARGES.search(text)]
    return [Point("sendto", k) for k in range(found[0], found[-1] + 1)] if found else []


def _differ(one: dict[str, str], other: dict[str, str]) -> str:
    names = [name for name in sorted(one) if one[name] != other.get(name)]
    return ", ".join(f"{name} {one[name]} ≠ {other.get(name)}" for name in names)[:300]


def on_files(points: list[Point]) -> list[Point]:
    """Those at which a disk can fail. A socket fails in both directions at once, which one failed
    call does not show: PostgreSQL's client goes on to wait for an answer to what it never sent."""
    return [point for point in points if point.call != "sendto"]


def spread(points: list[Point], number: int) -> list[Point]:
    """So many of the points, evenly over all of them; both ends are among them."""
    if number >= len(points):
        return points
    step = (len(points) - 1) / max(1, number - 1)
    return [points[round(n * step)] for n in range(number)]


def described(findings: Iterator[Finding] | list[Finding], scenario: str) -> list[str]:
    """The bad ones, each as a line that says how to find it again."""
    return [
        f"{scenario}, {found.point.call} number {found.point.number}: {problem}"
        for found in findings
        for problem in found.problems
    ]
