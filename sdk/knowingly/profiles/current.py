"""All that is kept of some people for a purpose, as it is now, however old it is.

What is too old leaves with retention, which takes the purpose from it; until then it is there. But
it undoes nothing any more: whoever reads for the purpose does not see it.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.consent import Decision
from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.errors import SealError
from knowingly.profiles import body
from knowingly.profiles.views import cipher_of, kept_from_us
from knowingly.store import consents, events
from knowingly.store.doors import Snapshot
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy

_UNDOES = [KIND_CODE[kind] for kind in (EventKind.HIDE, EventKind.RETURN, EventKind.CANCEL)]
_EVERY_DAY = (-(2**31), 2**31 - 1)
Current = tuple[SubjectRow, NDArray[np.void] | None]
"""Somebody, and their records (``body.RECORD``) as stored; None where their key is lost."""


def current(
    tenancy: Tenancy, snapshot: Snapshot, purpose: str, people: Sequence[SubjectRow]
) -> Iterator[Current]:
    """What is kept of those of some people who are there; nothing of who allows it no more."""
    mask = tenancy.masks.get(purpose, 0) | tenancy.past_mask(purpose)
    there = [person for person in people if person.state == ACTIVE]
    choices = consents.of_many(snapshot, [person.subject for person in there])
    now_us = tenancy.now_us()
    for person in there:
        decision = tenancy.decide(purpose, choices.get(person.subject, ()), at_us=now_us)
        yield person, _records(tenancy, snapshot, person, decision, mask)


def _records(
    tenancy: Tenancy, snapshot: Snapshot, person: SubjectRow, decision: Decision, mask: int
) -> NDArray[np.void] | None:
    try:
        cipher = cipher_of(tenancy, person)
    except SealError:
        return None
    if cipher is None or not decision.allowed:
        return None if cipher is None else body.to_records([])
    own = (person.subject, person.subject)
    rows = list(events.between(snapshot, mask, days=_EVERY_DAY, people=own))
    records = body.to_records(cipher.open_all(body.TABLE, [row[1:3] for row in rows]))
    # A past order may be older than the consent.
    past = tenancy.past_mask(decision.purpose)
    is_past = np.array([bool(row[3] & past) for row in rows], bool)
    too_old = records["at_us"] < kept_from_us(tenancy, decision)
    permitted = is_past | (records["at_us"] >= decision.since_us)
    usable: NDArray[np.void] = records[permitted & ~(too_old & np.isin(records["kind"], _UNDOES))]
    return usable
