"""Reading everyone for a purpose: for training and for aggregates, person by person, streaming."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.consent import Decision
from knowingly.domain.moments import day_of
from knowingly.domain.progress import Counted
from knowingly.errors import SealError
from knowingly.profiles import body
from knowingly.profiles.settling import settle
from knowingly.profiles.views import cipher_of, oldest
from knowingly.store import consents, events, subjects
from knowingly.store.batches import batched
from knowingly.store.doors import Snapshot
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy

_KEYS_AT_ONCE = 2_000

logger = logging.getLogger("knowingly")


@dataclass(frozen=True, slots=True, repr=False)
class PersonRecords:
    """One person's events for a purpose, as records of ``body.RECORD``."""

    person: SubjectRow
    records: NDArray[np.void]


def allowed_people(
    tenancy: Tenancy, snapshot: Snapshot, purpose: str, *, at_us: int
) -> dict[int, tuple[SubjectRow, Decision]]:
    """Everyone whose consent allows the purpose at this moment, by subject number."""
    records = consents.everyone(snapshot)
    allowed = {}
    for person in subjects.everyone(snapshot):
        if person.state != ACTIVE:
            continue
        decision = tenancy.decide(purpose, records.get(person.subject, ()), at_us=at_us)
        if decision.allowed:
            allowed[person.subject] = (person, decision)
    return allowed


def scan(
    tenancy: Tenancy,
    snapshot: Snapshot,
    purpose: str,
    *,
    at_us: int,
    from_us: int = 0,
    until_us: int,
    progress: Counted | None = None,
) -> Iterator[PersonRecords]:
    """Events kept for a purpose, of everyone who allows it now, within ``[from_us, until_us]``.

    Each person comes once, in the order of their numbers; one without such events does not come.
    """
    allowed = allowed_people(tenancy, snapshot, purpose, at_us=at_us)
    past = tenancy.past_mask(purpose)
    mask = tenancy.masks.get(purpose, 0) | past
    people = sorted(allowed)
    done = lost = 0
    for chunk in batched(people, _KEYS_AT_ONCE):
        ciphers = tenancy.keyring.present([allowed[subject][0].key_id for subject in chunk])
        rows = events.scan(
            snapshot,
            mask,
            first_day=day_of(max(from_us, 0)),
            last_day=day_of(until_us),
            first_subject=chunk[0],
            last_subject=chunk[-1],
        )
        for subject, own in groupby(rows, key=itemgetter(0)):
            if subject not in allowed:
                continue
            person, decision = allowed[subject]
            try:
                cipher = ciphers.get(person.key_id) or cipher_of(tenancy, person)
            except SealError:
                lost += 1
                continue
            if cipher is None:
                continue
            mine = list(own)
            opened = cipher.open_all(body.TABLE, map(itemgetter(1, 2), mine))
            records = body.to_records(opened)
            at = records["at_us"]
            oldest_us = np.maximum(from_us, oldest(tenancy, decision, [row[3] for row in mine]))
            records = settle(records[(at >= oldest_us) & (at <= until_us)])
            if len(records):
                yield PersonRecords(person, records)
        done += len(chunk)
        if progress:
            progress(done, len(people))
    if lost:
        # Their data cannot be read by anybody any more; everyone else's must not wait for it.
        logger.warning("the keys of %d people are not in the key store: erase them", lost)
