"""What the lists are like, whether or not they were right: each figure with its definition.

``ranked`` is an int array of item rows, shape ``(n_people, k)``, best first, with -1 where nothing
was recommended. Figures of a person are NaN where the list says nothing about them, and such
people are left out of the average.
"""

from collections.abc import Sequence

import numpy as np

from knowingly.errors import InputError
from knowingly.recommend.interface.arrays import Floats, Ints, Matrix

_SMOOTHING = 0.01


def novelty(ranked: Ints, people_per_item: Ints, people: int) -> Floats:
    """How far from the beaten track: the mean of ``-log2(share of people who chose the item)``.

    In bits, per person; an item that half of the people chose has 1, one that nobody chose counts
    as if one person had.

    Args:
        ranked: The lists.
        people_per_item: People who chose each item before the split, shape ``(n_items,)``.
        people: People there were before the split, >= 1.

    Source: Zhou et al., PNAS 107(10), 2010, there called surprisal.
    """
    if people < 1:
        raise InputError("people", "at least 1")
    surprise = -np.log2(np.maximum(people_per_item, 1) / people)
    there = ranked >= 0
    some = np.append(surprise, 0.0)[np.where(there, ranked, len(surprise))]
    return _mean_of_list(some.sum(axis=1), there.sum(axis=1))


def diversity(ranked: Ints, features: Matrix) -> Floats:
    """How unlike the items of one list are: 1 less their mean similarity over pairs.

    The similarity of two items is the cosine of what is known of them (categories, brand, tags,
    each 0 or 1). Items of which nothing is known are left out; a list needs two others.

    Args:
        ranked: The lists.
        features: A sparse row for each item, of length 1, or empty where nothing is known.

    Source: Ziegler et al., WWW 2005 (intra-list similarity); Smyth and McClave, 2001.
    """
    there = lists_matrix(ranked, features.shape[0])
    known = np.diff(features.indptr) > 0
    counted = np.asarray(there @ known.astype(np.float64))
    # The square of a sum of unit vectors is their number and twice the cosine of every pair.
    total = there @ features
    square = np.asarray(total.multiply(total).sum(axis=1)).ravel()
    pairs = counted * (counted - 1)
    alike = np.full(len(ranked), np.nan)
    np.divide(square - counted, pairs, out=alike, where=counted > 1)
    return np.clip(1.0 - alike, 0.0, 1.0)


def calibration(ranked: Ints, history: Matrix, categories: Matrix) -> Floats:
    """How far the list's mix of categories is from the person's own: KL(p, q~), 0 is the same mix.

    ``p`` is the mix of what the person chose, ``q`` that of the list, each item spreading 1 over
    its categories; ``q~ = .99 q + .01 p`` keeps it finite. In nats. Items without a category say
    nothing; a person needs a mix on both sides.

    Args:
        ranked: The lists.
        history: How much each person's history says for each item, sparse, >= 0, shape
            ``(n_people, n_items)``.
        categories: What each item spreads over the categories, sparse, rows that sum to 1 or 0.

    Source: Steck, RecSys 2018 (calibrated recommendations).
    """
    own = np.asarray((history @ categories).todense())
    shown = np.asarray((lists_matrix(ranked, categories.shape[0]) @ categories).todense())
    sums = own.sum(axis=1), shown.sum(axis=1)
    some = (sums[0] > 0) & (sums[1] > 0)
    found = np.full(len(ranked), np.nan)
    p, q = own[some] / sums[0][some, None], shown[some] / sums[1][some, None]
    mixed = (1 - _SMOOTHING) * q + _SMOOTHING * p
    ratio = np.divide(p, mixed, out=np.ones_like(p), where=p > 0)
    # Rounding can leave an equal mix a hair below 0.
    found[some] = np.maximum((p * np.log(ratio)).sum(axis=1), 0.0)
    return found


def coverage(shown: Ints) -> float:
    """The share of the items that anyone was recommended.

    Args:
        shown: How often each item was recommended, shape ``(n_items,)``.

    Source: Ge, Delgado-Battenfeld, Jannach, RecSys 2010 (catalogue coverage).
    """
    return float((shown > 0).mean()) if len(shown) else float("nan")


def gini(shown: Ints) -> float:
    """How unevenly recommendations fall on items: 0 all alike, towards 1 all on a few.

    With the counts in ascending order: ``sum((2 i - n - 1) x_i) / (n sum(x))``, ``i`` from 1. Items
    that were never recommended count.

    Args:
        shown: How often each item was recommended, shape ``(n_items,)``.

    Source: Gini, 1912; over recommendations as in Fleder and Hosanagar, Management Science, 2009.
    """
    total, n = int(shown.sum()), len(shown)
    if not total:
        return float("nan")
    place = np.arange(1, n + 1)
    return float(((2 * place - n - 1) * np.sort(shown)).sum() / (n * total))


def lists_matrix(ranked: Ints, n_items: int) -> Matrix:
    """The lists as a sparse matrix of ones, shape ``(n_people, n_items)``."""
    return sparse_rows([row[row >= 0] for row in ranked], n_items)


def sparse_rows(rows: Sequence[Ints], n_items: int, values: Floats | None = None) -> Matrix:
    """A sparse matrix with these columns in each row, and these values (1 when left out)."""
    from scipy.sparse import csr_array  # noqa: PLC0415  # slow to import; pages do without

    starts = np.cumsum([0, *(len(row) for row in rows)])
    columns = np.concatenate([np.zeros(0, np.int64), *rows])
    data = np.ones(len(columns)) if values is None else values
    return csr_array((data, columns, starts), shape=(len(rows), n_items))


def _mean_of_list(total: Floats, length: Ints) -> Floats:
    mean = np.full(len(total), np.nan)
    np.divide(total, length, out=mean, where=length > 0)
    return mean
