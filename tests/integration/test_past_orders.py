"""Orders older than any choice come in under a basis the policy names, and are used by consent."""

import pytest

from knowingly.profiles.scan import scan

NOTICE = "2026-01/en"


@pytest.fixture
def past(house, clock):
    """A shop whose policy keeps past orders for measuring and for the person's page."""
    house.with_policy(
        intake={
            "past_orders": {
                "purposes": ["measure", "personalize"],
                "basis": "legitimate_interest",
            }
        },
        models={"min_subjects": 2, "min_item_subjects": 2},
    )
    shop = house.open()
    shop.items.upsert([{"id": "cup"}, {"id": "pot"}], strict=True)
    return shop


def order(clock, who="ann", item="cup", days=10, **fields):
    at = clock.ago(days=days)
    return {"subject": who, "id": f"{who}-{days}", "at": at, "lines": [{"item": item}], **fields}


def seen(shop, purpose, who="ann"):
    return [one.item for one in shop.profiles.view(who, purpose).events]


def measured(shop, clock):
    with shop._tenancy.read() as snapshot:
        found = scan(
            shop._tenancy, snapshot, "measure", at_us=shop._tenancy.now_us(), until_us=2**62
        )
        return [len(one.records) for one in found]


def test_without_a_basis_they_are_dropped_and_counted(shop, clock):
    """As every event older than the consent it would need."""
    shop.items.upsert({"id": "cup"}, strict=True)
    assert shop.track(order(clock)).dropped == {"no_record": 1}
    shop.consent.grant("ann", ["personalize"], notice=NOTICE, at=clock.ago(days=1))
    assert shop.track(order(clock)).dropped == {"before_consent": 1}


@pytest.mark.parametrize("first", [True, False])
def test_they_come_in_and_are_used_from_the_grant_on(past, clock, first):
    """Whether the order or the choice is recorded first."""
    if first:
        assert past.track(order(clock)).kept == 1
        assert (seen(past, "measure"), measured(past, clock)) == ([], [])
        assert past.recommend("ann").basis == "catalog"
        past.maintain()
        clock.forward(hours=1)
        past.consent.grant("ann", ["measure", "personalize", "train"], notice=NOTICE)
    else:
        past.consent.grant("ann", ["measure", "personalize", "train"], notice=NOTICE)
        assert past.track(order(clock)).kept == 1
    assert seen(past, "measure") == seen(past, "personalize") == ["cup"]
    assert seen(past, "train") == []
    assert measured(past, clock) == [1]
    assert {hit.item for hit in past.recommend("ann")} == {"pot"}
    (event,) = past.rights.export("ann")["events"]
    assert event["kept_for"] == ["personalize", "measure"]
    past.maintain()
    assert seen(past, "measure") == ["cup"]


def test_a_no_takes_them_and_a_later_yes_does_not_bring_them_back(past, clock):
    """For the purpose it was said to."""
    past.track(order(clock))
    past.consent.grant("ann", ["measure", "personalize"], notice=NOTICE)
    clock.forward(hours=1)
    past.consent.withdraw("ann", ["measure"])
    clock.forward(hours=1)
    past.consent.grant("ann", ["measure"], notice=NOTICE)
    assert seen(past, "measure") == []
    assert seen(past, "personalize") == ["cup"]
    past.consent.withdraw("ann")
    past.maintain()
    assert past.rights.export("ann")["events"] == []


@pytest.mark.parametrize("no", ["refuse", "object", "withdraw"])
def test_nothing_of_somebody_who_said_no_comes_in(past, clock, no):
    """Whatever the basis."""
    getattr(past.consent, no)("ann")
    assert past.track(order(clock)).kept == 0


def test_only_orders_and_only_those_before_the_first_choice(past, clock):
    """A view of the past, a purchase outside an order and an order after a choice need consent."""
    at = clock.ago(days=10)
    for kind in ("view", "purchase"):
        assert past.track("ann", kind, "cup", at=at).dropped == {"no_record": 1}
    assert not past.knows("ann")
    past.consent.grant("ann", ["train"], notice=NOTICE, at=clock.ago(days=5))
    assert past.track(order(clock, days=3, item="pot")).kept == 1
    assert seen(past, "train") == ["pot"]
    past.consent.grant("ann", ["measure"], notice=NOTICE)
    assert seen(past, "measure") == []


def test_cancelling_a_past_order_undoes_it(past, clock):
    """It is of the past as well."""
    past.track(order(clock))
    past.track({"subject": "ann", "kind": "cancel", "order": "ann-10", "at": clock.ago(days=9)})
    past.consent.grant("ann", ["personalize"], notice=NOTICE)
    assert {hit.item for hit in past.recommend("ann")} == {"cup", "pot"}


def test_a_policy_that_no_longer_names_the_basis_takes_them_out(past, house, clock):
    """Unreadable at once, and deleted by the next upkeep."""
    past.track(order(clock))
    past.consent.grant("ann", ["measure", "personalize"], notice=NOTICE)
    house.with_policy(intake={"past_orders": {}})
    without = house.open()
    assert seen(without, "measure") == []
    assert {hit.item for hit in without.recommend("ann")} == {"cup", "pot"}
    without.maintain()
    assert without.rights.export("ann")["events"] == []


def test_what_is_older_than_its_purpose_keeps_is_not_used(house, clock):
    """The basis changes nothing about retention."""
    house.with_purpose("measure", keep_days=5)
    house.with_policy(intake={"past_orders": {"purposes": ["measure"], "basis": "contract"}})
    shop = house.open()
    shop.items.upsert({"id": "cup"}, strict=True)
    assert shop.track(order(clock)).kept == 1
    shop.consent.grant("ann", ["measure"], notice=NOTICE)
    assert (seen(shop, "measure"), measured(shop, clock)) == ([], [])
    shop.maintain()
    assert shop.rights.export("ann")["events"] == []
