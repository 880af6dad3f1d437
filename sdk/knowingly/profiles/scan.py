"""Reading everyone for a purpose, for training and for aggregates: streaming, person by person.

However many people there are, what is held at once is a few thousand of them: their choices, their
keys and their events.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.consent import ConsentRecord, Decision
from knowingly.domain.moments import day_of
from knowingly.domain.progress import Counted
from knowingly.errors import SealError
from knowingly.profiles import body
from knowingly.profiles.settling import needs_settling, settle
from knowingly.profiles.views import KeyReplacedError, cipher_of, oldest
from knowingly.store import consents, events, subjects
from knowingly.store.doors import Snapshot
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy
from knowingly.vault.seal import Cipher

PEOPLE_AT_ONCE = 2_000
_EVENTS_AT_ONCE = 100_000

logger = logging.getLogger("knowingly")


@dataclass(frozen=True, slots=True, repr=False)
class PeopleRecords:
    """The events of some people for a purpose, in the order of the people's numbers.

    ``subjects`` (int64) has one number for each person; ``records`` are all their events
    (``body.RECORD``), and those of person ``i`` are ``records[starts[i]:starts[i + 1]]``, of which
    there is at least one.
    """

    subjects: NDArray[np.int64]
    starts: NDArray[np.int64]
    records: NDArray[np.void]

    def __len__(self) -> int:
        return len(self.subjects)

    @property
    def person(self) -> NDArray[np.int64]:
        """The place of the person of each record."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def of(self, place: int) -> NDArray[np.void]:
        """The records of one person."""
        return self.records[self.starts[place] : self.starts[place + 1]]

    def only(self, people: NDArray[np.bool_]) -> "PeopleRecords":
        """The same of some of the people."""
        return PeopleRecords(
            self.subjects[people],
            _starts(np.diff(self.starts)[people]),
            self.records[people[self.person]],
        )


@dataclass(slots=True)
class Unread:
    """How many people were left out because their key, or an event of theirs, does not open."""

    keys: int = 0
    events: int = 0

    @property
    def people(self) -> int:
        """Both together."""
        return self.keys + self.events


Person = tuple[SubjectRow, Sequence[ConsentRecord]]
"""Somebody with their choices."""


def page_after(snapshot: Snapshot, last: int, limit: int) -> list[Person]:
    """The next people after a number, by number, each with their choices; empty at the end."""
    people = subjects.after(snapshot, last, limit)
    if not people:
        return []
    records = consents.between(snapshot, people[0].subject, people[-1].subject)
    return [(person, records.get(person.subject, ())) for person in people]


def in_pages(snapshot: Snapshot) -> Iterator[list[Person]]:
    """Everyone with their choices, by number, a few thousand at a time."""
    last = 0
    while page := page_after(snapshot, last, PEOPLE_AT_ONCE):
        last = page[-1][0].subject
        yield page


def scan(
    tenancy: Tenancy,
    snapshot: Snapshot,
    purpose: str,
    *,
    at_us: int,
    from_us: int = 0,
    until_us: int,
    progress: Counted | None = None,
    unread: Unread | None = None,
) -> Iterator[PeopleRecords]:
    """Events kept for a purpose, of everyone who allows it now, within ``[from_us, until_us]``.

    Each person comes once, in the order of their numbers; one without such events does not come,
    and one whose data cannot be read is counted in ``unread``.
    """
    unread = unread or Unread()
    mask = tenancy.masks.get(purpose, 0) | tenancy.past_mask(purpose)
    days = day_of(max(from_us, 0)), day_of(until_us)
    done, total = 0, subjects.count(snapshot) if progress else 0
    for page in in_pages(snapshot):
        allowed = _allowed(tenancy, purpose, page, at_us)
        ciphers = tenancy.keyring.present([person.key_id for person, _ in allowed.values()])
        part = _Part(until_us)
        people = page[0][0].subject, page[-1][0].subject
        rows = events.between(snapshot, mask, days=days, people=people)
        for subject, own in groupby(rows, key=itemgetter(0)):
            if subject not in allowed:
                continue
            person, decision = allowed[subject]
            try:
                cipher = ciphers.get(person.key_id) or cipher_of(tenancy, person)
            except KeyReplacedError:
                # Sealed anew after this snapshot was taken: the next reading has them again.
                continue
            except SealError:
                unread.keys += 1
                continue
            if cipher is not None:
                mine = list(own)
                least = oldest(tenancy, decision, [row[3] for row in mine])
                try:
                    part.add(subject, cipher, mine, np.maximum(from_us, least))
                except SealError:
                    unread.events += 1
            if len(part.opened) >= _EVENTS_AT_ONCE:
                yield from part.taken()
                part = _Part(until_us)
        yield from part.taken()
        done += len(page)
        if progress:
            progress(done, total)
    # Their data cannot be read by anybody any more; everyone else's must not wait for it.
    if unread.keys:
        logger.warning("the keys of %d people are not in the key store: erase them", unread.keys)
    if unread.events:
        logger.warning(
            "an event of %d people does not open: the database was damaged or changed; restore a "
            "backup, or erase them (their pages say key_lost)",
            unread.events,
        )


def _allowed(
    tenancy: Tenancy,
    purpose: str,
    page: Sequence[Person],
    at_us: int,
) -> dict[int, tuple[SubjectRow, Decision]]:
    """Those of a page whose consent allows the purpose at this moment, by subject number."""
    allowed = {}
    for person, records in page:
        if person.state == ACTIVE:
            decision = tenancy.decide(purpose, records, at_us=at_us)
            if decision.allowed:
                allowed[person.subject] = (person, decision)
    return allowed


@dataclass(slots=True, repr=False)
class _Part:
    """Some people's events while they are being opened."""

    until_us: int
    subjects: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    oldest_us: list[NDArray[np.int64]] = field(default_factory=list)
    opened: list[bytes] = field(default_factory=list)

    def add(
        self,
        subject: int,
        cipher: Cipher,
        rows: Sequence[tuple[int, bytes, bytes, int]],
        oldest_us: NDArray[np.int64],
    ) -> None:
        own = cipher.open_all(body.TABLE, map(itemgetter(1, 2), rows))
        self.subjects.append(subject)
        self.lengths.append(len(own))
        self.oldest_us.append(np.broadcast_to(oldest_us, len(own)))
        self.opened += own

    def taken(self) -> Iterator[PeopleRecords]:
        """What is there, settled, without events out of time and people left with none, if any."""
        if not self.opened:
            return
        records = body.to_records(self.opened)
        at = records["at_us"]
        wanted = (at >= np.concatenate(self.oldest_us)) & (at <= self.until_us)
        person = np.repeat(np.arange(len(self.subjects)), self.lengths)[wanted]
        records = records[wanted]
        if needs_settling(records):
            own = np.split(records, np.cumsum(np.bincount(person, minlength=len(self.subjects))))
            settled = [settle(one) for one in own[:-1]]
            records = np.concatenate(settled)
            person = np.repeat(np.arange(len(settled)), [len(one) for one in settled])
        left = np.bincount(person, minlength=len(self.subjects))
        some = left > 0
        if some.any():
            yield PeopleRecords(
                np.array(self.subjects, np.int64)[some], _starts(left[some]), records
            )


def _starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
