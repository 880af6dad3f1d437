"""What ``popularity`` and ``trending`` count, and what they make of it."""

from dataclasses import replace

import numpy as np
import pytest

from knowingly import EventKind, History, ItemTable, Query
from knowingly.domain.event import KIND_CODE
from knowingly.recommend.interface.block import Block
from knowingly.testing.data import as_fit_data
from knowingly_plugins.popularity import PopularInCategory, Popularity, smallest_categories
from knowingly_plugins.trending import Trending

ITEMS = 4


def block(*events, quantity=1):
    """Events ``(person, item, age in days[, kind])``."""
    rows = sorted(events)
    kinds = [KIND_CODE[row[3] if len(row) > 3 else EventKind.PURCHASE] for row in rows]
    return Block(
        n_people=1 + max((row[0] for row in rows), default=-1),
        n_items=ITEMS,
        person=np.array([row[0] for row in rows], np.int32),
        item=np.array([row[1] for row in rows], np.int32),
        kind=np.array(kinds, np.int8),
        age_days=np.array([row[2] for row in rows], float),
        quantity=np.full(len(rows), quantity, np.int32),
        order=np.zeros(len(rows), np.int64),
    )


def scores(algorithm, events, floor=2):
    return algorithm.fit(as_fit_data(events, floor=floor)).score(Query(ITEMS))


def test_a_person_counts_once_for_an_item():
    """Ten purchases of one person are one person's, and that is under the floor."""
    events = [(0, 0, day) for day in range(10)] + [(0, 1, 1), (1, 1, 1)]
    assert scores(Popularity(), block(*events)).tolist() == [0, 2, 0, 0]


def test_choices_before_the_window_do_not_count():
    """The day the window ends on counts still; an older choice beside a newer one is no matter."""
    events = block((0, 0, 30), (1, 0, 0), (0, 1, 31), (1, 1, 1), (2, 1, 200), (2, 1, 2))
    assert scores(Popularity({"window_days": 30}), events).tolist() == [2, 2, 0, 0]
    assert scores(Popularity({"window_days": 29}), events).tolist() == [0, 2, 0, 0]


def test_a_choice_counts_half_after_a_half_life():
    """By its bucket's middle; the newest choice of a person is the one that counts."""
    events = block((0, 0, 1), (1, 0, 1), (0, 1, 41), (1, 1, 41), (0, 2, 1), (0, 2, 41), (1, 2, 41))
    found = scores(Popularity({"half_life_days": 40}), events)
    assert found[0] == pytest.approx(2 * 2 ** (-1 / 8))
    assert found[1] == pytest.approx(found[0] / 2)
    assert found[2] == pytest.approx((found[0] + found[1]) / 2)


def test_what_is_eight_half_lives_old_is_not_counted():
    """Nor does it help an item over the floor."""
    algorithm = Popularity({"half_life_days": 10})
    assert scores(algorithm, block((0, 0, 79.9), (1, 0, 79.9)))[0] > 0
    assert scores(algorithm, block((0, 0, 79.9), (1, 0, 80)))[0] == 0
    assert scores(algorithm, block((0, 0, 1), (1, 0, 1e9)), floor=1)[0] == pytest.approx(2**-0.125)


def test_counts_are_whole_people_by_age():
    """What is kept to forget from are integers: eight half-lives of four buckets each."""
    counted = Popularity({"half_life_days": 4}).count(block((0, 0, 0.5), (1, 0, 2.5), (2, 0, 2.6)))
    assert counted.shape == (ITEMS, 32)
    assert counted[0, :4].tolist() == [1, 0, 2, 0]
    assert Popularity().count(block((0, 0, 999))).tolist() == [[1], [0], [0], [0]]


def crowd(item, recent, earlier):
    """So many people now, and so many others a while ago."""
    now = [(100 * item + person, item, 1) for person in range(recent)]
    return now + [(100 * item + 50 + person, item, 20) for person in range(earlier)]


def test_trending_is_growth_and_not_size():
    """Forty people against as many a week before is no news; eight against none is."""
    algorithm = Trending({"recent_days": 7, "earlier_days": 28, "damping": 1})
    found = scores(algorithm, block(*crowd(0, 10, 40), *crowd(1, 8, 0), *crowd(2, 8, 16)))
    assert found.tolist() == [0, pytest.approx(8), pytest.approx(9 / 5 - 1), 0]


def test_damping_lets_larger_growth_pass_smaller_growth_of_few():
    """From 2 to 3 people, and from 20 to 28."""
    events = block(*crowd(0, 3, 2), *crowd(1, 28, 20))
    windows = {"recent_days": 10, "earlier_days": 10}
    plain = scores(Trending({**windows, "damping": 0.01}), events)
    damped = scores(Trending({**windows, "damping": 10}), events)
    assert plain[0] > plain[1]
    assert damped[0] < damped[1]


