"""Counts in memory, and one row of counts as bytes."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from knowingly.errors import InternalError
from knowingly.recommend.interface import counts as counts_module
from knowingly.recommend.interface.counts import (
    MemoryCounts,
    decode_row,
    encode_rows,
    encode_sparse_row,
    touched_rows,
)

SQUARE = np.array([[3, 1, 0], [1, 2, 2], [0, 2, 5]])


@pytest.mark.parametrize("form", [np.array, csr_array])
def test_memory_counts_read_rows_and_diagonals(form):
    """Sparse or dense, rows come dense and as int64."""
    counts = MemoryCounts(form(SQUARE.astype(np.int32)), floor=5)
    assert (counts.n_items, counts.width, counts.floor) == (3, 3, 5)
    assert counts.rows(np.array([2, 0])).tolist() == [[0, 2, 5], [3, 1, 0]]
    assert counts.rows(np.array([1])).dtype == np.int64
    assert counts.narrow(np.array([2, 0])).tolist() == [[0, 2, 5], [3, 1, 0]]
    assert counts.narrow(np.array([1])).dtype == (np.uint8 if form is np.array else np.int64)
    assert counts.diagonal(np.array([2, 1])).tolist() == [5, 2]
    assert counts.diagonal(np.arange(3)).tolist() == [3, 2, 5]


def test_rows_are_read_in_chunks(monkeypatch):
    """A diagonal read two rows at a time is the same diagonal."""
    monkeypatch.setattr(counts_module, "_CHUNK_VALUES", 6)
    assert [len(rows) for rows in counts_module.chunks(np.arange(5), 3)] == [2, 2, 1]
    wide = MemoryCounts(np.diag(np.arange(5)), floor=1)
    assert wide.diagonal(np.array([1, 2, 4])).tolist() == [1, 2, 4]


def test_counts_without_a_diagonal_say_so():
    """Counts that are not square have none."""
    with pytest.raises(ValueError, match="width 3"):
        MemoryCounts(SQUARE[:, :1], floor=1).diagonal(np.arange(3))


@pytest.mark.parametrize("form", [np.array, csr_array])
def test_adding_and_subtracting_leave_the_original(form):
    """What was added is subtracted to the very counts before."""
    counts = MemoryCounts(form(SQUARE), floor=1)
    delta = form(np.array([[1, 0, 0], [0, 0, 0], [0, 0, 4]]))
    more = counts.add(delta)
    assert more.rows(np.arange(3)).tolist() == [[4, 1, 0], [1, 2, 2], [0, 2, 9]]
    less = more.subtract(delta)
    assert less.rows(np.arange(3)).tolist() == SQUARE.tolist()
    assert counts.rows(np.arange(3)).tolist() == SQUARE.tolist()
    assert touched_rows(delta).tolist() == [0, 2]


@pytest.mark.parametrize("form", [np.array, csr_array])
def test_subtracting_what_was_never_added_is_a_bug(form):
    """A count below zero would mean a person forgotten twice."""
    counts = MemoryCounts(form(SQUARE), floor=1)
    with pytest.raises(InternalError, match="below zero"):
        counts.subtract(form(np.array([[0, 0, 1], [0, 0, 0], [0, 0, 0]])))


@pytest.mark.parametrize("wrong", [SQUARE * 0.5, SQUARE[0], -SQUARE, csr_array(-SQUARE)])
def test_only_counts_are_counts(wrong):
    """Fractions, one axis and negative numbers are refused."""
    with pytest.raises(ValueError, match="counts"):
        MemoryCounts(wrong, floor=1)
    with pytest.raises(ValueError, match="shape"):
        MemoryCounts(SQUARE, floor=1).add(SQUARE[:2])


@pytest.mark.parametrize(
    ("values", "code", "size"),
    [
        ([], 0, 0),
        ([0, 0], 4, 0),
        ([255, 1], 0, 2),
        ([256, 1], 1, 4),
        ([65_536, 1], 2, 8),
        ([2**32, 2**63 - 1], 3, 16),
        ([0] * 9 + [7], 4, 5),
        ([0] * 9 + [700], 5, 6),
        ([0] * 9 + [70_000], 6, 8),
        ([0] * 9 + [2**40], 7, 12),
    ],
)
def test_a_row_takes_as_few_bytes_as_it_can(values, code, size):
    """The first byte says the form, and both ways of writing give the same bytes."""
    row = np.array(values, np.int64)
    [body] = encode_rows([row])
    if values:
        assert (body[0], len(body)) == (code, 1 + size)
    assert decode_row(body, len(row)).dtype == ["u1", "u2", "u4", "i8"][code % 4]
    assert decode_row(body, len(row)).tolist() == values
    places = row.nonzero()[0]
    assert encode_sparse_row(places, row[places], len(row)) == body


@pytest.mark.parametrize("values", [[[-1]], [[0.5]], [1], np.array([[2**63]], np.uint64)])
def test_what_is_no_row_of_counts_is_not_written(values):
    """Negative, fractional, too large or of one axis."""
    with pytest.raises(ValueError, match="expected"):
        encode_rows(values)


@pytest.mark.parametrize(
    ("places", "values"), [([2, 1], [1, 1]), ([9], [1]), ([-1], [1]), ([1], [])]
)
def test_what_is_no_sparse_row_is_not_written(places, values):
    """Unsorted, out of the row, or not as many indices as values."""
    with pytest.raises(ValueError, match="expected"):
        encode_sparse_row(places, np.array(values, np.int64), 5)


def sparse(places, values, value_type="<u1"):
    code = 4 + ["<u1", "<u2", "<u4", "<u8"].index(value_type)
    return (
        bytes([code]) + np.array(places, "<u4").tobytes() + np.array(values, value_type).tobytes()
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x08\x00\x00",
        b"\xff",
        b"\x00\x01",
        b"\x00\x01\x02\x03",
        b"\x01\x01\x02\x03",
        sparse([0], [1])[:-1],
        sparse([0, 1, 2], [1, 1, 1]),
        sparse([2], [1]),
        sparse([1, 0], [1, 1]),
        sparse([1, 1], [1, 1]),
        sparse([1], [0]),
        sparse([1], [2**63], "<u8"),
        b"\x03" + np.array([1, 2**64 - 1], "<u8").tobytes(),
    ],
)
def test_bytes_that_are_no_row_of_this_width_are_refused(body):
    """Unknown form, wrong length, index beyond the row, unsorted, a stored zero, too large."""
    with pytest.raises(ValueError, match=r"row|counts|indices"):
        decode_row(body, 2)


def test_narrow_counts_do_not_run_over():
    """255 people fit in a byte and 256 do not; neither adding nor rows know of that."""
    counts = MemoryCounts(np.full((2, 2), 255, np.int64), floor=1)
    more = counts.add(np.ones((2, 2), np.uint8))
    assert more.rows(np.arange(2)).tolist() == [[256, 256], [256, 256]]
    assert more.subtract(np.ones((2, 2), np.int64)).matrix.dtype == np.uint8
    for whole in (counts.matrix, csr_array(counts.matrix.astype(np.int64))):
        for less in (np.full((2, 2), 256), csr_array(np.full((2, 2), 256))):
            with pytest.raises(InternalError):
                MemoryCounts(whole, floor=1).subtract(less)
