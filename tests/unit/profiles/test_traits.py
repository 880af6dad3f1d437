"""Traits are kept as events are: for what was allowed when they came in, and is allowed now."""

from datetime import date, datetime, timedelta

import pytest

import knowingly
from knowingly import HoldError, InputError, UnknownSubjectError

NOTICE = "2026-01/en"
FIELDS = {
    "shoe_size": {"title": "Shoe size", "purposes": ["personalize", "measure"], "kind": "number"},
    "nickname": {"title": "Nickname", "purposes": ["personalize"], "max_chars": 10},
    "tone": {"title": "Tone", "purposes": ["personalize"], "kind": "choice", "choices": ["a", "b"]},
    "member": {"title": "Member", "purposes": ["measure"], "kind": "flag"},
    "born": {"title": "Born", "purposes": ["personalize"], "kind": "date", "keep_days": 30},
    "faith": {
        "title": "Faith",
        "purposes": ["personalize"],
        "special": True,
        "explicit_consent": True,
    },
}


@pytest.fixture
def shop(house):
    house.policy = house.policy.model_copy(update={"data": FIELDS})
    shop = house.open()
    shop.items.upsert([{"id": "tea"}])
    shop.consent.grant("ada", ["personalize", "measure"], notice=NOTICE)
    house.clock.forward(minutes=1)
    return shop


def seen(shop, purpose, subject="ada"):
    return {
        name: trait.value for name, trait in shop.profiles.view(subject, purpose).traits.items()
    }


def test_a_purpose_sees_the_fields_whose_entry_names_it(shop):
    """And counts the others."""
    told = shop.profiles.set("ada", {"shoe_size": 42, "nickname": "Ad", "member": True})
    assert (told.kept, told.dropped) == (3, {})
    assert seen(shop, "personalize") == {"shoe_size": 42, "nickname": "Ad"}
    assert seen(shop, "measure") == {"shoe_size": 42, "member": True}
    view = shop.profiles.view("ada", "personalize")
    assert view.withheld == {"other_purpose": 1}
    assert shop.profiles.view("ada", "train").withheld == {"no_record": 3}


def test_a_trait_keeps_where_it_came_from(shop, clock):
    """Source by the data map, origin and moment as given."""
    at = clock.ago(seconds=30)
    shop.profiles.set("ada", {"nickname": "Ad"}, source="provided", origin="quiz", at=at)
    trait = shop.profiles.view("ada", "personalize").traits["nickname"]
    assert (trait.field, trait.source, trait.origin) == ("nickname", "provided", "quiz")
    assert datetime.fromtimestamp(trait.at_us / 1e6, at.tzinfo) == at
    assert "Ad" not in repr(trait)
    with pytest.raises(InputError, match='source: expected "provided"'):
        shop.profiles.set("ada", {"nickname": "Ad"}, source="inferred")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"zqx": 1}, "which has born, faith, member, nickname, shoe_size, tone"),
        ({3: 1}, "one of the data map"),
        ({}, "at least one field"),
        ("nickname", "a mapping"),
        ({"nickname": ""}, "1 to 10 characters"),
        ({"nickname": "x" * 11}, "1 to 10 characters"),
        ({"nickname": "\ud800"}, "1 to 10 characters"),
        ({"nickname": 3}, "1 to 10 characters"),
        ({"shoe_size": "42"}, "a finite number"),
        ({"shoe_size": True}, "a finite number"),
        ({"shoe_size": float("nan")}, "a finite number"),
        ({"shoe_size": float("-inf")}, "a finite number"),
        ({"shoe_size": 10**400}, "a finite number"),
        ({"shoe_size": 1e16}, "a finite number"),
        ({"member": 1}, "True or False"),
        ({"tone": "c"}, "one of a, b"),
        ({"born": "1. 3. 2026"}, "a date"),
        ({"born": datetime(2026, 3, 1)}, "a date"),  # noqa: DTZ001 - no date is what is asked
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_not_repeated(shop, values, expected):
    """And nothing else of the call is kept."""
    with pytest.raises(InputError) as caught:
        shop.profiles.set(
            "ada", {"tone": "a", **values} if isinstance(values, dict) and values else values
        )
    assert expected in str(caught.value)
    assert "zqx" not in str(caught.value)
    assert seen(shop, "personalize") == {}


