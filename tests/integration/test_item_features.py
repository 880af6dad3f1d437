"""An algorithm that asks what items are is told, row for row, as they are when it is fitted."""

import numpy as np

import knowingly
from knowingly import Algorithm, ItemScores


class Dearest(Algorithm):
    """Scores an item by its price."""

    name = "dearest"
    forgets = "stateless"
    needs_items = True

    def fit(self, data):
        return ItemScores(np.nan_to_num(data.items.price))


class Incurious(Algorithm):
    """Scores every item alike, and says so where it was told of a price it did not ask for."""

    name = "incurious"
    forgets = "stateless"

    def fit(self, data):
        return ItemScores(np.where(np.isnan(data.items.price), 1.0, 2.0))


class Plugin:
    """The plugin of them."""

    @staticmethod
    @knowingly.hookimpl
    def knowingly_algorithms():
        return [Dearest, Incurious]


def trained(house, *names):
    """The tea shop, trained with some of these."""
    house.with_policy(models={"algorithms": {name: {} for name in names}})
    shop = house.open()
    shop.plugins.add("items", Plugin())
    shop.train()
    return shop


def scores(shop, name):
    """Scores by item id."""
    with shop._tenancy.read() as snapshot:
        serving = shop._registry.at(snapshot)
        ids = shop._tenancy.catalogue.at(snapshot).ids
    found = serving.models[name].scores.tolist()
    return {ids[row]: score for row, score in zip(serving.items.tolist(), found, strict=True)}


def test_the_rows_of_a_fit_are_its_items(tea_house):
    """Each model row is told of its own item, also where the model has fewer than the shop."""
    shop = trained(tea_house, "dearest")
    found = scores(shop, "dearest")
    assert len(found) > 0
    assert found == {name: shop.items.get(name).price for name in found}


def test_a_price_of_today_is_told_at_the_next_fit(tea_house):
    """The table is read anew with each training."""
    shop = trained(tea_house, "dearest")
    name = next(iter(scores(shop, "dearest")))
    shop.items.upsert(shop.items.get(name).model_copy(update={"price": 777.0}))
    shop.train()
    assert scores(shop, "dearest")[name] == 777.0


def test_a_refit_for_comparison_is_told_the_same(tea_house):
    """``compare_with_refit`` asks with what the items are."""
    shop = trained(tea_house, "dearest", "incurious")
    assert [one.largest_difference for one in shop.models.compare_with_refit()] == [0.0, 0.0]


def test_who_does_not_ask_is_told_nothing(tea_house):
    """Items are read for the algorithms that need them."""
    assert set(scores(trained(tea_house, "incurious"), "incurious").values()) == {1.0}
