"""What somebody undoes, or what grew too old, leaves the models in the transaction that says so.

A return, a hide, a cancelled or an edited order undo something that models may have learned. What
of a manifest still stands follows from what is kept of the person now; the rest of it is subtracted
from every version that is kept, and the manifest says what is left.

A training that is under way has read these people before. They are marked for it, each with an
empty manifest of no training, and it reads them again before it is published.
"""

from collections.abc import Iterable, Mapping, Sequence
from time import perf_counter_ns

import numpy as np
from numpy.typing import NDArray

from knowingly.errors import SealError
from knowingly.profiles import body
from knowingly.profiles.current import current
from knowingly.recommend.registry import manifest
from knowingly.recommend.registry.serving import Registry, Serving
from knowingly.recommend.training.forgetting import (
    Algorithms,
    People,
    forget,
    forget_records,
    forgotten,
    stop_serving,
    version,
    versions,
)
from knowingly.recommend.training.gather import PURPOSE
from knowingly.recommend.training.preparing import prepare
from knowingly.recommend.training.remaining import remaining
from knowingly.recommend.training.turns import at_once
from knowingly.store import models as stored
from knowingly.store import subjects
from knowingly.store.doors import Tx
from knowingly.store.subjects import SubjectRow
from knowingly.tenancy import Tenancy

Held = Mapping[int, tuple[SubjectRow, NDArray[np.void]]]
"""People by their numbers, each with all that may be learned from them now."""


class Undoing:
    """Makes models forget what people undo; it is handed to where events come in."""

    def __init__(self, tenancy: Tenancy, registry: Registry, algorithms: Algorithms) -> None:
        self._tenancy = tenancy
        self._registry = registry
        self._algorithms = algorithms

    def prepare(self, lookups: Sequence[bytes]) -> None:
        """Let models get ready to forget something of these people, before the transaction."""
        prepare(self._tenancy, self._registry, self._algorithms, lookups)

    def __call__(self, tx: Tx, people: Iterable[int]) -> None:
        """Make models forget what these people have undone, in the caller's transaction."""
        forget_undone(self._tenancy, self._registry, self._algorithms, tx, people)


def forget_undone(
    tenancy: Tenancy,
    registry: Registry,
    algorithms: Algorithms,
    tx: Tx,
    people: Iterable[int],
) -> dict[str, str]:
    """Make every version forget what it learned from these people and does not stand any more.

    Returns:
        What became of each model, as ``forget`` tells it.
    """
    outcome: dict[str, str] = {}
    for some in at_once(tx, subjects.numbered(tx, sorted(people))):
        outcome |= _forget_together(tenancy, registry, algorithms, tx, some)
    return outcome


def _forget_together(
    tenancy: Tenancy, registry: Registry, algorithms: Algorithms, tx: Tx, people: People
) -> dict[str, str]:
    began_ns = perf_counter_ns()
    lost: dict[str, str] = {}
    held: dict[int, tuple[SubjectRow, NDArray[np.void]]] = {}
    for person, records in current(tenancy, tx, PURPOSE, people):
        if records is None:
            # The key is lost, so nobody can say what still stands.
            lost |= forget(tenancy, registry, algorithms, tx, person)
        else:
            held[person.subject] = person, records
    _mark(tenancy, tx, held)
    outcome: dict[str, str] = {}
    now: Serving | None = None
    for training, sealed in versions(tx, list(held)):
        serving = version(tenancy, registry, tx, training)
        if serving is not None:
            became, now = _forget_of(tenancy, serving, algorithms, tx, (held, sealed))
            outcome |= became
    if outcome:
        forgotten(tenancy, registry, tx, outcome, now, began_ns)
    return lost | outcome


def _forget_of(
    tenancy: Tenancy,
    serving: Serving,
    algorithms: Algorithms,
    tx: Tx,
    what: tuple[Held, Mapping[int, bytes]],
) -> tuple[dict[str, str], Serving | None]:
    """Subtract from one version, and say in its manifests what is left; as ``forget_records``."""
    held, training = what[0], serving.training
    learned, left, sealed = [], [], []
    for subject, body_of in what[1].items():
        person, records = held[subject]
        cipher = tenancy.keyring.cipher(person.key_id)
        try:
            had = manifest.unseal(cipher, subject, training, body_of)
        except SealError:
            return stop_serving(tenancy, serving, tx), None
        stays = remaining(had, records, serving.row_of)
        if had.tobytes() != stays.tobytes():
            learned.append(had)
            left.append(stays)
            sealed.append((subject, manifest.seal(cipher, subject, training, stays)))
    if not learned:
        return {}, None
    stored.change_manifests(tx, training, sealed)
    if serving.faults.keys() >= serving.known.keys():
        return stop_serving(tenancy, serving, tx), None
    return forget_records(tenancy, serving, algorithms, tx, learned, left)


def _mark(tenancy: Tenancy, tx: Tx, held: Held) -> None:
    nothing = body.to_records([])
    rows = []
    for subject, (person, _) in held.items():
        cipher = tenancy.keyring.cipher(person.key_id)
        rows.append((subject, manifest.seal(cipher, subject, stored.MARK, nothing)))
    stored.mark(tx, rows)