def test_values_of_every_kind_come_back(shop):
    """Text, numbers, flags, dates and choices."""
    values = {"shoe_size": 42.5, "nickname": "Ad ❤", "tone": "b", "born": date(2026, 3, 1)}
    shop.profiles.set("ada", values)
    assert seen(shop, "personalize") == {**values, "born": "2026-03-01"}


def test_what_nobody_allows_is_dropped_and_counted(shop, clock):
    """By reason: unknown people, a no, a value from before the yes."""
    assert shop.profiles.set("bob", {"tone": "a"}).dropped == {"no_record": 1}
    assert shop.profiles.set("ada", {"tone": "a"}, at=clock.ago(days=1)).dropped == {
        "before_consent": 1
    }
    shop.consent.withdraw("ada", ["personalize"])
    told = shop.profiles.set("ada", {"tone": "a", "shoe_size": 1})
    assert (told.kept, told.dropped) == (1, {"withdrawn": 1})
    assert seen(shop, "measure") == {"shoe_size": 1}


def test_a_later_yes_does_not_reach_back(shop, clock):
    """What a no took from a trait is not there for a new yes."""
    shop.profiles.set("ada", {"tone": "a", "shoe_size": 42})
    receipt = shop.consent.withdraw("ada", ["personalize"])
    assert receipt.effects == {"traits_stripped": 2}
    clock.forward(minutes=1)
    shop.consent.grant("ada", ["personalize"], notice=NOTICE)
    clock.forward(minutes=1)
    assert seen(shop, "personalize") == {}
    assert seen(shop, "measure") == {"shoe_size": 42}
    assert shop.stats()["traits_waiting_for_deletion"] == 1
    assert shop.maintain(skip=["train", "release"]).traits_deleted == 1


def test_a_purpose_sees_only_what_was_kept_for_it(shop, house, clock):
    """Also where its basis changes and no grant says since when it may."""
    shop.consent.withdraw("ada", ["personalize"])
    clock.forward(minutes=1)
    shop.profiles.set("ada", {"shoe_size": 42})
    based = {name: one.model_dump() for name, one in house.policy.purposes.items()}
    based["train"] = {**based["personalize"], "basis": "legitimate_interest"}
    fields = {"shoe_size": {**FIELDS["shoe_size"], "purposes": ["measure", "train"]}}
    house.policy = house.policy.model_copy(update={"purposes": based, "data": fields})
    shop = house.open()
    view = shop.profiles.view("ada", "train")
    assert view.decision.allowed
    assert (view.traits, view.withheld) == ({}, {"other_purpose": 1})
    assert seen(shop, "measure") == {"shoe_size": 42}


def test_the_newest_moment_wins_whichever_comes_first(shop, clock):
    """Out of order or in order, the same is stored."""
    shop.profiles.set("ada", {"tone": "b"})
    told = shop.profiles.set("ada", {"tone": "a"}, at=clock.ago(seconds=10))
    assert told.dropped == {"superseded": 1}
    assert seen(shop, "personalize") == {"tone": "b"}
    clock.forward(seconds=1)
    shop.profiles.set("ada", {"tone": "a"})
    assert seen(shop, "personalize") == {"tone": "a"}


def test_a_special_field_takes_a_recorded_yes_and_nothing_else(house):
    """Another basis cannot be declared for it; the person's own grant is what counts."""
    house.policy = house.policy.model_copy(update={"data": FIELDS})
    house.with_policy(signals={"accept": {"shopify": ("personalize",)}})
    shop = house.open()
    assert shop.profiles.set("ada", {"faith": "x"}).dropped == {"no_record": 1}
    shop.consent.grant("ada", ["personalize"], notice=NOTICE)
    assert shop.profiles.set("ada", {"faith": "x"}).kept == 1
    assert seen(shop, "personalize") == {"faith": "x"}


