"""Signing in merges a session: every record is kept, the stricter side wins, nothing widens."""

import sqlite3
from contextlib import closing

import pytest

import knowingly
from knowingly import HoldError, InputError, TamperedError, UnknownSubjectError

NOTICE = "2026-01/en"
FIELDS = {
    "size": {"title": "Size", "purposes": ["personalize", "measure"], "kind": "number"},
    "tone": {"title": "Tone", "purposes": ["personalize"]},
    "faith": {
        "title": "Faith",
        "purposes": ["personalize"],
        "special": True,
        "explicit_consent": True,
    },
}


@pytest.fixture
def shop(house, agree, clock):
    """Six people who agree to everything needed, and items."""
    house.policy = house.policy.model_copy(update={"data": FIELDS})
    shop = house.open()
    shop.items.upsert([{"id": f"i{n}", "title": f"Item {n}"} for n in range(4)])
    for n in range(6):
        agree(shop, f"p{n}")
    clock.forward(minutes=1)
    rows = [
        {"subject": f"p{n}", "kind": "purchase", "item": f"i{(n + k) % 4}"}
        for n in range(6)
        for k in range(3)
    ]
    shop.track(rows, strict=True)
    return shop


def grant(shop, subject, *purposes):
    shop.consent.grant(subject, list(purposes), notice=NOTICE)
    shop._tenancy.clock.forward(minutes=1)


def allowed(shop, subject):
    return {name for name, one in shop.consent.status(subject).items() if one.allowed}


def items(shop, subject, purpose="personalize"):
    return sorted(event.item for event in shop.profiles.view(subject, purpose).events)


def test_what_both_allow_becomes_the_accounts(shop):
    """Events and traits, for those purposes only, and under the account's key."""
    grant(shop, "s", "personalize", "measure")
    grant(shop, "a", "personalize", "train")
    shop.track("s", "view", "i1")
    shop.profiles.set("s", {"size": 42}, origin="quiz")
    shop.profiles.link("s", "email", "a@b.cc")
    done = shop.profiles.merge("s", into="a")
    assert (done.events, done.traits, done.identities, done.choices) == (1, 1, 1, 1)
    assert (done.left_out, done.refused) == ({}, ())
    assert done.needs_confirmation == ("measure",)
    assert items(shop, "a") == ["i1"]
    trait = shop.profiles.view("a", "personalize").traits["size"]
    assert (trait.value, trait.origin) == (42, "quiz")
    assert shop.rights.export("a")["events"][0]["kept_for"] == ["personalize"]
    assert shop.profiles.find("email", "a@b.cc") == "a"
    assert not shop.knows("s")
    shop.audit.verify()


def test_a_yes_of_the_session_is_no_yes_of_the_account(shop):
    """Also later: its records are history that decides nothing."""
    grant(shop, "s", "personalize", "train", "measure")
    shop.consent.refuse("a", ["train"])
    shop._tenancy.clock.forward(minutes=1)
    shop.track("s", "view", "i1")
    done = shop.profiles.merge("s", into="a")
    assert allowed(shop, "a") == set()
    assert done.needs_confirmation == ("personalize", "measure")
    assert (done.events, done.left_out) == (0, {"not_allowed_by_both": 1})
    kept = shop.rights.export("a")["consent_records"]
    assert sum(one["scope"].startswith("account:merged:") for one in kept) == 3


@pytest.mark.parametrize("no", ["refuse", "withdraw", "object"])
def test_a_no_of_the_session_holds_for_the_account(shop, clock, no):
    """With its effects: events lose the purpose, models forget; a new yes opens it again."""
    grant(shop, "s", "train")
    getattr(shop.consent, no)("s", ["train"])
    grant(shop, "p0", "personalize")
    shop.train()
    people = shop.models.cards()[0].people
    clock.forward(minutes=1)
    done = shop.profiles.merge("s", into="p0")
    assert done.refused == ("train",)
    decision = shop.consent.status("p0")["train"]
    said = {"refuse": "refused", "withdraw": "withdrawn", "object": "objected"}[no]
    assert (decision.allowed, decision.reason) == (False, said)
    assert shop.models.cards()[0].people == people - 1
    assert {one.largest_difference for one in shop.models.compare_with_refit()} == {0.0}
    assert items(shop, "p0", "train") == []
    assert len(items(shop, "p0")) == 3
    shop.audit.verify()
    clock.forward(minutes=1)
    grant(shop, "p0", "train")
    assert "train" in allowed(shop, "p0")
    assert items(shop, "p0", "train") == []


def test_a_no_holds_even_where_the_account_said_yes_after_it(shop, clock):
    """The account's yes was not given with the session's no in sight."""
    shop.consent.refuse("s", ["personalize"])
    clock.forward(minutes=1)
    grant(shop, "a", "personalize")
    assert shop.profiles.merge("s", into="a").refused == ("personalize",)
    assert allowed(shop, "a") == set()


