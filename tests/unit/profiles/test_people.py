"""People are remembered from batch to batch, and never past what the database says."""

import pytest

from knowingly.profiles import people as remembered
from knowingly.store import subjects


@pytest.fixture
def looked_up(monkeypatch):
    """How many people each transaction had to look up."""
    asked = []
    find = subjects.find_many

    def count(tx, lookups):
        asked.append(len(lookups))
        return find(tx, lookups)

    monkeypatch.setattr(subjects, "find_many", count)
    return asked


@pytest.fixture
def teas(shop, agree):
    shop.items.upsert([{"id": "tea"}])
    for name in ("ada", "ben"):
        agree(shop, name)
    return shop


def test_a_person_is_looked_up_once(teas, looked_up):
    """The next batch finds them in memory, and a stranger is asked for again."""
    rows = [{"subject": name, "kind": "view", "item": "tea"} for name in ("ada", "ben", "eve")]
    for _ in range(3):
        assert teas.track(rows).kept == 2
    assert looked_up == [3, 1, 1]


def test_an_erased_person_is_not_remembered(house, teas, agree, clock):
    """Not even by another process than the one that erased them."""
    other = house.open()
    event = [{"subject": "ada", "kind": "view", "item": "tea"}]
    assert other.track(event).kept == 1
    teas.rights.erase("ada")
    assert other.track(event).dropped == {"no_record": 1}
    clock.forward(hours=1)
    agree(teas, "ada")
    assert other.track(event).kept == 1
    before = [{**event[0], "at": clock.ago(hours=2)}]
    assert other.track(before).dropped == {"erased": 1}


def test_no_more_people_are_remembered_than_the_bound(teas, looked_up, monkeypatch):
    """Everything is forgotten at the bound, which costs a look-up and nothing else."""
    monkeypatch.setattr(remembered, "KEPT_PEOPLE", 1)
    for name in ("ada", "ben", "ben", "ada"):
        assert teas.track([{"subject": name, "kind": "view", "item": "tea"}]).kept == 1
    assert looked_up == [1, 1, 1]