def test_rectify_leaves_no_old_value(shop, clock):
    """In the row or the log; the entry counts fields and names none."""
    shop.profiles.set("ada", {"nickname": "zqxold"}, at=clock())
    size = shop.audit.verify().size
    clock.forward(minutes=-0.5)
    assert shop.profiles.rectify("ada", {"nickname": "new"}).kept == 1
    assert seen(shop, "personalize") == {"nickname": "new"}
    [entry] = shop.audit.entries(since=size)
    assert (entry.kind, dict(entry.facts)) == ("profile.rectified", {"fields": 1})
    assert "zqx" not in str(shop.rights.export("ada"))


def test_a_restricted_persons_data_can_be_put_right(shop, clock):
    """It stays kept for what it was kept for, and unused."""
    shop.profiles.set("ada", {"nickname": "old"})
    shop.rights.restrict("ada")
    assert shop.profiles.rectify("ada", {"nickname": "new", "tone": "a"}).dropped == {
        "restricted": 1
    }
    assert seen(shop, "personalize") == {}
    clock.forward(minutes=1)
    shop.rights.lift_restriction("ada")
    assert seen(shop, "personalize") == {"nickname": "new"}


def test_rectify_after_a_no_deletes(shop):
    """A value that nothing allows is not written anew, and the old one goes."""
    shop.profiles.set("ada", {"tone": "a"})
    shop.consent.withdraw("ada")
    assert shop.profiles.rectify("ada", {"tone": "b"}).dropped == {"withdrawn": 1}
    assert shop.rights.export("ada")["traits"] == []


def test_what_was_taken_away_does_not_come_back_by_an_old_value(shop, clock):
    """Sent again with its moment, in whatever order; a value of after it is a new one."""
    before = clock.forward(minutes=1)
    shop.profiles.set("ada", {"tone": "a", "nickname": "x"}, at=before)
    clock.forward(minutes=1)
    shop.profiles.remove("ada", ["tone"])
    clock.forward(minutes=1)
    again = shop.profiles.set("ada", {"tone": "a", "nickname": "x"}, at=before)
    assert (again.kept, again.dropped) == (1, {"removed": 1})
    after = clock.now
    clock.forward(minutes=1)
    assert shop.profiles.set("ada", {"tone": "b"}, at=after).kept == 1
    assert shop.profiles.set("ada", {"tone": "a"}, at=before).dropped == {"superseded": 1}
    shop.profiles.remove("ada", ["tone"])
    shop.keys.reseal("ada")
    assert shop.profiles.set("ada", {"tone": "b"}, at=after).dropped == {"removed": 1}
    assert shop.profiles.set("ada", {"tone": "a"}).kept == 1
    assert seen(shop, "personalize") == {"nickname": "x", "tone": "a"}


def test_remove_takes_fields_away(shop):
    """Declared or not; the log has an entry where something went."""
    shop.profiles.set("ada", {"tone": "a", "nickname": "x"})
    size = shop.audit.verify().size
    assert shop.profiles.remove("ada", ["tone", "gone"]) == 1
    assert shop.profiles.remove("ada", "tone") == 0
    assert seen(shop, "personalize") == {"nickname": "x"}
    assert [one.kind for one in shop.audit.entries(since=size)] == ["profile.removed"]
    with pytest.raises(InputError, match="fields"):
        shop.profiles.remove("ada", [3])


def test_nobody_unknown_is_changed(shop):
    """Nor one who was erased, nor another tenant's."""
    shop.rights.erase("ada")
    for call in (
        lambda: shop.profiles.rectify("ada", {"tone": "a"}),
        lambda: shop.profiles.remove("zelda", ["tone"]),
        lambda: shop.tenant("acme").profiles.remove("ada", ["tone"]),
    ):
        with pytest.raises(UnknownSubjectError):
            call()
    assert shop.profiles.set("ada", {"tone": "a"}).dropped == {"no_record": 1}


