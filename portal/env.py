"""Environment variables, parsed strictly: the only door through which settings come in.

Every variable that Plumbline reads is a field of :class:`Environment`; `docs/operators.md` lists
them and a test compares the two. A value that cannot be read, and anything unsafe in production,
raises :class:`UnsafeEnvironmentError`, which names the variable and says what was expected.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Self

from django.core.exceptions import ImproperlyConfigured
from pydantic import BaseModel, ConfigDict, Field, ValidationError

BASE_DIR = Path(__file__).resolve().parent.parent
MINIMUM_SECRET_LENGTH = 50


class UnsafeEnvironmentError(ImproperlyConfigured):
    """A variable is missing, unreadable or unsafe; the message names it and the remedy."""


class Mode(StrEnum):
    LOCAL = "local"
    PRODUCTION = "production"


class Environment(BaseModel):
    """All variables, under their real names (lower-cased)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    plumbline_env: Mode = Mode.LOCAL
    plumbline_var: Path = BASE_DIR / "var"
    plumbline_port: int = Field(default=8000, ge=1, le=65535)
    plumbline_secret_key: str = ""
    plumbline_allowed_hosts: str = ""
    plumbline_trusted_proxy: bool = False
    plumbline_log_level: str = Field(
        default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$"
    )
    plumbline_log_format: str = Field(default="", pattern="^(|json|console)$")
    plumbline_shared_data: Path = BASE_DIR.parent / "shared" / "data"
    plumbline_max_import_bytes: int = Field(default=8 * 1024**3, ge=1024)
    plumbline_max_import_rows: int = Field(default=20_000_000, ge=1)
    database_url: str = ""
    celery_broker_url: str = ""

    @classmethod
    def read(cls, variables: Mapping[str, str] | None = None) -> Self:
        """Read and check the variables (default: those of this process).

        Raises:
            UnsafeEnvironmentError: naming the variable, what it holds wrong and what is expected.
        """
        source = os.environ if variables is None else variables
        names = {
            name: source[name.upper()] for name in cls.model_fields if source.get(name.upper())
        }
        try:
            found = cls.model_validate(names)
        except ValidationError as error:
            first = error.errors()[0]
            variable = str(first["loc"][0]).upper()
            raise UnsafeEnvironmentError(f"{variable}: {first['msg']}.") from error
        if found.plumbline_env is Mode.PRODUCTION:
            found._refuse_unsafe_production()
        return found

    def _refuse_unsafe_production(self) -> None:
        if len(self.plumbline_secret_key) < MINIMUM_SECRET_LENGTH:
            raise UnsafeEnvironmentError(
                "PLUMBLINE_SECRET_KEY: production needs a secret of at least "
                f"{MINIMUM_SECRET_LENGTH} characters; make one with "
                "`python3 -c 'import secrets; print(secrets.token_urlsafe(64))'`."
            )
        hosts = self.allowed_hosts
        if not hosts or "*" in hosts:
            raise UnsafeEnvironmentError(
                "PLUMBLINE_ALLOWED_HOSTS: production needs the comma-separated host names that "
                "this portal answers to; `*` is refused."
            )
        if not self.database_url.startswith(("postgres://", "postgresql://")):
            raise UnsafeEnvironmentError(
                "DATABASE_URL: production needs PostgreSQL, "
                "for example postgresql://user:password@host:5432/plumbline."
            )
        if not self.celery_broker_url:
            raise UnsafeEnvironmentError(
                "CELERY_BROKER_URL: production needs Redis or Valkey, "
                "for example redis://host:6379/0."
            )

    @property
    def is_production(self) -> bool:
        return self.plumbline_env is Mode.PRODUCTION

    @property
    def allowed_hosts(self) -> list[str]:
        return [host.strip() for host in self.plumbline_allowed_hosts.split(",") if host.strip()]

    @property
    def var(self) -> Path:
        """The data directory, absolute."""
        return self.plumbline_var.expanduser().resolve()

    def secret_key(self) -> str:
        """The given secret, or in local mode one made once and kept below the data directory."""
        return self.plumbline_secret_key or read_or_make_secret(self.var / "secret_key")


def read_or_make_secret(path: Path) -> str:
    """Return the secret in `path`; make it, readable by its owner only, when it is not there.

    Two processes may start at once: each writes a file of its own, and the first hard link wins.
    """
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(secrets.token_urlsafe(64))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first: its secret is the one
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii").strip()
