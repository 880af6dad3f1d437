"""Forgetting: what a person taught the models is subtracted, once and exactly.

The manifest says what was learned. It is subtracted from the counts and deleted in one transaction,
so it can be subtracted neither twice nor never. A model that cannot subtract waits for a refit, by
the policy's deadline; one that should and fails, or was changed by somebody else, leaves service.
All of it holds for every version that is kept.
"""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.errors import InternalError, PluginError, SealError, StoreError
from knowingly.recommend import guard
from knowingly.recommend.interface.algorithms import Algorithm, CountingAlgorithm
from knowingly.recommend.interface.arrays import Ints, Matrix, Rows
from knowingly.recommend.interface.block import Block
from knowingly.recommend.interface.counts import Counts, decode_row, encode_row, touched_rows
from knowingly.recommend.registry import manifest
from knowingly.recommend.registry import rows as model_rows
from knowingly.recommend.registry.serving import Registry, Serving, options_of, unserved
from knowingly.recommend.registry.signed import Signed
from knowingly.recommend.training import gather
from knowingly.recommend.training.refitting import put_off, take_out
from knowingly.store import models as stored
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.models import ModelRow
from knowingly.store.subjects import SubjectRow
from knowingly.tenancy import Tenancy

logger = logging.getLogger("knowingly")

Algorithms = Mapping[str, type[Algorithm[Any]]]
EncodedRows = list[tuple[int, bytes]]


class StoredCounts(Counts):
    """Counts in the database, with the rows a forget has changed on top."""

    def __init__(self, snapshot: Snapshot, serving: Serving, row: ModelRow, signed: Signed) -> None:
        self.n_items = len(serving.items)
        self.width = row.width
        self.floor = serving.floor
        self._snapshot, self._signed, self._algorithm = snapshot, signed, row.algorithm
        self._changed: dict[int, Ints] = {}

    def rows(self, rows: Rows) -> Ints:
        """The dense rows asked for, shape ``(len(rows), width)``.

        Raises:
            StoreError: One is missing, or was changed by somebody else.
        """
        wanted = [row for row in rows.tolist() if row not in self._changed]
        found = stored.count_rows(self._snapshot, self._signed.training, self._algorithm, wanted)
        bodies = self._signed.open_counts(self._algorithm, found)
        if not bodies.keys() >= set(wanted):
            raise StoreError(f"{self._algorithm} misses some of its counts: train again")
        dense = np.zeros((len(rows), self.width), np.int64)
        for place, row in enumerate(rows.tolist()):
            if row in self._changed:
                dense[place] = self._changed[row]
            else:
                dense[place] = decode_row(bodies[row], self.width)
        return dense

    def diagonal(self, rows: Rows) -> Ints:
        """``counts[i, i]`` for each of ``rows``; of changed rows without reading them again."""
        if all(row in self._changed for row in rows.tolist()):
            return np.array([self._changed[row][row] for row in rows.tolist()], np.int64)
        return super().diagonal(rows)

    def subtract(self, delta: Matrix, touched: Rows) -> None:
        """Subtract counts that were learned; nothing is stored yet.

        Raises:
            InternalError: A count would fall below zero: it was never learned.
        """
        if delta.shape != (self.n_items, self.width):
            raise ValueError(f"expected counts of shape {(self.n_items, self.width)}")
        taken = delta[touched]
        left = self.rows(touched) - (taken if isinstance(taken, np.ndarray) else taken.toarray())
        if left.size and left.min() < 0:
            raise InternalError("a person is being forgotten whom the model has not learned from")
        self._changed.update(zip(touched.tolist(), left, strict=True))

    def encoded(self) -> EncodedRows:
        """The rows that changed."""
        return [(row, encode_row(values)) for row, values in self._changed.items()]

    def store(self, tx: Tx, rows: EncodedRows) -> None:
        """Replace rows in the database by what ``encoded`` gave."""
        sealed = self._signed.counts(self._algorithm, rows)
        stored.change_count_rows(tx, self._signed.training, self._algorithm, sealed)


