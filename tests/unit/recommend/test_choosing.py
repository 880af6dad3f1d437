"""What comes onto a page: the strongest, within caps, and unlike each other or in their mix."""

import numpy as np
import pytest

from knowingly.items.table import ItemTable
from knowingly.policy import Slot
from knowingly.recommend.pages import choosing
from knowingly.recommend.pages.choosing import choose, strongest
from knowingly.recommend.pages.diversity import mix_of


def table(*items):
    """Items as (brand, categories)."""
    n = len(items)
    return ItemTable(
        title=[""] * n,
        brand=[brand for brand, _ in items],
        categories=[tuple(categories) for _, categories in items],
        tags=[()] * n,
        attributes=[{}] * n,
        price=np.full(n, np.nan),
    )


def chosen(items, k, scores=None, shown=(), mix=None, **rules):
    rows = np.arange(len(items))
    scores = np.arange(len(items), 0, -1.0) if scores is None else np.array(scores, float)
    slot = Slot(algorithms=(), **rules)
    places = choose(rows, scores, k, slot=slot, table=table(*items), shown=shown, mix=mix or {})
    return places.tolist()


def test_of_equals_the_lower_row_comes_first():
    rows, scores = np.array([5, 3, 9, 1]), np.array([2.0, 2.0, 3.0, 2.0])
    assert strongest(rows, scores, 2).tolist() == [2, 3]
    assert strongest(rows, scores, 9).tolist() == [2, 3, 1, 0]


def test_no_more_of_a_brand_than_the_cap():
    items = [("a", ""), ("a", ""), ("a", ""), ("b", ""), ("", ""), ("", "")]
    assert chosen(items, 4, max_per_brand=2) == [0, 1, 3, 4]
    assert chosen(items, 6, max_per_brand=1) == [0, 3, 4, 5]


def test_no_more_that_share_a_category_than_the_cap():
    items = [("", "xy"), ("", "y"), ("", "x"), ("", "z"), ("", "")]
    assert chosen(items, 5, max_per_category=1) == [0, 3, 4]


def test_what_is_on_the_page_counts_against_the_cap():
    assert chosen([("a", ""), ("a", ""), ("b", "")], 3, shown=[0], max_per_brand=1) == [2]


def test_a_cap_looks_as_far_down_as_it_must():
    """A thousand of one brand before the first of another."""
    items = [("a", "")] * 1_000 + [("b", "")]
    assert chosen(items, 2, max_per_brand=1) == [0, 1_000]


@pytest.mark.parametrize("by", ["items", "person"])
def test_a_page_that_caps_leave_short_is_made_from_one_pool_after_the_other(monkeypatch, by):
    """Beside each other stand no more than the policy's pool, however few of the items fit."""
    sizes = []
    for name in ("Unlike", "InTheirMix"):
        real = getattr(choosing, name)

        def spy(rows, *more, real=real):
            sizes.append(len(rows))
            return real(rows, *more)

        monkeypatch.setattr(choosing, name, spy)
    items = [("ab"[row % 2], "x") for row in range(2_000)] + [("c", "y")]
    diversify = {"by": by, "pool": 20}
    rules = {"max_per_brand": 2, "diversify": diversify, "mix": {"x": 0.9, "y": 0.1}}
    found = chosen(items, 9, **rules)
    assert sorted(items[place][0] for place in found) == ["a", "a", "b", "b", "c"]
    assert max(sizes) <= 20


def test_what_is_taken_from_a_later_pool_is_unlike_what_came_from_the_first():
    """The page is one, whatever pool an item comes from."""
    items = [("a", "x"), ("a", "x"), ("b", "x"), ("c", "x"), ("d", "y")]
    diversify = {"by": "items", "strength": 0.9, "pool": 2}
    assert chosen(items, 3, max_per_brand=1, diversify=diversify) == [0, 2, 4]


def test_alike_items_make_room():
    """The second of a kind comes after the first of another, until strength is small."""
    items = [("a", "x"), ("a", "x"), ("b", "y")]
    assert chosen(items, 3, [3, 2.9, 2], diversify={"by": "items", "strength": 0.6}) == [0, 2, 1]
    assert chosen(items, 3, [3, 2.9, 2], diversify={"by": "items", "strength": 0.01}) == [0, 1, 2]


def test_items_without_attributes_are_like_nothing():
    items = [("", ""), ("", ""), ("", "")]
    assert chosen(items, 3, diversify={"by": "items", "strength": 0.9}) == [0, 1, 2]


def test_a_page_follows_the_persons_own_mix():
    """Half and half was chosen before; by score alone all would be of one kind."""
    items = [("", "x")] * 6 + [("", "y")] * 6
    mix = {"x": 0.5, "y": 0.5}
    found = chosen(items, 6, mix=mix, diversify={"by": "person", "strength": 0.9})
    assert sum(place < 6 for place in found) == 3
    assert found[0] == 0


def test_without_a_mix_the_strongest_come():
    items = [("", "x")] * 3 + [("", "y")] * 3
    assert chosen(items, 3, diversify={"by": "person", "strength": 0.9}) == [0, 1, 2]


def test_caps_hold_while_a_page_is_diversified():
    items = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "z")]
    found = chosen(items, 4, max_per_brand=1, diversify={"by": "items"})
    assert len(found) == 2


def test_a_mix_is_shares_of_categories():
    """An item of two categories counts half for each; one without any counts for none."""
    found = mix_of(table(("", "x"), ("", "xy"), ("", "")), [0, 1, 2, 9], [1.0, 1.0, 5.0, 1.0])
    assert found == pytest.approx({"x": 0.75, "y": 0.25})
    assert mix_of(table(), [], []) == {}
