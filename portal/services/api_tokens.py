"""Making, rotating, revoking and recognising API tokens."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction

from portal.env import read_networks
from portal.keys import MissingKeyError
from portal.models import ApiToken, ApiTokenUse, User
from portal.network import Address, network_of
from portal.scopes import api_scopes
from portal.token_text import new_token_text, prefix_of, token_hash

log = structlog.get_logger(__name__)
LONGEST_LIFE = timedelta(days=366)
LONGEST_OVERLAP = timedelta(days=30)
USE_IS_WRITTEN_EVERY = timedelta(minutes=1)
_MAX_NETWORKS = 50


class Refusal(StrEnum):
    """Why a token is not accepted. All but `UNKNOWN` are said only to who has the whole token."""

    UNKNOWN = "unknown"
    REVOKED = "revoked"
    EXPIRED = "expired"
    OWNER = "owner"
    NETWORK = "network"


class TokenRefusedError(Exception):
    """A token was shown that is not accepted.

    Attributes:
        why: the reason.
        prefix: names the token, when it was well-formed.
    """

    def __init__(self, why: Refusal, prefix: str = "") -> None:
        super().__init__(why.value)
        self.why = why
        self.prefix = prefix


class TokenNotActiveError(ValueError):
    """A token that is revoked, expired or replaced cannot be rotated."""


@transaction.atomic
def create_api_token(
    *,
    owner: User,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime,
    networks: Sequence[str] = (),
    actor: User | None,
    at: datetime,
) -> tuple[ApiToken, str]:
    """Make a token for `owner`; returns it and its text, which cannot be had again.

    Args:
        scopes: keys of `api_scopes`, at least one.
        expires_at: aware moment, at most 366 days after `at`.
        networks: in CIDR form; none means everywhere.
        actor: who makes it; None for a command.

    Raises:
        ValidationError: naming the field that is not as it should be.
    """
    _refuse_bad_terms(owner, name, scopes, expires_at, at)
    token = ApiToken(
        owner=owner,
        name=name.strip(),
        scopes=sorted(set(scopes)),
        networks=_read_networks(networks),
        created_by=actor,
        created_at=at,
        expires_at=expires_at,
    )
    return token, _save_new(token)


def _refuse_bad_terms(
    owner: User, name: str, scopes: Sequence[str], expires_at: datetime, at: datetime
) -> None:
    wrong: dict[str, str] = {}
    if not owner.is_active:
        wrong["owner"] = f"{owner} is deactivated, so no token can act for them."
    if not name.strip() or len(name.strip()) > 80:
        wrong["name"] = "Say in 1 to 80 characters what it is for."
    elif any(each.name == name.strip() for each in _usable_tokens(owner, at)):
        # A page that is sent again must not quietly make a second token.
        wrong["name"] = f"There is a token called {name.strip()} already; rotate or revoke it."
    unknown = sorted(set(scopes) - {scope.key for scope in api_scopes})
    if unknown:
        known = ", ".join(scope.key for scope in api_scopes)
        wrong["scopes"] = f"There is no scope {', '.join(unknown)}; choose from {known}."
    elif not scopes:
        wrong["scopes"] = "Choose at least one scope."
    if not at < expires_at <= at + LONGEST_LIFE:
        wrong["expires_at"] = f"A token lives for 1 to {LONGEST_LIFE.days} days."
    if wrong:
        raise ValidationError(wrong)


def _usable_tokens(owner: User, at: datetime) -> list[ApiToken]:
    return list(
        ApiToken.objects.filter(
            owner=owner, revoked_at=None, replaced_by=None, expires_at__gt=at
        ).order_by("pk")
    )


def _read_networks(networks: Sequence[str]) -> list[str]:
    try:
        found = [str(each) for text in networks for each in read_networks(text, "Networks")]
    except ValueError as error:
        raise ValidationError({"networks": f"{error}."}) from None
    if len(found) > _MAX_NETWORKS:
        raise ValidationError({"networks": f"At most {_MAX_NETWORKS} networks."})
    return found


def _save_new(token: ApiToken) -> str:
    text = new_token_text()
    token.prefix = prefix_of(text)
    token.pepper = settings.TOKEN_PEPPERS.newest
    token.secret_hash = token_hash(text, settings.TOKEN_PEPPERS.get(token.pepper))
    token.full_clean()
    token.save()
    log.info("api_access_created", prefix=token.prefix, owner=token.owner_id)
    return text


@transaction.atomic
def rotate_api_token(
    *, token_id: int, overlap: timedelta, expires_at: datetime, actor: User | None, at: datetime
) -> tuple[ApiToken, str]:
    """Put a new token in the place of one, which stays valid for `overlap`, at most 30 days.

    Name, owner, scopes and networks are the same.

    Raises:
        TokenNotActiveError: it was revoked, has expired or was replaced before.
        ValidationError: `overlap` or `expires_at` is out of bounds.
    """
    old = ApiToken.objects.select_for_update(of=("self",)).select_related("owner").get(pk=token_id)
    if old.state_at(at) != "active":
        raise TokenNotActiveError(f"{old} is {old.state_at(at)} and cannot be rotated.")
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise ValidationError(
            {"overlap": f"The old one stays for 0 to {LONGEST_OVERLAP.days} days."}
        )
    if not at < expires_at <= at + LONGEST_LIFE:
        raise ValidationError({"expires_at": f"A token lives for 1 to {LONGEST_LIFE.days} days."})
    new = ApiToken(
        owner=old.owner,
        name=old.name,
        scopes=old.scopes,
        networks=old.networks,
        created_by=actor,
        created_at=at,
        expires_at=expires_at,
    )
    text = _save_new(new)
    old.replaced_by = new
    old.expires_at = min(old.expires_at, at + overlap)
    old.save(update_fields=["replaced_by", "expires_at"])
    return new, text


@transaction.atomic
def revoke_api_token(*, token_id: int, reason: str, actor: User | None, at: datetime) -> ApiToken:
    """End a token now. One that is revoked already stays as it is.

    Raises:
        ValidationError: no reason is given, or one that is too long.
    """
    token = ApiToken.objects.select_for_update(of=("self",)).get(pk=token_id)
    if token.revoked_at is not None:
        return token
    if not reason.strip() or len(reason.strip()) > 200:
        raise ValidationError({"reason": "Say why, in 1 to 200 characters."})
    token.revoked_at, token.revoked_by, token.revoked_reason = at, actor, reason.strip()
    token.save(update_fields=["revoked_at", "revoked_by", "revoked_reason"])
    log.info("api_access_revoked", prefix=token.prefix, owner=token.owner_id)
    return token


@transaction.atomic
def revoke_all_api_tokens(*, owner: User, reason: str, actor: User | None, at: datetime) -> int:
    """End every token of a person who leaves; returns how many there were."""
    open_tokens = list(
        ApiToken.objects.filter(owner=owner, revoked_at=None).values_list("pk", flat=True)
    )
    for token_id in open_tokens:
        revoke_api_token(token_id=token_id, reason=reason, actor=actor, at=at)
    return len(open_tokens)


def recognise_api_token(*, text: str, address: Address | None, at: datetime) -> ApiToken:
    """The token of this text, with its owner, when it may be used now and from there.

    Raises:
        TokenRefusedError: saying why. Whether a prefix exists cannot be told from it.
    """
    prefix = prefix_of(text)
    token = (
        ApiToken.objects.select_related("owner", "use").filter(prefix=prefix).first()
        if prefix
        else None
    )
    if not _is_genuine(token, text) or token is None:
        raise TokenRefusedError(Refusal.UNKNOWN, prefix)
    if (why := _refusal(token, address, at)) is not None:
        raise TokenRefusedError(why, prefix)
    _note_use(token, text, address, at)
    return token


def _is_genuine(token: ApiToken | None, text: str) -> bool:
    """Compares in constant time, and a missing token as slowly as a wrong one."""
    peppers = settings.TOKEN_PEPPERS
    try:
        pepper = peppers.get(peppers.newest if token is None else token.pepper)
    except MissingKeyError as error:
        log.error("api_access_cannot_be_checked", problem=str(error))
        return False
    expected = "" if token is None else token.secret_hash
    return hmac.compare_digest(token_hash(text, pepper), expected)


def _refusal(token: ApiToken, address: Address | None, at: datetime) -> Refusal | None:
    if token.revoked_at is not None:
        return Refusal.REVOKED
    if token.expires_at <= at:
        return Refusal.EXPIRED
    if not token.owner.is_active:
        return Refusal.OWNER
    allowed = read_networks(",".join(token.networks), "networks")
    if allowed and not any(address is not None and address in each for each in allowed):
        return Refusal.NETWORK
    return None


def _note_use(token: ApiToken, text: str, address: Address | None, at: datetime) -> None:
    """Write when and from where, at most once a minute, and re-hash with the newest pepper."""
    use: ApiTokenUse | None = getattr(token, "use", None)
    peppers = settings.TOKEN_PEPPERS
    is_due = use is None or use.last_used_at <= at - USE_IS_WRITTEN_EVERY
    if not is_due and token.pepper == peppers.newest:
        return
    try:
        with transaction.atomic():
            ApiTokenUse.objects.update_or_create(
                token=token, defaults={"last_used_at": at, "last_network": network_of(address)}
            )
            if token.pepper != peppers.newest:
                ApiToken.objects.filter(pk=token.pk, secret_hash=token.secret_hash).update(
                    pepper=peppers.newest,
                    secret_hash=token_hash(text, peppers.get(peppers.newest)),
                )
    except DatabaseError:
        # Somebody else writes for long: reading must go on, and the next use is written.
        log.warning("api_access_use_not_written", prefix=token.prefix)