def forget(
    tenancy: Tenancy, registry: Registry, algorithms: Algorithms, tx: Tx, person: SubjectRow
) -> dict[str, str]:
    """Make every model of every version forget a person, in the caller's transaction.

    Their manifests are deleted with it.

    Returns:
        What became of each model that had learned from them: ``"exact"``, ``"refit by"`` a day on
        which it leaves service otherwise, or ``"out of service"`` until the next training. Empty
        when none had. The version in service has the last word.
    """
    manifests = stored.manifest(tx, person.subject)
    active = registry.at(tx)
    outcome: dict[str, str] = {}
    for training, sealed in sorted(manifests, key=lambda one: one[0] == tx.head.training):
        serving = (
            active if training == tx.head.training else unserved(tenancy.keyring, tx, training)
        )
        if serving is None:
            continue
        if serving.faults.keys() >= serving.known.keys():
            outcome |= _stop_serving(tenancy, serving, tx)
            continue
        try:
            cipher = tenancy.keyring.cipher(person.key_id)
            records = manifest.unseal(cipher, person.subject, training, sealed)
        except SealError:
            # The key is lost, so nobody can say what was learned; the right stands all the same.
            outcome |= _stop_serving(tenancy, serving, tx)
        else:
            outcome |= forget_records(tenancy, serving, algorithms, tx, records)
    if manifests:
        stored.delete_manifest(tx, person.subject)
        tx.head.model_epoch += 1
    return outcome


def _stop_serving(tenancy: Tenancy, serving: Serving, tx: Tx) -> dict[str, str]:
    """Take every model that learned from people out of service."""
    return {
        name: take_out(tenancy, serving, tx, name)
        for name, row in serving.known.items()
        if row.forgets != "stateless" or name in serving.faults
    }


def forget_records(
    tenancy: Tenancy,
    serving: Serving,
    algorithms: Algorithms,
    tx: Tx,
    records: NDArray[np.void],
) -> dict[str, str]:
    """Make every model of a training forget some learned records of one person."""
    outcome = {}
    signed = Signed(tenancy.keyring, serving.training)
    block = gather.to_block(records, np.array([len(records)]), len(serving.items), serving.until_us)
    epoch = tx.head.model_epoch + 1
    for name, row in serving.known.items():
        if name in serving.faults:
            # Nobody can tell what it learned, or whether it learns at all.
            outcome[name] = take_out(tenancy, serving, tx, name)
            continue
        if row.forgets == "stateless" or not row.in_service:
            continue
        if row.forgets == "refit":
            # A version that is gone back to must not bring back whom it should have forgotten.
            wait = put_off if serving.training == tx.head.training else take_out
            outcome[name] = wait(tenancy, serving, tx, name)
            continue
        counts = StoredCounts(tx, serving, row, signed)
        subtracted = _subtracted(serving, algorithms, row, counts, block)
        if subtracted is None:
            outcome[name] = take_out(tenancy, serving, tx, name)
            continue
        left, moved = subtracted
        counts.store(tx, left)
        stored.change_serving_rows(
            tx, serving.training, name, epoch, signed.parameters(name, epoch, moved)
        )
        outcome[name] = "exact"
    return outcome


def _subtracted(
    serving: Serving, algorithms: Algorithms, row: ModelRow, counts: StoredCounts, block: Block
) -> tuple[EncodedRows, EncodedRows] | None:
    """Subtract a block from one model's counts: the rows of these and of the model that moved.

    None when its plugin is gone or fails, or its counts were changed by somebody else. No row moves
    in a version that is not in service: it has only its counts, from which a rollback makes them
    again.
    """
    found, before = algorithms.get(row.algorithm), serving.models.get(row.algorithm)
    if found is None:
        return None
    moved: EncodedRows = []
    try:
        algorithm = guard.make(found, options_of(row))
        if not isinstance(algorithm, CountingAlgorithm):
            return None
        delta = guard.count(algorithm, block)
        # What a plugin counts today may not fit what it counted when it was trained.
        with guard.guarded(row.algorithm, "forget"):
            touched = touched_rows(delta)
            counts.subtract(delta, touched)
            left = counts.encoded()
        if before is not None:
            after = guard.rebuild(algorithm, before, counts, touched, delta).arrays()
            with guard.guarded(row.algorithm, "forget"):
                moved = model_rows.moved(before.arrays(), after)
    except PluginError as error:
        # A person's right does not wait for a plugin to be mended.
        logger.warning("a model leaves service because it could not forget: %s", error)
        return None
    return left, moved
