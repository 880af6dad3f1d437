"""Law 3: consent decides what is kept, what is read, and what becomes of what is there."""

from contextlib import suppress

import pytest

import knowingly
from knowingly.samples import tea_shop

TRAINED = "t000"
"""One of the tea shop's people who agreed to personalize, train and measure."""


def items_of(shop, subject, purpose):
    return [one.item for one in shop.profiles.view(subject, purpose).events]


def stored(house, table="events"):
    return house.count(table)


@pytest.fixture
def pair(shop):
    """A shop of two items and nobody."""
    shop.items.upsert([{"id": "cup", "title": "Cup"}, {"id": "pot", "title": "Pot"}], strict=True)
    return shop


def test_events_keep_the_purposes_of_their_time(pair, clock, agree):
    """An event is shown to the purposes that were allowed when it came in, and to no other."""
    agree(pair, "ann", ["personalize"])
    clock.forward(hours=1)
    assert pair.track("ann", "view", "cup").kept == 1
    assert items_of(pair, "ann", "personalize") == ["cup"]
    assert items_of(pair, "ann", "train") == []
    assert pair.profiles.view("ann", "marketing").withheld == {"other_purpose": 1}


def test_purposes_mean_the_same_after_reopening(pair, house, clock, agree):
    """What was kept for a purpose is kept for that purpose when the shop is opened again."""
    for purpose in ("personalize", "train", "measure", "marketing", "share"):
        agree(pair, f"only-{purpose}", [purpose])
    clock.forward(hours=1)
    for purpose in pair.policy.purposes:
        pair.track(f"only-{purpose}", "view", "cup")
    house.close()
    shop = house.open()
    for kept_for in shop.policy.purposes:
        for asked in shop.policy.purposes:
            shown = items_of(shop, f"only-{kept_for}", asked)
            assert shown == (["cup"] if asked == kept_for else [])


def test_a_later_grant_does_not_reach_back(pair, clock, agree):
    """Granting a purpose later shows it only what comes in from then on."""
    agree(pair, "ann", ["personalize"])
    clock.forward(hours=1)
    pair.track("ann", "view", "cup")
    clock.forward(hours=1)
    agree(pair, "ann", ["train"])
    clock.forward(hours=1)
    pair.track("ann", "view", "pot")
    assert items_of(pair, "ann", "train") == ["pot"]
    assert sorted(items_of(pair, "ann", "personalize")) == ["cup", "pot"]


def test_a_backdated_grant_does_not_reach_back(pair, clock, agree):
    """A grant handed in late, dated before events that came in without it, does not reach them."""
    agree(pair, "ann", ["personalize"])
    clock.forward(hours=1)
    pair.track("ann", "view", "cup")
    agree(pair, "ann", ["train"], at=clock.ago(days=3))
    assert items_of(pair, "ann", "train") == []


@pytest.mark.parametrize("days", [0, 3])
def test_a_regrant_does_not_bring_back_what_was_withdrawn(pair, clock, agree, days):
    """Withdrawn and granted again before anything was deleted, the old events stay out."""
    agree(pair, "ann")
    clock.forward(minutes=1)
    pair.track("ann", "purchase", "cup")
    clock.forward(minutes=1)
    pair.consent.withdraw("ann")
    clock.forward(minutes=1, days=days)
    agree(pair, "ann")
    for purpose in ("personalize", "train", "measure"):
        assert items_of(pair, "ann", purpose) == []
    clock.forward(minutes=1)
    pair.maintain()
    assert pair.profiles.view("ann", "personalize").withheld == {}


def test_withdrawing_train_leaves_the_own_page(tea, house, clock, gaps):
    """Models forget her; her own page stays personal, from the same history."""
    clock.forward(hours=1)
    before = tea.models.cards()[0].people
    history = items_of(tea, TRAINED, "personalize")
    receipt = tea.consent.withdraw(TRAINED, ["train"])
    assert receipt.effects["models_forgot"] == 4
    assert tea.models.cards()[0].people == before - 1
    assert items_of(tea, TRAINED, "train") == []
    assert items_of(tea, TRAINED, "personalize") == history
    assert tea.recommend(TRAINED, k=4).basis == "personal"
    assert set(gaps(tea).values()) == {0.0}


def test_withdrawing_personalize_leaves_the_model(tea, clock, gaps):
    """Her page is no longer personal; she is still measured and still learned from."""
    clock.forward(hours=1)
    people = tea.models.cards()[0].people
    measured = items_of(tea, TRAINED, "measure")
    tea.consent.withdraw(TRAINED, ["personalize"])
    page = tea.recommend(TRAINED, k=4)
    assert (page.basis, page.why) == ("catalog", "withdrawn")
    assert not any("because you" in hit.reason for hit in page)
    assert tea.models.cards()[0].people == people
    assert items_of(tea, TRAINED, "measure") == measured
    assert items_of(tea, TRAINED, "train") == measured
    assert set(gaps(tea).values()) == {0.0}


