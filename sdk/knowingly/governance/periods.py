"""Budget periods: calendar years, quarters or months, in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from knowingly.domain.moments import from_us, to_us

Kind = Literal["year", "quarter", "month"]
_MONTHS: dict[Kind, int] = {"year": 12, "quarter": 3, "month": 1}


@dataclass(frozen=True, slots=True)
class Period:
    """One budget period: ``[start_us, end_us)`` in microseconds since 1970."""

    name: str
    start_us: int
    end_us: int


def period_at(us: int, kind: Kind) -> Period:
    """The period that a moment falls in."""
    moment = from_us(us)
    months = _MONTHS[kind]
    first = (moment.month - 1) // months * months
    start = datetime(moment.year, first + 1, 1, tzinfo=UTC)
    after = first + months
    end = datetime(moment.year + after // 12, after % 12 + 1, 1, tzinfo=UTC)
    name = {
        "year": f"{moment.year}",
        "quarter": f"{moment.year}-Q{first // 3 + 1}",
        "month": f"{moment.year}-{first + 1:02}",
    }[kind]
    return Period(name, to_us(start), to_us(end))


def period_before(period: Period, kind: Kind) -> Period:
    """The period that ended when this one began."""
    return period_at(period.start_us - 1, kind)
