"""An algorithm that breaks its word harms no other, and is not believed."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import pytest
from pydantic import BaseModel, model_validator

import knowingly
from knowingly import (
    Algorithm,
    ContractError,
    CountingAlgorithm,
    DescribingAlgorithm,
    ItemNeighbours,
    ItemScores,
    PluginError,
)
from knowingly.recommend.training import publishing


class Scribbling(CountingAlgorithm):
    """Counts people per item; asked to, it writes into the block that it was handed."""

    name = "a_scribbler"
    writes = False

    def count(self, block):
        if self.writes:
            block.item[:] = 0
        return np.bincount(block.item, minlength=block.n_items)[:, None]

    def build(self, counts):
        return ItemScores.from_counts(counts.rows(np.arange(counts.n_items))[:, 0], counts.floor)


class Peeking(Algorithm):
    """Says that it learns from nobody, and counts what people did."""

    name = "peeking"
    forgets = "stateless"

    def fit(self, data):
        return ItemScores(1.0 + np.bincount(data.item, minlength=data.n_items))


class Never(CountingAlgorithm):
    """Shows some items never, and the others as often as people chose them."""

    name = "never"
    slips = 0

    def count(self, block):
        return np.bincount(block.item, minlength=block.n_items)[:, None]

    def build(self, counts):
        scores = counts.rows(np.arange(counts.n_items))[:, 0] + float(self.slips)
        scores[0] = -np.inf
        return ItemScores(scores)


class Unsorted(Algorithm):
    """Makes lists of neighbours by hand, and not as they have to be."""

    name = "unsorted"
    forgets = "refit"

    def fit(self, data):
        neighbour = np.full((data.n_items, 2), -1, np.int32)
        neighbour[0] = [2, 1]
        total = np.full(data.n_items, 9)
        return ItemNeighbours(neighbour, (neighbour >= 0).astype(np.int32), total)


class Fickle(CountingAlgorithm):
    """Counts more the second time than the first."""

    name = "fickle"
    more = 0

    def count(self, block):
        Fickle.more = Fickle.more * 1000 + 1
        return np.bincount(block.item, minlength=block.n_items)[:, None] * Fickle.more

    def build(self, counts):
        return ItemScores.from_counts(counts.rows(np.arange(counts.n_items))[:, 0], counts.floor)


class Erasing(Algorithm):
    """Takes the attributes out of the items that it was handed."""

    name = "erasing"
    forgets = "stateless"
    needs_items = True

    def fit(self, data):
        for attributes in data.items.attributes:
            attributes.clear()
        return ItemScores(np.ones(data.n_items))


class PickyOptions(BaseModel, frozen=True, extra="forbid"):
    """Options that, asked to, are checked by code that fails."""

    fails: ClassVar[bool] = False

    @model_validator(mode="after")
    def _checked(self):
        if self.fails:
            raise KeyError("zqx-words of a plugin")
        return self


class Picky(Never, CountingAlgorithm[PickyOptions]):
    """Cannot be made, once its options fail."""

    name = "picky"


class Shy(DescribingAlgorithm):
    """Cannot be made, ever."""

    name = "shy"

    def __init__(self, options=None):
        raise RuntimeError("zqx-words of a plugin")

    def describe(self, items):
        raise NotImplementedError


class EndlessOptions(BaseModel, frozen=True, extra="forbid"):
    """JSON has no infinity."""

    half_life_days: float = float("inf")


class Endless(Never, CountingAlgorithm[EndlessOptions]):
    """Its options are other ones once they were stored."""

    name = "endless"


class WithCodeOptions(BaseModel, frozen=True, extra="forbid"):
    """JSON has no functions."""

    weigh: Callable[[float], float] = abs


class WithCode(Never, CountingAlgorithm[WithCodeOptions]):
    """Its options cannot be stored."""

    name = "with_code"


class Plugin:
    """The plugin of them."""

    @staticmethod
    @knowingly.hookimpl
    def knowingly_algorithms():
        counting = [Scribbling, Never, Fickle, Picky, Endless, WithCode]
        return [*counting, Peeking, Unsorted, Erasing, Shy]


def trained(house, *names):
    """The tea shop, trained with some of these."""
    house.with_policy(models={"algorithms": {name: {} for name in names}})
    shop = house.open()
    shop.plugins.add("careless", Plugin())
    shop.train()
    return shop


def test_one_that_writes_into_its_block_changes_nothing_for_the_others(
    tea_house, monkeypatch, gaps
):
    """It leaves service, by its own fault; what the next one forgets is what it learned."""
    shop = trained(tea_house, "a_scribbler", "popularity")
    monkeypatch.setattr(Scribbling, "writes", True)
    told = shop.rights.erase("t000").statement["models"]
    assert (told["a_scribbler"], told["popularity"]) == ("out of service", "exact")
    assert gaps(shop) == {"popularity": 0.0}
    with pytest.raises(PluginError, match="'a_scribbler'"):
        shop.train()


def test_one_that_writes_into_its_items_changes_no_rule_of_a_page(tea_house):
    """A page goes by what the shop said of the item."""
    slots = {"sized": {"algorithms": (), "where": "attributes.grams > 50"}}
    policy = tea_house.policy
    tea_house.policy = policy.model_copy(update={"slots": policy.slots | slots})
    tea_house.with_policy(models={"algorithms": {"erasing": {}}})
    shop = tea_house.open()
    shop.plugins.add("careless", Plugin())
    shop.items.upsert({**shop.items.get("oolong").model_dump(), "attributes": {"grams": 100}})
    with pytest.raises(PluginError, match=r"'erasing'.*failed in fit"):
        shop.train()
    assert [hit.item for hit in shop.recommend(slot="sized")] == ["oolong"]


def test_one_that_learns_from_nobody_is_handed_nobody(tea_house):
    """No erasure would ever reach what it had learned."""
    shop = trained(tea_house, "peeking")
    with shop._tenancy.read() as snapshot:
        model = shop._registry.at(snapshot).models["peeking"]
    assert len(model.scores)
    assert set(model.scores.tolist()) == {1.0}


def test_a_model_that_could_not_be_read_again_is_not_published(tea_house):
    """It would be in service and on no page, and training again would not mend it."""
    with pytest.raises(ContractError, match=r"'unsorted': arrays: neighbour: .*ascending"):
        trained(tea_house, "unsorted")


@pytest.mark.filterwarnings("error")
def test_items_that_are_never_shown_hide_no_difference_from_a_refit(tea_house, monkeypatch, gaps):
    """Never less never is no number, and swallowed those of the other items."""
    shop = trained(tea_house, "never")
    assert gaps(shop) == {"never": 0.0}
    monkeypatch.setattr(Never, "slips", 3)
    assert gaps(shop) == {"never": 3.0}


def test_one_that_counts_otherwise_each_time_is_named(tea_house, monkeypatch):
    """Also where somebody is forgotten before it was ever published: it is no bug of ours."""
    tea_house.with_policy(models={"algorithms": {"fickle": {}}})
    shop = tea_house.open()
    shop.plugins.add("careless", Plugin())
    real = publishing.stage

    def staged(*args):
        found = real(*args)
        shop.consent.withdraw("t000", ["train"])
        return found

    monkeypatch.setattr(publishing, "stage", staged)
    monkeypatch.setattr(Fickle, "more", 0)
    with pytest.raises(PluginError, match=r"'fickle'.*below zero"):
        shop.train()


def test_one_that_cannot_be_made_stands_in_nobodys_way(tea_house, monkeypatch, gaps):
    """Somebody is erased all the same; a training names it, and not its words."""
    shop = trained(tea_house, "picky", "popularity")
    monkeypatch.setattr(PickyOptions, "fails", True)
    told = shop.rights.erase("t000").statement["models"]
    assert (told["picky"], told["popularity"]) == ("out of service", "exact")
    assert gaps(shop) == {"popularity": 0.0}
    for verb in (shop.train, shop.evaluate):
        with pytest.raises(PluginError, match=r"'picky'.*KeyError") as caught:
            verb()
        assert "zqx" not in str(caught.value)


def test_one_that_cannot_be_made_for_a_page_is_passed_over(tea_house):
    """The page is full, and a note names it."""
    tea_house.with_policy(models={"algorithms": {"shy": {}, "popularity": {}}})
    slots = {"home": {"algorithms": ("shy", "popularity")}}
    tea_house.policy = tea_house.policy.model_copy(update={"slots": slots})
    shop = tea_house.open()
    shop.plugins.add("careless", Plugin())
    page = shop.recommend("t000")
    assert (len(page), page.notes) == (10, ("shy failed; the next source was asked",))
    with pytest.raises(PluginError, match=r"'shy'.*RuntimeError"):
        shop.train()


@pytest.mark.parametrize("name", ["endless", "with_code"])
def test_options_that_json_does_not_bring_back_are_refused(tea_house, name):
    """They are kept beside the model, and somebody is forgotten with what is read of them."""
    with pytest.raises(PluginError, match=rf"'{name}'.*JSON"):
        trained(tea_house, name)


@pytest.mark.parametrize(
    "made",
    [
        lambda n: knowingly.GroupScores(np.ones(n), np.zeros(n, int)),
        lambda n: knowingly.ItemFactors(np.ones((n, 3))),
    ],
    ids=["kind", "width"],
)
def test_a_model_of_another_form_is_told_so_when_it_is_compared(tea_house, monkeypatch, made):
    """As an upgrade may bring: what is served and a refit have no figure in common."""

    def factors(self, data):
        return knowingly.ItemFactors(np.ones((data.n_items, 2)))

    monkeypatch.setattr(Unsorted, "fit", factors)
    shop = trained(tea_house, "unsorted")
    assert shop.models.compare_with_refit()[0].largest_difference == 0
    monkeypatch.setattr(Unsorted, "fit", lambda self, data: made(data.n_items))
    with pytest.raises(PluginError, match=r"'unsorted': makes models of another form now: train"):
        shop.models.compare_with_refit()