def test_a_restriction_of_either_side_holds(shop, clock):
    """Nothing moves under it, and the account's own data is kept, unused."""
    grant(shop, "s", "personalize")
    shop.track("s", "view", "i1")
    shop.rights.restrict("s")
    clock.forward(minutes=1)
    done = shop.profiles.merge("s", into="p0")
    assert done.refused == ("*",)
    assert (done.events, allowed(shop, "p0")) == (0, set())
    clock.forward(minutes=1)
    shop.rights.lift_restriction("p0")
    assert len(items(shop, "p0")) == 3


def test_a_no_to_a_purpose_that_is_switched_off_is_not_lost(house, shop, clock):
    """The shop may switch it on again."""
    grant(shop, "a", "measure")
    shop.consent.refuse("s", ["measure"])
    clock.forward(minutes=1)
    off = house.with_purpose("measure", enabled=False).open()
    assert off.profiles.merge("s", into="a").refused == ("measure",)
    on = house.with_purpose("measure", enabled=True).open()
    assert not on.consent.status("a")["measure"].allowed


def test_an_objection_under_a_restriction_is_not_lost(shop, clock):
    """Both become the account's."""
    shop.consent.object("s", ["personalize"])
    shop.rights.restrict("s")
    clock.forward(minutes=1)
    assert shop.profiles.merge("s", into="p0").refused == ("*", "personalize")
    clock.forward(minutes=1)
    shop.rights.lift_restriction("p0")
    assert shop.consent.status("p0")["personalize"].reason == "objected"


def test_events_from_before_either_yes_stay_behind(shop, clock):
    """A yes of the account does not reach back to what the session did before it."""
    grant(shop, "s", "personalize")
    shop.track("s", "view", "i1")
    clock.forward(minutes=1)
    grant(shop, "a", "personalize")
    shop.track("s", "view", "i2")
    done = shop.profiles.merge("s", into="a")
    assert (done.events, done.left_out) == (1, {"not_allowed_by_both": 1})
    assert items(shop, "a") == ["i2"]


def test_a_field_that_the_account_took_away_stays_away(shop, clock):
    """A session's value of before it is not newer than that; one of after it is."""
    for subject in ("s", "a"):
        grant(shop, subject, "personalize")
    shop.profiles.set("s", {"tone": "old"})
    shop.profiles.set("a", {"tone": "mine", "size": 1})
    clock.forward(minutes=1)
    shop.profiles.remove("a", ["tone", "size"])
    clock.forward(minutes=1)
    shop.profiles.set("s", {"size": 2})
    done = shop.profiles.merge("s", into="a")
    assert (done.traits, done.left_out) == (1, {"removed": 1})
    known = shop.profiles.view("a", "personalize").traits
    assert {name: trait.value for name, trait in known.items()} == {"size": 2}


def test_the_newer_value_of_a_field_stays(shop, clock):
    """Whichever side it is from; a special field needs both to have said yes."""
    for subject in ("s", "a"):
        grant(shop, subject, "personalize")
    shop.profiles.set("s", {"tone": "old", "size": 1, "faith": "f"})
    clock.forward(minutes=1)
    shop.profiles.set("a", {"tone": "new"})
    clock.forward(minutes=1)
    shop.profiles.set("s", {"size": 2})
    done = shop.profiles.merge("s", into="a")
    assert (done.traits, done.left_out) == (2, {"superseded": 1})
    known = shop.profiles.view("a", "personalize").traits
    assert {name: trait.value for name, trait in known.items()} == {
        "tone": "new",
        "size": 2,
        "faith": "f",
    }


def test_the_session_leaves_the_models_first(shop, clock):
    """And its moved events are learned with the account's next training."""
    grant(shop, "s", "personalize", "train")
    grant(shop, "a", "personalize", "train")
    shop.track("s", "purchase", "i1")
    shop.train()
    people = shop.models.cards()[0].people
    shop.profiles.merge("s", into="a")
    assert shop.models.cards()[0].people == people - 1
    assert {one.largest_difference for one in shop.models.compare_with_refit()} == {0.0}
    assert shop.train().people == people


def test_an_erased_self_of_the_account_does_not_come_back(house, shop, clock):
    """Events from before the account's erasure do not move, whatever basis would let them."""
    shop = house.with_purpose("measure", basis="legitimate_interest").open()
    shop.track([{"subject": one, "kind": "view", "item": "i1"} for one in ("s", "a")])
    clock.forward(minutes=1)
    shop.rights.erase("a")
    clock.forward(minutes=1)
    shop.track([{"subject": one, "kind": "view", "item": "i2"} for one in ("s", "a")])
    clock.forward(minutes=1)
    done = shop.profiles.merge("s", into="a")
    assert (done.events, done.left_out) == (1, {"not_allowed_by_both": 1})
    assert items(shop, "a", "measure") == ["i2", "i2"]


