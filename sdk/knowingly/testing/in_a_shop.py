# ruff: noqa: S101 - assert is how a pytest kit says what must hold
"""What every algorithm must do in a shop, where people, items and errors come and go.

::

    class TestRecentInAShop(ShopContract):
        algorithm = Recent
        options = {"half_life_days": 3}
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from knowingly.domain.event import MAX_QUANTITY
from knowingly.domain.page import Page
from knowingly.errors import PluginError
from knowingly.hookspecs import hookimpl
from knowingly.means import open_shop
from knowingly.policy import load_policy
from knowingly.recommend.describing import DescribingAlgorithm
from knowingly.recommend.interface.algorithms import Algorithm, CountingAlgorithm, Model
from knowingly.recommend.registry.cards import ModelCard
from knowingly.shop import Shop
from knowingly.testing.data import make_fit_data
from knowingly.vault.root import write_root_key

N_ITEMS = 8
PEOPLE = tuple(f"person{number}" for number in range(8))
ASKED = PEOPLE[0]
NEWCOMER = "newcomer"
"""Somebody who agreed and did nothing yet."""
SHARED = "item1"
"""An item that half of the people chose, and the one who is asked for too."""
GONE = "item3"
LITTLE_CHOSEN = "item0"
"""Chosen by no more than the floor, the one who is asked for among them."""
NOTICE = "2026-01/en"
FLOOR = 2
LOOKED = timedelta(days=70)
HEAVIEST = 1_000_000.0


class ShopContract:
    """The contract of ``algorithm`` in a shop; each ``test_`` says what is true.

    Stability: plugin.
    """

    algorithm: ClassVar[type[Algorithm[Any]]]
    options: ClassVar[Mapping[str, Any]] = {}

    @property
    def name(self) -> str:
        """What the policy calls the algorithm under test."""
        return self.algorithm.name

    @pytest.fixture(scope="class")
    @classmethod
    def shop(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
        """A shop in which people chose things, and the algorithm was trained on it."""
        with opened(tmp_path_factory.mktemp("shop"), cls.algorithm, cls.options) as shop:
            cls.fill(shop)
            shop.train()
            yield shop

    @classmethod
    def fill(cls, shop: Shop) -> None:
        """Put items and people in; extend it where your algorithm goes by what they lack."""
        fill(shop)

    def page(self, shop: Shop, slot: str = "alone", **asked: Any) -> Page:  # noqa: ANN401 - as recommend
        """A page of the one who is asked for, with all items that the slot may show."""
        return shop.recommend(ASKED, slot=slot, k=N_ITEMS, **asked)

    def test_an_empty_shop_is_trained_and_asked(self, tmp_path: Path) -> None:
        """Nobody and nothing; then two items, and one person who did one thing."""
        with opened(tmp_path, self.algorithm, self.options) as shop:
            shop.train()
            assert (len(shop.recommend(slot="alone")), shop.recommend(slot="alone").notes) == (
                0,
                (),
            )
            shop.items.upsert([{"id": SHARED}, {"id": GONE}], strict=True)
            shop.consent.grant(ASKED, ["personalize", "train"], notice=NOTICE)
            shop.track(ASKED, "view", SHARED)
            shop.train()
            check_page(self.page(shop))
            check_page(shop.recommend(slot="alone", item=SHARED))

    def test_items_that_no_model_knows_are_no_error(self, shop: Shop) -> None:
        """One that is not in the shop, and one that came after the training."""
        new = {"id": "late"}
        shop.items.upsert([new], strict=True)
        shop.track(ASKED, "purchase", new["id"])
        for asked in ({"item": new["id"]}, {"basket": ["nothing", new["id"]]}):
            check_page(self.page(shop, **asked))
        page = self.page(shop, item="nothing")
        assert page.notes == ("the page's item is not in the shop",)

    def test_an_item_taken_down_after_the_training_is_on_no_page(self, shop: Shop) -> None:
        """Nor is it an error to ask with it."""
        yesterday = shop.now() - timedelta(days=1)
        shop.items.upsert([{"id": GONE, "unpublished_at": yesterday}], strict=True)
        for asked in ({}, {"item": GONE}, {"basket": [GONE, SHARED]}):
            page = self.page(shop, **asked)
            check_page(page)
            assert GONE not in [hit.item for hit in page]

    def test_a_million_units_are_no_error(self, shop: Shop) -> None:
        """Of a counting algorithm they are one choice: others see the same page as before."""
        before = shop.recommend(NEWCOMER, slot="alone", item=SHARED, k=N_ITEMS)
        much = {"kind": "purchase", "item": LITTLE_CHOSEN, "quantity": MAX_QUANTITY}
        shop.track([{"subject": ASKED, **much}], strict=True)
        check_page(self.page(shop))
        shop.train()
        after = shop.recommend(NEWCOMER, slot="alone", item=SHARED, k=N_ITEMS)
        check_page(after)
        if issubclass(self.algorithm, CountingAlgorithm):
            assert [hit.item for hit in after] == [hit.item for hit in before]

    def test_a_weight_of_a_million_changes_no_order(self, shop: Shop) -> None:
        """Blended with one of weight 1, by score or by rank, it ranks as it does alone.

        By score, what it puts equal is put in order by the other.
        """
        alone = {hit.item: hit.score for hit in self._own(self.page(shop, item=SHARED))}
        assert alone, (
            "no item of the shop scored above 0, so there is nothing to put in order: extend "
            "fill() with what your algorithm goes by"
        )
        for slot in ("heavy", "heavy-by-rank"):
            page = self.page(shop, slot, item=SHARED)
            check_page(page)
            first = [hit for hit in page if hit.item in alone]
            assert [hit.source for hit in first] == [f"{self.name}+{beside(self.name)}"] * len(
                alone
            )
            if slot == "heavy-by-rank":
                assert [hit.item for hit in first] == list(alone)
            falls = -np.diff([alone[hit.item] for hit in first])
            assert (falls >= -max(alone.values()) / HEAVIEST * N_ITEMS).all()

    @pytest.mark.parametrize("answer", ["nan", "error"])
    @pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
    def test_a_page_on_which_it_fails_falls_to_the_next_and_says_so(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch, answer: str
    ) -> None:
        """Whether its scores are no numbers or it raises: the page is full, with a note."""
        kind = type(self.algorithm(self.options).fit(make_fit_data(9, 5, 0)))
        for method in ("score", "similar"):
            monkeypatch.setattr(kind, method, _failing(answer))
        page = self.page(shop, item=SHARED)
        check_hits(page)
        assert page.notes == (f"{self.name} failed; the next source was asked",)
        assert not self._own(page)

    def test_a_training_in_which_it_fails_names_it_and_publishes_nothing(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was served before is served on."""
        if issubclass(self.algorithm, DescribingAlgorithm):
            pytest.skip(f"{self.name} is not trained")
        before = [(card.algorithm, card.training) for card in shop.models.cards()]
        counts = issubclass(self.algorithm, CountingAlgorithm)
        monkeypatch.setattr(self.algorithm, "count" if counts else "fit", _failing("error"))
        with pytest.raises(PluginError, match=self.name) as caught:
            shop.train()
        assert caught.value.plugin == self.name
        assert [(card.algorithm, card.training) for card in shop.models.cards()] == before
        check_page(self.page(shop))

    def test_somebody_who_is_erased_is_forgotten(self, shop: Shop) -> None:
        """Exactly, or by the next training within the policy's deadline, as the class says."""
        shop.train()
        told = shop.rights.erase(PEOPLE[1]).statement["models"]
        if self.algorithm.forgets == "refit":
            assert told[self.name].startswith("refit by ")
            assert self._card(shop).refit_by is not None
            shop.train()
            assert self._card(shop).refit_by is None
        elif issubclass(self.algorithm, CountingAlgorithm):
            assert told[self.name] == "exact", (
                "it left service: count or rebuild failed, and the log says how"
            )
        for one in shop.models.compare_with_refit():
            assert one.largest_difference <= one.tolerance
        check_page(self.page(shop))

    def _card(self, shop: Shop) -> ModelCard:
        return next(card for card in shop.models.cards() if card.algorithm == self.name)

    def _own(self, page: Page) -> list[Any]:
        return [hit for hit in page if hit.source == self.name]


