"""Searching the log: by person, purpose, kind, time and who acted.

What a leaf says is searched as it is. Of a person, and by who acted, details must be opened: that
is a staff read, and an entry before anything is looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from knowingly.consent.explaining import note_read, openers_of
from knowingly.domain.moments import to_us
from knowingly.governance.export import find
from knowingly.ledger import log
from knowingly.ledger.log import Entry
from knowingly.ledger.opened import OpenedEntry, open_entry
from knowingly.store import ledger as rows
from knowingly.store.batches import parts
from knowingly.store.choices import Span
from knowingly.store.doors import Snapshot
from knowingly.tenancy import Tenancy

_OPENED_AT_ONCE = 500


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    """What an entry must say; what is None or empty is not asked."""

    span: Span
    purpose: str | None = None
    kind: str | None = None
    actor: str | None = None

    def may_be(self, leaf: bytes) -> bool:
        """Whether it is worth reading: most leaves of a long log are of another kind."""
        return self.kind is None or b'"kind":"' + self.kind.encode() in leaf

    def is_met(self, entry: Entry) -> bool:
        """Whether the leaf says all that is asked of it."""
        at_us = to_us(entry.at)
        return (
            self.span.since_us <= at_us < self.span.until_us
            and (self.kind is None or f"{entry.kind}.".startswith(f"{self.kind}."))
            and (self.purpose is None or self.purpose in entry.facts.get("purposes", ()))
        )

    def is_by(self, entry: OpenedEntry) -> bool:
        """Whether the named actor, or that kind of actor, acted."""
        return self.actor is None or self.actor in {entry.who, entry.detail("by")}


def search_person(
    tenancy: Tenancy, subject: str, wanted: Wanted, *, start: int, limit: int
) -> list[OpenedEntry]:
    """The entries of one person that are as wanted, opened.

    Raises:
        UnknownSubjectError: Nobody is known by that id.
    """
    with tenancy.write() as tx:
        tenancy.keyring.watch(tx.head.shred_epoch)
        person = find(tenancy, tx, subject)
        openers = openers_of(tenancy, person)
        mine = rows.details_of(tx, person.subject)
        opened = (
            open_entry(index, leaf, sealed, openers)
            for index, leaf, sealed in mine
            if index >= start and wanted.may_be(leaf)
        )
        met = (one for one in opened if wanted.is_met(one) and wanted.is_by(one))
        entries = list(islice(met, limit))
        note_read(tenancy, tx, "search", person)
    return entries


def search(tenancy: Tenancy, wanted: Wanted, *, start: int, limit: int) -> list[Entry]:
    """The entries of anybody that are as wanted, as their leaves tell them."""
    with tenancy.read() as snapshot:
        leaves = ((i, leaf) for i, leaf in rows.leaves_from(snapshot, start) if wanted.may_be(leaf))
        told = (log.as_entry(index, leaf) for index, leaf in leaves)
        return list(islice(filter(wanted.is_met, told), limit))


def search_by_actor(tenancy: Tenancy, wanted: Wanted, *, start: int, limit: int) -> list[Entry]:
    """``search``, of what one actor did: everybody's details are opened, some at a time."""
    with tenancy.write() as tx:
        note_read(tenancy, tx, "search", None)
    with tenancy.read() as snapshot:
        tenancy.keyring.watch(snapshot.head.shred_epoch)
        mine = filter(wanted.is_by, _opened(tenancy, snapshot, wanted, start))
        return [one.closed() for one in islice(mine, limit)]


def _opened(
    tenancy: Tenancy, snapshot: Snapshot, wanted: Wanted, start: int
) -> Iterator[OpenedEntry]:
    operator = tenancy.keyring.operator.open
    candidates = (
        row
        for row in rows.details_from(snapshot, start)
        if wanted.may_be(row.leaf) and wanted.is_met(log.as_entry(row.idx, row.leaf))
    )
    for part in parts(candidates, _OPENED_AT_ONCE):
        keys = sorted({row.key_id for row in part if row.key_id is not None})
        ciphers = tenancy.keyring.present(keys)
        for row in part:
            own = None if row.key_id is None else ciphers.get(row.key_id)
            openers = [operator] if own is None else [own.open, operator]
            yield open_entry(row.idx, row.leaf, row.body, openers)
