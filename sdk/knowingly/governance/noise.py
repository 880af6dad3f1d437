"""Noise: the one place that calls OpenDP, and only when a figure is drawn or converted.

OpenDP is a 47 MB wheel, 265 MB installed, and takes 0.3 to 0.4 s to import: a page view must not
pay for it. Nothing here can be seeded.
"""

import functools
import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from knowingly.errors import InputError, InternalError

PICO_PER_RHO = 10**12
"""Budgets are kept in whole pico-rho, so that sums are exact."""


@dataclass(frozen=True, slots=True)
class TopK:
    """The rows of a noisy top-k, best first, with no counts.

    ``rho`` is the zCDP loss as OpenDP maps it, at most what was asked for; ``scale`` is the noise
    scale in people. Both are 0 where there was no candidate and nothing was drawn.

    Stability: internal.
    """

    rows: npt.NDArray[np.int64]
    rho: float
    scale: float


def top_k(counts: npt.NDArray[np.integer[Any]], *, k: int, rho: float) -> TopK:
    """Choose ``k`` of a public list of candidates by noisy count.

    The caller charges ``rho`` before this is called. Takes about 6 microseconds times ``k`` times
    the candidates at worst (7 s for a top ten of 92,000), so it is no work for a page view.

    Args:
        counts: People per candidate, shape ``(n,)``, integers >= 0. One person may add at most 1
            to each count. The list of candidates must not depend on anyone's events.
        k: How many rows to choose, >= 1; with fewer candidates, all of them in noisy order.
        rho: The zCDP loss allowed for the whole list, > 0.

    Returns:
        The rows in order, shape ``(min(k, n),)``, and what they cost.

    Raises:
        InputError: A count, ``k`` or ``rho`` is out of range; nothing was drawn.

    Privacy: ``rho``-zCDP for one person added or removed, however many counts they add to. The
        time it takes depends on the counts: let nobody outside the shop time it.
    Stability: internal.
    Source: Cesar and Rogers, ALT 2021 (an exponential mechanism of bounded range eta is
        eta**2 / 8-zCDP); McSherry and Talwar, FOCS 2007; OpenDP 0.16 ``make_noisy_top_k``.
    """
    _check_counts(counts)
    _check_positive("rho", rho)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise InputError("k", "a whole number of at least 1")
    if counts.size == 0:
        return TopK(np.empty(0, dtype=np.int64), rho=0.0, scale=0.0)
    measurement, scale = _measurement(counts.size, min(int(k), counts.size), rho)
    rows = np.asarray(measurement(counts.astype(np.int64)), dtype=np.int64)
    return TopK(rows, rho=measurement.map(1), scale=scale)


def rho_for(epsilon: float, delta: float) -> float:
    """The largest zCDP loss that is within ``(epsilon, delta)``-DP by OpenDP's conversion.

    Args:
        epsilon: Privacy loss, > 0.
        delta: The chance that the bound does not hold, between 0 and 1.

    Returns:
        Rho, rounded down to a whole pico-rho: ``to_pico_rho`` of it is exact.

    Raises:
        InputError: Not in range, or no rho of at least one pico-rho is small enough.

    Stability: internal.
    """
    _check_positive("epsilon", epsilon)
    _check_delta(delta)
    return _rho_for(float(epsilon), float(delta))


def epsilon_of(rho: float, delta: float) -> float:
    """The epsilon of ``rho``-zCDP at ``delta``, by OpenDP's conversion, which rounds up.

    Args:
        rho: zCDP loss, >= 0.
        delta: The chance that the bound does not hold, between 0 and 1.

    Raises:
        InputError: A value is out of range.

    Stability: internal.
    """
    if rho != 0:  # no loss is a fair answer for a period without releases
        _check_positive("rho", rho)
    _check_delta(delta)
    return _epsilon_of(float(rho), float(delta))