def test_values_from_before_an_erasure_do_not_come_back(shop, clock):
    """A new yes opens a new subject; the tombstone refuses what is older."""
    at = clock()
    clock.forward(minutes=1)
    shop.rights.erase("ada")
    clock.forward(minutes=1)
    shop.consent.grant("ada", ["personalize"], notice=NOTICE)
    assert shop.profiles.set("ada", {"tone": "a"}, at=at).dropped == {"erased": 1}
    assert shop.profiles.set("ada", {"tone": "a"}).kept == 1


def test_a_field_ends_with_its_own_days(shop, clock):
    """Unseen from then on, and deleted by the next retention."""
    shop.profiles.set("ada", {"born": "2026-01-01", "tone": "a"})
    clock.forward(days=31)
    view = shop.profiles.view("ada", "personalize")
    assert set(view.traits) == {"tone"}
    assert view.withheld == {"expired": 1}
    done = shop.retain(apply=True)
    assert done.expired == {"traits.born": {"too_old": 1}}
    assert done.deleted == {"traits": 1}


def test_a_field_the_policy_drops_or_narrows_is_withheld_and_deleted(shop, house, clock):
    """At once, and by retention for good."""
    shop.profiles.set("ada", {"tone": "a", "shoe_size": 42})
    narrow = {"shoe_size": {**FIELDS["shoe_size"], "purposes": ["measure"]}}
    house.policy = house.policy.model_copy(update={"data": narrow})
    shop = house.open()
    view = shop.profiles.view("ada", "personalize")
    assert view.traits == {}
    assert view.withheld == {"undeclared": 1, "other_purpose": 1}
    done = shop.retain(apply=True)
    assert done.expired == {"traits": {"undeclared": 1}, "traits.shoe_size": {"retired": 1}}
    assert seen(shop, "measure") == {"shoe_size": 42}


def test_moments_are_checked(shop, clock):
    """As an event's."""
    for at in (clock() + timedelta(days=1), datetime(2026, 1, 1), "now"):  # noqa: DTZ001
        with pytest.raises(InputError, match="at"):
            shop.profiles.set("ada", {"tone": "a"}, at=at)
    with pytest.raises(InputError, match="origin"):
        shop.profiles.set("ada", {"tone": "a"}, origin="a\nb")


def test_a_moved_row_does_not_open(shop):
    """A value sealed for one field is not shown as another's."""
    shop.profiles.set("ada", {"tone": "a", "nickname": "b"})
    with shop._files.data.writing() as connection:
        bodies = connection.exec_driver_sql("SELECT body FROM traits ORDER BY trait").all()
        names = connection.exec_driver_sql("SELECT trait FROM traits ORDER BY trait").all()
        connection.exec_driver_sql(
            "UPDATE traits SET body=? WHERE trait=?", (bodies[0][0], names[1][0])
        )
    with pytest.raises(knowingly.SealError):
        shop.profiles.view("ada", "personalize")


def test_a_hold_keeps_values_as_they_are(shop, clock):
    """A new one is a counted skip; changes are an error."""
    shop.profiles.set("ada", {"tone": "a"})
    shop.rights.hold("ada", reason="a suit")
    clock.forward(minutes=1)
    told = shop.profiles.set("ada", {"tone": "b", "nickname": "n"})
    assert (told.kept, told.dropped) == (1, {"held": 1})
    for call in (
        lambda: shop.profiles.rectify("ada", {"tone": "b"}),
        lambda: shop.profiles.remove("ada", ["tone"]),
    ):
        with pytest.raises(HoldError, match="release it first"):
            call()
    assert seen(shop, "personalize") == {"tone": "a", "nickname": "n"}
