"""New items are found by what is said of them, from the moment they are in the shop."""

import threading

import numpy as np
import pytest

import knowingly
from knowingly_plugins import content

NEW = {
    "id": "spring-oolong",
    "title": "Spring oolong",
    "categories": ["oolong"],
    "price": 9.0,
    "published_at": "2026-02-28T12:00:00Z",
}
TRAINED = "t000"


class Faulty(knowingly.DescribingAlgorithm):
    """Fails on a title that says so."""

    name = "faulty"

    def describe(self, items):
        if "broken" in items.title:
            raise ValueError(items.title)
        return content.Content().describe(items)


class Plugin:
    @staticmethod
    @knowingly.hookimpl
    def knowingly_algorithms():
        return [Faulty]


def opened(house, name="content", **slot):
    """A shop whose slots ask ``name`` alone."""
    one = {"algorithms": (name,), **slot}
    house.with_policy(models={"algorithms": {name: {}}})
    slots = {"home": one, "product": one, "cart": one}
    house.policy = house.policy.model_copy(update={"slots": slots})
    shop = house.open()
    if "content" not in shop._host.algorithms:
        shop.plugins.add("content", content)
    shop.plugins.add("faulty", Plugin())
    return shop


def found(page, source="content"):
    return [hit.item for hit in page if hit.source == source]


def test_a_product_page_of_a_new_item_needs_no_profile_and_no_training(tea_house):
    """Nobody has seen it, nothing was trained since, and a stranger asks."""
    shop = opened(tea_house)
    shop.items.upsert(NEW)
    page = shop.recommend(slot="product", item=NEW["id"], k=4)
    assert page.basis == "contextual"
    assert "oolong" in found(page)


def test_a_new_item_is_on_the_very_next_page_of_who_likes_its_like(tea_house, agree):
    """Also where the page before was made without it, and after it changes."""
    shop = opened(tea_house)
    agree(shop, "ann")
    tea_house.clock.forward(minutes=1)
    shop.track("ann", "purchase", "oolong")
    before = shop.recommend("ann", k=5)
    assert before.basis == "personal"
    shop.items.upsert(NEW)
    page = shop.recommend("ann", k=5)
    assert found(page)[0] == NEW["id"]
    assert page.hits[0].reason == f"because you bought {shop.items.get('oolong').title}"
    shop.items.upsert({**NEW, "title": "Cup", "categories": ["ware"], "price": 900.0})
    assert NEW["id"] not in found(shop.recommend("ann", k=5))


def test_a_shop_that_was_never_trained_has_content(house, agree):
    """Three items and no training: in service from the first page."""
    shop = opened(house)
    shop.items.upsert([{"id": name, "title": f"Green {name}"} for name in ("a", "b", "c")])
    assert found(shop.recommend(slot="product", item="a")) == ["b", "c"]
    assert shop.recommend(slot="product", item="a").notes == ()


def test_training_neither_makes_nor_stores_it(tea_house):
    """It is no model of the training, and a training of nothing else is one."""
    shop = opened(tea_house)
    assert shop.train().algorithms == ()
    assert shop.models.cards() == []
    assert found(shop.recommend(slot="product", item="oolong"))
    assert shop.models.compare_with_refit() == []


@pytest.mark.parametrize(
    "gone", [{"unpublished_at": "2026-02-28T13:00:00Z"}, {"in_stock": False}, {"stock": 0}]
)
def test_what_cannot_be_bought_is_left_out(tea_house, gone):
    """An item taken down or sold out is still what others are like, and on no page."""
    shop = opened(tea_house)
    shop.items.upsert(NEW)
    assert NEW["id"] in found(shop.recommend(slot="product", item="oolong", k=20))
    shop.items.upsert({**NEW, **gone})
    assert NEW["id"] not in found(shop.recommend(slot="product", item="oolong", k=20))
    assert found(shop.recommend(slot="product", item=NEW["id"]))


def test_who_did_not_agree_has_no_history_in_it(tea_house):
    """Without consent a page without context asks no model at all."""
    shop = opened(tea_house)
    page = shop.recommend("t019", k=4)
    assert (page.basis, found(page)) == ("catalog", [])


def test_one_that_fails_falls_to_the_next_and_says_so(tea_house):
    """The page is served; once the item is mended, so is the model."""
    shop = opened(tea_house, "faulty")
    assert found(shop.recommend(slot="product", item="oolong"), "faulty")
    shop.items.upsert({**NEW, "title": "broken"})
    for _ in range(2):
        page = shop.recommend(slot="product", item="oolong")
        assert page.notes == ("faulty failed; the next source was asked",)
        assert len(page) == shop.policy.slots["product"].k
    shop.items.upsert(NEW)
    assert NEW["id"] in found(shop.recommend(slot="product", item="oolong", k=20), "faulty")


def test_an_upsert_describes_the_changed_item_alone(tea_house):
    """The page after it pays for one item, not for the shop."""
    shop = opened(tea_house)
    shop.recommend(slot="product", item="oolong")
    asked = []

    class Counted(content.Content):
        def describe(self, items):
            asked.append(len(items))
            return super().describe(items)

    shop._host.algorithms["content"] = Counted
    shop.items.upsert(NEW)
    shop.recommend(slot="product", item="oolong")
    shop.recommend(slot="product", item="oolong")
    assert asked == [1]


def test_pages_of_many_threads_meet_one_model(tea_house):
    """Items come in while pages are made: every page is whole."""
    shop = opened(tea_house)
    wrong = []

    def ask():
        for _ in range(15):
            page = shop.recommend(slot="product", item="oolong", k=8)
            if page.notes or len(page) != 8:
                wrong.append(page)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(8):
        shop.items.upsert({**NEW, "id": f"new-{number}"})
    for thread in threads:
        thread.join()
    assert wrong == []
    assert any(item.startswith("new-") for item in found(shop.recommend(item="oolong", k=20)))


def test_a_page_of_an_older_snapshot_knows_no_newer_item(tea_house):
    """Another page has described more items than this one's catalogue holds."""
    shop = opened(tea_house)
    descriptions = shop._reader._descriptions
    with shop._tenancy.read() as snapshot:
        size = len(shop._tenancy.catalogue.at(snapshot))
        whole = descriptions.at(snapshot, ["content", "faulty", "nobody"], size)["content"]
        less = descriptions.at(snapshot, ["content"], size - 3)["content"]
    assert (whole.model.n_items, less.model.n_items, len(less.items)) == (size, size - 3, size - 3)
    assert less.to_model_rows(np.array([0, size - 1, -1])).tolist() == [0, -1, -1]
