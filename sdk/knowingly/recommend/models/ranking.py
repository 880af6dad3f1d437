"""Who is among the strongest neighbours: exact, so that a refit and a forget agree bit for bit.

Inside row ``i`` an item ``j`` ranks by ``count_ij * scale_j``, then by its index. The scale rises
as fewer people choose ``j``: with ``1 / sqrt(total_j)`` the order is the cosine's (which has
``1 / sqrt(total_i)`` more, the same for the whole row), with ``1 / total_j`` the lift's. This one
formula, in float64 and in this order of operations, is the only one anywhere.

A list names its members in the order of their index, not of their strength: forgetting one person
moves every score a little, and so leaves most lists exactly as they are stored.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowingly.recommend.interface.arrays import Floats, Ints, Rows
from knowingly.recommend.interface.counts import Counts, chunks

Lists = tuple[NDArray[np.int32], NDArray[np.int32]]
"""Neighbours by index (then -1) and their counts (then 0), each of shape ``(n_rows, keep)``."""

PADDING = -1
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
    values: Ints,
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
    score = values.astype(np.float64)
    score *= scales[:-1]
    score *= values >= least
    score[np.arange(n_rows), own] = 0.0
    lowest = np.full((n_rows, 1), np.finfo(np.float64).tiny)
    if n_items > keep:
        # All that tie with the last one stay in, so that the index decides and not the partition.
        np.maximum(lowest, _weakest(score, keep, before), out=lowest)
    row, item = where(score >= lowest)
    order = np.lexsort((-score[row, item], row))  # stable: ties stay in the order of their index
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    chosen = np.sort(order[rank < keep])
    row, item = row[chosen], item[chosen]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    neighbour, count = empty_lists(n_rows, keep)
    neighbour[row, place] = item
    count[row, place] = values[row, item]
    return neighbour, count


def _weakest(score: Floats, keep: int, before: NDArray[np.int32] | None) -> Floats:
    """At most the score of the last of ``keep`` in each row, and close to it."""
    bound = np.zeros((len(score), 1))
    if before is not None:
        full = before[:, -1] >= 0
        bound[full, 0] = np.take_along_axis(score[full], before[full], axis=1).min(axis=1)
    # Looking for it costs more than all the rest: only where one of them does not score any more.
    rest = np.flatnonzero(bound[:, 0] <= 0)
    if rest.size:
        bound[rest, 0] = _a_little_below(score[rest], keep)
    return bound


def _a_little_below(score: Floats, keep: int) -> Floats:
    """At most the ``keep``-th largest of each row: that of the largest of many groups."""
    groups = min(_GROUPS * keep, score.shape[1])
    whole = score.shape[1] - score.shape[1] % groups
    # Neighbours in the order of items are often alike: each is in a group of its own.
    largest = score[:, :whole].reshape(len(score), -1, groups).max(axis=1)
    beyond = score[:, whole:]
    np.maximum(largest[:, : beyond.shape[1]], beyond, out=largest[:, : beyond.shape[1]])
    found: Floats = np.partition(largest, groups - keep, axis=1)[:, groups - keep]
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
    index = np.where(neighbour < 0, _LAST, neighbour)
    before, after = index[:, :-1], index[:, 1:]
    return bool(((before < after) | (after == _LAST)).all())


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
        place = np.arange(len(row)) - np.searchsorted(row, row)
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
    slot = np.full(counts.n_items + 1, -1, np.int32)  # one more at the end, which padding reads
    slot[touched] = np.arange(len(touched))
    listed = slot[neighbour]
    holder, place = where(listed >= 0)
    held = listed[holder, place]
    full = neighbour[:, -1] >= 0
    worst = np.where(full, _scores(lists, scales).min(axis=1), np.inf)
    worst[touched] = np.inf
    ranked = empty_lists(len(touched), keep)
    found: list[tuple[Rows, Rows, Ints]] = [(touched[:0], touched[:0], np.zeros(0, np.int64))]
    start = 0
    for own in chunks(touched, counts.width):
        values = counts.rows(own)
        end = start + len(own)
        ranks = rank_rows(own, values, scales, keep, least, neighbour[own])
        for whole, part in zip(ranked, ranks, strict=True):
            whole[start:end] = part
        may_enter = values * scales[own, None] >= worst
        here = (held >= start) & (held < end)
        may_enter[held[here] - start, holder[here]] = False
        which, row = where(may_enter)
        shows = values[which, row] >= least
        which, row = which[shows], row[shows]
        found.append((row, own[which], values[which, row]))
        start = end
    row, item, value = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return ranked, Entrants(row, item, value)
