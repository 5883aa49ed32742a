"""Telling people by their chat: its address, sealed, and one message a notice."""

from __future__ import annotations

import json
from collections.abc import Callable

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from portal.credentials.envelope import Purpose, seal, unseal
from portal.credentials.errors import CredentialUnavailableError
from portal.imports.contracts import ImportRefusedError, SourceUnavailableError
from portal.imports.fetching import outbound_policy
from portal.imports.http import FetchLimits, OutboundClient
from portal.imports.outbound.addresses import read_url
from portal.imports.outbound.errors import AddressRefusedError
from portal.logs import know_secret
from portal.models import DigestSetting, Notice
from portal.work.registry import Work, WorkRefusedError

log = structlog.get_logger(__name__)
_LIMITS = FetchLimits(
    connect_seconds=5, idle_seconds=10, total_seconds=20, max_bytes=64 * 1024, attempts=1,
    all_waits_seconds=0,
)  # fmt: skip
ClientMaker = Callable[[str], OutboundClient]


def _client(url: str) -> OutboundClient:
    return OutboundClient(origins=[url], policy=outbound_policy(), limits=_LIMITS)


def _purpose(user_id: int) -> Purpose:
    """The address belongs to no connection but to its person."""
    return Purpose(0, {"digest": user_id})


def keep_chat_address(setting: DigestSetting, address: str) -> None:
    """Seal the address of a chat's incoming webhook, which leads to the person alone.

    Raises:
        ValidationError: it cannot be used, or no key is configured.
    """
    try:
        target = read_url(address, outbound_policy())
        sealed = seal(address, _purpose(setting.user_id), settings.CREDENTIAL_KEYS)
    except (AddressRefusedError, CredentialUnavailableError) as error:
        raise ValidationError({"chat_address": f"This address cannot be used: {error}"}) from None
    know_secret(address)
    setting.chat_host, setting.chat_problem = target.host[:253], ""
    setting.chat_key_number, setting.chat_ciphertext = sealed.key_number, sealed.ciphertext
    setting.save()


def forget_chat_address(setting: DigestSetting) -> None:
    """Nothing goes to a chat any more."""
    setting.chat_host, setting.chat_ciphertext, setting.chat_problem = "", "", ""
    setting.chat_key_number = 0
    setting.save()


def _address_of(setting: DigestSetting) -> str:
    address = unseal(
        setting.chat_key_number, setting.chat_ciphertext, _purpose(setting.user_id),
        settings.CREDENTIAL_KEYS,
    )  # fmt: skip
    know_secret(address)
    return address


def send_to_chat(work: Work, *, make_client: ClientMaker = _client) -> None:
    """One attempt at one notice by chat; the body of the work kind.

    The message is `{"text": …}`, which incoming webhooks of the common chats take.

    Raises:
        WorkRefusedError: the person must act: the address or the answer is refused.
        SourceUnavailableError: it is tried again.
    """
    notice = Notice.objects.select_related("user").filter(pk=work.payload["notice"]).first()
    if notice is None or not notice.user.is_active:
        return
    setting = DigestSetting.objects.filter(user=notice.user_id).first()
    if setting is None or not setting.chat_ciphertext:
        return  # the person changed their mind meanwhile
    text = f"{notice.title}\n{notice.text}\n{settings.SITE_ORIGIN}{notice.link}"
    body = json.dumps({"text": text}, ensure_ascii=False).encode()
    problem = ""
    try:
        address = _address_of(setting)
        with make_client(address) as client:
            client.post(address, body)
    except SourceUnavailableError as error:
        _note(work, setting, str(error))
        raise
    except (ImportRefusedError, CredentialUnavailableError) as error:
        problem = str(error)
    _note(work, setting, problem)
    if problem:
        raise WorkRefusedError(problem)
    log.info("notice_sent_to_chat", notice=notice.pk)


def _note(work: Work, setting: DigestSetting, problem: str) -> None:
    with transaction.atomic():
        work.fence()
        DigestSetting.objects.filter(pk=setting.pk).update(chat_problem=problem[:300])


def rotate_chat_addresses() -> list[str]:
    """Encrypt every address that is not with the newest key anew; says what could not be read.

    Raises:
        MissingKeyError: there is no key.
    """
    newest = settings.CREDENTIAL_KEYS.newest
    problems = []
    older = DigestSetting.objects.exclude(chat_ciphertext="").exclude(chat_key_number=newest)
    for pk in list(older.values_list("pk", flat=True)):
        with transaction.atomic():
            row = DigestSetting.objects.select_for_update(of=("self",)).get(pk=pk)
            try:
                address = _address_of(row)
            except CredentialUnavailableError as error:
                problems.append(f"a chat at {row.chat_host}: {error}")
                continue
            sealed = seal(address, _purpose(row.user_id), settings.CREDENTIAL_KEYS)
            row.chat_key_number, row.chat_ciphertext = sealed.key_number, sealed.ciphertext
            row.save(update_fields=["chat_key_number", "chat_ciphertext"])
    return problems