def test_withdrawn_people_get_the_released_bestsellers(tea_house, clock):
    """Where bestsellers were released, a page without consent rests on them."""
    tea_house.with_policy(aggregates={"min_people": 20})
    tea = tea_house.open()
    assert tea.aggregates.release_bestsellers() is not None
    tea.consent.withdraw(TRAINED)
    page = tea.recommend(TRAINED, k=4)
    assert page.basis == "aggregate"
    assert {hit.source for hit in page} == {"bestsellers"}


def test_without_a_purpose_left_nothing_can_be_read(tea, tea_house, clock):
    """Everything withdrawn is unreadable at once, and deleted by the next upkeep."""
    clock.forward(hours=1)
    mine = len(items_of(tea, TRAINED, "personalize"))
    events = stored(tea_house)
    tea.consent.withdraw(TRAINED)
    for purpose in tea.policy.purposes:
        view = tea.profiles.view(TRAINED, purpose)
        assert not view.events
        assert view.withheld == {"no_purpose": mine}
    assert tea.stats()["events_waiting_for_deletion"] == mine
    assert stored(tea_house) == events
    done = tea.maintain()
    assert done.events_deleted == mine
    assert stored(tea_house) == events - mine
    assert tea.stats()["events_waiting_for_deletion"] == 0


def test_what_one_purpose_still_needs_is_not_deleted(tea, tea_house, clock):
    """Upkeep leaves the events that some purpose still allows."""
    events = stored(tea_house)
    tea.consent.withdraw(TRAINED, ["personalize", "train"])
    tea.maintain()
    assert stored(tea_house) == events
    assert items_of(tea, TRAINED, "measure")


@pytest.mark.parametrize("verb", ["refuse", "withdraw", "object"])
def test_every_no_has_the_same_effects(tea, clock, gaps, verb):
    """A refusal, a withdrawal and an objection all strip, forget and end the personal page."""
    clock.forward(hours=1)
    receipt = getattr(tea.consent, verb)(TRAINED)
    assert receipt.effects["models_forgot"] == 4
    assert receipt.effects["events_stripped"] > 0
    assert tea.recommend(TRAINED).basis != "personal"
    assert set(gaps(tea).values()) == {0.0}


def test_events_from_before_the_grant_are_dropped(pair, clock, agree):
    """An event that arrives late and is dated before the grant is dropped, and counted."""
    agree(pair, "ann")
    clock.forward(hours=1)
    intake = pair.track(
        [
            {"subject": "ann", "kind": "view", "item": "cup", "at": clock.ago(hours=2)},
            {"subject": "ann", "kind": "view", "item": "pot", "at": clock.ago(minutes=30)},
        ]
    )
    assert intake.kept == 1
    assert intake.dropped == {"before_consent": 1}
    assert items_of(pair, "ann", "personalize") == ["pot"]


def test_nobody_asked_means_nothing_kept(pair, house):
    """People who were never asked, or refused, leave nothing behind, not even a row."""
    pair.consent.refuse("bob")
    intake = pair.track(
        [
            {"subject": "stranger", "kind": "view", "item": "cup"},
            {"subject": "bob", "kind": "view", "item": "cup"},
        ]
    )
    assert intake.kept == 0
    assert intake.dropped == {"no_record": 1, "refused": 1}
    assert stored(house) == 0
    assert stored(house, "subjects") == 1


def test_a_tombstone_refuses_old_events(pair, clock, agree):
    """Events dated before an erasure do not come back; those after a new grant do."""
    agree(pair, "ann", at=clock.ago(days=5))
    pair.track("ann", "view", "cup", at=clock.ago(days=1))
    pair.rights.erase("ann")
    old = {"subject": "ann", "kind": "view", "item": "cup", "at": clock.ago(days=1)}
    assert pair.track([old]).dropped == {"no_record": 1}
    clock.forward(hours=1)
    agree(pair, "ann")
    assert pair.profiles.view("ann", "personalize").withheld == {}
    assert pair.track([old]).dropped == {"erased": 1}
    assert items_of(pair, "ann", "personalize") == []
    clock.forward(hours=1)
    assert pair.track("ann", "view", "pot").kept == 1
    assert items_of(pair, "ann", "personalize") == ["pot"]


