"""What comes in from outside is checked once, and refused in words that never repeat it."""

from datetime import UTC, datetime, timedelta, timezone
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowingly.domain.event import KIND_CODE, KINDS, Event, EventKind, describe_kind
from knowingly.domain.event_rows import check_events
from knowingly.domain.item import Item
from knowingly.domain.moments import day_of, from_us, to_us
from knowingly.domain.order import OrderLine
from knowingly.domain.page import Basis, Hit, Page
from knowingly.domain.validate import check_id, check_rows
from knowingly.errors import InputError

GOOD_IDS = ["a", "c42", "ada@example.org", "a b", "日本", "é", "x" * 200, "0", "-", "🙂"]
BAD_IDS = [
    "",
    " ",
    " a",
    "a ",
    "a\n",
    "a\tb",
    "a\x00",
    "\x7f",
    "x" * 201,
    "e\u0301",
    "\ud800",
    "a\u200b",
    "a\u202e",
    "a\u00a0",
    "\ufeffa",
]


@pytest.mark.parametrize("subject", GOOD_IDS)
def test_a_plain_id_is_taken_as_it_is(subject):
    """Printable characters of any script, with spaces inside if need be."""
    assert check_id(subject) == subject


@pytest.mark.parametrize("subject", [*BAD_IDS, None, 5, b"a", ["a"], float("nan")], ids=repr)
def test_a_doubtful_id_is_refused_and_not_repeated(subject):
    """Two ids that look alike must not be two people."""
    with pytest.raises(InputError, match=r"^subject: expected ") as caught:
        check_id(subject)
    assert not subject or repr(subject) not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("truth", [True, False])
@pytest.mark.parametrize(
    ("model", "field"),
    [
        (Event, "price"),
        (Event, "quantity"),
        (OrderLine, "price"),
        (OrderLine, "discount"),
        (OrderLine, "quantity"),
        (Item, "price"),
        (Item, "stock"),
    ],
)
def test_true_and_false_are_no_numbers(model, field, truth):
    """To Python they are 1 and 0; in a shop they are a mistake."""
    row = {"subject": "ada", "kind": "purchase", "item": "tea", "id": "tea"}
    row = {name: value for name, value in row.items() if name in model.model_fields}
    ways = [partial(check_rows, model), *([check_events] if model is Event else [])]
    for check in ways:
        [refused] = check([{**row, field: truth}], strict=False)[-1]
        assert refused.field == field
        assert "number" in refused.expected
        assert not check([{**row, field: "1"}, {**row, field: 1}], strict=False)[-1]


@given(st.text(max_size=12))
def test_an_id_is_taken_unchanged_or_refused(text):
    """Never changed: the app would look its customer up under another spelling."""
    try:
        taken = check_id(text)
    except InputError:
        return
    assert taken == text == text.strip()
    assert text.isprintable()
    assert text.encode().decode() == text


GOOD_EVENT = {"subject": "ada", "kind": "view", "item": "tea"}


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"kind": "stare"}, "kind", "one of 'view'"),
        ({"subject": None}, "subject", "text"),
        ({"item": ""}, "item", "at least 1 character"),
        ({"item": "x" * 201}, "item", "at most 200 characters"),
        ({"quantity": 0}, "quantity", "at least 1"),
        ({"quantity": 10**7}, "quantity", "at most 1000000"),
        ({"price": float("nan")}, "price", "finite"),
        ({"price": float("inf")}, "price", "finite"),
        ({"price": -1}, "price", "at least 0"),
        ({"at": datetime(2026, 1, 1)}, "at", "a time with a zone"),  # noqa: DTZ001
        ({"at": "yesterday"}, "at", "a time"),
        ({"colour": "red"}, "row", "no other fields than those of"),
        ({"event_id": " x"}, "event_id", "without spaces"),
    ],
)
def test_a_bad_field_is_named_with_what_was_expected(change, field, says):
    """Collected by row; strictly, raised."""
    rows = [GOOD_EVENT, {**GOOD_EVENT, **change}, GOOD_EVENT]
    good, [bad] = check_rows(Event, rows, strict=False)
    assert [number for number, _ in good] == [0, 2]
    assert (bad.row, bad.field) == (1, field)
    assert says in bad.expected
    with pytest.raises(InputError, match=rf"^row 1, {field}: expected ") as caught:
        check_rows(Event, rows, strict=True)
    assert (caught.value.row, caught.value.field) == (1, field)


@pytest.mark.parametrize("row", ["ada", None, 7, [], ("a", "b")])
def test_a_row_that_is_no_row_is_refused(row):
    """And the others are kept."""
    good, [bad] = check_rows(Event, [row, GOOD_EVENT], strict=False)
    assert (len(good), bad.row, bad.field) == (1, 0, "row")


def test_a_missing_field_is_named():
    """Not the row as a whole."""
    _, bad = check_rows(Event, [{"subject": "ada", "kind": "view"}], strict=False)
    assert [(one.field, one.expected) for one in bad] == [("item", "a value; it is missing")]


def test_codes_of_kinds_never_change():
    """They are in stored rows."""
    assert [kind.value for kind in KINDS] == [
        *("view", "cart", "purchase", "return", "like", "hide", "cancel")
    ]
    assert list(KIND_CODE.values()) == list(range(7))
    assert all(describe_kind(kind) for kind in EventKind)


@given(st.datetimes(timezones=st.timezones()))
def test_moments_are_exact_to_the_microsecond(moment):
    """In whatever zone, before 1970 too."""
    us = to_us(moment)
    # In UTC: of an hour that comes twice, Python says that it equals no time of another zone.
    assert from_us(us) == moment.astimezone(UTC)
    assert day_of(us) == (moment.astimezone(UTC).date() - datetime(1970, 1, 1).date()).days  # noqa: DTZ001


def test_a_moment_without_a_zone_is_refused():
    """It would mean another time on another machine."""
    with pytest.raises(InputError, match="a time with a zone"):
        to_us(datetime(2026, 1, 1))  # noqa: DTZ001
    east = timezone(timedelta(hours=2))
    assert to_us(datetime(1970, 1, 1, 2, tzinfo=east)) == 0


def test_values_cannot_be_changed():
    """Nor take fields that are not there."""
    with pytest.raises(ValueError, match="frozen"):
        Item(id="a").title = "b"
    with pytest.raises(ValueError, match="extra"):
        Item(id="a", colour="red")


def test_a_page_is_a_sequence_of_hits_whose_repr_names_no_item():
    """On a personal page they tell what someone did."""
    hit = Hit("tea", 1.0, "because you bought Tea", "item_item")
    page = Page("home", Basis.PERSONAL, (hit,), "token", "granted")
    assert (list(page), len(page)) == ([hit], 1)
    assert repr(page) == "Page(slot='home', basis='personal', hits=1)"
    assert "tea" not in repr(hit).lower()


def test_an_event_shows_its_kind_only():
    """Not who, what, when, how much, or in which order."""
    event = Event(subject="ada", kind="view", item="tea", order="o1", price=5, quantity=3)
    assert repr(event) == "Event(kind=<EventKind.VIEW: 'view'>)"
