"""Events are kept for what is allowed, and read for a purpose and no further."""

import threading

import numpy as np
import pytest

import knowingly
from knowingly.domain.event import KINDS
from knowingly.domain.moments import DAY_US
from knowingly.errors import SealError
from knowingly.profiles import body, views
from knowingly.profiles.body import order_code
from knowingly.profiles.intake import tracking
from knowingly.profiles.intake.keeping import _RECORD

ALL = ("personalize", "train", "measure")


@pytest.fixture
def teas(shop):
    shop.items.upsert([{"id": name, "title": name.title()} for name in ("tea", "mug", "pot")])
    return shop


def seen(shop, subject="ada", purpose="personalize"):
    return [event.item for event in shop.profiles.view(subject, purpose).events]


def test_only_what_was_agreed_to_is_kept(teas, agree, clock):
    """For each purpose its own; a stranger's events are dropped and counted."""
    assert teas.track("ada", "view", "tea").dropped == {"no_record": 1}
    agree(teas, "ada", ["personalize"])
    assert teas.track("ada", "view", "mug").kept == 1
    assert seen(teas) == ["mug"]
    assert seen(teas, purpose="train") == []
    profile = teas.profiles.view("ada", "train")
    assert (profile.decision.allowed, profile.withheld) == (False, {"other_purpose": 1})


def test_a_later_yes_does_not_reach_back(teas, agree, clock):
    """An event keeps the purposes of when it came in."""
    agree(teas, "ada", ["personalize"])
    teas.track("ada", "view", "tea")
    clock.forward(days=1)
    agree(teas, "ada", ["train"])
    teas.track("ada", "view", "mug")
    assert seen(teas, purpose="train") == ["mug"]
    assert sorted(seen(teas)) == ["mug", "tea"]


def test_events_from_before_the_yes_are_dropped(teas, agree, clock):
    """Dated before it, they were not agreed to; dated ahead of the clock they are refused."""
    agree(teas, "ada")
    at = clock.ago(days=1)
    assert teas.track("ada", "view", "tea", at=at).dropped == {"before_consent": 1}
    with pytest.raises(knowingly.InputError, match="not in the future"):
        teas.track("ada", "view", "tea", at=clock.ago(hours=-1))
    assert teas.track("ada", "view", "tea", at=clock.ago(seconds=-200)).kept == 1


def test_the_same_event_twice_is_kept_once(teas, agree):
    """By its id and its person; events without an id are all different."""
    for name in ("ada", "bob"):
        agree(teas, name)
    batch = [
        {"subject": name, "kind": "view", "item": "tea", "event_id": "e1"}
        for name in ("ada", "bob", "ada")
    ]
    done = teas.track(batch)
    assert (done.kept, done.duplicates) == (2, 1)
    assert teas.track(batch).duplicates == 3
    assert teas.track([{"subject": "ada", "kind": "view", "item": "tea"}] * 3).kept == 3


def test_a_batch_takes_what_is_valid_and_says_what_it_refused(teas, agree):
    """With the row; strictly, nothing of it is written."""
    agree(teas, "ada")
    rows = [
        {"subject": "ada", "kind": "view", "item": "tea"},
        {"subject": "ada", "kind": "view", "item": "nothing"},
        {"subject": "ada", "kind": "look", "item": "tea"},
        {"subject": "bob", "kind": "view", "item": "tea"},
    ]
    done = teas.track(rows)
    assert (done.kept, dict(done.dropped)) == (1, {"no_record": 1})
    assert [(one.row, one.field) for one in done.refused] == [(1, "item"), (2, "kind")]
    for bad in (rows[1], rows[2]):
        with pytest.raises(knowingly.InputError):
            teas.track([rows[0], bad], strict=True)
    assert len(seen(teas)) == 1


def test_a_withdrawal_makes_events_unreadable_at_once(teas, agree, clock):
    """And a new yes does not bring them back; they wait for deletion, and are deleted."""
    agree(teas, "ada")
    teas.track("ada", "purchase", "tea")
    clock.forward(minutes=1)
    assert teas.consent.withdraw("ada").effects["events_stripped"] == 1
    assert teas.profiles.view("ada", "personalize").withheld == {"no_purpose": 1}
    clock.forward(minutes=1)
    agree(teas, "ada")
    assert seen(teas) == []
    assert teas.stats()["events_waiting_for_deletion"] == 1
    done = teas.maintain(skip=["train", "release"])
    assert (done.events_deleted, teas.stats()["events_waiting_for_deletion"]) == (1, 0)


def test_a_no_recorded_by_a_server_whose_clock_is_ahead_counts_at_once(house, agree):
    """A choice in hand is known, whatever this server's clock says."""
    one = house.open()
    ahead = type(house.clock)()
    ahead.now = house.clock.now
    ahead.forward(seconds=90)
    two = house.open(clock=ahead)
    one.items.upsert([{"id": "tea"}, {"id": "mug"}])
    agree(one, "ada")
    one.track("ada", "purchase", "tea")
    two.consent.withdraw("ada")
    assert not one.consent.status("ada")["personalize"].allowed
    assert one.track("ada", "purchase", "mug").dropped == {"withdrawn": 1}
    assert one.recommend("ada").why == "withdrawn"
    assert one.profiles.view("ada", "train").events == ()


def test_a_no_that_comes_while_an_event_waits_to_be_written_counts(house, agree, monkeypatch):
    """Consent is asked in the transaction that stores the event."""
    shop = house.open()
    shop.items.upsert([{"id": "tea"}])
    agree(shop, "ada")
    real = tracking.read

    def slow(*given, **named):
        found = real(*given, **named)
        house.clock.forward(seconds=1)
        thread = threading.Thread(target=shop.consent.withdraw, args=("ada",))
        thread.start()
        thread.join()
        return found

    monkeypatch.setattr(tracking, "read", slow)
    assert shop.track("ada", "view", "tea").dropped == {"withdrawn": 1}