def test_even_a_backdated_grant_does_not_lift_the_tombstone(pair, clock, agree):
    """A grant dated before the erasure lets no event from before it back in."""
    agree(pair, "ann", at=clock.ago(days=5))
    pair.rights.erase("ann")
    clock.forward(hours=1)
    agree(pair, "ann")
    with pytest.raises(knowingly.ConsentError, match="before an erasure"):
        agree(pair, "ann", at=clock.ago(days=5))
    old = {"subject": "ann", "kind": "view", "item": "cup", "at": clock.ago(days=1)}
    assert pair.track([old]).dropped == {"erased": 1}


def test_a_reimported_grant_does_not_bring_an_erased_person_back(pair, clock, agree):
    """A consent file from before an erasure, imported again, opens nobody."""
    given = clock.ago(days=5)
    agree(pair, "ann", at=given)
    clock.forward(hours=1)
    pair.rights.erase("ann")
    clock.forward(hours=1)
    with suppress(knowingly.KnowinglyError):
        agree(pair, "ann", at=given)
    assert not pair.consent.status("ann")["personalize"].allowed


def test_a_new_grant_opens_a_new_subject(tea, tea_house, clock, gaps):
    """After an erasure she is new: another row, another key, no history, not in the model."""
    before = set(tea_house.rows("SELECT subject, key_id FROM subjects"))
    clock.forward(hours=1)
    tea.rights.erase(TRAINED)
    clock.forward(hours=1)
    tea.consent.grant(TRAINED, ["personalize", "train"], notice="2026-01/en")
    after = set(tea_house.rows("SELECT subject, key_id FROM subjects"))
    ((subject, key_id),) = after - before
    assert subject > max(number for number, _ in before)
    assert key_id not in {key for _, key in before}
    view = tea.profiles.view(TRAINED, "personalize")
    assert (view.events, view.withheld) == ((), {})
    assert tea.rights.export(TRAINED)["manifests"] == []
    assert tea.recommend(TRAINED).basis != "personal"
    assert set(gaps(tea).values()) == {0.0}


def test_a_restriction_stops_use_and_deletes_nothing(tea, tea_house, clock, gaps):
    """Restricted, nothing is read and models forget; lifted, the same events are there again."""
    clock.forward(hours=1)
    history = items_of(tea, TRAINED, "personalize")
    events = stored(tea_house)
    tea.consent.record([{"subject": TRAINED, "action": "restrict"}])
    for purpose in tea.policy.purposes:
        view = tea.profiles.view(TRAINED, purpose)
        assert not view.events
        assert view.decision.reason == "restricted"
    assert tea.recommend(TRAINED).why == "restricted"
    assert set(gaps(tea).values()) == {0.0}
    tea.maintain()
    assert stored(tea_house) == events
    clock.forward(hours=1)
    tea.consent.record([{"subject": TRAINED, "action": "unrestrict"}])
    assert items_of(tea, TRAINED, "personalize") == history
    assert tea.recommend(TRAINED).basis == "personal"
    people = tea.models.cards()[0].people
    tea.train()
    assert tea.models.cards()[0].people == people + 1


def test_what_was_withdrawn_under_a_restriction_stays_withdrawn(tea, clock):
    """A withdrawal while restricted takes effect, at the latest when the restriction is lifted."""
    clock.forward(hours=1)
    tea.consent.record([{"subject": TRAINED, "action": "restrict"}])
    clock.forward(hours=1)
    tea.consent.withdraw(TRAINED)
    clock.forward(hours=1)
    tea.consent.record([{"subject": TRAINED, "action": "unrestrict"}])
    clock.forward(hours=1)
    tea.consent.grant(TRAINED, ["personalize", "train"], notice="2026-01/en")
    assert items_of(tea, TRAINED, "personalize") == []


def test_retention_deletes_after_models_have_left(house, clock, gaps):
    """Events past their time leave models and shop together; no training is waited for."""
    house.with_purpose("train", keep_days=100).with_purpose("personalize", keep_days=80)
    house.with_purpose("measure", keep_days=80)
    shop = house.open()
    tea_shop(shop)
    shop.train()
    people = shop.models.cards()[0].people
    events = stored(house)
    clock.forward(days=81)
    done = shop.maintain(skip=("train",))
    assert done.events_expired > 0
    assert items_of(shop, TRAINED, "personalize") == []
    assert shop.models.cards()[0].people == people
    clock.forward(days=81)
    done = shop.maintain(skip=("train",))
    assert not done.notes
    assert shop.rights.export(TRAINED)["manifests"] == [{"training": 1, "events": []}]
    assert set(gaps(shop).values()) == {0.0}
    assert stored(house) == 0
    assert done.events_deleted <= events


def test_a_consent_that_expired_counts_no_more(tea, clock, gaps):
    """After its time a yes is no yes: the page, the model and then the events follow."""
    clock.forward(days=396)
    assert tea.consent.status(TRAINED)["personalize"].reason == "expired"
    assert tea.recommend(TRAINED).why == "expired"
    assert items_of(tea, TRAINED, "train") == []
    done = tea.maintain(skip=("train", "release"))
    assert done.events_deleted > 0
    assert tea.models.cards()[0].people == 0
    assert set(gaps(tea).values()) == {0.0}


