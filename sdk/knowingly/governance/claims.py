"""Evidence for legal claims: the least that shows what somebody chose, after they were erased.

The log keeps what was chosen and when; an erasure destroys whose it was. Where the policy says so,
that one link, and how each choice was made, is sealed again under a key of its own before the
person's key goes. The key is random, like a person's, and kept as theirs are. It ends like an
erasure: the row is marked, so that nobody reads it; the key is deleted and its bytes overwritten;
then the row goes, and the log says so. Each step can be repeated.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from knowingly.domain.moments import DAY_US, from_us
from knowingly.errors import SealError, TamperedError, UnknownSubjectError
from knowingly.ledger import log
from knowingly.ledger.log import Entry
from knowingly.store import claims as stored
from knowingly.store import ledger, subjects
from knowingly.store.claims import KEPT, ClaimRow
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.subjects import SubjectRow
from knowingly.tenancy import Tenancy

TABLE = "claims"
BASIS = "establishing, exercising or defending legal claims (GDPR art. 17(3)(e))"
HOW = frozenset({"by", "method", "surface", "jurisdiction", "age", "despite", "source", "decoder"})
"""What is kept of an entry's details: how a choice was made. Not who else acted, nor on what."""


@dataclass(frozen=True, slots=True)
class KeptChoice:
    """One choice of somebody erased: its entry in the log, and how it was made.

    Stability: stable.
    """

    entry: Entry
    how: Mapping[str, Any]

    def __repr__(self) -> str:
        return "KeptChoice()"


@dataclass(frozen=True, slots=True)
class ClaimsEvidence:
    """What is kept of one person after one erasure: until when, and the hold that prolongs it.

    A hold says ``since`` when and for what ``reason``.

    Stability: stable.
    """

    erasure: str
    until: datetime
    hold: Mapping[str, str] | None
    choices: tuple[KeptChoice, ...]

    def __repr__(self) -> str:
        return "ClaimsEvidence()"


