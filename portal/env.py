"""Environment variables, parsed strictly: the only door through which settings come in.

Every variable that Plumbline reads is a field of :class:`Environment`; `docs/operators.md` lists
them and a test compares the two. A value that cannot be read, and anything unsafe in production,
raises :class:`UnsafeEnvironmentError`, which names the variable and says what was expected.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
from collections.abc import Callable, Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Self

from django.core.exceptions import ImproperlyConfigured
from pydantic import ConfigDict, Field, ValidationError

from portal.keys import NumberedSecrets, read_numbered
from portal.mail_server import MailServer, read_mail_url
from portal.signin.variables import SignInSettings, SignInVariables

BASE_DIR = Path(__file__).resolve().parent.parent
MINIMUM_SECRET_LENGTH = 50
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
RATE = r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$"
_KEY_BYTES = 32
Network = IPv4Network | IPv6Network


class UnsafeEnvironmentError(ImproperlyConfigured):
    """A variable is missing, unreadable or unsafe; the message names it and the remedy."""


class Mode(StrEnum):
    LOCAL = "local"
    PRODUCTION = "production"


class Environment(SignInVariables):
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
    plumbline_people_files_days: int = Field(default=400, ge=30, le=4000)
    plumbline_token_peppers: str = ""
    plumbline_credential_keys: str = ""
    plumbline_audit_keys: str = ""
    plumbline_audit_keys_file: str = ""
    plumbline_audit_heads: str = ""
    plumbline_credential_dir: Path = Path("/run/secrets")
    plumbline_private_networks: str = ""
    plumbline_embed_origins: str = ""
    plumbline_allow_http: bool = False
    plumbline_pg_bin: str = ""
    plumbline_api_rate: str = Field(default="600/minute", pattern=RATE)
    plumbline_api_refused_rate: str = Field(default="60/minute", pattern=RATE)
    plumbline_upload_rate: str = Field(default="60/hour", pattern=RATE)
    plumbline_export_rate: str = Field(default="120/hour", pattern=RATE)
    plumbline_max_upload_bytes: int = Field(default=2 * 1024**3, ge=1024)
    plumbline_max_upload_file_bytes: int = Field(default=1024**3, ge=1024)
    plumbline_max_upload_files: int = Field(default=100, ge=1, le=1000)
    plumbline_mail_url: str = ""
    plumbline_mail_from: str = "plumbline@localhost"
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
        found._refuse_unreadable_lists()
        if found.plumbline_env is Mode.PRODUCTION:
            found._refuse_unsafe_production()
        return found

    def _refuse_unreadable_lists(self) -> None:
        try:
            _ = self._given_peppers, self._given_credential_keys, self.private_networks
            _ = self._given_audit_keys, self.embed_origins
            _ = self.sign_in_settings, self.mail_server
        except ValueError as error:
            raise UnsafeEnvironmentError(f"{error}.") from None

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
        if not self.plumbline_token_peppers:
            raise UnsafeEnvironmentError(
                "PLUMBLINE_TOKEN_PEPPERS: production needs at least one numbered secret, which API "
                "tokens are hashed with, for example 1:… with a secret of at least "
                f"{MINIMUM_SECRET_LENGTH} characters made like PLUMBLINE_SECRET_KEY."
            )
        if not self._given_audit_keys.by_number:
            raise UnsafeEnvironmentError(
                "PLUMBLINE_AUDIT_KEYS: production needs at least one numbered secret, which the "
                "seals of the audit are signed with, for example 1:… with a secret of at least "
                f"{MINIMUM_SECRET_LENGTH} characters made like PLUMBLINE_SECRET_KEY; or name a "
                "mounted file with it in PLUMBLINE_AUDIT_KEYS_FILE."
            )
        if self.plumbline_allow_http:
            raise UnsafeEnvironmentError(
                "PLUMBLINE_ALLOW_HTTP: production sends credentials over https only; unset it."
            )

    @property
    def is_production(self) -> bool:
        return self.plumbline_env is Mode.PRODUCTION

    @property
    def allowed_hosts(self) -> list[str]:
        return [host.strip() for host in self.plumbline_allowed_hosts.split(",") if host.strip()]

    @property
    def site_origin(self) -> str:
        """Where this portal is reached from outside: the first of its hosts."""
        if self.is_production:
            return f"https://{self.allowed_hosts[0].lstrip('.')}"
        return f"http://127.0.0.1:{self.plumbline_port}"

    @property
    def var(self) -> Path:
        """The data directory, absolute."""
        return self.plumbline_var.expanduser().resolve()

    @property
    def _given_peppers(self) -> NumberedSecrets:
        return read_numbered(
            self.plumbline_token_peppers, variable="PLUMBLINE_TOKEN_PEPPERS", problem=_weak_pepper
        )

    @property
    def _given_credential_keys(self) -> NumberedSecrets:
        return read_numbered(
            self.plumbline_credential_keys,
            variable="PLUMBLINE_CREDENTIAL_KEYS",
            problem=_no_encryption_key,
        )

    @property
    def _given_audit_keys(self) -> NumberedSecrets:
        text = self.plumbline_audit_keys
        if self.plumbline_audit_keys_file:
            try:
                text = Path(self.plumbline_audit_keys_file).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"PLUMBLINE_AUDIT_KEYS_FILE cannot be read: {error}") from None
        return read_numbered(text, variable="PLUMBLINE_AUDIT_KEYS", problem=_weak_pepper)

    @property
    def private_networks(self) -> tuple[Network, ...]:
        """Networks that are not public and may be called all the same.

        Raises:
            ValueError: an entry is no network.
        """
        return read_networks(self.plumbline_private_networks, "PLUMBLINE_PRIVATE_NETWORKS")

    @property
    def embed_origins(self) -> tuple[str, ...]:
        """Origins of sites that may show a dashboard in a frame; none unless given.

        Raises:
            ValueError: an entry is no origin.
        """
        return read_origins(self.plumbline_embed_origins, "PLUMBLINE_EMBED_ORIGINS")

    @property
    def mail_server(self) -> MailServer | None:
        """The server that takes the portal's e-mail; None when there is none.

        Raises:
            ValueError: the address of the server cannot be read.
        """
        return read_mail_url(self.plumbline_mail_url, "PLUMBLINE_MAIL_URL")

    def token_peppers(self) -> NumberedSecrets:
        """What API tokens are hashed with; in local mode also one made once, number 0."""
        return self._with_local(self._given_peppers, "token_pepper", _new_secret)

    def audit_keys(self) -> NumberedSecrets:
        """What seals of the audit are signed with; in local mode also one made once, number 0."""
        return self._with_local(self._given_audit_keys, "audit_key", _new_secret)

    @property
    def audit_heads(self) -> Path:
        """The folder, outside the database, that the heads of the audit are written to."""
        return Path(self.plumbline_audit_heads or self.var / "audit-heads").expanduser().resolve()

    def credential_keys(self) -> NumberedSecrets:
        """What stored credentials are encrypted with; in local mode also one made once, number 0.

        In production there may be none: then credentials come by reference only.
        """
        return self._with_local(self._given_credential_keys, "credential_key", new_encryption_key)

    def _with_local(
        self, given: NumberedSecrets, file_name: str, make: Callable[[], str]
    ) -> NumberedSecrets:
        if self.is_production:
            return given
        made = read_or_make_secret(self.var / file_name, make)
        return NumberedSecrets(given.variable, {0: made, **given.by_number})

    @property
    def sign_in_settings(self) -> SignInSettings:
        """How people get in.

        Raises:
            ValueError: naming the variable that is wrong or missing.
        """
        return self.sign_in(is_production=self.is_production)

    def secret_key(self) -> str:
        """The given secret, or in local mode one made once and kept below the data directory."""
        return self.plumbline_secret_key or read_or_make_secret(self.var / "secret_key")


def read_origins(text: str, variable: str) -> tuple[str, ...]:
    """Origins, separated by commas: scheme and host, exactly, so that no wildcard lets all in.

    Raises:
        ValueError: naming the entry that is no origin.
    """
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    for entry in found:
        if not _ORIGIN.fullmatch(entry):
            raise ValueError(
                f"{variable}: {entry!r} is no origin; write for example https://wiki.example.org"
            )
    return found


def read_networks(text: str, variable: str) -> tuple[Network, ...]:
    """Networks in CIDR form, separated by commas.

    Raises:
        ValueError: naming the entry that is no network.
    """
    found = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        try:
            found.append(ip_network(part))
        except ValueError as error:
            raise ValueError(
                f"{variable}: {part} is no network ({error}); write for example 10.2.0.0/16"
            ) from None
    return tuple(found)


def _weak_pepper(secret: str) -> str:
    if len(secret) < MINIMUM_SECRET_LENGTH:
        return f"must have at least {MINIMUM_SECRET_LENGTH} characters"
    return ""


def _no_encryption_key(secret: str) -> str:
    try:
        size = len(base64.urlsafe_b64decode(secret.encode("ascii")))
    except ValueError:
        size = 0
    return "" if size == _KEY_BYTES else "must be 32 random bytes in URL-safe base64"


def new_encryption_key() -> str:
    """32 random bytes in URL-safe base64, as Fernet takes them."""
    return base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode("ascii")


def _new_secret() -> str:
    return secrets.token_urlsafe(64)


def read_or_make_secret(path: Path, make: Callable[[], str] = _new_secret) -> str:
    """Return the secret in `path`; make it, readable by its owner only, when it is not there.

    Two processes may start at once: each writes a file of its own, and the first hard link wins.
    """
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(make())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first: its secret is the one
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii").strip()


def variables_of_this_process() -> Mapping[str, str]:
    """All variables as they are now, for credentials that a connection names by reference."""
    return os.environ
