"""Bad rows are refused by row and field, say what was expected, and take no good row with them."""

from datetime import UTC, datetime, timedelta

import pytest

import knowingly

SECRET = "ann.secret@example.com"  # noqa: S105 - an id, not a password
GOOD = {"subject": "ann", "kind": "purchase", "item": "cup"}
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

BAD_EVENTS = {
    "no subject": ({"kind": "view", "item": "cup"}, "subject", "missing"),
    "empty subject": ({**GOOD, "subject": ""}, "subject", "at least 1 character"),
    "blank subject": ({**GOOD, "subject": " ann"}, "subject", "without spaces"),
    "a number": ({**GOOD, "subject": 42}, "subject", "text"),
    "long subject": ({**GOOD, "subject": "a" * 201}, "subject", "at most 200"),
    "NUL": ({**GOOD, "subject": "ann\0"}, "subject", "control"),
    "newline": ({**GOOD, "subject": "a\nnn"}, "subject", "control"),
    "NFD": ({**GOOD, "subject": "re\u0301ne"}, "subject", "normal form C"),
    "a surrogate": ({**GOOD, "subject": "ann\ud800"}, "subject", "Unicode"),
    "right-to-left mark": ({**GOOD, "subject": "ann\u202e"}, "subject", "control"),
    "no kind": ({"subject": "ann", "item": "cup"}, "kind", "missing"),
    "unknown kind": ({**GOOD, "kind": SECRET}, "kind", "'purchase'"),
    "no item": ({"subject": "ann", "kind": "view"}, "item", "missing"),
    "unknown item": ({**GOOD, "item": "kettle"}, "item", "item of this shop"),
    "naive time": ({**GOOD, "at": datetime(2026, 2, 1)}, "at", "zone"),  # noqa: DTZ001
    "naive text": ({**GOOD, "at": "2026-02-01T12:00:00"}, "at", "zone"),
    "no time": ({**GOOD, "at": SECRET}, "at", ""),
    "future": ({**GOOD, "at": NOW + timedelta(days=1)}, "at", "not in the future"),
    "far future": ({**GOOD, "at": datetime.max.replace(tzinfo=UTC)}, "at", "not in the future"),
    "long ago": ({**GOOD, "at": datetime.min.replace(tzinfo=UTC)}, "at", "1970"),
    "NaN price": ({**GOOD, "price": float("nan")}, "price", "finite"),
    "infinite price": ({**GOOD, "price": float("inf")}, "price", "finite"),
    "negative price": ({**GOOD, "price": -1}, "price", "at least 0"),
    "price in words": ({**GOOD, "price": SECRET}, "price", ""),
    "no units": ({**GOOD, "quantity": 0}, "quantity", "at least 1"),
    "half a unit": ({**GOOD, "quantity": 1.5}, "quantity", ""),
    "too many units": ({**GOOD, "quantity": 10**30}, "quantity", "at most 1000000"),
    "long order": ({**GOOD, "order": "o" * 10_000_000}, "order", "at most 200"),
    "another field": ({**GOOD, "colour": SECRET}, "row", "no other fields than those of"),
    "no mapping": (SECRET, "row", "mapping"),
    "None": (None, "row", "mapping"),
}


@pytest.fixture
def cups(shop, clock, agree):
    """A shop of one item and one person who agreed an hour ago."""
    shop.items.upsert([{"id": "cup"}], strict=True)
    agree(shop, "ann", at=clock.ago(days=100))
    return shop


def stored(house, table="events"):
    return house.count(table)


@pytest.mark.parametrize("what", BAD_EVENTS)
def test_a_bad_event_is_refused_and_the_good_are_kept(cups, house, what):
    """The refusal names row, field and expectation, repeats no value, and spares the other rows."""
    row, field, expected = BAD_EVENTS[what]
    intake = cups.track([GOOD, row, GOOD])
    assert intake.kept == 2
    (refused,) = intake.refused
    assert (refused.row, refused.field) == (1, field)
    assert expected in refused.expected
    assert SECRET not in repr(intake)
    assert stored(house) == 2


