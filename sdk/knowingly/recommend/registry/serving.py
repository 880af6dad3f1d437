"""What is being served: the active training's models, loaded once and patched by row."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.errors import StoreError
from knowingly.recommend.interface.algorithms import Model
from knowingly.recommend.interface.arrays import Rows
from knowingly.recommend.models.kinds import MODEL_KINDS
from knowingly.recommend.registry import rows as model_rows
from knowingly.store import models as stored
from knowingly.store.doors import Head, Snapshot, Tx
from knowingly.store.models import ModelRow, TrainingRow

ITEM = np.dtype("<i4")


@dataclass(frozen=True)
class Serving:
    """The models of one training at one epoch; a request takes one and keeps it.

    ``items`` maps model rows to catalogue rows, ``row_of`` back (-1 where an item is not modelled).
    """

    training: int
    epoch: int
    created_us: int
    until_us: int
    seed: int
    floor: int
    items: NDArray[np.int32]
    row_of: NDArray[np.int32]
    known: Mapping[str, ModelRow]
    models: Mapping[str, Model]

    def to_model_rows(self, catalogue_rows: NDArray[Any]) -> Rows:
        """Model rows of catalogue rows; -1 where an item is not modelled."""
        found = np.full(len(catalogue_rows), -1, np.intp)
        inside = (catalogue_rows >= 0) & (catalogue_rows < len(self.row_of))
        found[inside] = self.row_of[catalogue_rows[inside]]
        return found


class Registry:
    """The models of one tenant, as of the last look. A new training is picked up by itself."""

    def __init__(self) -> None:
        self._serving: Serving | None = None
        self._loading = threading.Lock()

    def at(self, snapshot: Snapshot) -> Serving | None:
        """What the snapshot serves; None before the first training."""
        head = snapshot.head
        if head.training is None:
            return None
        serving = self._serving
        if serving and (serving.training, serving.epoch) == (head.training, head.model_epoch):
            return serving
        if isinstance(snapshot, Tx):
            # A transaction may hold what is not committed: that must not be served, nor kept after
            # a rollback.
            return _load(snapshot, serving if _is_older(serving, head) else None)
        with self._loading:
            serving = self._serving
            if serving is None or _is_older(serving, head):
                serving = _load(snapshot, serving)
                self._serving = serving
            elif (serving.training, serving.epoch) != (head.training, head.model_epoch):
                # This snapshot is older than what another thread has loaded: it gets its own.
                return _load(snapshot, None)
            return serving


def unserved(snapshot: Snapshot, training: int) -> Serving | None:
    """A version that is kept and not in service, without its models; None where it is not kept."""
    row = stored.training(snapshot, training)
    return None if row is None else _serving(snapshot, row, None)


def _is_older(serving: Serving | None, head: Head) -> bool:
    # By the epoch, which only rises: after a rollback the number of the training is a lower one.
    return serving is not None and serving.epoch < head.model_epoch


def _load(snapshot: Snapshot, old: Serving | None) -> Serving:
    training = stored.training(snapshot, snapshot.head.training)
    if training is None:
        raise StoreError("the active training is not in the database")
    if old is not None and old.training != training.training:
        old = None
    bare = _serving(snapshot, training, old)
    models = {
        name: _load_model(snapshot, bare.training, row, len(bare.items), old)
        for name, row in bare.known.items()
        if row.in_service
    }
    return replace(bare, models=models)


def _serving(snapshot: Snapshot, training: TrainingRow, old: Serving | None) -> Serving:
    """What is known of a training, without its models; ``old`` is the same one as of before."""
    items = np.frombuffer(training.item_rows, ITEM)
    if old is None:
        row_of = np.full(int(items.max()) + 1 if len(items) else 0, -1, np.int32)
        row_of[items] = np.arange(len(items), dtype=np.int32)
    else:
        row_of = old.row_of
    return Serving(
        training=training.training,
        epoch=snapshot.head.model_epoch,
        created_us=training.created_us,
        until_us=training.until_us,
        seed=training.seed,
        floor=training.floor,
        items=items,
        row_of=row_of,
        known={row.algorithm: row for row in stored.models_of(snapshot, training.training)},
        models={},
    )


def _load_model(
    snapshot: Snapshot, training: int, row: ModelRow, n_items: int, old: Serving | None
) -> Model:
    kind = MODEL_KINDS.get(row.kind)
    if kind is None:
        raise StoreError(f"a stored model is of an unknown kind {row.kind!r}: train again")
    dtype = model_rows.described(row.arrays)
    before = old.models.get(row.algorithm) if old is not None else None
    if before is None or old is None:
        rows = stored.serving_rows(snapshot, training, row.algorithm)
        arrays = model_rows.from_rows(dtype, rows, n_items)
    else:
        rows = stored.serving_rows(snapshot, training, row.algorithm, old.epoch)
        if not rows:
            return before
        arrays = model_rows.patched(before.arrays(), dtype, rows)
    try:
        return kind.from_arrays(arrays)
    except ValueError as error:
        raise StoreError(f"a stored model does not read ({error}): train again") from None


def options_of(row: ModelRow) -> dict[str, Any]:
    """The options a stored model was fitted with."""
    options: dict[str, Any] = json.loads(row.options)
    return options