def to_pico_rho(rho: float) -> int:
    """``rho`` in whole pico-rho, rounded up, so that what is charged is never less than spent.

    It reads the decimal a person wrote: 0.1 is 100,000,000,000 although the nearest binary float is
    a little more, and so five charges of 0.02 fit into 0.1.

    Raises:
        InputError: Negative, or not a finite number.

    Stability: internal.
    """
    if rho != 0:
        _check_positive("rho", rho)
    exact = Decimal(repr(float(rho))) * PICO_PER_RHO
    return int(exact.to_integral_value(rounding=ROUND_CEILING))


def from_pico_rho(pico: int) -> float:
    """Rho of a whole number of pico-rho; the inverse of `to_pico_rho` below about 9,000 rho."""
    return pico / PICO_PER_RHO


def _check_counts(counts: npt.NDArray[np.integer[Any]]) -> None:
    # A float array is refused whole: a NaN among counts would have no defined sensitivity.
    if not isinstance(counts, np.ndarray) or counts.dtype.kind not in "iu" or counts.ndim != 1:
        raise InputError("counts", "a one-dimensional array of whole numbers")
    if counts.size and (counts.min() < 0 or counts.max() > np.iinfo(np.int64).max):
        raise InputError("counts", "numbers of people between 0 and 2**63 - 1")


def _check_positive(field: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise InputError(field, "a finite number above 0")


def _check_delta(delta: float) -> None:
    if not 0 < delta < 1:
        raise InputError("delta", "a number between 0 and 1, such as 1e-6")


@functools.cache
def _opendp() -> ModuleType:
    import opendp.prelude as dp  # noqa: PLC0415 - late: see the module's docstring

    dp.enable_features("contrib")
    return dp


def _measurement(n: int, k: int, rho: float) -> tuple[Any, float]:
    """OpenDP's top-k with the smallest noise whose own map stays below ``rho``."""
    dp = _opendp()
    # Adding a person raises counts and lowers none, so neighbours are monotonic. OpenDP then maps
    # k * (d_in / scale)**2 / 8; without the flag it assumes counts may move both ways and maps
    # four times that. The formula is right for the exponential mechanism, which OpenDP uses with
    # this measure, and wrong for permute-and-flip, which it uses with pure epsilon: a test in
    # tests/privacy holds the distribution to the former.
    metric = dp.linf_distance(T="i64", monotonic=True)
    domain = dp.vector_domain(dp.atom_domain(T="i64"), size=n)
    # One step below rho: the decimal that names rho may lie half a step under the float.
    limit = math.nextafter(rho, 0.0)
    scale = math.sqrt(k / (8 * limit))
    for _ in range(64):  # the map rounds up, so the closed form can miss by a few last places
        measurement = dp.m.make_noisy_top_k(
            domain, metric, output_measure=dp.zero_concentrated_divergence(), k=k, scale=scale
        )
        if measurement.map(1) <= limit:
            return measurement, scale
        scale = math.nextafter(scale, math.inf)
    raise InternalError("no noise scale keeps the top-k within its rho")


@functools.cache
def _conversion() -> tuple[Any, Any]:
    dp = _opendp()
    # Any zCDP measurement will do: only its map is used. With scale 1 it maps d to d**2 / 2.
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T=float)
    gaussian = dp.m.make_gaussian(*space, scale=1.0)
    return gaussian, dp.c.make_zCDP_to_approxDP(gaussian)


@functools.lru_cache(maxsize=4096)
def _epsilon_of(rho: float, delta: float) -> float:
    if rho == 0:
        return 0.0
    gaussian, converted = _conversion()
    distance = math.sqrt(2 * rho)
    while gaussian.map(distance) < rho:
        distance = math.nextafter(distance, math.inf)
    return float(converted.map(distance).epsilon(delta))


@functools.lru_cache(maxsize=256)
def _rho_for(epsilon: float, delta: float) -> float:
    # Bisection over whole pico-rho: the smallest step a budget can charge.
    low, high = 0, 1
    while _epsilon_of(from_pico_rho(high), delta) <= epsilon:
        low, high = high, high * 4
    while high - low > 1:
        middle = (low + high) // 2
        if _epsilon_of(from_pico_rho(middle), delta) <= epsilon:
            low = middle
        else:
            high = middle
    if low == 0:
        raise InputError("epsilon", "a larger epsilon: no noise is fine enough for this one")
    return from_pico_rho(low)
