"""Tags: a value passes where the shop wrote it, and nowhere else."""

import pytest

from knowingly.errors import SealError
from knowingly.vault.tags import TAG_BYTES, Tagger

KEY = b"k" * 32


def test_a_tagged_value_comes_back():
    """16 bytes longer than it was; an empty one too."""
    tagger = Tagger(KEY, b"shop", b"rows")
    for value in (b"", b"body", b"x" * 5_000):
        stored = tagger.tagged(3, 7, value)
        assert len(stored) == len(value) + TAG_BYTES
        assert tagger.opened(3, 7, stored) == value


def test_it_does_not_pass_anywhere_else():
    """Neither in another row, epoch, place or shop, nor under another key; nor changed or cut."""
    stored = Tagger(KEY, b"shop", b"rows").tagged(3, 7, b"body")
    for tagger, row, epoch in (
        (Tagger(KEY, b"shop", b"rows"), 4, 7),
        (Tagger(KEY, b"shop", b"rows"), 3, 8),
        (Tagger(KEY, b"shop", b"rows"), 7, 3),
        (Tagger(KEY, b"shop", b"row", b"s"), 3, 7),
        (Tagger(KEY, b"shopr", b"ows"), 3, 7),
        (Tagger(KEY, b"shop", b"rows", b""), 3, 7),
        (Tagger(b"l" * 32, b"shop", b"rows"), 3, 7),
    ):
        with pytest.raises(SealError):
            tagger.opened(row, epoch, stored)
    for changed in (stored[:-1], stored + b"x", stored[1:], stored[:15], b"", b"\0" * 20):
        with pytest.raises(SealError):
            Tagger(KEY, b"shop", b"rows").opened(3, 7, changed)