def test_a_restriction_stops_use_and_deletes_nothing(teas, agree, clock):
    """Lifting it brings the events back."""
    agree(teas, "ada")
    teas.track("ada", "view", "tea")
    clock.forward(minutes=1)
    teas.consent.record([{"subject": "ada", "action": "restrict"}])
    assert teas.profiles.view("ada", "personalize").withheld == {"restricted": 1}
    assert teas.track("ada", "view", "mug").dropped == {"restricted": 1}
    teas.maintain(skip=["train", "release"])
    clock.forward(minutes=1)
    teas.consent.record([{"subject": "ada", "action": "unrestrict"}])
    assert seen(teas) == ["tea"]


def test_an_erased_person_does_not_come_back_by_an_old_import(teas, agree, clock):
    """Under a new yes only what they did after it is kept."""
    agree(teas, "ada")
    teas.track("ada", "view", "tea")
    clock.forward(days=1)
    teas.rights.erase("ada")
    assert not teas.knows("ada")
    assert seen(teas) == []
    clock.forward(days=1)
    with pytest.raises(knowingly.ConsentError, match="before an erasure"):
        agree(teas, "ada", at=clock.ago(days=3))
    agree(teas, "ada")
    assert dict(teas.track("ada", "view", "tea", at=clock.ago(days=2)).dropped) == {"erased": 1}
    assert teas.track("ada", "view", "mug").kept == 1
    assert seen(teas) == ["mug"]


def test_old_events_are_not_read_and_then_deleted(house, agree):
    """From the day the policy names."""
    house.with_purpose("personalize", keep_days=10, valid_days=1_000)
    house.with_purpose("train", keep_days=10, valid_days=1_000)
    shop = house.open()
    shop.items.upsert([{"id": "tea"}])
    agree(shop, "ada", ("personalize", "train"))
    shop.track("ada", "view", "tea")
    house.clock.forward(days=10, hours=1)
    assert shop.profiles.view("ada", "personalize").withheld == {"expired": 1}
    house.clock.forward(days=1)
    done = shop.maintain(skip=["train", "release"])
    assert (done.events_expired, done.events_deleted) == (2, 1)


def test_a_declared_basis_opens_a_person_without_a_choice(house):
    """With an entry in the log, and only for that purpose."""
    house.with_purpose("personalize", basis="contract")
    shop = house.open()
    shop.items.upsert([{"id": "tea"}])
    assert shop.track("ada", "view", "tea").kept == 1
    assert shop.audit.entries()[-1].kind == "subject.opened"
    assert seen(shop) == ["tea"]
    assert seen(shop, purpose="train") == []
    assert shop.audit.verify().size == 2


def test_a_purpose_nobody_declared_sees_nothing(teas, agree):
    """Whatever was agreed to."""
    agree(teas, "ada")
    teas.track("ada", "view", "tea")
    profile = teas.profiles.view("ada", "nonsense")
    assert (profile.decision.reason, profile.events) == ("unknown_purpose", ())


def test_a_page_reads_the_newest_and_the_newest_first(teas, agree, clock):
    """Whether all fit or some are left out, and in whatever order they are stored."""
    agree(teas, "ada")
    clock.forward(days=9)
    days = (3, 7, 1, 8, 5, 2, 6, 4)
    teas.track(
        [{"subject": "ada", "kind": "view", "item": "tea", "at": clock.ago(days=n)} for n in days]
    )
    tenancy = teas._tenancy
    now_us = tenancy.now_us()
    for limit, ages in ((9, range(1, 9)), (8, range(1, 9)), (7, range(1, 8)), (1, [1])):
        with tenancy.read() as snapshot:
            found = views.read_records(
                tenancy, snapshot, "ada", "personalize", at_us=now_us, limit=limit
            )
        assert ((now_us - found.records["at_us"]) // DAY_US).tolist() == list(ages)


def test_a_moved_or_changed_body_does_not_open(teas, agree):
    """One person's event in another's row, and one event in another's place."""
    for name in ("ada", "bob"):
        agree(teas, name)
        teas.track(name, "view", "tea")
    with teas._files.data.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE events SET body=(SELECT body FROM events WHERE subject=1) WHERE subject=2"
        )
    assert seen(teas, "ada") == ["tea"]
    with pytest.raises(SealError):
        teas.profiles.view("bob", "personalize")


def test_intake_and_reading_agree_on_the_record():
    """One packs with struct, the other reads with numpy: field by field the same bytes."""
    packed = _RECORD.pack(5, 2**50, 77, 3, 1.5, order_code("o"))
    assert len(packed) == body.RECORD.itemsize
    [record] = body.to_records([packed + b"o"])
    assert record.tolist() == (5, 2**50, 77, 3, 1.5, order_code("o"))
    event = body.to_event(packed + "ö".encode())
    assert (event.kind, event.item, event.order, event.price) == (KINDS[5], 77, "ö", 1.5)
    assert order_code(None) == 0 != order_code("") != order_code("o")


@pytest.mark.parametrize("broken", [b"", b"x", b"\x07" + b"\0" * 32, b"\xff" * 33])
def test_an_unknown_body_is_refused(broken):
    """Too short, or of a kind that is none."""
    with pytest.raises(SealError, match="form"):
        body.to_records([_RECORD.pack(0, 0, 0, 1, np.nan, 0), broken])
