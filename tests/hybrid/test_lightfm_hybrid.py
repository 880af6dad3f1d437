"""The hybrid model: a person is the mean of what they chose, and nobody is in it."""

import numpy as np
import pytest

from knowingly import Algorithm, Block, EventKind, ItemFactors, ItemTable
from knowingly.domain.event import KIND_CODE
from knowingly.plugins.host import PluginHost
from knowingly.recommend.interface.block import FitData
from knowingly.recommend.interface.query import History, Query
from knowingly_plugins.lightfm_hybrid import LightFMHybrid, _features

N_ITEMS = 20
HALF = N_ITEMS // 2
PURCHASE, VIEW = KIND_CODE[EventKind.PURCHASE], KIND_CODE[EventKind.VIEW]


def two_tastes(people=200, seed=1, **columns):
    """People who choose of the lower half of the items, or of the upper, early and late."""
    made_up = np.random.default_rng(seed)
    person = np.repeat(np.arange(people, dtype=np.int32), 8)
    size = len(person)
    item = made_up.integers(0, HALF, size) + HALF * (person % 2)
    return Block(
        **{
            "n_people": people,
            "n_items": N_ITEMS,
            "person": person,
            "item": item.astype(np.int32),
            "kind": np.full(size, PURCHASE, np.int8),
            "age_days": np.where(np.arange(size) % 2, 100.0, 10.0),
            "quantity": np.ones(size, np.int32),
            "order": np.zeros(size, np.int64),
            **columns,
        }
    )


def fitted(block, floor=5, seed=1, items=None, **options):
    data = FitData(
        n_items=N_ITEMS, floor=floor, seed=seed, source=lambda: [block], items=items or ItemTable()
    )
    return LightFMHybrid({"factors": 8, "epochs": 20, **options}).fit(data)


def asked(*items):
    """A query of somebody who bought these."""
    return Query(
        N_ITEMS,
        History(
            np.array(items, np.int32),
            np.full(len(items), PURCHASE, np.int8),
            np.zeros(len(items)),
            np.ones(len(items), np.int32),
            np.zeros(len(items), np.int64),
        ),
    )


@pytest.mark.parametrize("loss", ["warp", "bpr", "logistic"])
def test_it_tells_tastes_apart(loss):
    """Whoever bought of one half is shown that half, though nobody of this history was there."""
    model = fitted(two_tastes(), loss=loss)
    for first, own in ((0, slice(0, HALF)), (HALF, slice(HALF, N_ITEMS))):
        scores = model.score(asked(first, first + 1, first + 2))
        other = np.delete(scores, np.arange(N_ITEMS)[own])
        assert scores[own].mean() > other.mean() + other.std()


def test_every_known_item_scores_above_nothing():
    """Only the order was learned: a page must not stop where a score crosses 0."""
    model = fitted(two_tastes())
    for history in ((0,), (N_ITEMS - 1,), tuple(range(N_ITEMS))):
        assert (model.score(asked(*history)) > 0).all()


def test_the_same_seed_gives_the_same_model_and_another_one_another():
    """The seed comes from outside."""
    one, same, other = (fitted(two_tastes(), seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.factor, same.factor)
    assert not np.array_equal(one.factor, other.factor)


def test_what_too_few_chose_is_not_in_it():
    """The floor is per item: no vector, no bias, no score."""
    block = two_tastes()
    rare = block.item.copy()
    rare[rare == 3] = 4
    rare[:4] = 3  # of one person
    model = fitted(two_tastes(item=rare))
    assert not model.factor[3].any()
    assert not model.chosen[3].any()
    assert model.score(asked(0))[3] == 0


@pytest.mark.parametrize("age", [1.0, 500.0])
def test_people_with_one_part_only_teach_nothing(age):
    """All early or all late: there is nothing to foretell, or nothing to foretell it from."""
    block = two_tastes()
    model = fitted(two_tastes(age_days=np.full(len(block.item), age)))
    assert isinstance(model, ItemFactors)
    assert not model.score(asked(0)).any()


def test_views_are_history_and_no_aim():
    """What was only looked at in the last days is not foretold."""
    block = two_tastes()
    model = fitted(two_tastes(kind=np.full(len(block.item), VIEW, np.int8)))
    assert not model.score(asked(0)).any()


def test_what_came_back_is_no_aim():
    """An item that was returned within the last days is not foretold."""
    block = two_tastes()
    late = block.age_days < 56
    back = np.where(late, KIND_CODE[EventKind.RETURN], PURCHASE).astype(np.int8)
    assert not fitted(two_tastes(kind=back)).score(asked(0)).any()


def test_items_share_what_they_are():
    """A feature for each item, one for each category of any item, one for each brand."""
    table = ItemTable(
        title=["a", "b", "c"],
        brand=["Leaf", "", "Leaf"],
        categories=[("tea", "green"), ("tea",), ("tea", "tea")],
        tags=[()] * 3,
        attributes=[{}] * 3,
        price=np.zeros(3),
    )
    described = _features(table).toarray()
    assert described[:, :3].tolist() == np.eye(3).tolist()
    # brand Leaf, category green, category tea
    assert described[:, 3:].tolist() == [[1, 1, 1], [0, 0, 1], [1, 0, 1]]


def test_a_category_can_be_called_like_a_brand():
    """They are two features."""
    table = ItemTable(["a"], ["tea"], [("tea",)], [()], [{}], np.zeros(1))
    assert _features(table).shape == (1, 3)


def test_it_leaves_service_when_somebody_is_forgotten(tea_house, clock):
    """It says ``refit``, and under a strict policy nothing of it stays in the database."""
    house = tea_house
    trained = {**house.policy.models.algorithms, "lightfm_hybrid": {"aim_days": 20}}
    house.with_policy(models={"algorithms": trained, "forget": "strict"})
    shop = house.open()
    clock.forward(hours=1)
    shop.train()
    served = {card.algorithm: card for card in shop.models.cards()}["lightfm_hybrid"]
    assert (served.forgets, served.in_service) == ("refit", True)
    assert shop.rights.erase("t000").statement["models"]["lightfm_hybrid"] == "out of service"
    kept = "SELECT count(*) FROM model_rows WHERE algorithm = ?"
    assert house.rows(kept, "lightfm_hybrid") == [(0,)]


def test_a_page_can_stand_on_it(tea_house, clock):
    """Hits of its own, with the choice that counted most."""
    house = tea_house
    house.with_policy(models={"algorithms": {"lightfm_hybrid": {"aim_days": 20}}})
    slots = dict(house.policy.slots)
    slots["home"] = {**slots["home"].model_dump(), "algorithms": ("lightfm_hybrid",)}
    house.policy = house.policy.model_copy(update={"slots": slots})
    shop = house.open()
    clock.forward(hours=1)
    shop.train()
    page = shop.recommend("t000", k=5)
    assert page.basis == "personal"
    assert {hit.source for hit in page} == {"lightfm_hybrid"}
    assert any(hit.reason.startswith("because you") for hit in page)


def test_the_plugin_is_found():
    """With the extra installed it is one of those that ship."""
    host = PluginHost()
    assert issubclass(host.algorithms["lightfm_hybrid"], Algorithm)
    assert "lightfm_hybrid" not in host.skipped