def test_a_sessions_yes_does_not_count_when_a_purpose_comes_to_need_consent(house, shop, clock):
    """What the account was never asked about is taken away, whatever its session had said."""
    shop = house.with_purpose("measure", basis="legitimate_interest").open()
    shop.track("a", "view", "i1")
    grant(shop, "s", "measure")
    shop.profiles.merge("s", into="a")
    assert items(shop, "a", "measure") == ["i1"]
    shop = house.with_purpose("measure", basis="consent").open()
    assert shop.retain(apply=True).expired == {"events": {"never_asked": 1}}


def test_what_was_not_kept_for_a_purpose_is_not_kept_for_it_after(house, shop, clock):
    """Also where both allow the purpose by now, and no grant says since when."""
    for subject in ("s", "a"):
        grant(shop, subject, "personalize")
    shop.track("s", "view", "i1")
    shop.profiles.set("s", {"size": 42})
    shop = house.with_purpose("measure", basis="legitimate_interest").open()
    done = shop.profiles.merge("s", into="a")
    assert (done.events, done.traits) == (1, 1)
    assert items(shop, "a") == ["i1"]
    view = shop.profiles.view("a", "measure")
    assert view.decision.allowed
    assert (view.events, view.traits) == ((), {})


def test_the_session_cannot_come_back(shop, clock):
    """Its id is under a tombstone, like any erased person's."""
    grant(shop, "s", "personalize")
    grant(shop, "a", "personalize")
    at = clock()
    clock.forward(minutes=1)
    shop.profiles.merge("s", into="a")
    clock.forward(minutes=1)
    grant(shop, "s", "personalize")
    assert shop.track("s", "view", "i1", at=at).kept == 0
    assert len(shop.rights.certificates()) == 1


def test_a_session_that_merged_one_can_be_merged(shop, clock):
    """Records of both stay history; the log still adds up, also after an erasure."""
    for subject in ("s1", "s2", "a"):
        grant(shop, subject, "personalize")
    shop.track("s1", "view", "i1")
    shop.profiles.merge("s1", into="s2")
    shop.profiles.merge("s2", into="a")
    assert items(shop, "a") == ["i1"]
    shop.audit.verify()
    shop.rights.erase("a")
    shop.audit.verify()


def test_who_cannot_be_merged(shop):
    """With a clear error that names nobody, and nothing is changed."""
    grant(shop, "s", "personalize")
    shop.rights.erase("p5")
    size = shop.audit.verify().size
    with pytest.raises(InputError, match="another person than the account"):
        shop.profiles.merge("s", into="s")
    for session, account in (("zqx", "p0"), ("s", "zqx"), ("p5", "p0"), ("s", "p5")):
        with pytest.raises(UnknownSubjectError) as caught:
            shop.profiles.merge(session, into=account)
        assert "zqx" not in str(caught.value)
    with pytest.raises(UnknownSubjectError):
        shop.tenant("acme").profiles.merge("s", into="p0")
    assert shop.audit.verify().size == size
    for held in ("s", "p0"):
        shop.rights.hold(held, reason="x")
        with pytest.raises(HoldError):
            shop.profiles.merge("s", into="p0")
        shop.rights.release_hold(held)
    shop.profiles.merge("s", into="p0")
    with pytest.raises(UnknownSubjectError):
        shop.profiles.merge("s", into="p0")


def test_a_no_cannot_be_put_out_of_force_by_calling_it_merged(house, shop, clock):
    """The merge's entry says how many choices it kept: one more does not fit."""
    grant(shop, "s", "personalize")
    grant(shop, "a", "personalize")
    shop.consent.withdraw("a")
    shop.profiles.merge("s", into="a")
    scopes = [one["scope"] for one in shop.rights.export("a")["consent_records"]]
    [merged] = {scope for scope in scopes if scope != "account"}
    house.close()
    for scope in (merged, "account:merged:0", "account:merged:x"):
        with closing(sqlite3.connect(house.data)) as connection, connection:
            connection.execute(
                "UPDATE consent_records SET scope=? WHERE action='withdraw' AND scope='account'",
                (scope,),
            )
        tampered = house.open()
        with pytest.raises(TamperedError, match="not merged by the entry"):
            tampered.audit.verify()
        house.close()
        with closing(sqlite3.connect(house.data)) as connection, connection:
            connection.execute("UPDATE consent_records SET scope='account' WHERE action='withdraw'")
    house.open().audit.verify()


def test_a_merge_names_nobody(shop):
    """Its entry counts; its repr has numbers only."""
    grant(shop, "zqxs", "personalize")
    done = shop.profiles.merge("zqxs", into="p0")
    assert "zqx" not in repr(done)
    [entry] = [one for one in shop.audit.entries() if one.kind == "subject.merged"]
    assert dict(entry.facts) == {"choices": 1}
    assert isinstance(done, knowingly.Merged)
