"""What is being served: the active training's models, loaded once and patched by row."""

import json
import logging
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
from knowingly.recommend.registry.signed import Signed
from knowingly.store import models as stored
from knowingly.store.doors import Head, Snapshot, Tx
from knowingly.store.models import ModelRow
from knowingly.vault.keyring import Keyring

logger = logging.getLogger("knowingly")

ITEM = np.dtype("<i4")


@dataclass(frozen=True)
class Serving:
    """The models of one training at one epoch; a request takes one and keeps it.

    ``items`` maps model rows to catalogue rows, ``row_of`` back (-1 where an item is not modelled).
    ``faults`` says of models that cannot be read why; ``models`` are those that can. ``least`` is
    the floor that whatever is served must have: the policy can have raised it since.
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
    faults: Mapping[str, str]
    least: int = 0

    def model(self, name: str, at_us: int) -> Model | None:
        """A model that may be served at this moment; None where there is none."""
        return self.models.get(name) if self.may_serve(name, at_us) else None

    def in_service(self, at_us: int) -> dict[str, Model]:
        """Every model that may be served at this moment."""
        return {name: model for name, model in self.models.items() if self.may_serve(name, at_us)}

    def may_serve(self, name: str, at_us: int) -> bool:
        """Whether what a model learned is shared by enough people, and by none it should forget."""
        return not (self.is_overdue(name, at_us) or self.is_below_floor(name))

    def is_below_floor(self, name: str) -> bool:
        """Whether a model can show what fewer people share than the policy says by now."""
        row = self.known.get(name)
        return self.floor < self.least and row is not None and row.forgets != "stateless"

    def is_overdue(self, name: str, at_us: int) -> bool:
        """Whether a model has what it should have forgotten by a refit before this moment."""
        row = self.known.get(name)
        return row is not None and row.refit_by_us is not None and row.refit_by_us <= at_us

    def to_model_rows(self, catalogue_rows: NDArray[Any]) -> Rows:
        """Model rows of catalogue rows; -1 where an item is not modelled."""
        found = np.full(len(catalogue_rows), -1, np.intp)
        inside = (catalogue_rows >= 0) & (catalogue_rows < len(self.row_of))
        found[inside] = self.row_of[catalogue_rows[inside]]
        return found


class Registry:
    """The models of one tenant, as of the last look. A new training is picked up by itself.

    A model that was changed by somebody else, or does not read, is not served; the others are.

    Args:
        keyring: The tenant's.
        least: The floor that the policy asks for, where pages are made from this.
    """

    def __init__(self, keyring: Keyring, least: int = 0) -> None:
        self._keyring, self._least = keyring, least
        self._serving: Serving | None = None
        self._written: tuple[Tx, Serving] | None = None
        self._loading = threading.Lock()

    def at(self, snapshot: Snapshot) -> Serving | None:
        """What the snapshot serves; None before the first training."""
        head = snapshot.head
        if head.training is None:
            return None
        serving = self._serving
        if serving and _is_of(serving, head):
            return serving
        if isinstance(snapshot, Tx):
            written = self._written
            if written and written[0] is snapshot and _is_of(written[1], head):
                return written[1]
            # A transaction may hold what is not committed: that must not be served, nor kept after
            # a rollback.
            return self._load(snapshot, serving if _is_older(serving, head) else None)
        with self._loading:
            serving = self._serving
            if serving is None or _is_older(serving, head):
                serving = self._load(snapshot, serving)
                self._serving = serving
            elif not _is_of(serving, head):
                # This snapshot is older than what another thread has loaded: it gets its own.
                return self._load(snapshot, None)
            return serving

    def _load(self, snapshot: Snapshot, old: Serving | None) -> Serving:
        return replace(_load(self._keyring, snapshot, old), least=self._least)

    def write(self, tx: Tx, serving: Serving) -> None:
        """Note what a transaction makes of the models: served once it is committed, not before.

        So whoever forgets need not read again what it has just written.
        """
        if self._written is None or self._written[0] is not tx:
            tx.committed.append(lambda: self._serve(tx))
        # Only the last: a transaction can forget a thousand people, and each time it is all models.
        self._written = tx, serving

    def _serve(self, tx: Tx) -> None:
        with self._loading:
            written, self._written = self._written, None
            if written is None or written[0] is not tx:
                return
            if self._serving is None or self._serving.epoch < written[1].epoch:
                self._serving = written[1]


class Unmade(Registry):
    """The version in service without its models: to try what a forget would come to.

    Counts are subtracted, and nothing is made of them.
    """

    def at(self, snapshot: Snapshot) -> Serving | None:
        """What the snapshot serves, as far as it is known; None before the first training."""
        number = snapshot.head.training
        return None if number is None else _bare(self._keyring, snapshot, number)


def unserved(keyring: Keyring, snapshot: Snapshot, training: int) -> Serving | None:
    """A version that is kept and not in service, without its models; None where it is not kept."""
    if stored.training(snapshot, training) is None:
        return None
    return _bare(keyring, snapshot, training)


def _is_of(serving: Serving, head: Head) -> bool:
    return (serving.training, serving.epoch) == (head.training, head.model_epoch)


def _is_older(serving: Serving | None, head: Head) -> bool:
    # By the epoch, which only rises: after a rollback the number of the training is a lower one.
    return serving is not None and serving.epoch < head.model_epoch


def _load(keyring: Keyring, snapshot: Snapshot, old: Serving | None) -> Serving:
    bare = _bare(keyring, snapshot, snapshot.head.training or 0)
    if old is not None and old.training != bare.training:
        old = None
    signed = Signed(keyring, bare.training)
    models: dict[str, Model] = {}
    faults = dict(bare.faults)
    for name, row in bare.known.items():
        if row.in_service and name not in faults:
            try:
                models[name] = _load_model(signed, snapshot, row, len(bare.items), old)
            except StoreError as error:
                faults[name] = str(error)
                logger.warning("a model is not served: %s", error)
    return replace(bare, models=models, faults=faults)


def _bare(keyring: Keyring, snapshot: Snapshot, number: int) -> Serving:
    """What is known of a training, without its models."""
    signed = Signed(keyring, number)
    training = stored.training(snapshot, number)
    known = {row.algorithm: row for row in stored.models_of(snapshot, number)}
    if training is None:
        return _nothing(snapshot, number, known, "the training is not in the database: train again")
    try:
        signed.check_training(training._asdict())
    except StoreError as error:
        return _nothing(snapshot, number, known, str(error))
    faults: dict[str, str] = {}
    for name, row in known.items():
        try:
            signed.check_model(row)
        except StoreError as error:
            faults[name] = str(error)
            logger.warning("a model is not served: %s", error)
    items = np.frombuffer(training.item_rows, ITEM)
    return Serving(
        training=number,
        epoch=snapshot.head.model_epoch,
        created_us=training.created_us,
        until_us=training.until_us,
        seed=training.seed,
        floor=training.floor,
        items=items,
        row_of=_row_of(items),
        known=known,
        models={},
        faults=faults,
    )


def _nothing(snapshot: Snapshot, number: int, known: Mapping[str, ModelRow], fault: str) -> Serving:
    """A training of which nothing can be believed."""
    logger.warning("no model is served: %s", fault)
    items = np.zeros(0, ITEM)
    return Serving(
        training=number,
        epoch=snapshot.head.model_epoch,
        created_us=0,
        until_us=0,
        seed=0,
        floor=0,
        items=items,
        row_of=_row_of(items),
        known=known,
        models={},
        faults=dict.fromkeys(known, fault),
    )


def _row_of(items: NDArray[np.int32]) -> NDArray[np.int32]:
    row_of = np.full(int(items.max()) + 1 if len(items) else 0, -1, np.int32)
    row_of[items] = np.arange(len(items), dtype=np.int32)
    return row_of


def _load_model(
    signed: Signed, snapshot: Snapshot, row: ModelRow, n_items: int, old: Serving | None
) -> Model:
    kind = MODEL_KINDS.get(row.kind)
    if kind is None:
        raise StoreError(f"a stored model is of an unknown kind {row.kind!r}: train again")
    dtype = model_rows.described(row.arrays)
    before = old.models.get(row.algorithm) if old is not None else None
    since = -1 if before is None or old is None else old.epoch
    changed = stored.serving_rows(snapshot, signed.training, row.algorithm, since)
    if before is not None and not changed:
        return before
    rows = signed.open_parameters(row.algorithm, changed)
    if before is None:
        arrays = model_rows.from_rows(dtype, rows, n_items)
    else:
        arrays = model_rows.patched(before.arrays(), dtype, rows)
    try:
        return kind.from_arrays(arrays)
    except ValueError as error:
        raise StoreError(f"a stored model does not read ({error}): train again") from None


def options_of(row: ModelRow) -> dict[str, Any]:
    """The options a stored model was fitted with."""
    options: dict[str, Any] = json.loads(row.options)
    return options
