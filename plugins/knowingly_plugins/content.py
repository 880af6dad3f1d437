"""Rank the items first that are most like those of the history, by what is said of them."""

import math
import re
from collections.abc import Iterable, Mapping
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from knowingly import DescribingAlgorithm, ItemTable, ItemVectors, hookimpl

_WORD = re.compile(r"\w+")
PRICE_STEP = 1.5
"""Prices within about this factor of each other share a band."""


class ContentOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the ``content`` algorithm: how much each field says, 0 to leave it out."""

    title: float = Field(1.0, ge=0, le=100, description="The words of the title.")
    tags: float = Field(1.0, ge=0, le=100, description="The words of the tags.")
    categories: float = Field(1.0, ge=0, le=100, description="The categories.")
    brand: float = Field(0.5, ge=0, le=100, description="The brand.")
    attributes: float = Field(0.5, ge=0, le=100, description="Attributes with their values.")
    price: float = Field(0.25, ge=0, le=100, description="The price, in bands.")
    terms: int = Field(32, ge=1, le=512, description="Terms kept of an item, the strongest.")
    bits: int = Field(
        18, ge=8, le=24, description="Terms are hashed to 2**bits columns: more for more words."
    )


class Content(DescribingAlgorithm[ContentOptions]):
    """Score an item by the words, tags, categories, brand, attributes and price band it shares.

    Each field is a unit vector of its terms times its weight, and an item the unit vector of the
    fields it has. Terms are hashed, so there is no vocabulary to keep, to grow or to agree on.

    Source: Weinberger et al., Feature Hashing for Large Scale Multitask Learning, ICML 2009.
    """

    name = "content"
    explains = "What is most like the things you chose, or those on the page, by its description."

    def describe(self, items: ItemTable) -> ItemVectors:
        """The strongest terms of each item."""
        size = 1 << self.options.bits
        parts = [(np.zeros(0, np.int64), np.zeros(0))]
        for weight, terms in self._fields(items):
            if weight:
                key, value = _field(terms, size)
                parts.append((key, value * weight))
        said = [np.concatenate(part) for part in zip(*parts, strict=True)]
        # The same word of a title and of a tag is one term.
        key, place = np.unique(said[0], return_inverse=True)
        value = np.bincount(place, said[1], minlength=len(key)).astype(np.float64)
        row, column = np.divmod(key, size)
        return _packed(row, column, value, shape=(len(items), self.options.terms))

    def _fields(self, items: ItemTable) -> list[tuple[float, Iterable[list[int]]]]:
        """The weight of each field and its terms, hashed, item by item."""
        options = self.options
        return [
            (options.title, (_words("word", [title]) for title in items.title)),
            (options.tags, (_words("word", tags) for tags in items.tags)),
            (options.categories, (_whole("category", names) for names in items.categories)),
            (options.brand, (_whole("brand", [name] if name else []) for name in items.brand)),
            (options.attributes, (_whole("attribute", _said(of)) for of in items.attributes)),
            (options.price, (_whole("price", bands) for bands in _bands(items.price))),
        ]


def _words(space: str, texts: Iterable[str]) -> list[int]:
    """Each word of the texts as a number."""
    seed = crc32(space.encode())
    words = _WORD.findall(" ".join(texts).casefold())
    return [crc32(word.encode(), seed) for word in words]


def _whole(space: str, terms: Iterable[str]) -> list[int]:
    """Each term, as it stands, as a number."""
    seed = crc32(space.encode())
    return [crc32(term.casefold().encode(), seed) for term in terms]


def _said(attributes: Mapping[str, object]) -> list[str]:
    """Each attribute with its value."""
    return [f"{name}={value}" for name, value in attributes.items()]


def _bands(prices: NDArray[np.float64]) -> list[list[str]]:
    """The bands of each price, two that overlap, so that near prices share one at least."""
    bands: list[list[str]] = []
    for price in prices.tolist():
        if not price > 0:
            bands.append(["free"] if price == 0 else [])
            continue
        step = math.log(price, PRICE_STEP)
        bands.append([f"{math.floor(step)}", f"between {math.floor(step + 0.5)}"])
    return bands


def _field(terms: Iterable[list[int]], size: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """One field's terms as unit vectors: item and column as one number, and the value.

    A term that is said again adds the logarithm of how often.
    """
    hashed: list[int] = []
    lengths: list[int] = []
    for own in terms:
        hashed += own
        lengths.append(len(own))
    row = np.repeat(np.arange(len(lengths)), lengths)
    key, times = np.unique(row * size + np.array(hashed, np.int64) % size, return_counts=True)
    value = 1.0 + np.log(times)
    return key, value / _lengths(key // size, value, len(lengths))


def _lengths(row: NDArray[np.int64], value: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """The length of the vector that each of these values is a part of."""
    lengths: NDArray[np.float64] = np.sqrt(np.bincount(row, value * value, minlength=n))[row]
    return lengths


def _packed(
    row: NDArray[np.int64],
    column: NDArray[np.int64],
    value: NDArray[np.float64],
    *,
    shape: tuple[int, int],
) -> ItemVectors:
    """The strongest terms of each row, of equals the lower column, as unit vectors."""
    by_strength = np.lexsort((column, -value, row))
    place = np.arange(len(row)) - np.searchsorted(row, row)
    kept = np.sort(by_strength[place < shape[1]])
    row, column, value = row[kept], column[kept], value[kept]
    value = value / _lengths(row, value, shape[0])
    place = np.arange(len(row)) - np.searchsorted(row, row)
    columns, values = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
    columns[row, place], values[row, place] = column, value
    return ItemVectors(columns, values)


@hookimpl
def knowingly_algorithms() -> list[type[Content]]:
    """The algorithms of this module."""
    return [Content]
