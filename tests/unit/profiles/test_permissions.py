"""What is remembered of permissions is what asking again would say."""

from datetime import timedelta

import pytest


@pytest.fixture
def pair(house):
    """Two shop objects on one database, as two processes have them."""
    one = house.open()
    one.items.upsert([{"id": "cup"}])
    return one, house.open()


def kept(shop, clock) -> int:
    return shop.track("ada", "view", "cup", at=clock()).kept


def test_a_choice_made_elsewhere_is_seen_at_the_next_event(pair, clock, agree):
    """The log has grown, so what was remembered of that person is dropped."""
    here, there = pair
    agree(here, "ada", ["personalize"])
    clock.forward(minutes=1)
    assert kept(here, clock) == 1
    there.consent.withdraw("ada")
    clock.forward(minutes=1)
    assert kept(here, clock) == 0
    agree(there, "ada", ["personalize"])
    clock.forward(minutes=1)
    assert kept(here, clock) == 1


def test_a_permission_is_remembered_until_it_runs_out(pair, clock, agree):
    """No choice is made, and still the answer changes on its day."""
    here, _ = pair
    agree(here, "ada", ["personalize"])
    clock.forward(minutes=1)
    assert kept(here, clock) == 1
    valid = here.policy.purposes["personalize"].valid_days
    clock.forward(days=valid)
    late = here.track("ada", "view", "cup", at=clock() - timedelta(seconds=1))
    assert late.dropped == {"expired": 1}


def test_somebody_else_s_choice_leaves_the_rest_remembered(pair, clock, agree):
    """Only the people whose choices are new are asked about again."""
    here, there = pair
    for person in ("ada", "bob"):
        agree(here, person, ["personalize"])
    clock.forward(minutes=1)
    here.track([{"subject": person, "kind": "view", "item": "cup"} for person in ("ada", "bob")])
    assert len(here._people.permissions._kept) == 2
    there.consent.withdraw("bob")
    kept(here, clock)
    assert len(here._people.permissions._kept) == 1


def test_an_erased_person_is_not_remembered(pair, clock, agree):
    """The row is looked for first; a later self has a row of their own."""
    here, there = pair
    agree(here, "ada", ["personalize"])
    clock.forward(minutes=1)
    assert kept(here, clock) == 1
    there.rights.erase("ada")
    clock.forward(minutes=1)
    assert kept(here, clock) == 0
