"""What upkeep holds at once is some of the people, however many there are."""

import tracemalloc

import pytest

from houses import Clock, House
from knowingly.governance.retention import job
from knowingly.profiles import scan
from knowingly.vault import shredding

FEW, MANY, AT_ONCE = 100, 500, 50
FIELDS = {
    "size": {"title": "Size", "purposes": ["personalize"]},
    "tone": {"title": "Tone", "purposes": ["measure"], "keep_days": 20},
}


@pytest.fixture(scope="module")
def aged(tmp_path_factory, agree):
    """A small shop and a larger one, in which everybody has something past its time."""
    houses = []
    for people in (FEW, MANY):
        house = House(tmp_path_factory.mktemp(f"of{people}") / "house", Clock())
        house.policy = house.policy.model_copy(update={"data": FIELDS})
        house.with_purpose("personalize", valid_days=25)
        shop = house.open()
        for number in range(people):
            agree(shop, f"p{number}")
            shop.profiles.set(f"p{number}", {"size": "m", "tone": "x"})
        house.clock.forward(days=26)
        houses.append(house)
    yield houses
    for house in houses:
        house.remove()


def peak(work) -> int:
    """The most that is held at once, in bytes, the second time."""
    work()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("work", "done"),
    [
        pytest.param(
            lambda shop: shop.retain(),
            lambda told, people: told.deleted == {"traits": 2 * people},
            id="retention",
        ),
        pytest.param(
            lambda shop: shop.maintain(skip=("erasures", "train", "release", "retention")),
            lambda told, _: told.keys_swept == 0,
            id="sweep",
        ),
    ],
)
def test_memory_does_not_grow_with_the_people(aged, monkeypatch, work, done):
    """Five times the people, and nothing like five times the memory."""
    for place, name in (
        (scan, "PEOPLE_AT_ONCE"),
        (job, "PEOPLE_AT_ONCE"),
        (job, "_PEOPLE_PER_TRANSACTION"),
        (shredding, "SWEPT_AT_ONCE"),
    ):
        monkeypatch.setattr(place, name, AT_ONCE)
    peaks = []
    for house, people in zip(aged, (FEW, MANY), strict=True):
        shop = house.open()
        assert done(work(shop), people)
        peaks.append(peak(lambda shop=shop: work(shop)))
    assert peaks[1] < 1.5 * peaks[0], peaks