class Claims:
    """The evidence for claims of one tenant."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def keep(
        self, tx: Tx, person: SubjectRow, erasure: str, *, erased_us: int, now_us: int
    ) -> int | None:
        """Seal a person's evidence again, in the transaction that begins their erasure.

        Args:
            tx: The transaction.
            person: Whose choices it is of.
            erasure: The erasure that it outlives.
            erased_us: When they may have been erased first: its days are counted from there.
            now_us: The time.

        Returns:
            Until when it is kept; None where the policy keeps none, or there is none.
        """
        days = self._tenancy.policy.evidence.keep_days_after_erasure
        until_us = erased_us + days * DAY_US
        choices = self._choices(tx, person) if until_us > now_us else []
        if not choices:
            return None
        keyring = self._tenancy.keyring
        [key_id] = keyring.create(1, at_us=now_us)
        lookup = keyring.claim(subjects.lookup_of(tx, person.subject))
        body = keyring.cipher(key_id).seal(TABLE, _place(erasure), json.dumps(choices).encode())
        stored.add(tx, ClaimRow(erasure, lookup, key_id, until_us, KEPT, body, None))
        return until_us

    def of(self, snapshot: Snapshot, lookup: bytes) -> list[ClaimsEvidence]:
        """The evidence kept of whoever is found by this keyed hash."""
        rows = stored.of(snapshot, self._tenancy.keyring.claim(lookup))
        return [self._opened(snapshot, row) for row in rows]

    def read(self, subject: str) -> tuple[ClaimsEvidence, ...]:
        """The evidence kept of a person, and a ledger entry that says it was read.

        Raises:
            UnknownSubjectError: None is kept of anybody by that id.
            TamperedError: An entry of the log is not the one the evidence was taken from.
        """
        keyring = self._tenancy.keyring
        with self._tenancy.write() as tx:
            keyring.watch(tx.head.shred_epoch)
            found = self.of(tx, keyring.lookup(subject))
            if not found:
                raise UnknownSubjectError(subjects.count(tx))
            log.append(
                tx,
                "read.claims",
                at_us=self._tenancy.now_us(),
                seal=keyring.operator.seal,
                details={"by": "staff", "erasures": [one.erasure for one in found]},
            )
        return tuple(found)

    def rows(self, snapshot: Snapshot, subject: str) -> list[ClaimRow]:
        """What is stored of the evidence of a person."""
        keyring = self._tenancy.keyring
        return stored.of(snapshot, keyring.claim(keyring.lookup(subject)))

    def put_hold(self, tx: Tx, rows: list[ClaimRow], said: bytes) -> None:
        """Keep evidence past its date, until the hold is released."""
        for row in rows:
            cipher = self._tenancy.keyring.cipher(row.key_id)
            stored.set_hold(tx, row.erasure, cipher.seal(TABLE, _hold(row.erasure), said))

    def end_due(self) -> int:
        """Destroy what is past its date and under no hold; how many pieces of evidence."""
        with self._tenancy.write() as tx:
            over = stored.due(tx, self._tenancy.now_us())
            self._begin_end(tx, [row.erasure for row in over])
        return self.resume()

    def end_lost(self) -> int:
        """Remove what no key is there for: a restored backup has evidence that was destroyed."""
        with self._tenancy.write() as tx:
            keys = stored.keys(tx)
            lost = self._tenancy.keyring.missing(list(keys.values()))
            self._begin_end(tx, [erasure for erasure, key_id in keys.items() if key_id in lost])
        return self.resume()

    def resume(self) -> int:
        """Finish every destruction that has begun; how many there were."""
        with self._tenancy.read() as snapshot:
            ending = stored.ending(snapshot)
        if not ending:
            return 0
        keyring = self._tenancy.keyring
        for row in ending:
            keyring.destroy(row.key_id)
        if not keyring.overwrite():
            # Another reader is in the way: the row stays until the bytes are gone.
            return 0
        with self._tenancy.write() as tx:
            return sum(self._end(tx, row) for row in ending)

    def _begin_end(self, tx: Tx, erasures: list[str]) -> None:
        if erasures:
            stored.mark_ending(tx, erasures)
            tx.head.shred_epoch += 1

    def _end(self, tx: Tx, row: ClaimRow) -> bool:
        if not stored.remove(tx, row.erasure):
            return False
        log.append(
            tx,
            "claims.destroyed",
            at_us=self._tenancy.now_us(),
            seal=self._tenancy.keyring.operator.seal,
            facts={"erasure": row.erasure},
        )
        return True

    def _choices(self, tx: Tx, person: SubjectRow) -> list[dict[str, Any]]:
        """The person's entries of consent, and how each choice was made."""
        found = []
        for index, leaf, sealed in ledger.details_of(tx, person.subject):
            entry = log.as_entry(index, leaf)
            if entry.kind.startswith("consent."):
                details = self._details(person, index, sealed)
                how = {name: value for name, value in details.items() if name in HOW}
                found.append({"entry": index, "leaf": entry.leaf_hash, "how": how})
        return found

    def _details(self, person: SubjectRow, index: int, sealed: bytes) -> dict[str, Any]:
        """An entry's details; none where the person's key is lost."""
        keyring = self._tenancy.keyring
        ciphers = [keyring.operator]
        with suppress(SealError):
            ciphers.insert(0, keyring.cipher(person.key_id))
        for cipher in ciphers:
            try:
                plain = cipher.open(log.DETAILS, log.row_name(index), sealed)
            except SealError:
                continue
            return dict(json.loads(plain[log.SECRET_BYTES :]))
        return {}

    def _opened(self, snapshot: Snapshot, row: ClaimRow) -> ClaimsEvidence:
        cipher = self._tenancy.keyring.cipher(row.key_id)
        choices = []
        for one in json.loads(cipher.open(TABLE, _place(row.erasure), row.body)):
            [entry] = log.entries(snapshot, since=one["entry"], limit=1)
            if entry.leaf_hash != one["leaf"]:
                raise TamperedError("it is not what evidence for claims says", index=entry.index)
            choices.append(KeptChoice(entry, one["how"]))
        hold = None
        if row.hold is not None:
            hold = json.loads(cipher.open(TABLE, _hold(row.erasure), row.hold))
        return ClaimsEvidence(row.erasure, from_us(row.keep_until_us), hold, tuple(choices))


def _place(erasure: str) -> bytes:
    return erasure.encode()


def _hold(erasure: str) -> bytes:
    return f"{erasure}/hold".encode()
