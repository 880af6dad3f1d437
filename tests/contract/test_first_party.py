"""What ships keeps the contract under every measure and setting, not by its defaults alone."""

from typing import ClassVar

from knowingly.testing import AlgorithmContract, DescribingContract
from knowingly_plugins.bought_together import BoughtTogether
from knowingly_plugins.content import Content
from knowingly_plugins.item_item import AlsoBought, AlsoViewed, ItemItem
from knowingly_plugins.popularity import Popularity
from knowingly_plugins.trending import Trending


class TestItemItemByLift(AlgorithmContract):
    algorithm = ItemItem
    options: ClassVar = {"measure": "lift", "neighbours": 3}


class TestItemItemCorrected(AlgorithmContract):
    algorithm = ItemItem
    options: ClassVar = {"measure": "corrected", "neighbours": 3}


class TestAlsoViewed(AlgorithmContract):
    algorithm = AlsoViewed


class TestAlsoBought(AlgorithmContract):
    algorithm = AlsoBought
    options: ClassVar = {"measure": "corrected"}


class TestBoughtTogether(AlgorithmContract):
    algorithm = BoughtTogether
    options: ClassVar = {"neighbours": 3}


class TestBoughtTogetherByLift(AlgorithmContract):
    algorithm = BoughtTogether
    options: ClassVar = {"measure": "lift"}


class TestPopularityOfLate(AlgorithmContract):
    algorithm = Popularity
    options: ClassVar = {"window_days": 200, "half_life_days": 30}


class TestPopularityInAWindow(AlgorithmContract):
    algorithm = Popularity
    options: ClassVar = {"window_days": 90, "kinds": ["purchase"]}


class TestTrending(AlgorithmContract):
    algorithm = Trending
    options: ClassVar = {"recent_days": 100, "earlier_days": 200, "damping": 1}


class TestContent(DescribingContract):
    algorithm = Content


class TestContentInLittleRoom(DescribingContract):
    """Most terms share a column, and the weakest are dropped."""

    algorithm = Content
    options: ClassVar = {"bits": 8, "terms": 3, "price": 0}