def test_a_renewed_consent_does_not_reach_behind_the_gap(pair, clock, agree):
    """Expired and given again: what was kept under the old yes is not used under the new one."""
    agree(pair, "ann")
    clock.forward(hours=1)
    pair.track("ann", "view", "cup")
    clock.forward(days=396)
    agree(pair, "ann")
    clock.forward(hours=1)
    assert items_of(pair, "ann", "personalize") == []


def test_a_consent_renewed_in_time_goes_on(pair, clock, agree):
    """Given again before it expires, one yes continues the other."""
    agree(pair, "ann")
    clock.forward(hours=1)
    pair.track("ann", "view", "cup")
    clock.forward(days=300)
    agree(pair, "ann")
    clock.forward(days=300)
    assert items_of(pair, "ann", "personalize") == ["cup"]


def test_a_withdrawal_that_arrives_late_makes_models_forget(house, clock, agree, gaps):
    """She withdrew, came back, and only then did the withdrawal arrive: the time before is gone."""
    shop = house.open()
    tea_shop(shop)
    clock.forward(days=1)
    agree(shop, "late")
    clock.forward(minutes=1)
    for item in ("assam", "chai", "oolong"):
        shop.track("late", "purchase", item)
    clock.forward(minutes=1)
    shop.train()
    clock.forward(minutes=10)
    agree(shop, "late")
    clock.forward(minutes=1)
    shop.consent.withdraw("late", at=clock.ago(minutes=5))
    assert items_of(shop, "late", "train") == []
    assert set(gaps(shop).values()) == {0.0}


def test_a_renewal_on_the_day_of_expiry_makes_models_forget(house, clock, agree, gaps):
    """The yes ran out at noon and was given again at one: what came in before noon is forgotten."""
    house.with_purpose("train", valid_days=1)
    shop = house.open()
    shop.items.upsert([{"id": f"i{n}"} for n in range(3)])
    for n in range(6):
        agree(shop, f"p{n}")
    clock.forward(hours=23)
    for n in range(6):
        for item in range(3):
            shop.track(f"p{n}", "purchase", f"i{item}")
    clock.forward(minutes=1)
    shop.train()
    assert shop.models.cards()[0].people == 6
    clock.forward(hours=2)
    for n in range(6):
        agree(shop, f"p{n}", ["train"])
    assert items_of(shop, "p0", "train") == []
    assert set(gaps(shop).values()) == {0.0}


def test_a_policy_that_asks_for_consent_now_ends_what_rested_on_another_basis(house, clock, gaps):
    """What came in under a declared basis is not used once the policy asks for consent."""
    house.with_purpose("train", basis="legitimate_interest")
    shop = house.open()
    shop.items.upsert([{"id": f"i{n}"} for n in range(3)])
    for n in range(6):
        for item in range(3):
            assert shop.track(f"p{n}", "purchase", f"i{item}").kept == 1
    clock.forward(minutes=1)
    shop.train()
    assert shop.models.cards()[0].people == 6
    house.close()
    house.with_purpose("train", basis="consent")
    shop = house.open()
    clock.forward(minutes=1)
    assert items_of(shop, "p0", "train") == []
    done = shop.maintain(skip=("train",))
    assert done.events_deleted == 18
    assert shop.models.cards()[0].people == 0


def test_a_prohibited_purpose_is_left_at_once(tea_house, clock, gaps):
    """Switched off in the policy, a purpose reads nothing, and upkeep takes its data away."""
    tea_house.with_purpose("train", enabled=False)
    tea = tea_house.open()
    assert items_of(tea, TRAINED, "train") == []
    tea.maintain(skip=("train",))
    assert tea.models.cards()[0].people == 0
    tea_house.close()
    tea_house.with_purpose("train", enabled=True)
    tea = tea_house.open()
    assert items_of(tea, TRAINED, "train") == []
    assert items_of(tea, TRAINED, "personalize") != []


def test_choices_of_one_call_stand_or_fall_together(tea, tea_house, clock):
    """When one choice of a call cannot be recorded, none is, and nothing is forgotten."""
    clock.forward(hours=1)
    people, choices = tea.models.cards()[0].people, stored(tea_house, "consent_records")
    with pytest.raises(knowingly.ConsentError):
        tea.consent.record(
            [
                {"subject": TRAINED, "action": "withdraw"},
                {"subject": "t001", "action": "withdraw", "purposes": ["nothing"]},
            ]
        )
    assert tea.models.cards()[0].people == people
    assert stored(tea_house, "consent_records") == choices
