"""Forgetting: what a person taught the models is subtracted, once and exactly.

The manifest says what was learned. It is subtracted from the counts and deleted in one transaction,
so it can be subtracted neither twice nor never. A model that cannot subtract waits for a refit, by
the policy's deadline; one that should and fails, or was changed by somebody else, leaves service.
All of it holds for every version that is kept. The log says how many models forgot, and how long
it took.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import perf_counter_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.errors import PluginError, SealError, StoreError
from knowingly.ledger import log
from knowingly.recommend import guard
from knowingly.recommend.interface.algorithms import Algorithm, CountingAlgorithm, Model
from knowingly.recommend.interface.arrays import Ints, Matrix, Rows
from knowingly.recommend.interface.block import Block
from knowingly.recommend.interface.counts import Counts, decode_row, encode_rows, subtract_from
from knowingly.recommend.registry import manifest
from knowingly.recommend.registry import rows as model_rows
from knowingly.recommend.registry.serving import Registry, Serving, options_of, unserved
from knowingly.recommend.registry.signed import Signed
from knowingly.recommend.training import gather
from knowingly.recommend.training.refitting import OUT_OF_SERVICE, put_off, take_out, was_put_off
from knowingly.recommend.training.taking import Taken, taken
from knowingly.recommend.training.turns import at_once
from knowingly.store import models as stored
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.models import ModelRow
from knowingly.store.subjects import SubjectRow
from knowingly.tenancy import Tenancy

logger = logging.getLogger("knowingly")

Algorithms = Mapping[str, type[Algorithm[Any]]]
EncodedRows = list[tuple[int, bytes]]
People = Sequence[SubjectRow]
Records = Sequence[NDArray[np.void]]
"""Learned records, person by person."""
EXACT = "exact"


class StoredCounts(Counts):
    """Counts in the database, with the rows a forget has changed on top."""

    def __init__(self, snapshot: Snapshot, serving: Serving, row: ModelRow, signed: Signed) -> None:
        self.n_items = len(serving.items)
        self.width = row.width
        self.floor = serving.floor
        self._snapshot, self._signed, self._algorithm = snapshot, signed, row.algorithm
        self._changed: dict[int, NDArray[np.integer[Any]]] = {}

    def rows(self, rows: Rows) -> Ints:
        """The dense rows asked for, shape ``(len(rows), width)``.

        Raises:
            StoreError: One is missing, or was changed by somebody else.
        """
        return self.narrow(rows).astype(np.int64, copy=False)

    def narrow(self, rows: Rows) -> NDArray[np.integer[Any]]:
        """The same, in the narrowest type that holds them all."""
        wanted = [row for row in rows.tolist() if row not in self._changed]
        found = stored.count_rows(self._snapshot, self._signed.training, self._algorithm, wanted)
        bodies = self._signed.open_counts(self._algorithm, found)
        if not bodies.keys() >= set(wanted):
            raise StoreError(f"{self._algorithm} misses some of its counts: train again")
        read = [
            self._changed[row] if row in self._changed else decode_row(bodies[row], self.width)
            for row in rows.tolist()
        ]
        kinds = {values.dtype for values in read}
        dense = np.zeros((len(read), self.width), np.result_type(np.uint8, *kinds))
        for place, values in enumerate(read):
            dense[place] = values
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
        left = self.narrow(touched)
        subtract_from(left, delta[touched])
        self._changed.update(zip(touched.tolist(), left, strict=True))

    def add(self, more: Matrix, touched: Rows) -> None:
        """Add counts of people who are counted otherwise now; nothing is stored yet."""
        grown = self.rows(touched) + more[touched].toarray()
        self._changed.update(zip(touched.tolist(), grown, strict=True))

    def encoded(self) -> EncodedRows:
        """The rows that changed."""
        rows = list(self._changed)
        return list(zip(rows, encode_rows(self.narrow(np.array(rows, np.intp))), strict=True))

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
    return forget_many(tenancy, registry, algorithms, tx, [person])[person.subject]


def forget_many(
    tenancy: Tenancy, registry: Registry, algorithms: Algorithms, tx: Tx, people: People
) -> dict[int, dict[str, str]]:
    """The same for many people: it comes to what it does for one after the other, and takes less.

    Counts add up over people, so those of many are subtracted together, and each row that any of
    them is in is read, ranked and stored once.

    Returns:
        What ``forget`` says of each, by subject. A model that left service has done so for the
        first of them: it had nothing more to forget of the others.
    """
    outcomes: dict[int, dict[str, str]] = {person.subject: {} for person in people}
    for some in at_once(tx, people):
        _forget_together(tenancy, registry, algorithms, tx, some, outcomes)
    return outcomes


def _forget_together(  # noqa: PLR0917 - as forget_many, and what is found goes into outcomes
    tenancy: Tenancy,
    registry: Registry,
    algorithms: Algorithms,
    tx: Tx,
    people: People,
    outcomes: dict[int, dict[str, str]],
) -> None:
    began_ns = perf_counter_ns()
    key_of = {person.subject: person.key_id for person in people}
    became: dict[str, str] = {}
    now: Serving | None = None
    manifests = versions(tx, list(key_of))
    for training, learned in manifests:
        serving = version(tenancy, registry, tx, training)
        if serving is None:
            continue
        records = {}
        if not serving.faults.keys() >= serving.known.keys():
            records = _unsealed(tenancy, training, learned, key_of)
        # In the order in which they were handed over, which says who is the first.
        known = [subject for subject in key_of if subject in records]
        if known:
            everybody = [records[subject] for subject in known]
            outcome, now = forget_records(tenancy, serving, algorithms, tx, everybody)
            became |= outcome
            outcomes[known[0]] |= outcome
            for subject in known[1:]:
                outcomes[subject] |= _of_those_after(serving, outcome)
        # Of the others nobody can say what was learned; their right stands all the same.
        if lost := learned.keys() - records.keys():
            stopped, now = stop_serving(tenancy, serving, tx), None
            became |= stopped
            for subject in lost:
                outcomes[subject] |= stopped
    stored.delete_manifests(tx, list(key_of))
    if manifests:
        forgotten(tenancy, registry, tx, became, now, began_ns)


def versions(snapshot: Snapshot, people: Sequence[int]) -> list[tuple[int, dict[int, bytes]]]:
    """The manifests of some people by version, that in service last: its word counts."""
    found = stored.manifests_of(snapshot, people)
    return sorted(found.items(), key=lambda one: (one[0] == snapshot.head.training, one[0]))


def version(tenancy: Tenancy, registry: Registry, tx: Tx, training: int) -> Serving | None:
    """A version that is kept, with its models where it is in service."""
    if training == tx.head.training:
        return registry.at(tx)
    return unserved(tenancy.keyring, tx, training)


def forgotten(  # noqa: PLR0917 - where it was written, what it came to, and since when
    tenancy: Tenancy,
    registry: Registry,
    tx: Tx,
    outcome: Mapping[str, str],
    now: Serving | None,
    began_ns: int,
) -> None:
    """Let every process take up what models have forgotten, and log how long it took.

    Of whom, the entry does not say.

    Args:
        tenancy: The tenant.
        registry: What this process serves.
        tx: The transaction in which they forgot.
        outcome: What became of each model.
        now: The version in service as it is now, where ``forget_records`` knows.
        began_ns: When it began, as ``perf_counter_ns`` tells.
    """
    tx.head.model_epoch += 1
    if now is not None and now.training == tx.head.training:
        registry.write(tx, replace(now, epoch=tx.head.model_epoch))
    if not outcome:
        return
    log.append(
        tx,
        "models.forgot",
        at_us=tenancy.now_us(),
        seal=tenancy.keyring.operator.seal,
        facts={
            "models": len(outcome),
            "out_of_service": sum(one == OUT_OF_SERVICE for one in outcome.values()),
            "to_refit": was_put_off(outcome.values()),
            "microseconds": (perf_counter_ns() - began_ns) // 1000,
        },
    )


def _unsealed(
    tenancy: Tenancy, training: int, manifests: Mapping[int, bytes], key_of: Mapping[int, bytes]
) -> dict[int, NDArray[np.void]]:
    """What was learned from each person whose manifest opens: the key of another may be lost."""
    records = {}
    for subject, sealed in manifests.items():
        try:
            cipher = tenancy.keyring.cipher(key_of[subject])
            records[subject] = manifest.unseal(cipher, subject, training, sealed)
        except SealError:
            continue
    return records


def stop_serving(tenancy: Tenancy, serving: Serving, tx: Tx) -> dict[str, str]:
    """Take every model that learned from people out of service."""
    return {
        name: take_out(tenancy, serving, tx, name)
        for name, row in serving.known.items()
        if row.forgets != "stateless" or name in serving.faults
    }


def _of_those_after(serving: Serving, outcome: Mapping[str, str]) -> dict[str, str]:
    """What became of models for whoever comes after the first: one that has left is left alone."""
    return {
        name: became
        for name, became in outcome.items()
        if became != OUT_OF_SERVICE or name in serving.faults
    }


def forget_records(  # noqa: PLR0917 - what forgetting needs, and what is forgotten
    tenancy: Tenancy,
    serving: Serving,
    algorithms: Algorithms,
    tx: Tx,
    learned: Records,
    left: Records = (),
) -> tuple[dict[str, str], Serving]:
    """Make every model of a training forget some people, or what is not ``left`` of them.

    Args:
        tenancy: The tenant.
        serving: The training.
        algorithms: Those that plugins have.
        tx: The transaction.
        learned: What it has learned from each of them.
        left: What stays learned from each of them; nothing of anybody when left out.

    Returns:
        What became of each model that had learned; and the training as it is now.
    """
    outcome, models = {}, dict(serving.models)
    signed = Signed(tenancy.keyring, serving.training)
    before, after = _block(serving, learned), _block(serving, left) if left else None
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
        subtracted = _subtracted(serving, algorithms, row, counts, (before, after))
        if subtracted is None:
            outcome[name] = take_out(tenancy, serving, tx, name)
            continue
        kept, model = subtracted
        counts.store(tx, kept)
        if model is not None:
            models[name], moved = model
            sealed = signed.parameters(name, epoch, moved)
            stored.change_serving_rows(tx, serving.training, name, epoch, sealed)
        outcome[name] = EXACT
    known = {row.algorithm: row for row in stored.models_of(tx, serving.training)}
    served = {name: model for name, model in models.items() if known[name].in_service}
    return outcome, replace(serving, known=known, models=served)


def _block(serving: Serving, people: Records) -> Block:
    lengths = np.array([len(records) for records in people])
    return gather.to_block(np.concatenate(people), lengths, len(serving.items), serving.until_us)


def _subtracted(
    serving: Serving,
    algorithms: Algorithms,
    row: ModelRow,
    counts: StoredCounts,
    blocks: tuple[Block, Block | None],
) -> tuple[EncodedRows, tuple[Model, EncodedRows] | None] | None:
    """Subtract a block, less the other, from one model's counts.

    Returns:
        Its rows of counts that moved, and the model with its own. None when its plugin is gone or
        fails, or its counts were changed by somebody else. There is no model in a version that is
        not in service: it has only its counts, from which a rollback makes it again.
    """
    found, before = algorithms.get(row.algorithm), serving.models.get(row.algorithm)
    if found is None:
        return None
    model: tuple[Model, EncodedRows] | None = None
    try:
        algorithm = guard.make(found, options_of(row))
        if not isinstance(algorithm, CountingAlgorithm):
            return None
        less = taken(algorithm, *blocks)
        # What a plugin counts today may not fit what it counted when it was trained.
        with guard.guarded(row.algorithm, "forget"):
            _apply(counts, less)
            kept = counts.encoded()
        if before is not None:
            after = guard.rebuild(algorithm, before, counts, less.touched, less.delta)
            with guard.guarded(row.algorithm, "forget"):
                model = after, model_rows.moved(before.arrays(), after.arrays())
    except PluginError as error:
        # A person's right does not wait for a plugin to be mended.
        logger.warning("a model leaves service because it could not forget: %s", error)
        return None
    return kept, model


def _apply(counts: StoredCounts, less: Taken) -> None:
    counts.subtract(less.fallen, less.touched)
    if less.grown is not None:
        counts.add(less.grown, less.touched)
