"""Which people are kept where only a share of those who agreed to ``train`` had agreed."""

import numpy as np
from numpy.typing import NDArray

RATES = (1.0, 0.7, 0.4)
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)


def kept(subjects: NDArray[np.int64], rate: float) -> NDArray[np.bool_]:
    """Whether each person is kept, by a fixed hash of their number in the shop.

    The same people on every run; whoever is kept at a rate is kept at every higher one.

    Source: SplitMix64, Steele, Lea, Flood, OOPSLA 2014.
    """
    mixed = subjects.astype(np.uint64) * _STEP  # arrays wrap around without a warning
    for shift, factor in _MIX:
        mixed = (mixed ^ (mixed >> shift)) * factor
    share = (mixed ^ (mixed >> np.uint64(31))).astype(np.float64) / 2.0**64
    found: NDArray[np.bool_] = share < rate if rate < 1 else np.ones(len(subjects), bool)
    return found