@contextmanager
def opened(
    folder: Path, algorithm: type[Algorithm[Any]], options: Mapping[str, Any]
) -> Iterator[Shop]:
    """An empty shop that trains an algorithm and one beside it, and has slots that ask it.

    Stability: plugin.
    """
    key, name = folder / "shop.key", algorithm.name
    write_root_key(key)
    heavy = {"blend": {name: HEAVIEST, beside(name): 1.0}}
    slots = {
        "alone": {"algorithms": (name,), "exclude": ()},
        "heavy": {"algorithms": (heavy,), "exclude": ()},
        "heavy-by-rank": {"algorithms": ({**heavy, "by": "rank"},), "exclude": ()},
    }
    models = {
        "algorithms": {name: dict(options), beside(name): {}},
        "min_subjects": FLOOR,
        "min_item_subjects": FLOOR,
    }
    policy = load_policy().model_copy(update={"slots": slots, "models": models})
    with open_shop(f"sqlite:///{folder / 'shop.db'}", policy=policy, keys=key) as shop:
        if shop.plugins.algorithms.get(name) is not algorithm:
            shop.plugins.add(f"contract of {name}", _Plugin(algorithm))
        yield shop


def beside(name: str) -> str:
    """The algorithm of the package that another is blended with.

    Stability: plugin.
    """
    return "trending" if name == "popularity" else "popularity"


