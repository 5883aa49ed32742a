"""The daily digest: at most one a day, none without news, and each suggestion in one only."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from adoption.choices import SuggestionState
from adoption.models import DigestChoice, Suggestion
from adoption.services.refusals import RefusedError
from portal.credentials.envelope import Purpose, seal, unseal
from portal.credentials.errors import CredentialUnavailableError
from portal.imports.contracts import ImportRefusedError, SourceUnavailableError
from portal.imports.fetching import outbound_policy
from portal.imports.http import FetchLimits, OutboundClient
from portal.imports.outbound.addresses import read_url
from portal.imports.outbound.errors import AddressRefusedError
from portal.keys import MissingKeyError
from portal.logs import know_secret
from portal.models import User
from portal.services.notices import notify
from portal.services.work import enqueue
from portal.work.registry import Work, WorkRefusedError

CHAT_KIND = "adoption.digest-chat"
DEFAULT_HOUR = 9
INBOX = "/deliveries/#inbox"
LISTED = 5
_LIMITS = FetchLimits(
    connect_seconds=5, idle_seconds=10, total_seconds=20, max_bytes=64 * 1024, attempts=1,
    all_waits_seconds=0,
)  # fmt: skip
ClientMaker = Callable[[str], OutboundClient]


class DigestRefusedError(RefusedError):
    """The choice cannot be kept as given; `field` says what of it."""


def _client(url: str) -> OutboundClient:
    return OutboundClient(origins=[url], policy=outbound_policy(), limits=_LIMITS)


def _purpose(user_id: int) -> Purpose:
    """The address belongs to no connection but to its person."""
    return Purpose(0, {"digest": user_id})


@transaction.atomic
def choose_digest(
    *,
    user: User,
    by_email: bool,
    hour: int,
    chat_address: str = "",
    forget_chat: bool = False,
) -> DigestChoice:
    """When and how a person is told.

    Args:
        hour: 0 to 23, of the programme's zone.
        chat_address: of an incoming webhook that leads to the person alone; sealed, never shown
            again. Empty keeps the one there is, unless `forget_chat`.

    Raises:
        DigestRefusedError: the hour is none, or the address cannot be used.
    """
    if not 0 <= hour <= 23:
        raise DigestRefusedError("An hour is 0 to 23.", field="hour")
    choice, _ = DigestChoice.objects.select_for_update().get_or_create(user=user)
    choice.by_email, choice.hour = by_email, hour
    if forget_chat:
        choice.chat_host, choice.chat_ciphertext, choice.chat_problem = "", "", ""
        choice.chat_key_number = 0
    if chat_address.strip():
        _keep_address(choice, chat_address.strip())
    choice.save()
    return choice


def _keep_address(choice: DigestChoice, address: str) -> None:
    try:
        target = read_url(address, outbound_policy())
        sealed = seal(address, _purpose(choice.user_id), settings.CREDENTIAL_KEYS)
    except (AddressRefusedError, CredentialUnavailableError) as error:
        raise DigestRefusedError(
            f"This address cannot be used: {error}", field="chat_address"
        ) from None
    know_secret(address)
    choice.chat_host, choice.chat_problem = target.host[:253], ""
    choice.chat_key_number, choice.chat_ciphertext = sealed.key_number, sealed.ciphertext


def send_digests(*, at: datetime) -> int:
    """Tell everybody whose hour has come of what was suggested since their last digest.

    An hour that was missed is caught up with on the same day. Who wants no digest gets none, and
    nothing is counted as told. Repeating it changes nothing.

    Returns:
        how many people were told.
    """
    waiting: dict[int, list[Suggestion]] = defaultdict(list)
    rows = Suggestion.objects.filter(
        state=SuggestionState.OFFERED, expires_at__gt=at, digested_at__isnull=True,
        user__is_active=True,
    ).select_related("user", "change", "use_case__programme")  # fmt: skip
    for row in rows.defer("change__message").order_by("user_id", "-score", "pk"):
        waiting[row.user_id].append(row)
    choices = {row.user_id: row for row in DigestChoice.objects.filter(user_id__in=list(waiting))}
    told = 0
    for user_id, found in sorted(waiting.items()):
        local = at.astimezone(ZoneInfo(found[0].use_case.programme.time_zone))
        if _is_due(choices.get(user_id), local):
            told += _send(found[0].user, [row.pk for row in found], local.date(), at)
    return told


def _is_due(choice: DigestChoice | None, local: datetime) -> bool:
    if choice is None:
        return local.hour >= DEFAULT_HOUR
    wants = choice.by_email or choice.chat_ciphertext
    return bool(wants) and local.hour >= choice.hour and choice.sent_on != local.date()


@transaction.atomic
def _send(user: User, pks: Sequence[int], day: date, at: datetime) -> bool:
    """Tell one person, unless another worker was faster."""
    choice, _ = DigestChoice.objects.select_for_update().get_or_create(user=user)
    if choice.sent_on == day:
        return False
    mine = Suggestion.objects.select_for_update(of=("self",)).filter(
        pk__in=pks, state=SuggestionState.OFFERED, digested_at__isnull=True
    )
    found = list(mine.select_related("change", "use_case").order_by("-score", "pk"))
    if not found:
        return False
    Suggestion.objects.filter(pk__in=[row.pk for row in found]).update(digested_at=at)
    choice.sent_on = day
    choice.save(update_fields=["sent_on"])
    if choice.by_email:
        title, text = digest_words(found)
        notify(
            users=[user], key=f"adoption.digest:{day.isoformat()}", title=title, text=text,
            link=INBOX, at=at,
        )  # fmt: skip
    if choice.chat_ciphertext:
        enqueue(
            kind=CHAT_KIND, key=f"digest:{choice.pk}:{day.isoformat()}", actor=None, at=at,
            payload={"choice": choice.pk, "told_at": at.isoformat()},
        )  # fmt: skip
    return True


def digest_words(found: Sequence[Suggestion]) -> tuple[str, str]:
    """Title and text. Never who else, never how many others confirmed: there is no comparison."""
    count = len(found)
    noun = "change of yours" if count == 1 else "changes of yours"
    lines = [f"{row.change.title}: for “{row.use_case.title}”?" for row in found[:LISTED]]
    if count > LISTED:
        lines.append(f"and {count - LISTED} more")
    lines.append("One click each. Nothing is logged unless you say so, and nobody asks again.")
    return f"Did AI help? {count} {noun} reached production", "\n".join(lines)


def send_to_chat(work: Work, *, make_client: ClientMaker = _client) -> None:
    """One attempt at one digest by chat; the body of the work kind.

    The message is `{"text": …}`, which incoming webhooks of the common chats take.

    Raises:
        WorkRefusedError: the person must act: the address or the answer is refused.
        SourceUnavailableError: it is tried again.
    """
    choice = DigestChoice.objects.filter(pk=work.payload["choice"]).first()
    if choice is None or not choice.chat_ciphertext:
        return  # the person changed their mind meanwhile
    told_at = datetime.fromisoformat(work.payload["told_at"])
    found = list(
        Suggestion.objects.filter(user_id=choice.user_id, digested_at=told_at)
        .select_related("change", "use_case")
        .order_by("-score", "pk")
    )
    if not found:
        return
    title, text = digest_words(found)
    link = f"{settings.SITE_ORIGIN}{INBOX}"
    body = json.dumps({"text": f"{title}\n{text}\n{link}"}, ensure_ascii=False).encode()
    problem = ""
    try:
        address = unseal(
            choice.chat_key_number, choice.chat_ciphertext, _purpose(choice.user_id),
            settings.CREDENTIAL_KEYS,
        )  # fmt: skip
        know_secret(address)
        with make_client(address) as client:
            client.post(address, body)
    except SourceUnavailableError as error:
        _note(work, choice, str(error))
        raise
    except (ImportRefusedError, CredentialUnavailableError) as error:
        problem = str(error)
    _note(work, choice, problem)
    if problem:
        raise WorkRefusedError(problem)


def _note(work: Work, choice: DigestChoice, problem: str) -> None:
    with transaction.atomic():
        work.fence()
        DigestChoice.objects.filter(pk=choice.pk).update(chat_problem=problem[:300])


def reseal_chat_addresses() -> int:
    """Encrypt addresses with the newest key; what cannot be read stays as it is."""
    try:
        newest = settings.CREDENTIAL_KEYS.newest
    except MissingKeyError:
        return 0
    done = 0
    older = DigestChoice.objects.exclude(chat_ciphertext="").exclude(chat_key_number=newest)
    for pk in list(older.values_list("pk", flat=True)):
        with transaction.atomic():
            row = DigestChoice.objects.select_for_update().get(pk=pk)
            try:
                address = unseal(
                    row.chat_key_number, row.chat_ciphertext, _purpose(row.user_id),
                    settings.CREDENTIAL_KEYS,
                )  # fmt: skip
            except CredentialUnavailableError:
                continue
            sealed = seal(address, _purpose(row.user_id), settings.CREDENTIAL_KEYS)
            row.chat_key_number, row.chat_ciphertext = sealed.key_number, sealed.ciphertext
            row.save(update_fields=["chat_key_number", "chat_ciphertext"])
            done += 1
    return done
