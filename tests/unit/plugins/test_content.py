"""What items are said to be, as terms."""

import numpy as np
import pytest

from knowingly import ItemTable, Query
from knowingly.recommend.interface.query import History
from knowingly_plugins.content import Content

BLANK = {"title": "", "brand": "", "categories": (), "tags": (), "attributes": {}, "price": np.nan}


def table(*items):
    whole = [{**BLANK, **item} for item in items]
    columns = {name: [item[name] for item in whole] for name in BLANK if name != "price"}
    return ItemTable(**columns, price=np.array([item["price"] for item in whole], float))


def alike(*items, **options):
    """How alike the first item is to each of the others."""
    return Content(options).describe(table(*items)).similar(0)[1:]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"title": "Green TEA, 100 g"}, {"title": "tea-cup"}),
        ({"title": "Große Tasse"}, {"title": "GROSSE Kanne"}),
        ({"title": "抹茶 whisk"}, {"title": "bowl for 抹茶"}),
        ({"title": "Vegan"}, {"tags": ("vegan", "new")}),
        ({"categories": ("Tea", "Green tea")}, {"categories": ("tea",)}),
        ({"brand": "Leaf & Co"}, {"brand": "leaf & co"}),
        ({"attributes": {"size": "M"}}, {"attributes": {"size": "m"}}),
        ({"attributes": {"organic": True}}, {"attributes": {"organic": True, "fair": True}}),
        ({"price": 10.0}, {"price": 11.0}),
        ({"price": 0.0}, {"price": 0.0}),
    ],
    ids=lambda one: next(iter(one)),
)
def test_what_two_items_share(first, second):
    """Each field, whatever its case."""
    assert alike(first, second, {"title": "else"})[0] > 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"title": "tea"}, {"brand": "tea"}),
        ({"categories": ("tea",)}, {"title": "tea"}),
        ({"attributes": {"size": "M"}}, {"attributes": {"fit": "M"}}),
        ({"categories": ("Green tea",)}, {"categories": ("Black tea",)}),
        ({"price": 10.0}, {"price": 100.0}),
        ({"price": 0.0}, {"price": 0.01}),
        ({"price": np.nan}, {"price": np.nan}),
        ({}, {}),
    ],
    ids=lambda one: next(iter(one), "nothing"),
)
def test_what_is_not_the_same(first, second):
    """A word of one field is not that of another; nothing said is nothing shared."""
    assert alike(first, second)[0] == 0


def test_near_prices_share_a_band_wherever_its_edge_is():
    """Within a tenth of each other, at any price."""
    for price in np.geomspace(0.01, 1e12, 200):
        assert alike({"price": price}, {"price": price * 1.1})[0] > 0


def test_a_rare_word_says_more():
    """Everything here is tea, and two are smoky."""
    items = [{"title": "smoky tea"}, {"title": "smoky ham"}] + [{"title": "tea ham"}] * 8
    smoky, *others = alike(*items)
    assert smoky > max(others)


def test_a_weight_of_nothing_leaves_a_field_out():
    """And if every field is left out, nothing is alike."""
    items = {"title": "tea", "brand": "leaf"}, {"title": "tea"}, {"brand": "leaf"}
    assert (alike(*items) > 0).tolist() == [True, True]
    assert (alike(*items, title=0) > 0).tolist() == [False, True]
    nothing = dict.fromkeys(("title", "tags", "categories", "brand", "attributes", "price"), 0)
    assert not alike(*items, **nothing).any()


def test_the_strongest_terms_stay():
    """A brand is one term of one; each of many words says less. The row is of length 1 still."""
    model = Content({"terms": 2}).describe(table({"title": "a b c d e f", "brand": "leaf"}))
    assert (model.column >= 0).sum() == 2
    assert alike({"title": "a b c d e f", "brand": "leaf"}, {"brand": "leaf"}, terms=2)[0] > 0
    assert np.linalg.norm(model.value) == pytest.approx(1)


def test_memory_is_bounded_by_the_options():
    """Two hundred tags of many words, hashed to 256 columns, of which eight are kept."""
    words = tuple(f"w{number} x{number}" for number in range(250))
    model = Content({"bits": 8, "terms": 8}).describe(table({"tags": words}))
    assert model.column.shape == (1, 8)
    assert model.column.max() < 256


def test_terms_are_the_same_in_every_process():
    """Their numbers follow from their bytes, not from Python's own hash."""
    model = Content().describe(table({"title": "Green tea", "brand": "Leaf", "price": 4.2}))
    assert model.column[0, :5].tolist() == [20751, 159060, 171479, 199788, 208073]


def test_a_person_is_what_they_bought_by_its_weight():
    """Two purchases of tea and a glance at ham; the reason is the tea that is most alike."""
    items = table(
        {"title": "green tea"}, {"title": "tea"}, {"title": "ham"}, {"title": "green tea cup"}, {}
    )
    history = History(
        np.array([2, 1, 0], np.int32),
        np.array([0, 2, 2], np.int8),
        np.ones(3),
        np.array([1_000_000, 1, 0], np.int32),
        np.zeros(3, np.int64),
    )
    model = Content().describe(items)
    query = Query(5, history)
    assert model.score(query).argmax() == 3
    assert model.because(query, 3) == 2
    assert model.because(query, 4) == -1