@pytest.mark.parametrize("what", BAD_EVENTS)
def test_a_strict_batch_is_refused_whole(cups, house, what):
    """With ``strict`` one bad row refuses all of them, and nothing is written."""
    row, field, expected = BAD_EVENTS[what]
    size = cups.audit.verify().size
    with pytest.raises(knowingly.InputError) as caught:
        cups.track([GOOD, row, GOOD], strict=True)
    assert (caught.value.row, caught.value.field) == (1, field)
    assert expected in str(caught.value)
    assert SECRET not in str(caught.value)
    assert stored(house) == 0
    assert cups.audit.verify().size == size


def test_a_single_bad_event_raises(cups):
    """One event is strict: an unknown item, a bad kind and a naive time are errors."""
    with pytest.raises(knowingly.UnknownItemError):
        cups.track("ann", "view", "kettle")
    with pytest.raises(knowingly.InputError, match="kind"):
        cups.track("ann", "looked", "cup")
    with pytest.raises(knowingly.InputError, match="zone"):
        cups.track("ann", "view", "cup", at=datetime(2026, 2, 1))  # noqa: DTZ001


def test_a_day_ahead_is_refused_and_a_minute_is_not(cups, clock):
    """Clocks may differ by what the policy says, and no more."""
    assert cups.track("ann", "view", "cup", at=clock.now + timedelta(seconds=299)).kept == 1
    with pytest.raises(knowingly.InputError, match="future"):
        cups.track("ann", "view", "cup", at=clock.now + timedelta(seconds=301))


def test_the_same_event_is_kept_once(cups, house):
    """A second event of one person with the same id is ignored and counted, also within a batch."""
    rows = [{**GOOD, "event_id": "e1"}, {**GOOD, "event_id": "e1"}, {**GOOD, "event_id": "e2"}]
    first = cups.track(rows)
    assert (first.kept, first.duplicates) == (2, 1)
    again = cups.track(rows)
    assert (again.kept, again.duplicates) == (0, 3)
    assert stored(house) == 2


def test_an_event_id_belongs_to_one_person(cups, house, agree, clock):
    """Two people may have events of the same id."""
    agree(cups, "bob")
    clock.forward(hours=1)
    rows = [{**GOOD, "event_id": "e1"}, {**GOOD, "subject": "bob", "event_id": "e1"}]
    assert cups.track(rows).kept == 2


def test_ids_that_look_alike_are_two_people(cups, agree, clock):
    """A Latin and a Cyrillic letter are not one person, and neither are two cases of a letter."""
    agree(cups, "\u0430nn")
    clock.forward(hours=1)
    cups.track("ann", "view", "cup")
    assert not cups.profiles.view("\u0430nn", "personalize").events
    assert not cups.profiles.view("Ann", "personalize").events


def test_every_bad_row_is_named(cups):
    """All refusals come back, in the order of their rows, with those that only the shop can see."""
    rows = [row for row, _, _ in BAD_EVENTS.values()]
    intake = cups.track([*rows, GOOD])
    assert intake.kept == 1
    assert [one.row for one in intake.refused] == list(range(len(rows)))
    assert [one.field for one in intake.refused] == [field for _, field, _ in BAD_EVENTS.values()]


def test_an_empty_batch_is_no_error(cups):
    """Nothing in, nothing out."""
    assert cups.track([]) == knowingly.Intake()
    assert cups.items.upsert([]) == knowingly.Intake()
    assert cups.consent.record([]) == []


