"""What ships keeps the contract under every measure and setting, not by its defaults alone."""

from knowingly.testing.algorithms import AlgorithmContract
from knowingly_plugins.bought_together import BoughtTogether
from knowingly_plugins.item_item import AlsoBought, AlsoViewed, ItemItem


class TestItemItemByLift(AlgorithmContract):
    algorithm = ItemItem
    options = {"measure": "lift", "neighbours": 3}


class TestItemItemCorrected(AlgorithmContract):
    algorithm = ItemItem
    options = {"measure": "corrected", "neighbours": 3}


class TestAlsoViewed(AlgorithmContract):
    algorithm = AlsoViewed


class TestAlsoBought(AlgorithmContract):
    algorithm = AlsoBought
    options = {"measure": "corrected"}


class TestBoughtTogether(AlgorithmContract):
    algorithm = BoughtTogether
    options = {"neighbours": 3}


class TestBoughtTogetherByLift(AlgorithmContract):
    algorithm = BoughtTogether
    options = {"measure": "lift"}
