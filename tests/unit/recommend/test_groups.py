"""Scores beside those of the same group: figures that paper gives, and what cannot be a model."""

import numpy as np
import pytest

from knowingly import GroupScores, History, Query
from knowingly.domain.event import KIND_CODE, EventKind

# Tea: items 0, 1 and 2, with 6, 3 and 1 people; cups: 3 and 4, with 8 and 2; 5 has no group.
MODEL = GroupScores([6, 3, 1, 8, 2, 9], [1, 1, 1, 0, 0, -1])


def history(*items):
    """Purchases of these."""
    size = len(items)
    return History(
        item=np.array(items, np.int32),
        kind=np.full(size, KIND_CODE[EventKind.PURCHASE], np.int8),
        age_days=np.ones(size),
        quantity=np.ones(size, np.int32),
        order=np.zeros(size, np.int64),
    )


def test_the_mix_is_the_persons_own():
    """Two of three choices are tea: two thirds of .6, .3 and .1, and a third of .8 and .2."""
    scores = MODEL.score(Query(n_items=6, history=history(0, 1, 3, 5)))
    assert scores == pytest.approx([0.4, 0.2, 0.2 / 3, 0.8 / 3, 0.2 / 3, 0])


def test_the_page_leads():
    """Of an item on the page alone, only its own group scores; of one without a group, none."""
    assert MODEL.score(Query(n_items=6, item=4)) == pytest.approx([0, 0, 0, 0.8, 0.2, 0])
    assert not MODEL.score(Query(n_items=6, item=5)).any()
    assert not MODEL.score(Query(n_items=6)).any()
    assert MODEL.similar(1) == pytest.approx([0.6, 0, 0.1, 0, 0, 0])
    assert not MODEL.similar(5).any()


def test_the_reason_is_a_choice_of_the_same_group():
    """The first of those that weigh most; nothing for what has no group."""
    query = Query(n_items=6, history=history(3, 1, 0, 5))
    assert MODEL.because_many(query, np.array([2, 4, 5])).tolist() == [1, 0, -1]


def test_a_group_without_any_score_has_nothing_to_say():
    """No share is taken of nobody."""
    model = GroupScores([0, 0, 4], [0, 0, 1])
    assert not model.score(Query(n_items=3, history=history(0))).any()


@pytest.mark.parametrize(
    ("scores", "group"),
    [
        ([1, -1], [0, 0]),
        ([1, np.nan], [0, 0]),
        ([1, np.inf], [0, 0]),
        ([[1]], [[0]]),
        ([1, 1], [0]),
        ([1, 1], [0, -2]),
        ([1, 1], [0, 2]),
    ],
    ids=str,
)
def test_what_is_no_model_is_refused(scores, group):
    """Negative or missing scores, another shape, groups that cannot be."""
    with pytest.raises(ValueError, match=r"scores|group"):
        GroupScores(scores, group)


def test_it_is_read_back_as_it_was_saved():
    """And nothing else is taken for it."""
    again = GroupScores.from_arrays(MODEL.arrays())
    query = Query(n_items=6, history=history(0, 3))
    assert np.array_equal(again.score(query), MODEL.score(query))
    for arrays in ({"score": MODEL.scores}, {**MODEL.arrays(), "group": MODEL.scores}):
        with pytest.raises(ValueError, match="group_scores"):
            GroupScores.from_arrays(arrays)
