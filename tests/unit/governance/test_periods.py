"""Budget periods are calendar years, quarters and months in UTC, with no gap between them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowingly.domain.moments import to_us
from knowingly.governance.periods import period_at, period_before

KINDS = ("year", "quarter", "month")


def us(*parts):
    return to_us(datetime(*parts, tzinfo=UTC))


@pytest.mark.parametrize(
    ("moment", "kind", "name", "start", "end"),
    [
        ((2024, 2, 29, 23, 59, 59), "month", "2024-02", (2024, 2, 1), (2024, 3, 1)),
        ((2023, 2, 28, 23, 59, 59), "month", "2023-02", (2023, 2, 1), (2023, 3, 1)),
        ((2026, 12, 31), "month", "2026-12", (2026, 12, 1), (2027, 1, 1)),
        ((2026, 3, 31, 23, 59, 59), "quarter", "2026-Q1", (2026, 1, 1), (2026, 4, 1)),
        ((2026, 4, 1), "quarter", "2026-Q2", (2026, 4, 1), (2026, 7, 1)),
        ((2026, 12, 31), "quarter", "2026-Q4", (2026, 10, 1), (2027, 1, 1)),
        ((2024, 12, 31, 23), "year", "2024", (2024, 1, 1), (2025, 1, 1)),
    ],
)
def test_a_moment_is_in_the_period_of_the_calendar(moment, kind, name, start, end):
    """Ends of months, of quarters and of years, leap years among them."""
    period = period_at(us(*moment), kind)
    assert (period.name, period.start_us, period.end_us) == (name, us(*start), us(*end))


def test_a_year_has_its_days():
    """A leap year has one more."""
    day = 86_400_000_000
    lengths = [period_at(us(year, 6, 1), "year") for year in (2023, 2024, 2100)]
    assert [(one.end_us - one.start_us) // day for one in lengths] == [365, 366, 365]


def test_the_zone_of_an_app_does_not_matter():
    """One microsecond before midnight UTC is the old year wherever it was measured."""
    east = datetime(2027, 1, 1, 9, tzinfo=timezone(timedelta(hours=14)))
    assert period_at(to_us(east), "year").name == "2026"


@given(st.integers(0, us(2200, 1, 1)), st.sampled_from(KINDS))
def test_periods_follow_each_other_without_a_gap(moment, kind):
    """Every moment is in one period, and the one before ends where it begins."""
    period = period_at(moment, kind)
    assert period.start_us <= moment < period.end_us
    before = period_before(period, kind)
    assert before.end_us == period.start_us
    assert period_at(period.end_us - 1, kind) == period
    assert period_at(period.end_us, kind).start_us == period.end_us
    assert before.name != period.name
