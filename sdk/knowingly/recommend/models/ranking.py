"""Who is among the strongest neighbours: exact, so that a refit and a forget agree bit for bit.

Inside row ``i`` an item ``j`` ranks by ``count_ij * scale_j``, then by its index. The scale rises
as fewer people choose ``j``: with ``1 / sqrt(total_j)`` the order is the cosine's (which has
``1 / sqrt(total_i)`` more, the same for the whole row), with ``1 / total_j`` the lift's. This one
formula, in float64 and in this order of operations, is the only one that ranks; single precision
only rules out who cannot be among the strongest (``roughly``).

A list names its members in the order of their index, not of their strength: forgetting one person
moves every score a little, and so leaves most lists exactly as they are stored.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.recommend.interface.arrays import Floats, Ints, Rows
from knowingly.recommend.interface.counts import Counts, chunks

Lists = tuple[NDArray[np.int32], NDArray[np.int32]]
"""Neighbours by index (then -1) and their counts (then 0), each of shape ``(n_rows, keep)``."""

Rough = NDArray[np.float32]
Whole = NDArray[np.integer[Any]]

PADDING = -1
SURELY_BELOW = np.float32(1 - 2**-20)
"""Times a rough score: what scores less, roughly, scores less."""
_LAST = np.iinfo(np.int32).max
_ROWS_AT_A_TIME = 2048
_GROUPS = 4
"""Groups for each neighbour that is kept: with so many, few that are no neighbours pass."""


def inverse_roots(total: Ints) -> Floats:
    """``1 / sqrt(total)``, and 0 where nobody is; one more 0 at the end, which padding reads."""
    return _inverse(np.sqrt(total))


def inverses(total: Ints) -> Floats:
    """``1 / total``, otherwise as ``inverse_roots``."""
    return _inverse(total.astype(np.float64))


def _inverse(values: Floats) -> Floats:
    scales = np.zeros(len(values) + 1)
    some = values > 0
    scales[:-1][some] = 1 / values[some]
    return scales


def rank_rows(  # noqa: PLR0917 - what a row's rank is made of
    own: Rows,
    values: Whole,
    scales: Floats,
    keep: int,
    least: int,
    before: NDArray[np.int32] | None = None,
) -> Lists:
    """The ``keep`` strongest neighbours of dense rows of pair counts.

    Args:
        own: The item of each row, shape ``(n_rows,)``; it is no neighbour of its own.
        values: Pair counts, shape ``(n_rows, n_items)``.
        scales: From ``inverse_roots`` or ``inverses``.
        keep: Neighbours per row.
        least: The smallest count that may show, >= 1.
        before: Any neighbours of these rows, shape ``(n_rows, keep)``, each once, then -1. What a
            row's weakest one scores, the weakest of the strongest scores at least: the better they
            are, the less there is to do, and the outcome is the same.
    """
    n_rows, n_items = values.shape
    rough = roughly(values, scales[:-1])
    rough *= values >= least
    rough[np.arange(n_rows), own] = 0.0
    lowest = np.zeros((n_rows, 1), np.float32)
    if n_items > keep:
        # All that tie with the last one stay in, so that the index decides and not the partition.
        lowest = _weakest(rough, keep, before) * SURELY_BELOW
    np.maximum(lowest, np.finfo(np.float32).tiny, out=lowest)
    row, item = where(rough >= lowest)
    count = values[row, item]
    chosen = _strongest(row, count * scales[item], n_rows, keep)
    row, item, count = row[chosen], item[chosen], count[chosen]
    place = places_in_rows(row)
    neighbours, counts = empty_lists(n_rows, keep)
    neighbours[row, place] = item
    counts[row, place] = count
    return neighbours, counts


def roughly(values: Whole, scales: Floats) -> Rough:
    """``values * scales`` in half the bytes: who is out of the question is told sooner by it.

    A figure is off by less than four parts in ``2**24``; whoever is not out is ranked by the one
    formula above.
    """
    rough = values.astype(np.float32)
    rough *= scales.astype(np.float32)
    return rough


def places_in_rows(row: Rows) -> Rows:
    """How many come before each in its row, of ascending rows."""
    place: Rows = np.arange(len(row)) - np.searchsorted(row, row)
    return place


def _strongest(row: Rows, score: Floats, n_rows: int, keep: int) -> NDArray[np.bool_]:
    """Which candidates are the ``keep`` strongest of their row; of equals, the first ones.

    Args:
        row: The row of each, ascending.
        score: Above 0.
        n_rows: Rows there are.
        keep: How many of a row.
    """
    place = places_in_rows(row)
    most = int(place.max(initial=-1)) + 1
    if most <= keep:
        return np.ones(len(row), bool)
    table = np.zeros((n_rows, most))
    table[row, place] = score
    last = np.partition(table, most - keep, axis=1)[:, most - keep, None]
    above, level = table > last, table == last
    room = keep - np.count_nonzero(above, axis=1)[:, None]
    chosen: NDArray[np.bool_] = above | (level & (level.cumsum(axis=1) <= room))
    return chosen[row, place]


def _weakest(rough: Rough, keep: int, before: NDArray[np.int32] | None) -> Rough:
    """At most the score of the last of ``keep`` in each row, and close to it."""
    bound = np.zeros((len(rough), 1), np.float32)
    if before is not None:
        full = np.flatnonzero(before[:, -1] >= 0)
        bound[full, 0] = rough[full[:, None], before[full]].min(axis=1)
    # Looking for it costs more than all the rest: only where one of them does not score any more.
    rest = np.flatnonzero(bound[:, 0] <= 0)
    if rest.size:
        bound[rest, 0] = _a_little_below(rough[rest], keep)
    return bound


def _a_little_below(rough: Rough, keep: int) -> Rough:
    """At most the ``keep``-th largest of each row: that of the largest of many groups."""
    groups = min(_GROUPS * keep, rough.shape[1])
    whole = rough.shape[1] - rough.shape[1] % groups
    # Neighbours in the order of items are often alike: each is in a group of its own.
    largest = rough[:, :whole].reshape(len(rough), -1, groups).max(axis=1)
    beyond = rough[:, whole:]
    np.maximum(largest[:, : beyond.shape[1]], beyond, out=largest[:, : beyond.shape[1]])
    found: Rough = np.partition(largest, groups - keep, axis=1)[:, groups - keep]
    return found


def where(chosen: NDArray[np.bool_]) -> tuple[Rows, Rows]:
    """``np.nonzero`` of two axes, several times sooner."""
    row, column = np.divmod(np.flatnonzero(chosen), max(chosen.shape[1], 1))
    return row, column


def empty_lists(n_rows: int, keep: int) -> Lists:
    """Lists that hold nobody yet."""
    return np.full((n_rows, keep), PADDING, np.int32), np.zeros((n_rows, keep), np.int32)


def in_order(neighbour: NDArray[np.int32]) -> bool:
    """Whether every row names each member once, by ascending index, with its padding at the end."""
    index = neighbour.view(np.uint32)  # in which padding is the largest number
    before, after = index[:, :-1], index[:, 1:]
    return bool(((before < after) | (after == np.uint32(2**32 - 1))).all())


@dataclass(frozen=True, slots=True)
class Entrants:
    """Items that may enter the lists of other rows: parallel arrays of shape ``(n,)``."""

    row: Rows
    item: Rows
    count: Ints

    def by_row(self, n_rows: int, scales: Floats, keep: int) -> tuple[Rows, Lists]:
        """The rows that have entrants, and the ``keep`` best of each, padded to the longest."""
        order = np.lexsort((self.item, -(self.count * scales[self.item]), self.row))
        row = self.row[order]
        place = places_in_rows(row)
        order, row, place = (column[place < keep] for column in (order, row, place))
        slot = np.full(n_rows, -1)
        rows = np.unique(row)
        slot[rows] = np.arange(len(rows))
        neighbour, count = empty_lists(len(rows), int(place.max(initial=-1)) + 1)
        neighbour[slot[row], place] = self.item[order]
        count[slot[row], place] = self.count[order]
        return rows, (neighbour, count)


def admit(lists: Lists, rows: Rows, more: Lists, scales: Floats) -> None:
    """Let further candidates into ``rows`` of ``lists``, in place: the strongest stay.

    Args:
        lists: All rows, shape ``(n_items, keep)``.
        rows: The rows that have candidates.
        more: The candidates of those rows, shape ``(len(rows), n_more)``, padded.
        scales: From ``inverse_roots`` or ``inverses``.
    """
    neighbour, count = lists
    keep = neighbour.shape[1]
    for start in range(0, len(rows), _ROWS_AT_A_TIME):
        own = rows[start : start + _ROWS_AT_A_TIME]
        part = slice(start, start + _ROWS_AT_A_TIME)
        some = np.hstack([neighbour[own], more[0][part]]), np.hstack([count[own], more[1][part]])
        some = _taken(some, np.argsort(np.where(some[0] < 0, _LAST, some[0]), axis=1))
        # Stable, so that the index decides between equals; the places are by index already.
        strongest = np.argsort(-_scores(some, scales), axis=1, kind="stable")[:, :keep]
        neighbour[own], count[own] = _taken(some, np.sort(strongest, axis=1))


def _taken(lists: Lists, places: Rows) -> Lists:
    """These places of each row."""
    return (
        np.take_along_axis(lists[0], places, axis=1),
        np.take_along_axis(lists[1], places, axis=1),
    )


def _scores(lists: Lists, scales: Floats) -> Floats:
    return lists[1] * scales[lists[0]]


def scan_touched(
    counts: Counts, touched: Rows, lists: Lists, scales: Floats
) -> tuple[Lists, Entrants]:
    """Read each touched row once: rank it, and find whose lists its item may enter now.

    An untouched row that is not full already holds every pair over the floor. A full one can gain a
    touched item, whose falling total lifts its score; an untouched item it did not hold cannot
    pass the ones it holds, whose scores never fall.

    Args:
        counts: Pair counts, symmetric, so that row ``j`` tells what ``j`` is to every other item.
        touched: Sorted rows that fell.
        lists: The lists before, shape ``(n_items, keep)``.
        scales: Of the totals now.
    """
    neighbour = lists[0]
    keep, least = neighbour.shape[1], max(counts.floor, 1)
    # Narrow numbers are sorted in one go. One more at the end, which padding reads.
    narrow = len(touched) <= np.iinfo(np.int16).max
    slot: Whole = np.full(counts.n_items + 1, -1, np.int16 if narrow else np.int32)
    slot[touched] = np.arange(len(touched))
    listed = slot[neighbour]
    holder, place = where(listed >= 0)
    held = listed[holder, place]
    by_item = np.argsort(held, kind="stable")
    holder, held = holder[by_item], held[by_item]
    full = neighbour[:, -1] >= 0
    # Whoever passes it by that little, and should not, is told when the strongest stay.
    rough = lists[1].astype(np.float32)
    rough *= scales.astype(np.float32)[neighbour]
    worst: Rough = rough.min(axis=1) * SURELY_BELOW
    worst[~full] = np.inf
    worst[touched] = np.inf
    ranked = empty_lists(len(touched), keep)
    found: list[tuple[Rows, Rows, Ints]] = [(touched[:0], touched[:0], np.zeros(0, np.int64))]
    start = 0
    for own in chunks(touched, counts.width):
        values = counts.narrow(own)
        end = start + len(own)
        ranks = rank_rows(own, values, scales, keep, least, neighbour[own])
        for whole, part in zip(ranked, ranks, strict=True):
            whole[start:end] = part
        may_enter = roughly(values, scales[own, None]) >= worst
        here = slice(*np.searchsorted(held, (start, end)))
        may_enter[held[here] - start, holder[here]] = False
        which, row = where(may_enter)
        count = values[which, row]
        enters = count >= least
        found.append((row[enters], own[which[enters]], count[enters].astype(np.int64)))
        start = end
    row, item, value = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return ranked, Entrants(row, item, value)
