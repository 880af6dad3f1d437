"""Fitting one algorithm, and making those that a policy names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.errors import PluginLoadError
from knowingly.items.table import ItemTable
from knowingly.recommend import guard
from knowingly.recommend.interface.algorithms import Algorithm, Model
from knowingly.recommend.interface.block import FitData
from knowingly.recommend.interface.counts import MemoryCounts
from knowingly.recommend.training.forgetting import Algorithms
from knowingly.recommend.training.gather import Gathered, blocks
from knowingly.store.doors import Snapshot
from knowingly.tenancy import Tenancy


@dataclass(slots=True)
class Fitted:
    """One algorithm's model, with its counts where it can forget exactly."""

    algorithm: Algorithm[Any]
    model: Model
    counts: MemoryCounts | None
    in_service: bool = True
    refit_by_us: int | None = None


def described(
    tenancy: Tenancy, snapshot: Snapshot, algorithms: Iterable[Algorithm[Any]]
) -> ItemTable | None:
    """What the items are, by catalogue row, where one of the algorithms asks for it."""
    asked = any(algorithm.needs_items for algorithm in algorithms)
    return tenancy.tables.at(snapshot) if asked else None


def fit_data(
    gathered: Gathered,
    row_of: NDArray[np.int32],
    table: ItemTable | None,
    *,
    floor: int,
    seed: int,
) -> FitData:
    """What was gathered, over the items that ``row_of`` gives a model row."""
    n_items = int(row_of.max(initial=-1)) + 1
    known = np.flatnonzero(row_of >= 0)
    items = ItemTable() if table is None else table.select(known[np.argsort(row_of[known])])
    return FitData(
        n_items=n_items,
        floor=floor,
        seed=seed,
        source=lambda: blocks(gathered, row_of, n_items),
        items=items,
    )


def fit(algorithm: Algorithm[Any], data: FitData) -> Fitted:
    """One algorithm, fitted."""
    return Fitted(algorithm, *guard.fit(algorithm, data))


def make_all(
    wanted: Mapping[str, Mapping[str, Any]],
    algorithms: Algorithms,
    skipped: Mapping[str, str] | None = None,
) -> list[Algorithm[Any]]:
    """The algorithms that a policy names, with their options.

    Args:
        wanted: Their names, each with its options.
        algorithms: Those that plugins have.
        skipped: Why each plugin that is not among them was not taken.

    Raises:
        PluginError: One of them is missing, or its options do not fit.
    """
    chosen = []
    for name, options in wanted.items():
        if name not in algorithms:
            raise PluginLoadError(_missing(name, algorithms, skipped or {}), plugin=name)
        chosen.append(guard.make(algorithms[name], options))
    return chosen


def _missing(name: str, algorithms: Algorithms, skipped: Mapping[str, str]) -> str:
    found = f"those found are {', '.join(sorted(algorithms)) or 'none'}"
    if name in skipped:
        return f"the policy trains it and its plugin was skipped: {skipped[name]}; {found}"
    what = f"the policy trains it and no plugin has it; {found}"
    # It may well be in one of these: a plugin need not be called after its algorithm.
    if skipped:
        what += f"; skipped were {', '.join(sorted(skipped))}, and knowingly plugins says why"
    return what
