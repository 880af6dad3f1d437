"""Rank the items first that lie in the same broad tastes as what the person chose.

Of everybody's choices, the few directions in which they differ most are kept, and a person's own
are looked at through those alone: what is left out is chance. It is the low-pass half of a graph
filter, and fits in seconds.

Source: Shen et al., How Powerful is Graph Convolution for Recommendation?, CIKM 2021.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from scipy import sparse
from scipy.sparse.linalg import svds

from knowingly import Algorithm, Block, EventKind, FitData, ItemFactors, hookimpl

Matrix = Any
"""A scipy sparse array, which has no types."""

CHOICES = (EventKind.VIEW, EventKind.CART, EventKind.PURCHASE, EventKind.LIKE)
SMALL = 1_000_000
"""Up to so many pairs of a person and an item, all directions are worked out: that is sooner."""
NOTHING = 1e-6
"""The strength, of 1 at most, below which a direction is rounding."""


class SpectralOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the ``spectral`` algorithm."""

    kinds: tuple[EventKind, ...] = Field(
        CHOICES, min_length=1, description="The kinds of event that count as a choice."
    )
    factors: int = Field(
        16, ge=1, le=512, description="How many directions are kept: the fewer, the broader."
    )


class Spectral(Algorithm[SpectralOptions]):
    """Score an item by how far it lies in the directions of the person's choices."""

    name = "spectral"
    explains = "What fits the broad tastes in which people differ, going by your choices."
    forgets = "refit"

    def fit(self, data: FitData) -> ItemFactors:
        """The first right singular vectors of who chose what, heavy buyers and hits lightened."""
        blocks = [Block.empty(data.n_items), *data.blocks()]
        chosen = sparse.vstack([block.matrix(self.options.kinds) for block in blocks], format="csr")
        people = np.asarray(chosen.sum(axis=0)).ravel()
        known = np.flatnonzero(people >= data.floor)
        shown = chosen[:, known].astype(np.float64)
        shown = shown[np.flatnonzero(np.diff(shown.indptr))]
        vectors = np.zeros((data.n_items, self.options.factors))
        if shown.nnz:
            found = self._directions(_lightened(shown, people[known]), data)
            vectors[known, : found.shape[1]] = found
        roots = np.sqrt(np.maximum(people, 1.0))[:, None]
        return ItemFactors(vectors * roots, vectors / roots)

    def _directions(self, lightened: Matrix, data: FitData) -> NDArray[np.float64]:
        """Those that enough people make up, shape ``(n_items, n_kept)``, the strongest first."""
        asked, smaller = self.options.factors, min(lightened.shape)
        if smaller <= asked or math.prod(lightened.shape) <= SMALL:
            left, strength, right = np.linalg.svd(lightened.toarray(), full_matrices=False)
        else:
            start = np.random.default_rng(data.seed).standard_normal(smaller)
            left, strength, right = svds(lightened, k=asked, v0=start)
        order = np.argsort(-strength, kind="stable")[:asked]
        left, strength, right = left[:, order], strength[order], right[order]
        # One over the sum of squared shares: how many people a direction is made of.
        made_of = 1.0 / np.square(np.square(left)).sum(axis=0)
        kept = (made_of >= data.floor) & (strength > NOTHING)
        found: NDArray[np.float64] = right[kept].T
        return found


def _lightened(chosen: Matrix, people: NDArray[np.int64]) -> Matrix:
    """Each choice, divided by the roots of how many its person made and how many its item has."""
    by_person = sparse.diags_array(1.0 / np.sqrt(np.diff(chosen.indptr)))
    by_item = sparse.diags_array(1.0 / np.sqrt(people))
    return sparse.csr_array(by_person @ chosen @ by_item)


@hookimpl
def knowingly_algorithms() -> list[type[Spectral]]:
    """The algorithms of this module."""
    return [Spectral]
