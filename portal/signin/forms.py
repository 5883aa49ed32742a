"""Forms of signing in."""

from __future__ import annotations

from typing import Any

from allauth.core import context
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.mfa.utils import decrypt
from axes.handlers.proxy import AxesProxyHandler
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.db import transaction

LAST_COUNTER = "last_counter"


class _CountedCodeMixin:
    """A code works once, and wrong codes count like wrong passwords.

    The library keeps used codes in the cache of one process; here the row of the authenticator
    remembers them, so that no second process takes a code again.
    """

    user: Any
    cleaned_data: dict[str, Any]
    authenticator: Authenticator

    def clean_code(self) -> str:
        request = context.request
        credentials = {"username": self.user.get_username()}
        if not AxesProxyHandler.is_allowed(request, credentials):
            request.axes_locked_out = True
            request.axes_credentials = credentials
            raise ValidationError("Too many wrong codes. Wait, or ask another administrator.")
        code = str(self.cleaned_data["code"]).replace(" ", "")
        found = _matching_authenticator(self.user, code)
        if found is None:
            user_login_failed.send(sender=__name__, credentials=credentials, request=request)
            raise get_adapter().validation_error("incorrect_code")
        found.user = self.user
        self.authenticator = found
        return code


class SecondFactorForm(_CountedCodeMixin, AuthenticateForm):  # type: ignore[misc]
    """At the sign-in, after the password."""


class SecondFactorAgainForm(_CountedCodeMixin, ReauthenticateForm):  # type: ignore[misc]
    """Before something that needs a fresh proof."""


@transaction.atomic
def _matching_authenticator(user: Any, code: str) -> Authenticator | None:
    """The authenticator that this code belongs to, used up by this very call; None otherwise."""
    rows = Authenticator.objects.select_for_update().filter(user=user)
    by_type = {row.type: row for row in rows}
    totp = by_type.get(Authenticator.Type.TOTP)
    if totp is not None and (counter := _matching_counter(totp, code)) is not None:
        totp.data[LAST_COUNTER] = counter
        totp.save(update_fields=["data"])
        return totp
    recovery = by_type.get(Authenticator.Type.RECOVERY_CODES)
    if recovery is not None and recovery.wrap().validate_code(code):
        return Authenticator.objects.get(pk=recovery.pk)
    return None


def _matching_counter(totp: Authenticator, code: str) -> int | None:
    secret = decrypt(totp.data["secret"])
    last = int(totp.data.get(LAST_COUNTER, 0))
    for counter in yield_hotp_counters_from_time():
        expected = format_hotp_value(hotp_value(secret, counter))
        if counter > last and compare_user_code(actual=code, expected=expected):
            return int(counter)
    return None