BAD_ITEMS = {
    "no id": ({"title": "Cup"}, "id", "missing"),
    "NFD": ({"id": "the\u0301"}, "id", "normal form C"),
    "NUL": ({"id": "c\0p"}, "id", "control"),
    "ten megabytes": ({"id": "pot", "title": "x" * 10_000_000}, "title", "at most 1000"),
    "NUL in the title": ({"id": "pot", "title": "P\0t"}, "title", "control"),
    "NaN": ({"id": "pot", "price": float("nan")}, "price", "finite"),
    "infinite": ({"id": "pot", "price": float("-inf")}, "price", "finite"),
    "naive": ({"id": "pot", "published_at": datetime(2026, 1, 1)}, "published_at", "zone"),  # noqa: DTZ001
    "categories": ({"id": "pot", "categories": ["x"] * 51}, "categories", "at most 50"),
    "one category": ({"id": "pot", "categories": ["x\ny"]}, "categories.0", "control"),
    "another field": ({"id": "pot", "colour": "red"}, "row", "no other fields than those of"),
}


@pytest.mark.parametrize("what", BAD_ITEMS)
def test_a_bad_item_is_refused_and_the_good_are_kept(cups, what):
    """Items are refused like events."""
    row, field, expected = BAD_ITEMS[what]
    intake = cups.items.upsert([{"id": "tin"}, row, {"id": "tray"}])
    assert intake.kept == 2
    assert [(one.row, one.field) for one in intake.refused] == [(1, field)]
    assert expected in intake.refused[0].expected
    assert "tin" in cups.items
    with pytest.raises(knowingly.InputError) as caught:
        cups.items.upsert([{"id": "whisk"}, row], strict=True)
    assert caught.value.row == 1
    assert "whisk" not in cups.items


def test_of_two_rows_of_one_item_the_later_counts(cups):
    """An item given twice in a call is stored once, as it was given last."""
    intake = cups.items.upsert([{"id": "cup", "title": "One"}, {"id": "cup", "title": "Two"}])
    assert (intake.kept, intake.duplicates) == (1, 1)
    assert cups.recommend(k=1).hits[0].item == "cup"
    assert len(cups.items) == 1


@pytest.mark.parametrize("at", [datetime.max.replace(tzinfo=UTC), NOW + timedelta(days=1)])
def test_a_choice_dated_in_the_future_is_refused(cups, at):
    """A choice that nobody can have made yet is an error, and nothing is recorded."""
    size = cups.audit.verify().size
    with pytest.raises(knowingly.InputError, match="future"):
        cups.consent.withdraw("ann", at=at)
    assert cups.audit.verify().size == size


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ({"action": "grant", "purposes": ["spying"], "notice": "2026-01/en"}, "unknown_purpose"),
        ({"action": "grant", "purposes": ["train"], "notice": "none"}, "no_notice"),
        ({"action": "grant", "purposes": ["train"]}, "no_notice"),
        ({"action": "grant", "notice": "2026-01/en"}, "no_purpose"),
        ({"action": "withdraw", "purposes": ["spying"]}, "unknown_purpose"),
    ],
)
def test_a_choice_that_could_not_count_is_refused(cups, choice, reason):
    """A grant needs a purpose and a notice the policy knows; the message names nobody."""
    with pytest.raises(knowingly.ConsentError) as caught:
        cups.consent.record([{"subject": SECRET, **choice}])
    assert caught.value.reason == reason
    assert SECRET not in str(caught.value)


def test_errors_about_people_do_not_name_them(cups):
    """Whatever is asked of an unknown or impossible person, no message repeats the id."""
    calls = [
        cups.rights.erase,
        cups.rights.export,
        cups.recommend,
        cups.consent.status,
        cups.consent.withdraw,
        lambda who: cups.profiles.view(who, "train"),
        lambda who: cups.track(who, "view", "cup"),
        lambda who: cups.audit.note_read("view", who),
    ]
    for bad in (f"{SECRET}\0", f" {SECRET}", SECRET * 20, f"{SECRET}e\u0301"):
        for call in calls:
            with pytest.raises(knowingly.KnowinglyError) as caught:
                call(bad)
            assert SECRET not in str(caught.value)
            assert SECRET not in repr(caught.value)
    for call in calls[:2]:
        with pytest.raises(knowingly.UnknownSubjectError) as caught:
            call(SECRET)
        assert SECRET not in str(caught.value)