class _Plugin:
    """A plugin of one algorithm, for a class that is not installed."""

    def __init__(self, algorithm: type[Algorithm[Any]]) -> None:
        self._algorithm = algorithm

    @hookimpl
    def knowingly_algorithms(self) -> list[type[Algorithm[Any]]]:
        """The algorithm."""
        return [self._algorithm]


def fill(shop: Shop) -> None:
    """Put items into a shop, and people who looked at some of them and bought these in one order.

    They looked ``LOOKED`` before they bought, for algorithms that learn what follows on what, and
    put what they bought into the basket and liked it.

    Stability: plugin.
    """
    items = [f"item{number}" for number in range(N_ITEMS)]
    shop.items.upsert(
        [
            {
                "id": item,
                "title": f"Tea {number % 3}",
                "tags": [f"tag{number % 2}"],
                "categories": [f"shelf{number % 2}"],
                "brand": f"Maker {number % 4}",
                "price": 3 + number,
            }
            for number, item in enumerate(items)
        ],
        strict=True,
    )
    bought = shop.now()
    agreed_at = bought - LOOKED
    for person in (*PEOPLE, NEWCOMER):
        shop.consent.grant(person, ["personalize", "train"], notice=NOTICE, at=agreed_at)
    at = {"view": agreed_at, "cart": bought, "purchase": bought, "like": bought}
    shop.track(
        [
            {"subject": person, "kind": kind, "item": item, "order": person, "at": moment}
            for number, person in enumerate(PEOPLE)
            for item in (SHARED, *items[number % 4 : number % 4 + 4])
            for kind, moment in at.items()
        ],
        strict=True,
    )


def check_page(page: Page) -> None:
    """A page's hits are in order, and nothing had to be left out of it.

    Stability: plugin.
    """
    assert page.notes == ()
    check_hits(page)


def check_hits(page: Page) -> None:
    """There are hits, each item once, each score a number, the best of a source first.

    Stability: plugin.
    """
    items = [hit.item for hit in page]
    assert items
    assert len(set(items)) == len(items)
    assert all(np.isfinite(hit.score) for hit in page)
    for source in {hit.source for hit in page}:
        scores = [hit.score for hit in page if hit.source == source]
        assert scores == sorted(scores, reverse=True)


def _failing(answer: str) -> Callable[..., NDArray[np.float64]]:
    def fail(model: Model, *_asked: object) -> NDArray[np.float64]:
        if answer == "nan":
            return np.full(model.n_items, np.nan)
        raise RuntimeError

    return fail
