"""Whatever a plugin does, the error names it and repeats none of its words."""

from contextlib import contextmanager

import numpy as np
import pytest

import knowingly
from knowingly import (
    CountedNeighbours,
    EventKind,
    FitData,
    ItemFactors,
    ItemNeighbours,
    LiftNeighbours,
)
from knowingly.errors import ContractError, InternalError, PluginError
from knowingly.recommend import guard
from knowingly.recommend.interface import algorithms
from knowingly.recommend.interface.algorithms import Algorithm, CountingAlgorithm, Model
from knowingly.recommend.interface.counts import MemoryCounts
from knowingly.recommend.interface.query import History, Query
from knowingly.recommend.models.kinds import ItemScores
from knowingly.testing.data import as_fit_data, make_block, make_fit_data

WORDS = "zqx-person-in-a-message"
QUERY = Query(n_items=3, history=History.empty())


class Scripted(Model):
    """A model that answers as a test says."""

    kind = "scripted"

    def __init__(self, answer):
        self.answer = answer

    @property
    def n_items(self):
        return 3

    def score(self, query):
        return self._say()

    def similar(self, item):
        return self._say()

    def because_many(self, query, items):
        return self._say()

    def arrays(self):
        return self._say()

    @classmethod
    def from_arrays(cls, arrays):
        raise NotImplementedError

    def _say(self):
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [
        np.zeros(2),
        np.zeros(4),
        np.zeros((3, 1)),
        [0.0, 0.0, 0.0],
        None,
        np.array([0.0, np.nan, 1.0]),
        np.array([0.0, np.inf, 1.0]),
        np.array([np.inf, -np.inf, 0.0]),
        np.array(["a", "b", "c"]),
        np.array([None, 1, 2], object),
        np.array([1j, 0, 0]),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_wrong_scores_are_a_plugin_error(answer):
    """Another shape, NaN, +inf, or not numbers."""
    with pytest.raises(PluginError, match="'mine'") as caught:
        guard.score("mine", Scripted(answer), QUERY)
    assert caught.value.plugin == "mine"


@pytest.mark.parametrize(
    "answer",
    [np.zeros(2), None, np.array([0.0, np.nan, 1]), np.array([0.0, np.inf, 1]), np.zeros(3) * 1j],
    ids=repr,
)
def test_what_is_wrong_about_company_is_a_plugin_error(answer):
    """Said of an item alone, of several, or as a place among them."""
    asked, whole = np.arange(2), Scripted(answer)
    whole.company = whole.closest = lambda *_: answer
    for model in (Scripted(answer), whole):
        with pytest.raises(PluginError, match="'mine'"):
            guard.company("mine", model, asked)
    with pytest.raises(PluginError, match="'mine'"):
        guard.closest("mine", whole, asked, np.arange(3))


@pytest.mark.parametrize("answer", [np.array([0, 2]), np.array([-1, 0])], ids=repr)
def test_a_place_among_others_is_one_of_theirs(answer):
    """None before the first, none after the last."""
    model = Scripted(None)
    model.closest = lambda *_: answer
    with pytest.raises(PluginError, match="a place in the items"):
        guard.closest("mine", model, np.arange(2), np.arange(2))


@pytest.mark.parametrize(
    "answer", [np.zeros(3), np.array([-np.inf, 1.0, -np.inf]), np.array([1, 2, 3], np.int32)]
)
def test_right_scores_pass_as_they_are(answer):
    """-inf is an answer: never this item."""
    assert guard.score("mine", Scripted(answer), QUERY) is answer


@pytest.mark.parametrize(
    "error", [ValueError(WORDS), KeyError(WORDS), ZeroDivisionError(), SystemExit(WORDS)]
)
def test_a_stray_error_is_named_and_not_repeated(error):
    """In score, in because, in fit, in count, in rebuild."""

    class Broken(Algorithm):
        name = "mine"
        forgets = "refit"

        def fit(self, data):
            raise error

    class Miscounting(CountingAlgorithm):
        name = "mine"

        def count(self, block):
            raise error

        def build(self, counts):
            raise error

    data = make_fit_data(20, 5, 1)
    calls = [
        lambda: guard.score("mine", Scripted(error), QUERY),
        lambda: guard.because_many("mine", Scripted(error), QUERY, np.zeros(1, np.intp)),
        lambda: guard.fit(Broken(), data),
        lambda: guard.fit(Miscounting(), data),
        lambda: guard.count(Miscounting(), make_block(5, 5, 1)),
        lambda: guard.rebuild(
            Miscounting(), ItemScores(np.zeros(5)), counts_of(5), np.arange(2), None
        ),
    ]
    for call in calls:
        with pytest.raises(PluginError, match=r"'mine'.*" + type(error).__name__) as caught:
            call()
        assert WORDS not in str(caught.value)
        assert caught.value.plugin == "mine"


def counts_of(n_items):
    return MemoryCounts(np.zeros((n_items, 1), np.int64), floor=5)


@pytest.mark.parametrize(
    "answer",
    [
        np.array([0, 0, 0]),
        np.array([5]),
        np.array([-2]),
        np.array([0.0]),
        np.array([np.nan]),
        np.array([None]),
        np.array(["0"]),
        None,
    ],
    ids=repr,
)
def test_wrong_reasons_are_a_plugin_error(answer):
    """They index the person's history: nothing else may be returned."""
    with pytest.raises(PluginError, match="'mine'"):
        guard.because_many("mine", Scripted(answer), QUERY, np.zeros(1, np.intp))


def test_right_reasons_pass():
    """-1 says none."""
    found = guard.because_many("mine", Scripted([-1]), QUERY, np.zeros(1, np.intp))
    assert found.tolist() == [-1]
    assert not len(guard.because_many("mine", Scripted([]), QUERY, np.zeros(0, np.intp)))


@pytest.mark.parametrize(
    "made",
    [
        None,
        "a model",
        Scripted({"a": np.zeros(4)}),
        Scripted({"a": np.zeros(())}),
        Scripted({"a": [0] * 5}),
        Scripted({"a": np.zeros(5, object)}),
        Scripted({"a": np.array(["x"] * 5)}),
        Scripted({"a": np.zeros(5, complex)}),
    ],
    # Every process that runs the tests must call them alike: no address of an object in a name.
    ids=lambda made: type(made).__name__,
)
def test_what_is_no_model_is_a_contract_error(made):
    """Its arrays have one row per item, and hold numbers."""

    class Made(Algorithm):
        name = "mine"
        forgets = "refit"

        def fit(self, data):
            return made

    with pytest.raises(ContractError, match="'mine'"):
        guard.fit(Made(), make_fit_data(20, 5, 1))


@pytest.mark.parametrize(
    ("counted", "said"),
    [
        (np.zeros((5, 1)), "array of integers"),
        (np.zeros(5, np.int64), "2-d array"),
        (np.zeros((5, 1), bool), "array of integers"),
        (np.full((5, 1), -1), "from 0"),
        (np.full((5, 1), 2**63, np.uint64), "to 2"),
        ([[0]] * 5, "2-d array"),
        (None, "csr_array"),
        (np.zeros((3, 1), np.int64), "expected 5 rows, one per item, found 3"),
        (np.zeros((1, 5), np.int64), "expected 5 rows, one per item, found 1"),
    ],
    ids=str,
)
def test_what_are_no_counts_is_a_contract_error(counted, said):
    """It says what they are to be: an author sees this message first."""

    class Miscounting(CountingAlgorithm):
        name = "mine"

        def count(self, block):
            return counted

        def build(self, counts):
            return ItemScores(np.zeros(5))

    with pytest.raises(ContractError, match=rf"'mine': count: .*{said}"):
        guard.fit(Miscounting(), make_fit_data(20, 5, 1))


def test_counts_of_another_width_are_a_contract_error():
    """The width may not follow from who is in a block: the next one has others in it."""

    class Widening(CountingAlgorithm):
        name = "mine"

        def count(self, block):
            return np.ones((block.n_items, block.n_people), np.int64)

        def build(self, counts):
            return ItemScores(np.zeros(5))

    blocks = [make_block(people, 5, 1) for people in (3, 4)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(algorithms, "larger", lambda found: found)
        with pytest.raises(ContractError, match=r"'mine': count: .*same width"):
            guard.fit(Widening(), as_fit_data(*blocks))


def test_a_model_too_wide_to_be_read_again_is_a_contract_error():
    """It would be published, and served by nobody."""

    class Wide(Algorithm):
        name = "mine"
        forgets = "refit"

        def fit(self, data):
            return ItemFactors(np.ones((data.n_items, 2_000_001), np.float32))

    with pytest.raises(ContractError, match="'mine': arrays: expected at most 16,000,000 bytes"):
        guard.fit(Wide(), FitData(n_items=1, floor=5, seed=1))


def test_a_rebuilt_model_is_of_the_kind_that_is_served():
    """Of the same arrays another kind makes other scores, and only their kind is on record."""

    class Changed(CountedNeighbours):
        name = "mine"
        model = LiftNeighbours

        def count(self, block):
            return self.model.pairs(block.matrix([EventKind.PURCHASE]))

    counts = MemoryCounts(np.full((3, 3), 9), floor=5)
    served = ItemNeighbours.strongest(counts)
    with pytest.raises(ContractError, match="'mine': rebuild: expected a model of the same kind"):
        guard.rebuild(Changed(), served, counts, np.array([0]), np.zeros((3, 3), int))


def test_wrong_options_name_the_option():
    """Those of the policy file, or of a stored model, and not the value."""

    class Plain(Algorithm):
        name = "mine"
        forgets = "stateless"

        def fit(self, data):
            return ItemScores(np.zeros(data.n_items))

    with pytest.raises(PluginError, match=r"'mine'.*depth") as caught:
        guard.make(Plain, {"depth": WORDS})
    assert WORDS not in str(caught.value)


def test_our_own_errors_say_what_they_say():
    """An error of the SDK inside a plugin keeps its words, which hold nothing personal."""
    with (
        pytest.raises(PluginError, match=r"'mine'.*failed in fit"),
        guarded_raise(InternalError("a count would fall below zero")),
    ):
        pass
    with (
        pytest.raises(ContractError, match="'mine'"),
        guarded_raise(ContractError("no", plugin="mine")),
    ):
        pass


def guarded_raise(error):
    @contextmanager
    def context():
        with guard.guarded("mine", "fit"):
            raise error
        yield

    return context()


class Answering(Algorithm):
    """An algorithm whose fitted scores are changed by a test."""

    name = "odd"
    forgets = "refit"

    def fit(self, data):
        return ItemScores(np.ones(data.n_items))


class Plugin:
    @knowingly.hookimpl
    def knowingly_algorithms(self):
        return [Answering]


@pytest.mark.parametrize(
    "answer", [ValueError(WORDS), np.array([np.nan]), None, knowingly.InputError(WORDS, WORDS)]
)
def test_a_failing_plugin_degrades_the_page_with_a_note(house, agree, monkeypatch, caplog, answer):
    """The slot's next source is asked; the note and the log name the plugin, not its words."""
    house.with_policy(models={"algorithms": {"odd": {}, "popularity": {}}})
    slots = {"home": {"algorithms": ("odd", "popularity")}}
    house.policy = house.policy.model_copy(update={"slots": slots})
    shop = house.open()
    shop.plugins.add("mine", Plugin())
    shop.items.upsert([{"id": name} for name in ("tea", "mug")])
    for number in range(6):
        agree(shop, f"p{number}")
        shop.track(f"p{number}", "like", "tea")
    shop.train()
    agree(shop, "ada")
    assert shop.recommend("ada").hits[0].source == "odd"

    def fail(self, query):
        if isinstance(answer, BaseException):
            raise answer
        return answer

    popular = ItemScores.score
    served = shop._registry._serving.models["odd"]
    monkeypatch.setattr(
        ItemScores,
        "score",
        lambda self, query: (fail if self is served else popular)(self, query),
    )
    page = shop.recommend("ada")
    assert page.hits[0].source == "popularity"
    assert any("odd" in note for note in page.notes)
    assert shop.stats()["pages_degraded"] == 1
    assert WORDS not in caplog.text + repr(page.notes)
    assert "odd" in caplog.text
