"""Algorithms that know items by what is said of them, and learn from nobody.

Their models are over the whole catalogue rather than over the items of a training: an item counts
from the moment it is in the shop. They are made in each process from what is in the database, and
never stored, so a change of an item is a change of its row.
"""

import threading
from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.errors import ContractError, PluginError
from knowingly.items.table import ItemTable, changed_since
from knowingly.recommend import guard
from knowingly.recommend.interface.algorithms import Algorithm, Options
from knowingly.recommend.interface.arrays import Rows
from knowingly.recommend.interface.block import FitData
from knowingly.recommend.models.vectors import ItemVectors
from knowingly.store.doors import Snapshot


class DescribingAlgorithm(Algorithm[Options]):
    """An algorithm whose model follows from what the items are, item by item.

    It is named in the policy like one that is trained, and is in service without a training.

    Stability: plugin.
    """

    forgets = "stateless"
    needs_items = True

    @abstractmethod
    def describe(self, items: ItemTable) -> ItemVectors:
        """The vectors of these items, a row each.

        A row depends on its own item and on the options, and on nothing else: described apart,
        items get the rows they get together. The number of terms is the same for any items.
        """

    def fit(self, data: FitData) -> ItemVectors:
        """The vectors of the modelled items."""
        return self.describe(data.items)


@dataclass(frozen=True, slots=True)
class Described:
    """A model over the catalogue, for one page: its rows are the catalogue's.

    ``items`` and ``to_model_rows`` are those of ``Serving``, so that a page need not know which of
    them it asks.
    """

    model: ItemVectors
    items: NDArray[np.int32]

    def to_model_rows(self, catalogue_rows: NDArray[Any]) -> Rows:
        """Model rows of catalogue rows; -1 where an item is not described yet."""
        known = (catalogue_rows >= 0) & (catalogue_rows < len(self.items))
        return np.where(known, catalogue_rows, -1).astype(np.intp)


@dataclass(slots=True)
class _Shelf:
    """What one algorithm has described so far."""

    epoch: int = 0
    found: Described | None = None
    failed_at: int = -1
    making: threading.Lock = field(default_factory=threading.Lock)


class Descriptions:
    """The models of one tenant's describing algorithms, as of the last look.

    Args:
        classes: Every algorithm of the plugins, by name.
        options: Those of the policy, with their options.
    """

    def __init__(
        self,
        classes: Mapping[str, type[Algorithm[Any]]],
        options: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._classes, self._options = classes, options
        self._shelves: dict[str, _Shelf] = {}
        self._adding = threading.Lock()

    def at(
        self, snapshot: Snapshot, names: Collection[str], n_items: int
    ) -> dict[str, Described | PluginError]:
        """Those of ``names`` that describe items, for a page that knows ``n_items`` of them.

        What an item is may be a little newer than the snapshot, never older. Instead of a model
        stands the error of an algorithm that failed on the items as they are.
        """
        found: dict[str, Described | PluginError] = {}
        for name in names:
            algorithm = self._classes.get(name)
            if algorithm is None or name not in self._options:
                continue
            if issubclass(algorithm, DescribingAlgorithm):
                found[name] = self._one(snapshot, name, n_items)
        return found

    def _one(self, snapshot: Snapshot, name: str, n_items: int) -> Described | PluginError:
        with self._adding:
            shelf = self._shelves.setdefault(name, _Shelf())
        epoch = snapshot.head.item_epoch
        if shelf.found is None or shelf.epoch < epoch:
            with shelf.making:
                if shelf.failed_at >= epoch:
                    return PluginError("failed to describe the items", plugin=name)
                try:
                    self._bring_up(shelf, snapshot, name)
                except PluginError as error:
                    shelf.failed_at = epoch
                    return error
        found = shelf.found
        if found is None or len(found.items) <= n_items:
            return found or PluginError("failed to describe the items", plugin=name)
        # Another page has seen newer items than this one.
        return Described(found.model.first(n_items), found.items[:n_items])

    def _bring_up(self, shelf: _Shelf, snapshot: Snapshot, name: str) -> None:
        """Describe what changed since the last look; another thread may have done so meanwhile."""
        if shelf.found is not None and shelf.epoch >= snapshot.head.item_epoch:
            return
        rows, items = changed_since(snapshot, shelf.epoch)
        model = _described(guard.make(self._classes[name], self._options[name]), items)
        if shelf.found is not None:
            with guard.guarded(name, "describe"):
                model = shelf.found.model.patched(rows, model)
        shelf.found = Described(model, np.arange(model.n_items, dtype=np.int32))
        shelf.epoch = snapshot.head.item_epoch


def _described(algorithm: Algorithm[Any], items: ItemTable) -> ItemVectors:
    with guard.guarded(algorithm.name, "describe"):
        model = algorithm.describe(items) if isinstance(algorithm, DescribingAlgorithm) else None
        if type(model) is not ItemVectors or model.n_items != len(items):
            raise ContractError(
                "describe: expected ItemVectors, a row per item", plugin=algorithm.name
            )
        return model
