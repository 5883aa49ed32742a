"""Structured logs with request and run ids, and with secrets masked before anything is written."""

from __future__ import annotations

import logging.config
import re
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

MASK = "***"
_SECRET_KEY = re.compile(
    r"(password|passwd|secret|token|authorization|cookie|api[-_]?key|credential|private[-_]?key)",
    re.IGNORECASE,
)
_SECRET_IN_TEXT = re.compile(
    r"(?i)(bearer\s+|basic\s+|(?:password|secret|token|api[-_]?key)\s*[=:]\s*|://[^/\s:@]+:)"
    r"([^\s@&'\"]+)"
)


_API_TOKEN = re.compile(r"plb_[0-9A-Za-z]{10}_[0-9A-Za-z]+")
_SHORTEST_KNOWN = 8  # a shorter one would mask ordinary words
_known: set[str] = set()


def know_secret(secret: str) -> None:
    """Mask `secret` wherever it turns up in this process's logs from now on, whatever its form."""
    if len(secret) >= _SHORTEST_KNOWN:
        _known.add(secret)


def mask_text(text: str) -> str:
    """Mask known secrets, API tokens, passwords in URLs, and what follows a secret-looking word."""
    for secret in tuple(_known):
        if secret in text:
            text = text.replace(secret, MASK)
    text = _API_TOKEN.sub(MASK, text)
    return _SECRET_IN_TEXT.sub(rf"\1{MASK}", text)


def mask_value(key: str, value: Any) -> Any:
    """Mask `value` when its key names a secret; look into containers and text."""
    if _SECRET_KEY.search(key):
        return MASK
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return {k: mask_value(str(k), v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask_value(key, item) for item in value]
    return value


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """structlog processor: the last step before rendering, so that nothing slips in after it."""
    return {key: mask_value(key, value) for key, value in event.items()}


def configure_logging(*, level: str, log_format: str) -> None:
    """Send everything to stderr as `json` lines or, on a console, as readable text."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
        mask_secrets,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    # Never more than INFO of these, and less where less was asked for.
    chatty = "INFO" if level in {"DEBUG", "INFO"} else level
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        renderer,
                    ],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                "django.request": {"level": "ERROR"},
                "django_structlog": {"level": chatty},
                "celery": {"level": chatty},
                "kombu": {"level": "WARNING"},
            },
        }
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
