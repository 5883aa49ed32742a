"""From a provider's words to the records that the store takes: what API sources share.

The FOCUS source has its own, column-wise path for files of millions of rows. Both give the same
record for the same line: identity over everything but numbers, content over the numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple

from billing.sources.digests import digest_of
from billing.sources.records import ChargeRecord, Dimension, UsageRecord
from portal.imports.contracts import ImportRefusedError
from portal.shell.money import AmountOutOfRangeError, decimal_text, to_nano

DAY = timedelta(days=1)
# What a provider can mean. A day outside is a slip, or a time in another unit (seconds that are
# read as milliseconds lie in January 1970); and from the ends of the calendar no day is reckoned.
_FIRST_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
_END_OF_MOMENTS = datetime(2100, 1, 1, tzinfo=UTC)
YEARS = "from 2000 to 2099"
MAX_DECIMAL_PLACES = 64
_KEPT_DIMENSIONS = 16_384
_KEPT_TEXTS = 4_096
_KEPT_PERIODS = 4_096
NOTHING_MORE: Mapping[str, Any] = MappingProxyType({})
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
_NUMBER = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)


class BadValueError(ValueError):
    """A value that cannot be taken as it stands.

    Attributes:
        field: its key in the source's record, dotted.
        value: what stood there, as text.
        code: stable reason code.
        expected: what should have stood there.
        fatal: money that cannot be read: nothing of the input may be applied.
    """

    def __init__(
        self, field: str, value: Any, code: str, expected: str, *, fatal: bool = False
    ) -> None:
        super().__init__(f"{field}: {code}")
        self.field = field
        self.value = "" if value is None else str(value)
        self.code = code
        self.expected = expected
        self.fatal = fatal


def exact(value: Any, field_name: str, *, fatal: bool = True) -> Decimal:
    """A number as the source wrote it, from text or from a JSON number kept as text or Decimal.

    Raises:
        BadValueError: missing, a float, not a plain or E-notation number, or too long to be exact.
    """
    if value is None or value == "":
        raise BadValueError(field_name, value, "missing_amount", "an amount", fatal=fatal)
    if isinstance(value, (bool, float)):
        raise BadValueError(field_name, value, "bad_amount", "an exact number", fatal=fatal)
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, Decimal):
        number = value
    else:
        text = str(value).strip()
        if len(text) > 128 or not _NUMBER.fullmatch(text):
            raise BadValueError(
                field_name, value, "bad_amount", "a number such as 12.5 or 35.2E-7", fatal=fatal
            )
        number = _decimal(text, field_name, fatal)
    if not number.is_finite() or -int(number.as_tuple().exponent) > MAX_DECIMAL_PLACES:
        raise BadValueError(
            field_name,
            value,
            "amount_out_of_range",
            f"a number with at most {MAX_DECIMAL_PLACES} decimal places",
            fatal=fatal,
        )
    return number


def _decimal(text: str, field_name: str, fatal: bool) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise BadValueError(field_name, text, "bad_amount", "a number", fatal=fatal) from error


def currency_code(value: Any, field_name: str = "currency") -> str:
    """An ISO 4217 code in capitals; some providers write it in small letters.

    Raises:
        BadValueError: it is none.
    """
    code = str(value or "").strip().upper()
    if not _CURRENCY.fullmatch(code):
        raise BadValueError(
            field_name, value, "bad_currency", "an ISO 4217 code such as USD", fatal=True
        )
    return code


def can_be_meant(moment: datetime) -> bool:
    """Whether a provider can mean this moment (with a zone): it lies in the years 2000 to 2099,
    UTC. All sources take the same days."""
    return _FIRST_MOMENT <= moment < _END_OF_MOMENTS


def day_can_be_meant(day: date) -> bool:
    """The same of a day."""
    return _FIRST_MOMENT.date() <= day < _END_OF_MOMENTS.date()


def instant(value: Any, field_name: str) -> datetime:
    """A moment: RFC 3339 text with a zone, or Unix seconds as a whole number; in UTC.

    Raises:
        BadValueError: neither, text without a zone, or outside the years 2000 to 2099.
    """
    expected = f"a time {YEARS} such as 2026-09-01T00:00:00Z, or Unix seconds"
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            found = datetime.fromtimestamp(value, UTC)
        else:
            found = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError) as error:
        raise BadValueError(field_name, value, "bad_datetime", expected) from error
    if found.tzinfo is None:
        raise BadValueError(field_name, value, "time_without_zone", expected)
    if not can_be_meant(found):
        raise BadValueError(field_name, value, "bad_datetime", expected)
    return found.astimezone(UTC)


def day_start(value: Any, field_name: str, *, pattern: str = "%Y-%m-%d") -> datetime:
    """The start of a UTC day.

    Raises:
        BadValueError: the text is no such day, or one outside the years 2000 to 2099.
    """
    expected = f"a day {YEARS} such as 2026-09-01"
    try:
        found = datetime.strptime(str(value).strip(), pattern).replace(tzinfo=UTC)
    except ValueError as error:
        raise BadValueError(field_name, value, "bad_date", expected) from error
    if not can_be_meant(found):
        raise BadValueError(field_name, value, "bad_date", expected)
    return found


@lru_cache(maxsize=_KEPT_PERIODS)
def month_of(moment: datetime) -> tuple[datetime, datetime]:
    """The UTC calendar month around a moment, half-open: the billing period of providers that
    bill by month and name none."""
    start = moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start, (start + 32 * DAY).replace(day=1)


def canonical(document: Mapping[str, Any]) -> str:
    """A flat or nested document as text that is the same for the same content; numbers as text."""
    if not document:
        return "{}"
    items = tuple(document.items())
    # Names and tags, mostly the same ones. What is no text may be equal and written otherwise.
    if all(type(value) is str for _, value in items):
        return _canonical_texts(items)
    return _ENCODER.encode(document)


@lru_cache(maxsize=_KEPT_TEXTS)
def _canonical_texts(items: tuple[tuple[str, str], ...]) -> str:
    return _ENCODER.encode(dict(items))


class CostLine(NamedTuple):
    """One cost line in FOCUS's words. Amounts are in major units of `currency`, exact.

    `billed` is what the source says is charged (with basis `estimated`, the estimate); the others
    are None when the source does not say. `extra` keeps what has no column, `measures` further
    numbers.
    """

    file_index: int
    line: int
    currency: str
    billed: Decimal
    effective: Decimal | None
    period: tuple[datetime, datetime]
    billing_account_id: str
    provider: str
    service_name: str
    listed: Decimal | None = None
    contracted: Decimal | None = None
    billing_period: tuple[datetime, datetime] | None = None
    charge_category: str = "Usage"
    charge_class: str = ""
    charge_frequency: str = "Usage-Based"
    description: str = ""
    service_category: str = "AI and Machine Learning"
    billing_account_name: str = ""
    sub_account_id: str = ""
    sub_account_name: str = ""
    publisher: str = ""
    invoice_issuer: str = ""
    invoice_id: str = ""
    sku_id: str = ""
    sku_price_id: str = ""
    sku_meter: str = ""
    resource_id: str = ""
    resource_name: str = ""
    resource_type: str = ""
    region_id: str = ""
    pricing_category: str = ""
    pricing_unit: str = ""
    pricing_currency: str = ""
    pricing_quantity: Decimal | None = None
    consumed_unit: str = ""
    consumed_quantity: Decimal | None = None
    commitment_discount_id: str = ""
    commitment_discount_status: str = ""
    model: str = ""
    api_key_id: str = ""
    cost_center: str = ""
    repository: str = ""
    principal_id: str = ""
    tags: Mapping[str, Any] = NOTHING_MORE
    extra: Mapping[str, Any] = NOTHING_MORE
    measures: Mapping[str, Any] = NOTHING_MORE


def charge_record(line: CostLine) -> ChargeRecord:
    """The line as the store takes it.

    Raises:
        BadValueError: an amount does not fit, or the period ends before it starts.
    """
    start, end = line.period
    if end <= start:
        raise BadValueError("period", f"{start} to {end}", "bad_period", "an end after the start")
    billing = line.billing_period or month_of(start)
    dimension = _dimension(line)
    quantities = (_text(line.pricing_quantity), _text(line.consumed_quantity))
    measures = canonical(line.measures)
    billed = _nano(line.billed)
    # Most sources know one amount and give it twice.
    is_one = line.effective is line.billed
    text = decimal_text(line.billed)
    return ChargeRecord(
        file_index=line.file_index,
        line=line.line,
        identity=digest_of(dimension.digest.hex, _moments(start, end, *billing), line.currency),
        content=digest_of(
            text,
            text if is_one else _text(line.effective),
            _text(line.listed),
            _text(line.contracted),
            *quantities,
            measures,
        ),
        dimension=dimension,
        charge_period_start=start,
        charge_period_end=end,
        billing_period_start=billing[0],
        billing_period_end=billing[1],
        currency=line.currency,
        billed_nano=billed,
        effective_nano=billed if is_one else _nano_or_none(line.effective),
        list_nano=_nano_or_none(line.listed),
        contracted_nano=_nano_or_none(line.contracted),
        billed_exact=line.billed,
        effective_exact=line.effective,
        pricing_quantity=quantities[0],
        consumed_quantity=quantities[1],
        measures=measures,
    )


_TEXTS_OF_LINE = attrgetter(
    *("description" if name == "charge_description" else name for name in Dimension._fields[1:-2])
)


def _dimension(line: CostLine) -> Dimension:
    return _named_dimension(_TEXTS_OF_LINE(line), canonical(line.tags), canonical(line.extra))


@lru_cache(maxsize=_KEPT_DIMENSIONS)
def _named_dimension(names: tuple[str, ...], tags: str, extra: str) -> Dimension:
    """The same ones come back every day of a report."""
    values = (*map(str, names), tags, extra)
    return Dimension(digest_of(*values), *values)


@lru_cache(maxsize=_KEPT_PERIODS)
def _moments(*moments: datetime) -> str:
    # Moments that are equal are one key, in whatever zone they are given.
    return "|".join(moment.astimezone(UTC).isoformat() for moment in moments)


def _nano(amount: Decimal) -> int:
    try:
        return to_nano(amount)
    except AmountOutOfRangeError as error:
        raise BadValueError(
            "amount", amount, "amount_out_of_range", "an amount that fits", fatal=True
        ) from error


def _nano_or_none(amount: Decimal | None) -> int | None:
    return None if amount is None else _nano(amount)


def _text(number: Decimal | None) -> str:
    return "" if number is None else decimal_text(number)


def all_of(records: Iterable[ChargeRecord | UsageRecord]) -> tuple[ChargeRecord | UsageRecord, ...]:
    """Records made of sums over many rows, so that no single row is wrong when one does not fit.

    Raises:
        ImportRefusedError: a sum does not fit.
    """
    try:
        return tuple(records)
    except BadValueError as error:
        raise ImportRefusedError(
            error.code, "a sum over rows cannot be kept", column=error.field, value=error.value,
            expected=error.expected,
        ) from error  # fmt: skip
