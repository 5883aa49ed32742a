"""Money over days: exact to the nano-unit, the same for everybody who reckons it again."""

from __future__ import annotations

from datetime import date, timedelta

from billing.sources.lines import BadValueError
from portal.wording import counted


def spread(total: int, parts: int) -> list[int]:
    """`total` nano-units over `parts` days by largest remainder; they sum to `total` exactly.

    All remainders are equal, so the first days take one nano-unit more each. Amounts below 0
    (a refund) are spread like their opposite.
    """
    sign = -1 if total < 0 else 1
    share, rest = divmod(abs(total), parts)
    return [sign * (share + (1 if index < rest else 0)) for index in range(parts)]


def whole_periods(start: date, end: date, months: int) -> int:
    """How many periods of `months` calendar months lie between two days.

    A period ends on the day of the month on which it began, or on the month's last day where
    there is no such day: 31 January to 28 February is one month.

    Raises:
        BadValueError: not a whole number of them.
    """
    count = 0
    while True:
        count += 1
        reached = _months_after(start, count * months)
        if reached == end:
            return count
        if reached > end:
            raise BadValueError(
                "period_end",
                end,
                "period_not_whole",
                f"a whole number of periods of {counted(months, 'month')} after {start}, or an "
                "amount",
                fatal=True,
            )


def _months_after(day: date, months: int) -> date:
    number = day.year * 12 + day.month - 1 + months
    year, month = divmod(number, 12)
    first = date(year, month + 1, 1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day))
