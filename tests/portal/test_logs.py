"""What is masked before a line is written."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
from django.conf import settings

from portal.logs import MASK, configure_logging, know_secret, mask_secrets, mask_text
from portal.token_text import new_token_text

SECRET = "sk-live-3f9c2b7a41"


@pytest.mark.parametrize(
    "text",
    [
        f"GET /x?q={new_token_text()}",
        f"Authorization: Bearer {SECRET}",
        f"password={SECRET}&next=/",
        f"postgresql://plumbline:{SECRET}@database/plumbline",
        f"api_key: {SECRET}",
    ],
    ids=["token", "header", "form", "address", "key"],  # the same in every process
)
def test_what_looks_like_a_secret_is_masked_in_any_text(text: str) -> None:
    masked = mask_text(text)
    assert MASK in masked
    assert SECRET not in masked
    assert "plb_" not in masked


def test_a_known_secret_is_masked_wherever_it_stands() -> None:
    know_secret("correct horse battery")
    found = mask_secrets(
        None, "", {"event": "x", "rows": [{"note": "a correct horse battery staple"}], "n": 3}
    )
    assert "horse" not in str(found)
    assert found["n"] == 3


def test_a_short_word_never_becomes_a_known_secret() -> None:
    know_secret("import")
    assert mask_text("an import ran") == "an import ran"


@pytest.mark.parametrize(
    "name", ["password", "Authorization", "api-key", "client_secret", "cookie"]
)
def test_what_is_called_a_secret_is_masked_whole(name: str) -> None:
    assert mask_secrets(None, "", {name: ["anything"]}) == {name: MASK}


def test_the_secrets_of_the_deployment_are_known() -> None:
    pepper = settings.TOKEN_PEPPERS.get(settings.TOKEN_PEPPERS.newest)
    key = settings.CREDENTIAL_KEYS.get(settings.CREDENTIAL_KEYS.newest)
    masked = mask_text(f"{settings.SECRET_KEY} {pepper} {key}")
    assert masked == f"{MASK} {MASK} {MASK}"


def test_tracebacks_and_foreign_loggers_are_masked_on_the_way_out(
    monkeypatch: pytest.MonkeyPatch, request: Any
) -> None:
    request.addfinalizer(
        lambda: configure_logging(
            level=settings.ENVIRONMENT.plumbline_log_level, log_format=settings.LOG_FORMAT
        )
    )
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    configure_logging(level="INFO", log_format="json")
    token = new_token_text()
    try:
        raise ValueError(f"bad header: Bearer {SECRET} or {token}")
    except ValueError:
        logging.getLogger("somebody.else").exception("failed with %s", token)
    line = json.loads(written.getvalue())
    assert "ValueError" in line["exception"]
    assert SECRET not in written.getvalue()
    assert token not in written.getvalue()
