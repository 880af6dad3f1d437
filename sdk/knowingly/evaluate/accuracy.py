"""Did the list hold what the person then chose? Six figures, each by a definition that is named.

Libraries differ in their definitions, so each function says its own. All of them take binary
relevance (an item was chosen, or it was not) and give one figure for each person, shape
``(n_people,)``: NaN for a person without a test item, who is left out of every average.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.errors import InputError
from knowingly.recommend.interface.arrays import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Judged:
    """Lists held against the test items.

    ``hits`` says which places of each list hold a test item (bool, shape ``(n_people, k)``),
    ``n_relevant`` how many test items each person has (shape ``(n_people,)``).
    """

    hits: NDArray[np.bool_]
    n_relevant: Ints

    @property
    def k(self) -> int:
        """The places of a list."""
        return int(self.hits.shape[1])


def judge(ranked: Ints, relevant: Sequence[NDArray[np.integer[Any]]]) -> Judged:
    """Find the hits.

    Args:
        ranked: Item rows, best first, -1 where nothing was recommended; shape ``(n_people, k)``.
        relevant: Each person's test items, in the same order of people; one that is named twice is
            one test item.

    Raises:
        InputError: Shapes do not fit, or a list names an item twice.
    """
    if ranked.ndim != 2 or ranked.shape[1] < 1 or ranked.dtype.kind not in "iu":
        raise InputError("ranked", "item rows of shape (people, k)")
    if len(relevant) != len(ranked):
        raise InputError("relevant", f"as many people as were ranked, {len(ranked)}")
    ordered = np.sort(ranked, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        raise InputError("ranked", "each item at most once per person")
    sizes = [len(items) for items in relevant]
    item = np.fromiter((row for items in relevant for row in items), np.int64, sum(sizes))
    if item.size and item.min() < 0:
        raise InputError("relevant", "item rows of at least 0")
    person = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    # Person and item as one number, so that all lists are looked up at once.
    stride = 1 + max(item.max(initial=0), ranked.max(initial=0))
    tests = np.unique(person * stride + item)
    asked = np.arange(len(ranked))[:, None] * stride + ranked
    hits = np.isin(asked, tests) & (ranked >= 0)
    return Judged(hits, np.bincount(tests // stride, minlength=len(ranked)))


def ndcg(judged: Judged) -> Floats:
    """Normalised discounted cumulative gain.

    The sum of ``1 / log2(place + 1)`` over hits, places counted from 1, over that of an ideal list,
    which has ``min(k, test items)`` hits at its top.

    Source: Järvelin and Kekäläinen, ACM TOIS 20(4), 2002; the discount as in TREC's.
    """
    discount = 1.0 / np.log2(np.arange(2, judged.k + 2))
    ideal = np.concatenate(([np.nan], np.cumsum(discount)))
    return judged.hits @ discount / ideal[np.minimum(judged.n_relevant, judged.k)]


def recall(judged: Judged) -> Floats:
    """The share of the person's test items that are in the list: hits over ``test items``.

    Some papers divide by ``min(k, test items)`` and get higher figures from the same lists.

    Source: Manning, Raghavan, Schütze, Introduction to Information Retrieval, 2008, 8.3.
    """
    return _over(judged.hits.sum(axis=1), judged.n_relevant)


def precision(judged: Judged) -> Floats:
    """The share of the list's places that are hits: hits over ``k``, however short the list is.

    Source: Manning, Raghavan, Schütze, Introduction to Information Retrieval, 2008, 8.4.
    """
    return _known(judged, judged.hits.sum(axis=1) / judged.k)


def average_precision(judged: Judged) -> Floats:
    """Average precision: the precision down to each hit, summed, over ``min(k, test items)``.

    Its mean over people is MAP. Dividing by all test items instead, as some do, would keep a person
    with more than ``k`` of them from ever reaching 1.

    Source: Manning, Raghavan, Schütze, Introduction to Information Retrieval, 2008, 8.4; cut as in
        the Million Song Dataset Challenge, McFee et al., WWW 2012.
    """
    down_to = np.cumsum(judged.hits, axis=1) / np.arange(1, judged.k + 1)
    most = np.minimum(judged.n_relevant, judged.k)
    return _over((down_to * judged.hits).sum(axis=1), most)


def reciprocal_rank(judged: Judged) -> Floats:
    """One over the place of the first hit, 0 without any; its mean over people is MRR.

    Source: Voorhees, TREC-8 question answering track, 1999.
    """
    found = np.zeros(len(judged.hits))
    np.divide(1.0, judged.hits.argmax(axis=1) + 1, out=found, where=judged.hits.any(axis=1))
    return _known(judged, found)


def hit_rate(judged: Judged) -> Floats:
    """1 where the list holds any test item, else 0.

    Source: Deshpande and Karypis, ACM TOIS 22(1), 2004.
    """
    return _known(judged, judged.hits.max(axis=1, initial=False).astype(np.float64))


def _known(judged: Judged, values: Floats) -> Floats:
    return np.where(judged.n_relevant > 0, values, np.nan)


def _over(values: NDArray[Any], divisor: Ints) -> Floats:
    share = np.full(len(values), np.nan)
    np.divide(values, divisor, out=share, where=divisor > 0)
    return share
