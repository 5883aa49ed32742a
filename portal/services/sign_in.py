"""Letting in who comes from an identity provider: who they are here, and which roles they hold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import structlog
from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError, transaction

from portal.approvals.registry import COOLING
from portal.choices import GrantSource, SignInEventKind
from portal.models import RoleGrant, User
from portal.services.sign_in_events import record_sign_in_event

log = structlog.get_logger(__name__)
_MAX_KEY = 190


class SignInRefusedError(ValueError):
    """The provider knows the person, the portal does not let them in. The text is for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderIdentity:
    """What a provider says about who signs in, once its signature has been checked.

    Attributes:
        provider: `oidc` or `saml`.
        issuer, subject: together they name the person for ever; names and addresses change.
        email: empty when the provider gives none, or says that it is not verified.
        groups: as the provider spells them.
    """

    provider: str
    issuer: str
    subject: str
    username: str
    full_name: str
    email: str
    groups: frozenset[str]

    @property
    def key(self) -> str:
        """Issuer and subject in one, hashed where it would not fit."""
        plain = f"{self.issuer}|{self.subject}"
        if len(plain) <= _MAX_KEY:
            return plain
        return f"sha256:{hashlib.sha256(plain.encode()).hexdigest()}"


def admit_person(
    *, identity: ProviderIdentity, roles: frozenset[str], at: datetime, address: str | None
) -> SocialAccount:
    """Find or create the account bound to the subject, and give it the roles of its groups.

    A local account with the same name is never taken over: the newcomer gets a name of their own.

    Raises:
        SignInRefusedError: the account is deactivated.
    """
    try:
        return _admit(identity, roles, at, address)
    except IntegrityError:
        # Two first sign-ins at once: the other one created the account.
        return _admit(identity, roles, at, address)


@transaction.atomic
def _admit(
    identity: ProviderIdentity, roles: frozenset[str], at: datetime, address: str | None
) -> SocialAccount:
    account = (
        SocialAccount.objects.select_related("user")
        .filter(provider=identity.provider, uid=identity.key)
        .first()
    )
    if account is None:
        user = _create_user(identity, at)
        account = SocialAccount.objects.create(
            provider=identity.provider, uid=identity.key, user=user, extra_data={}
        )
        record_sign_in_event(
            kind=SignInEventKind.CREATED, user=user, at=at, address=address, actor=user
        )
    user = User.objects.select_for_update().get(pk=account.user_id)
    if not user.is_active:
        raise SignInRefusedError("This account is deactivated. Ask an administrator.")
    _follow_provider(user, identity)
    _sync_roles(user, roles, at)
    account.user = user
    return account


def _create_user(identity: ProviderIdentity, at: datetime) -> User:
    user = User(
        username=_free_username(identity),
        full_name=identity.full_name[:150],
        email=identity.email,
        person_key=identity.key,
        date_joined=at,
    )
    user.set_unusable_password()
    user.full_clean(exclude=["password"])
    user.save()
    return user


def _free_username(identity: ProviderIdentity) -> str:
    wished = "".join(c for c in identity.username if c.isalnum() or c in "@.+-_")[:130]
    wished = wished or f"sso-{hashlib.sha256(identity.key.encode()).hexdigest()[:10]}"
    if not User.objects.filter(username__iexact=wished).exists():
        return wished
    return f"{wished}-{hashlib.sha256(identity.key.encode()).hexdigest()[:8]}"


def _follow_provider(user: User, identity: ProviderIdentity) -> None:
    """Name and address as the provider has them; one key for all accounts of one human being."""
    user.full_name = identity.full_name[:150] or user.full_name
    user.email = identity.email or user.email
    if identity.email:
        others = User.objects.filter(email__iexact=identity.email).exclude(pk=user.pk)
        older = others.filter(pk__lt=user.pk).order_by("pk").first()
        user.person_key = older.person_key if older else user.person_key
        others.exclude(person_key=user.person_key).update(person_key=user.person_key)
    user.save(update_fields=["full_name", "email", "person_key"])


def _sync_roles(user: User, wanted: frozenset[str], at: datetime) -> None:
    """Roles that groups gave follow the groups; those given here are left alone."""
    grants = list(RoleGrant.objects.filter(user=user))
    lost = [g for g in grants if g.source == GrantSource.SSO and g.role not in wanted]
    held = {g.role for g in grants}
    gained = sorted(wanted - held)
    if not lost and not gained:
        return
    RoleGrant.objects.filter(pk__in=[g.pk for g in lost]).delete()
    for role in gained:
        RoleGrant.objects.create(
            user=user,
            role=role,
            granted_at=at,
            counts_from=at + COOLING,
            source=GrantSource.SSO,
        )
    user.__dict__.pop("roles", None)
    words = [f"+{role}" for role in gained] + [f"-{g.role}" for g in lost]
    record_sign_in_event(
        kind=SignInEventKind.ROLES_SYNCED, user=user, at=at, detail=" ".join(words), actor=user
    )
