"""The quick way to check rows of events takes nothing that ``Event`` would not take alike."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from knowingly.domain import event_rows
from knowingly.domain.event import Event, EventKind
from knowingly.domain.event_rows import check_events
from knowingly.errors import InputError

AT = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=1)))
PLAIN = {"subject": "ada", "kind": "purchase", "item": "tea"}

texts = st.one_of(
    st.sampled_from(
        ["a", " a", "a ", "a b", "", "é", "e\u0301", "x" * 200, "x" * 201, "a\n", "a\x00"]
    ),
    st.text(max_size=5),
    st.none(),
    st.integers(),
    st.binary(max_size=3),
)
numbers = st.one_of(
    st.integers(-1, 2),
    st.integers(999_999, 1_000_001),
    st.floats(),
    st.booleans(),
    st.sampled_from(["1", "1.5", "", None, 1e12, 1e13]),
)
values = {
    "subject": texts,
    "kind": st.one_of(st.sampled_from([*EventKind, "view", "View", "", 0, None]), texts),
    "item": texts,
    "at": st.one_of(
        st.datetimes(),
        st.datetimes(timezones=st.just(UTC)),
        st.sampled_from([None, "2026-03-01T12:00:00Z", "2026", 2026, "2026-03-01", ""]),
    ),
    "event_id": texts,
    "quantity": numbers,
    "price": numbers,
    "order": texts,
    "agent": texts,
    "decision": texts | st.sampled_from(["x" * 4_000, "x" * 4_001]),
    "colour": texts,
}


# Most examples are a good row with one field changed: of rows at random hardly one would be good.
one_changed = st.sampled_from(sorted(values)).flatmap(
    lambda name: st.builds(lambda value: {**PLAIN, name: value}, values[name])
)


@settings(max_examples=500)
@given(one_changed | st.fixed_dictionaries({}, optional=values) | st.integers() | st.none())
def test_a_row_is_taken_exactly_when_an_event_can_be_made_of_it(row):
    """And each field has the value that the event has."""
    try:
        expected = dict(Event.model_validate(row))
    except ValidationError:
        expected = None
    numbers, good, refused = check_events([row], strict=False)
    assert len(good) + len(refused) == 1
    if expected is None:
        assert refused[0].row == 0
    else:
        assert numbers == [0]
        assert {name: good[0].get(name, default(name)) for name in expected} == expected


def default(name: str) -> object:
    return Event.model_fields[name].default


@pytest.mark.parametrize(
    "row",
    [
        PLAIN,
        {**PLAIN, "at": AT, "event_id": "e1", "quantity": 3, "price": 2.5, "order": "o 1"},
        {**PLAIN, "at": None, "event_id": None, "price": None, "order": None},
    ],
)
def test_a_plain_row_goes_the_quick_way(row, monkeypatch):
    """Without it an import would take several times as long."""
    monkeypatch.setattr(event_rows, "_EXACT", None)
    assert check_events([row], strict=True)[1] == [row]


def test_numbers_of_rows_are_those_of_the_batch():
    """A refusal must be found in the file that was sent."""
    rows = [PLAIN, {**PLAIN, "item": ""}, {**PLAIN, "subject": "日本"}, Event(**PLAIN), 5]
    numbers, good, refused = check_events(rows, strict=False)
    assert numbers == [0, 2, 3]
    assert [event["subject"] for event in good] == ["ada", "日本", "ada"]
    assert [(one.row, one.field) for one in refused] == [(1, "item"), (4, "row")]


def test_strict_stops_at_the_first_bad_row():
    """It says which, and nothing of what was in it."""
    with pytest.raises(InputError, match=r"row 1, item: expected at least 1 character$") as caught:
        check_events([PLAIN, {**PLAIN, "item": ""}], strict=True)
    assert caught.value.row == 1
