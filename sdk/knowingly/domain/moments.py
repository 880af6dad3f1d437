"""Moments: aware datetimes outside, integer microseconds since 1970 (UTC) inside."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError

from knowingly.errors import InputError

SECOND_US = 1_000_000
DAY_US = 86_400_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Clock = Callable[[], datetime]


def _no_number(value: object) -> object:
    # Pydantic would read a bare number, such as the year 2026, as seconds since 1970.
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and not value.strip().lstrip("+-").replace(".", "", 1).isdigit():
        return value
    raise PydanticCustomError("timezone_aware", "a time")


def _in_utc(moment: datetime) -> datetime:
    try:
        moment.astimezone(UTC)
    except OverflowError:
        # Ours are in UTC, where it would be in the year 0 or 10000.
        raise PydanticCustomError("timezone_aware", "a time") from None
    return moment


Moment = Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(_in_utc)]
"""A time with a zone: a datetime, or text in ISO 8601; never a bare number."""


def system_clock() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


def to_us(moment: datetime, field: str = "at") -> int:
    """Microseconds since 1970 of an aware ``moment``; exact, unlike ``timestamp()``."""
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise InputError(field, "a time with a zone, such as 2026-03-01T12:00:00+01:00")
    return (moment - EPOCH) // MICROSECOND


def from_us(us: int) -> datetime:
    """The UTC datetime of ``us`` microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)


def day_of(us: int) -> int:
    """The number of whole UTC days since 1970."""
    return us // DAY_US
