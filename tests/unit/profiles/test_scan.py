"""Everyone is read in parts, and the parts make no difference."""

import numpy as np
import pytest

from knowingly.profiles import scan as scanning
from knowingly.profiles.scan import PeopleRecords, in_pages, scan

LONG_AGO, EVER = 0, 2**62


def read(shop, purpose="train", **limits):
    tenancy = shop._tenancy
    with tenancy.read() as snapshot:
        limits = {"from_us": LONG_AGO, "until_us": EVER, **limits}
        found = scan(tenancy, snapshot, purpose, at_us=tenancy.now_us(), **limits)
        return {
            int(subject): part.of(place)
            for part in found
            for place, subject in enumerate(part.subjects)
        }


@pytest.mark.parametrize(("people", "events"), [(1, 1), (3, 5), (7, 10_000), (1_000, 40)])
def test_the_size_of_the_parts_changes_nothing(tea, monkeypatch, people, events):
    """The same people in the same order with the same events, each once."""
    whole = read(tea)
    monkeypatch.setattr(scanning, "PEOPLE_AT_ONCE", people)
    monkeypatch.setattr(scanning, "_EVENTS_AT_ONCE", events)
    parts = read(tea)
    assert list(parts) == list(whole)
    assert all(parts[subject].tobytes() == whole[subject].tobytes() for subject in whole)
    assert len(whole) == 140


def test_only_events_within_the_time_are_read(tea, clock):
    """And a person who has none in it does not come at all."""
    from_us = tea._tenancy.now_us() - 20 * 86_400_000_000
    until_us = from_us + 10 * 86_400_000_000
    whole, part = read(tea), read(tea, from_us=from_us, until_us=until_us)
    expected = {
        subject: records[(records["at_us"] >= from_us) & (records["at_us"] <= until_us)]
        for subject, records in whole.items()
    }
    assert list(part) == [subject for subject, records in expected.items() if len(records)]
    assert all(part[subject].tobytes() == expected[subject].tobytes() for subject in part)
    assert 0 < len(part) < len(whole)


def test_pages_hold_everyone_with_their_choices(tea, monkeypatch):
    """Also those who refused, and those whose number is the last of a page."""
    monkeypatch.setattr(scanning, "PEOPLE_AT_ONCE", 10)
    with tea._tenancy.read() as snapshot:
        pages = list(in_pages(snapshot))
    people = [person.subject for page in pages for person, _ in page]
    assert people == sorted(set(people))
    assert len(people) == tea.stats()["people"]
    assert all(records for page in pages for _, records in page)


def test_some_of_the_people_keep_their_own_events():
    """Cut out of the middle, with the starts counted anew."""
    records = np.zeros(6, scanning.body.RECORD)
    records["item"] = range(6)
    part = PeopleRecords(np.array([3, 5, 9]), np.array([0, 1, 4, 6]), records)
    left = part.only(np.array([True, False, True]))
    assert left.subjects.tolist() == [3, 9]
    assert [left.of(place)["item"].tolist() for place in range(len(left))] == [[0], [4, 5]]
    assert left.person.tolist() == [0, 1, 1]
