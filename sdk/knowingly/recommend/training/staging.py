"""Manifests are stored before what was learned is published: some thousand people in a turn.

In one transaction with the models they would keep everybody else who writes waiting, the longer the
more people there are. So they come first, under the number of a training that is not there yet, and
nothing that asks for manifests sees them until it is. A forget deletes every manifest of a person:
who has none any more when the training is published was forgotten meanwhile.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.progress import Counted
from knowingly.profiles.scan import PeopleRecords
from knowingly.recommend.registry import manifest
from knowingly.recommend.training.gather import Gathered, learned
from knowingly.recommend.training.meanwhile import Undone, gone, undone
from knowingly.store import models as stored
from knowingly.store import subjects
from knowingly.store.doors import Tx
from knowingly.tenancy import Tenancy

_SWEPT_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, repr=False)
class Staged:
    """What is stored of a training that is to be published.

    ``number`` is the training's. ``undone`` is what some people had undone when their manifest was
    stored, which says what was left.
    """

    number: int
    undone: dict[int, Undone] = field(default_factory=dict)


def stage(
    tenancy: Tenancy, gathered: Gathered, row_of: NDArray[np.int32], progress: Counted
) -> Staged:
    """Seal and store what was learned from each person, in turns of the writer."""
    with tenancy.write() as tx:
        staged = Staged(stored.reserve(tx))
    # What was read up to a moment alone can have been undone after it, by anybody. A training that
    # was published since they were read has taken the marks that say by whom.
    everybody = gathered.until_us < gathered.at_us or staged.number != gathered.next_training
    for place, part in enumerate(gathered.parts):
        progress(place, len(gathered.parts))
        with tenancy.write() as tx:
            _store(tenancy, tx, staged, (gathered, part, row_of), everybody=everybody)
    return staged


def stage_again(tenancy: Tenancy, tx: Tx, gathered: Gathered, row_of: NDArray[np.int32]) -> Staged:
    """The same for everybody, in the caller's transaction: no mark says who undid something."""
    staged = Staged(stored.reserve(tx))
    for part in gathered.parts:
        _store(tenancy, tx, staged, (gathered, part, row_of), everybody=True)
    return staged


def _store(
    tenancy: Tenancy,
    tx: Tx,
    staged: Staged,
    what: tuple[Gathered, PeopleRecords, NDArray[np.int32]],
    *,
    everybody: bool,
) -> None:
    gathered, part, row_of = what
    left_out = gone(tenancy, tx, gathered, part.subjects)
    part = part.only(~np.isin(part.subjects, left_out))
    if not len(part):
        return
    if everybody:
        own = part.subjects.tolist()
        staged.undone.update(undone(tenancy, tx, gathered, row_of, own))
    left_of = {subject: left for subject, (_, left) in staged.undone.items()}
    store_manifests(tenancy, tx, staged.number, _records(part, row_of, left_of))


def _records(
    part: PeopleRecords, row_of: NDArray[np.int32], left_of: Mapping[int, NDArray[np.void]]
) -> Mapping[int, NDArray[np.void]]:
    """What was learned from each person, and less of some."""
    records, lengths = learned(part, row_of)
    ends = np.cumsum(lengths)
    each = zip(part.subjects.tolist(), ends - lengths, ends, strict=True)
    return {one: left_of.get(one, records[start:end]) for one, start, end in each}


def store_manifests(
    tenancy: Tenancy, tx: Tx, training: int, records: Mapping[int, NDArray[np.void]]
) -> None:
    """Seal what was learned from people, given in the order of their numbers, and store it."""
    stored.add_manifests(tx, training, list(sealed(tenancy, tx, training, records)))


def sealed(
    tenancy: Tenancy, tx: Tx, training: int, records: Mapping[int, NDArray[np.void]]
) -> Iterator[tuple[int, bytes]]:
    """What was learned from people, sealed for a training under the keys that they have now."""
    if not records:
        return
    tenancy.keyring.watch(tx.head.shred_epoch)
    # Read anew under the lock: a person may have been given a new key meanwhile.
    key_of = subjects.key_ids(tx, min(records), max(records))
    ciphers = tenancy.keyring.ciphers([key_of[subject] for subject in records])
    for subject, own in records.items():
        yield subject, manifest.seal(ciphers[key_of[subject]], subject, training, own)


def sweep(tenancy: Tenancy, below: int) -> None:
    """Delete the manifests of trainings that are not kept, of smaller numbers than ``below``.

    They are of versions that made room for another, or of a training that was never published.
    """
    with tenancy.read() as snapshot:
        end = snapshot.head.next_subject
    for first in range(0, end, _SWEPT_AT_ONCE):
        with tenancy.write() as tx:
            stored.delete_unpublished(tx, (first, first + _SWEPT_AT_ONCE - 1), below)
