"""Backup of a PostgreSQL database by `pg_dump`, and putting one back in one transaction.

The counts and the dump are taken from one exported snapshot. A restore moves the present schema
aside, builds the new one beside it, counts it, and drops the former one, all in one transaction: a
mismatch, an error or a kill leaves everything as it was.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import connection, transaction
from psycopg.conninfo import make_conninfo

from portal.backup.figures import SESSIONS, count_table
from portal.backup.manifest import BackupError, TableFigures

ENGINE = "postgresql"
MEMBER = "database.pgdump"
SCHEMA = "public"
FORMER = "plumbline_former"
LOCK_SECONDS = 20
# Independent of order, and computed where the data is.
_DIGEST = "sum(hashtextextended(t::text, 0)::numeric)"
_FIXED_TEXT = (
    "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL bytea_output = 'hex'"
)
_OF_THIS_PROGRAM = ("client_encoding", "options", "fallback_application_name", "connect_timeout")
_COPY = re.compile(rb"COPY .* FROM stdin;\n")


def engine_version() -> str:
    """The server's version."""
    return str(_value("SHOW server_version"))


def _value(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
    return row[0] if row else None


def _query(sql: str) -> Sequence[Sequence[Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql.replace("%", "%%"), ())
        found: Sequence[Sequence[Any]] = cursor.fetchall()
        return found


# --- The server's own programs -----------------------------------------------------------------


def find_program(name: str) -> str:
    """Path of `pg_dump` or `pg_restore`, not older than the server.

    Raises:
        BackupError: there is none.
    """
    server = int(_value("SHOW server_version_num")) // 10_000
    places = [settings.PG_BIN_DIR] if settings.PG_BIN_DIR else []
    found = (
        [shutil.which(name, path=str(place)) for place in places]
        if places
        else [
            shutil.which(name),
            *(
                str(path)
                for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))[::-1]
            ),
        ]
    )
    for path in filter(None, found):
        if _major(path) >= server:
            return path
    raise BackupError(
        f"There is no {name} of PostgreSQL {server} or newer here. Install the client programs of "
        f"the server's version, or say where they are with PLUMBLINE_PG_BIN."
    )


def _major(path: str) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    number = re.search(r"(\d+)(\.\d+)?", said.stdout)
    return int(number[1]) if number else 0


def _address() -> tuple[str, dict[str, str]]:
    """How the present connection got there, for another program; the password apart from it."""
    connection.ensure_connection()
    info = connection.connection.info
    variables = {"PGCONNECT_TIMEOUT": "10"} | (
        {"PGPASSWORD": info.password} if info.password else {}
    )
    parameters = info.get_parameters()
    kept = {name: parameters[name] for name in parameters if name not in _OF_THIS_PROGRAM}
    return make_conninfo(**kept), variables


# --- Backup ------------------------------------------------------------------------------------


@contextmanager
def snapshot() -> Iterator[str]:
    """A read transaction that sees one state of the database; the name others may join it by."""
    # By the driver itself: SET must come first, and Django's wrappers may ask something before it.
    with transaction.atomic(), connection.connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        yield str(cursor.fetchone()[0])


def dump(target: Path, snapshot_name: str) -> None:
    """Write what the snapshot sees, without the rows of sessions, to `target`.

    Raises:
        BackupError: `pg_dump` is not there or did not succeed.
    """
    address, variables = _address()
    command = [find_program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges"]
    command += [f"--schema={SCHEMA}", f"--exclude-table-data={SCHEMA}.{SESSIONS}"]
    command += [f"--snapshot={snapshot_name}", f"--file={target}", f"--dbname={address}"]
    done = subprocess.run(
        command,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupError(f"pg_dump did not succeed: {done.stderr.strip()}")


def count_tables() -> dict[str, TableFigures]:
    """Counts, sums and content digests of every table, within the present transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_FIXED_TEXT)
        cursor.execute(
            "SELECT c.relname, array_agg(a.attname ORDER BY a.attnum) FROM pg_class c "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
            "WHERE c.relnamespace = %s::regnamespace AND c.relkind IN ('r', 'p') "
            "GROUP BY c.relname ORDER BY c.relname",
            [SCHEMA],
        )
        tables = cursor.fetchall()
    return {
        name: count_table(_query, name, columns, digest_sql=_DIGEST)
        for name, columns in tables
        if name != SESSIONS
    }


# --- Restore -----------------------------------------------------------------------------------


@contextmanager
def replacing(path: Path) -> Iterator[None]:
    """Within the block the database is what the dump at `path` holds; an error undoes all of it.

    Raises:
        BackupError: the dump cannot be read, or somebody holds the database.
    """
    _refuse_extensions()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            cursor.execute(f"ALTER SCHEMA {SCHEMA} RENAME TO {FORMER}")
            cursor.execute(f"CREATE SCHEMA {SCHEMA}")
            for section in ("pre-data", "data", "post-data"):
                _run_section(cursor, path, section)
            # A dump empties the search path; what follows and the next requests need it.
            cursor.execute(f"SET search_path = {SCHEMA}")
        yield
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {FORMER} CASCADE")
    connection.close()


def _refuse_extensions() -> None:
    found = _query(
        "SELECT extname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace "
        "WHERE n.nspname = 'public'"
    )
    if found:
        names = ", ".join(str(row[0]) for row in found)
        raise BackupError(
            f"The schema {SCHEMA!r} holds extensions ({names}); move them to another schema first: "
            "a restore replaces that schema."
        )


def _run_section(cursor: Any, path: Path, section: str) -> None:
    """Run one section of the dump as SQL, in the transaction of `cursor`."""
    command = [find_program("pg_restore"), f"--section={section}", "--no-owner", "--no-privileges"]
    command += ["--file=-", str(path)]
    with subprocess.Popen(
        command, env={}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None  # noqa: S101  (for the type checker)
        assert process.stderr is not None  # noqa: S101  (for the type checker)
        _run_script(cursor, process.stdout)
        said = process.stderr.read().decode(errors="replace").strip()
    if process.returncode:
        raise BackupError(f"pg_restore did not succeed: {said}")


def _run_script(cursor: Any, script: IO[bytes]) -> None:
    r"""SQL in parts; the rows that follow a COPY up to `\.` are copied."""
    statements: list[bytes] = []
    for line in script:
        if line.startswith((b"\\restrict ", b"\\unrestrict ", b"CREATE SCHEMA ")):
            continue  # for psql; and the schema is there already
        statements.append(line)
        if not _COPY.fullmatch(line):
            continue
        _execute(cursor, b"".join(statements[:-1]))
        statements.clear()
        with cursor.copy(line.decode()) as copy:
            _copy_rows(copy, script)
    _execute(cursor, b"".join(statements))


def _copy_rows(copy: Any, script: IO[bytes]) -> None:
    held: list[bytes] = []
    for row in script:
        if row == b"\\.\n":
            break
        held.append(row)
        if len(held) == 1_000:
            copy.write(b"".join(held))
            held.clear()
    copy.write(b"".join(held))


def _execute(cursor: Any, sql: bytes) -> None:
    if sql.strip():
        cursor.cursor.execute(sql)
