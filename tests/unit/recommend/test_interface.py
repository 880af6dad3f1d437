"""How an algorithm finds its options, and how a counting one fits."""

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from knowingly.recommend.interface.algorithms import Algorithm, CountingAlgorithm, NoOptions
from knowingly.recommend.interface.counts import MemoryCounts
from knowingly.recommend.models.kinds import ItemScores
from knowingly.testing.data import as_fit_data, make_choices, make_fit_data


class Options(BaseModel, frozen=True, extra="forbid"):
    times: int = 1


class Views(CountingAlgorithm[Options]):
    name = "views"

    def count(self, block):
        found = np.bincount(block.item, minlength=block.n_items) * self.options.times
        return found[:, None]

    def build(self, counts):
        return ItemScores(counts.rows(np.arange(counts.n_items))[:, 0])


def test_options_come_from_the_class_in_brackets():
    """Also through CountingAlgorithm, and a subclass inherits them."""

    class More(Views):
        name = "more"

    assert Views.options_type is More.options_type is Options
    assert Views.forgets == "exact"
    assert Views().options == Options()
    assert More({"times": 3}).options.times == 3
    assert Views(Options(times=2)).options.times == 2


def test_an_algorithm_without_options_takes_none():
    """Neither in brackets nor at construction."""

    class Plain(Algorithm):
        name = "plain"
        forgets = "stateless"

        def fit(self, data):
            return ItemScores(np.zeros(data.n_items))

    assert Plain().options == NoOptions()
    with pytest.raises(ValidationError):
        Plain({"times": 3})
    with pytest.raises(TypeError, match="expected options of NoOptions"):
        Plain(Options())


def test_options_must_be_frozen_and_closed():
    """Options that could change, or take anything, are refused where the class is written."""

    class Loose(BaseModel):
        times: int = 1

    with pytest.raises(TypeError, match="Loose needs frozen=True"):

        class Wrong(Algorithm[Loose]):
            name = "wrong"


@pytest.mark.parametrize("options", [dict, "NotHereYet"])
def test_options_are_a_model(options):
    """What is wrong is said, and not which attribute of it somebody looked for."""
    with pytest.raises(TypeError, match=r"needs frozen=True .* pydantic model"):

        class Wrong(Algorithm[options]):
            name = "wrong"


def test_a_counting_fit_is_the_sum_of_its_blocks():
    """``total`` adds up over blocks; ``fit`` builds from it; ``rebuild`` is ``build``."""
    data = make_fit_data(30, 7, 0, n_blocks=4)
    total = Views().total(data)
    assert isinstance(total, MemoryCounts)
    assert total.floor == data.floor
    assert total.rows(np.arange(7))[:, 0].tolist() == np.bincount(data.item, minlength=7).tolist()
    fitted = Views().fit(data)
    assert fitted.scores.tolist() == total.rows(np.arange(7))[:, 0].tolist()
    again = Views().rebuild(fitted, total, np.arange(0), np.zeros((0, 1), np.int64))
    assert again.scores.tolist() == fitted.scores.tolist()


def test_a_model_has_no_reasons_unless_it_says_so():
    """The defaults: similar to nothing, because of nothing."""
    block = make_choices(np.array([0]), np.array([1]), n_people=1, n_items=3)
    model = Views().fit(as_fit_data(block))
    assert model.similar(1).tolist() == [0, 0, 0]
    assert model.because_many(None, np.array([0, 2])).tolist() == [-1, -1]
