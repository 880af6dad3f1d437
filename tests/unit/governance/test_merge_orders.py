"""Orders of a session that signs in: known when sent again, and of the past where both may be."""

import pytest

NOTICE = "2026-01/en"


@pytest.fixture
def shop(house):
    """Three items, and a policy that keeps past orders for measuring and for the person's page."""
    past = {"purposes": ["measure", "personalize"], "basis": "legitimate_interest"}
    shop = house.with_policy(intake={"past_orders": past}).open()
    shop.items.upsert([{"id": "cup"}, {"id": "pot"}, {"id": "tin"}], strict=True)
    return shop


@pytest.fixture
def agreed(shop, clock):
    """A session and an account that agreed to their pages, long before anything was ordered."""
    for who in ("session", "account"):
        shop.consent.grant(who, ["personalize"], notice=NOTICE, at=clock.ago(days=30))
    return shop


def order(clock, who, *items, updated=5, days=1, name="o1"):
    return {
        "subject": who,
        "id": name,
        "at": clock.ago(days=days),
        "updated_at": clock.ago(minutes=updated),
        "lines": [{"item": item} for item in items],
    }


def bought(shop, who="account", purpose="personalize"):
    return sorted(one.item for one in shop.profiles.view(who, purpose).events)


def merged(shop):
    return shop.profiles.merge("session", into="account")


def test_an_order_that_is_sent_again_is_known(agreed, clock):
    """Its events have the names that the account's own have."""
    agreed.track(order(clock, "session", "cup", "pot"))
    done = merged(agreed)
    assert (done.events, done.left_out) == (2, {})
    again = agreed.track(order(clock, "account", "cup", "pot"))
    assert (again.kept, again.duplicates) == (0, 2)
    assert bought(agreed) == ["cup", "pot"]
    clock.forward(minutes=1)
    assert agreed.track(order(clock, "account", "tin", updated=0)).kept == 1
    assert bought(agreed) == ["tin"]


@pytest.mark.parametrize(
    ("updated", "left", "moved"),
    [(9, ["tin"], 0), (5, ["tin"], 0), (1, ["cup", "pot"], 2)],
    ids=["older", "as old", "newer"],
)
def test_of_two_editions_the_newer_stays(agreed, clock, updated, left, moved):
    """Whichever side it is of; the other side's is superseded, also by itself."""
    items = ("tin",) if updated == 5 else ("cup", "pot")
    agreed.track(order(clock, "account", "tin", updated=5))
    agreed.track(order(clock, "session", *items, updated=updated))
    done = merged(agreed)
    assert done.events == moved
    assert done.left_out == ({} if moved else {"superseded": len(items)})
    assert bought(agreed) == left


def test_a_cancelled_order_stays_cancelled(agreed, clock):
    """Nothing of it is left to count, and an older edition does not come back."""
    agreed.track(order(clock, "account", "cup"))
    agreed.track({**order(clock, "session", "cup", updated=1), "cancelled": True})
    merged(agreed)
    assert agreed.track(order(clock, "account", "cup")).kept == 0
    assert {hit.item for hit in agreed.recommend("account")} == {"cup", "pot", "tin"}


def test_past_orders_move_where_neither_has_said_no(shop, clock):
    """They are used when the account agrees, as its own past orders are."""
    shop.track(order(clock, "session", "cup", days=10))
    shop.track(order(clock, "account", "pot", days=10, name="o2"))
    assert merged(shop).events == 1
    assert bought(shop) == []
    clock.forward(minutes=1)
    shop.consent.grant("account", ["personalize"], notice=NOTICE)
    assert bought(shop) == ["cup", "pot"]
    assert bought(shop, purpose="measure") == []


@pytest.mark.parametrize("who", ["session", "account"])
@pytest.mark.parametrize("no", ["refuse", "withdraw", "object"])
def test_a_no_of_either_side_keeps_past_orders_behind(shop, clock, who, no):
    """For the purpose it was said to, whatever is said after the merge."""
    shop.track(order(clock, "session", "cup", days=10))
    shop.track(order(clock, "account", "pot", days=10, name="o2"))
    getattr(shop.consent, no)(who, ["measure"])
    clock.forward(minutes=1)
    assert merged(shop).events == 1
    clock.forward(minutes=1)
    shop.consent.grant("account", ["personalize", "measure"], notice=NOTICE)
    assert bought(shop) == ["cup", "pot"]
    assert "cup" not in bought(shop, purpose="measure")


def test_an_order_after_the_accounts_first_choice_needs_its_consent(shop, clock):
    """For the account it was no order of the past."""
    shop.consent.grant("account", ["train"], notice=NOTICE, at=clock.ago(days=20))
    shop.track(order(clock, "session", "cup", days=10))
    shop.track(order(clock, "session", "pot", days=25, name="o2"))
    done = merged(shop)
    assert (done.events, done.left_out) == (1, {"not_allowed_by_both": 1})
    clock.forward(minutes=1)
    shop.consent.grant("account", ["personalize"], notice=NOTICE)
    assert bought(shop) == ["pot"]


def test_a_restricted_side_moves_no_past_order(shop, clock):
    """As it moves nothing else."""
    shop.track(order(clock, "session", "cup", days=10))
    shop.track(order(clock, "account", "pot", days=10, name="o2"))
    shop.rights.restrict("session")
    clock.forward(minutes=1)
    assert merged(shop).left_out == {"not_allowed_by_both": 1}


def test_a_policy_that_no_longer_names_the_basis_moves_none(shop, house, clock):
    """They are unreadable already, and go with the session."""
    shop.track(order(clock, "session", "cup", days=10))
    shop.consent.grant("account", ["personalize"], notice=NOTICE)
    without = house.with_policy(intake={"past_orders": {}}).open()
    assert merged(without).left_out == {"not_allowed_by_both": 1}


def test_an_erased_self_of_the_account_keeps_its_past_orders_out(shop, clock):
    """What is older than the erasure does not come back by a session."""
    shop.track(order(clock, "session", "cup", days=1))
    shop.track(order(clock, "account", "pot", days=1))
    shop.rights.erase("account")
    clock.forward(minutes=1)
    shop.consent.grant("account", ["personalize"], notice=NOTICE)
    assert merged(shop).left_out == {"not_allowed_by_both": 1}
