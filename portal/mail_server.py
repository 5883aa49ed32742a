"""The mail server in one variable, read strictly. No Django here: settings are made with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mail is handed over, always encrypted: by STARTTLS, or by TLS from the start."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    uses_tls: bool = False

    @property
    def uses_starttls(self) -> bool:
        return not self.uses_tls


def read_mail_url(text: str, variable: str) -> MailServer | None:
    """Read `smtp://user:password@host:587` (STARTTLS) or `smtps://…:465`; None for no text.

    Raises:
        ValueError: naming the variable, never its value: it may hold a password.
    """
    if not text:
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    else:
        if parts.scheme in _PORTS and host and parts.path in ("", "/") and not parts.query:
            return MailServer(
                host,
                port or _PORTS[parts.scheme],
                unquote(parts.username or ""),
                unquote(parts.password or ""),
                uses_tls=parts.scheme == "smtps",
            )
    raise ValueError(
        f"{variable} is no address of a mail server; write smtp://user:password@host:587 "
        "or smtps://user:password@host:465"
    )