def test_the_floor_is_one_of_people_in_the_recent_window():
    """Four people a hundred times are four; few people earlier count as none."""
    few = [(person, 0, day / 100) for person in range(4) for day in range(100)]
    assert scores(Trending(), block(*few, *crowd(1, 5, 0)), floor=5).tolist()[0] == 0
    one, none = (scores(Trending(), block(*crowd(1, 6, many)), floor=5) for many in (4, 0))
    assert one.tolist() == none.tolist()
    assert one[1] > 0


def test_the_same_person_can_be_in_both_windows():
    """Once in each."""
    counted = Trending().count(block((0, 0, 1), (0, 0, 2), (0, 0, 9), (0, 0, 34), (0, 0, 36)))
    assert counted[0].tolist() == [1, 1]


@pytest.mark.parametrize("algorithm", [Popularity, Trending])
@pytest.mark.parametrize("quantity", [0, 1_000_000, 2**31 - 1])
def test_how_many_units_is_no_matter(algorithm, quantity):
    """A person is a person, whether they bought none of it or a million."""
    events = [(person, item, person) for person in range(9) for item in range(person % 3)]
    expected = scores(algorithm(), block(*events))
    assert scores(algorithm(), block(*events, quantity=quantity)).tolist() == expected.tolist()


@pytest.mark.parametrize("algorithm", [Popularity, Trending])
def test_what_was_hidden_or_sent_back_does_not_count(algorithm):
    """As for every other algorithm."""
    events = [(person, 0, 1) for person in range(3)]
    events += [(0, 0, 1, EventKind.HIDE), (1, 0, 1, EventKind.RETURN)]
    assert algorithm().count(block(*events))[0].sum() == 1


def test_popular_in_a_category():
    """Beside the others of the first category, of what the floor lets through; apart from the rest.

    Tea: item 0 of three people and 1 of two; item 2, of one person, is under the floor. A cup is 3.
    """
    events = block(
        *((person, item, 1) for item, size in enumerate((3, 2, 1, 2)) for person in range(size))
    )
    categories = [("Tea", "Cups"), ("Tea",), ("Tea",), ("Cups", "Tea")]
    items = replace(ItemTable.blank(ITEMS), categories=categories)
    data = replace(as_fit_data(events, floor=2), items=items)
    algorithm = PopularInCategory({"category": "first"})
    model = algorithm.fit(data)
    assert model.score(Query(ITEMS, item=2)) == pytest.approx([0.6, 0.4, 0, 0])
    assert model.score(Query(ITEMS, item=3)).tolist() == [0, 0, 0, 1]
    assert not model.score(Query(ITEMS, History.empty())).any()
    # The first person had all four; the counts without them have no categories, the model has.
    gone = algorithm.count(events.select(np.array([0])))
    left = algorithm.total(data).subtract(gone)
    bare = type(left)(left.matrix, floor=left.floor)
    rebuilt = algorithm.rebuild(model, bare, np.arange(ITEMS), gone)
    refit = algorithm.fit(replace(data, source=lambda: [events.select(np.array([1, 2]))]))
    for name, array in refit.arrays().items():
        assert np.array_equal(array, rebuilt.arrays()[name])
    assert rebuilt.score(Query(ITEMS, item=1)).tolist() == [1, 0, 0, 0]


def test_an_item_counts_in_the_smallest_of_its_categories():
    """The one that fewest items name, wherever it stands; of equals the last; none has no group."""
    named = [("Food", "Tea"), ("Food", "Tea"), ("Rooibos", "Food"), ("Food", "Teas", "Green"), ()]
    items = replace(ItemTable.blank(len(named)), categories=named)
    assert smallest_categories(items).tolist() == [2, 2, 1, 0, -1]
    assert smallest_categories(ItemTable.blank(2)).tolist() == [-1, -1]


def test_what_is_smallest_is_asked_unless_the_options_say_otherwise():
    """Cups are two items and tea is four, so the first item stands with the other cup."""
    events = block(*((person, item, 1) for item in range(ITEMS) for person in range(2)))
    categories = [("Tea", "Cups"), ("Tea",), ("Tea",), ("Cups", "Tea")]
    items = replace(ItemTable.blank(ITEMS), categories=categories)
    model = PopularInCategory().fit(replace(as_fit_data(events, floor=2), items=items))
    assert model.score(Query(ITEMS, item=3)).tolist() == [0.5, 0, 0, 0.5]
    assert model.score(Query(ITEMS, item=1)).tolist() == [0, 0.5, 0.5, 0]
