"""Erasure: a saga of steps that can each be repeated, resumed after a crash.

1. In one transaction: every model forgets, the person is marked, a tombstone is set, and the
   ledger says that an erasure has begun. From here on nobody reads this person.
2. The key is deleted from the key store and its bytes overwritten.
3. In one transaction: the rows are deleted, and the ledger and a signed certificate say what was
   removed from where, what is kept, and why.
4. Whoever was given the person's data is told, again and again until they have been; the
   certificate says who was told, and when. Nothing of ours waits for that.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from knowingly.domain.moments import DAY_US, from_us
from knowingly.errors import HoldError, UnknownSubjectError
from knowingly.governance.certificate import Certificate
from knowingly.governance.claims import BASIS, Claims
from knowingly.governance.horizon import old_copies
from knowingly.governance.recipients import Recipients
from knowingly.ledger import log, merkle
from knowingly.profiles.datamap import tables_to_erase
from knowingly.profiles.traits import HELD
from knowingly.recommend.registry.serving import Registry
from knowingly.recommend.training.forgetting import Algorithms, forget
from knowingly.recommend.training.preparing import prepare
from knowingly.store import holds, subjects
from knowingly.store import rights as stored
from knowingly.store.doors import Tx
from knowingly.store.rights import ErasureRow
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy

BEGUN, UNTRUNCATED, DONE = "begun", "not yet truncated", "done"
UNFINISHED = (BEGUN, UNTRUNCATED)
OVERWRITTEN = "its bytes overwritten in the key store"
KEY_LOST = "before this erasure: it was not in the key store"
KEY_GONE = "it was sealed under the person's key, which had been destroyed"


class Erasures:
    """Erases people of one tenant, and finishes what was interrupted."""

    def __init__(
        self,
        tenancy: Tenancy,
        registry: Registry,
        algorithms: Algorithms,
        recipients: Recipients | None = None,
    ) -> None:
        self._tenancy = tenancy
        self._registry = registry
        self._algorithms = algorithms
        self._claims = Claims(tenancy)
        self._recipients = recipients or Recipients(tenancy)

    def erase(self, subject: str) -> Certificate:
        """Erase a person: all of it, now.

        Raises:
            UnknownSubjectError: No such person is known.
            HoldError: A legal hold is in force; nothing was erased.
        """
        lookup = self._tenancy.keyring.lookup(subject)
        prepare(self._tenancy, self._registry, self._algorithms, [lookup])
        with self._tenancy.write() as tx:
            person = subjects.find(tx, lookup)
            if person is None:
                raise UnknownSubjectError(subjects.count(tx))
            if person.state == ACTIVE:
                if holds.of(tx, person.subject) is not None:
                    raise HoldError(HELD)
                erasure = self.begin(tx, person)
            else:
                erasure = next(
                    row for row in stored.at_steps(tx, UNFINISHED) if row.subject == person.subject
                )
        done = self.finish(erasure)
        if self._recipients.tell(erasure.erasure):
            with self._tenancy.read() as snapshot:
                return Certificate.from_json(stored.certificate(snapshot, erasure.erasure) or "")
        return done

    def replay(self, subject: int, *, backup_us: int) -> Certificate:
        """Erase again, in data from ``backup_us``, somebody whose key was destroyed since.

        What models learned from them stands in a manifest that nobody can open any more: those
        models go out of service until the next training. Nobody can read either how they chose,
        nor to whom their data was given: the certificate says so.
        """
        with self._tenancy.write() as tx:
            person = subjects.number(tx, subject)
            if person is None or person.state != ACTIVE:
                raise UnknownSubjectError(subjects.count(tx))
            erasure = self.begin(tx, person, backup_us=backup_us)
        return self.finish(erasure)

    def resume(self) -> int:
        """Finish every erasure that was interrupted; how many there were.

        And every destruction of evidence for claims.
        """
        self._claims.resume()
        with self._tenancy.read() as snapshot:
            waiting = stored.at_steps(snapshot, UNFINISHED)
        for erasure in waiting:
            if erasure.step == UNTRUNCATED:
                self._truncate_later(erasure)
            else:
                self.finish(erasure)
        return len(waiting)

    def begin(self, tx: Tx, person: SubjectRow, *, backup_us: int | None = None) -> ErasureRow:
        """The first step, in the caller's transaction: from its commit on it is always finished.

        ``backup_us`` is from when the data is, where the person was erased before in newer data.
        """
        now_us, replayed = self._tenancy.now_us(), backup_us is not None
        manifests = stored.count_rows(tx, "manifests", person.subject)
        forgot = forget(self._tenancy, self._registry, self._algorithms, tx, person)
        name = uuid.uuid4().hex
        # Not a day longer than the first certificate, which this data does not have, can have said.
        erased_us = now_us if backup_us is None else backup_us
        claims_us = self._claims.keep(tx, person, name, erased_us=erased_us, now_us=now_us)
        told = self._recipients.queue(tx, person, "erasure", erasure=name)
        keep_us = self._tenancy.policy.erasure.tombstone_days * DAY_US
        subjects.mark_erasing(
            tx, person.subject, at_us=now_us, keep_tombstone_until_us=now_us + keep_us
        )
        tx.head.shred_epoch += 1
        entry = log.append(
            tx,
            "erasure.begun",
            at_us=now_us,
            seal=self._tenancy.keyring.operator.seal,
            facts={"erasure": name, **({"replayed": True} if replayed else {})},
        )
        progress = {
            "models": forgot,
            "manifests": manifests,
            "begun_us": now_us,
            "begun_entry": entry.index,
            "first_version": self._tenancy.keyring.first_version(person.key_id),
            "key_was_lost": bool(self._tenancy.keyring.missing([person.key_id])),
            "tombstone_until_us": now_us + keep_us,
            "claims_until_us": claims_us,
            "recipients": [
                {"recipient": one, "notification": notification} for one, notification in told
            ],
            "replayed": replayed,
            "backup_us": backup_us,
            "disclosures": self._recipients.count(tx, person) if replayed else 0,
        }
        erasure = ErasureRow(name, person.subject, person.key_id, BEGUN, progress)
        stored.begin(tx, erasure)
        return erasure

    def finish(self, erasure: ErasureRow) -> Certificate:
        """The other steps."""
        keyring = self._tenancy.keyring
        if erasure.key_id is not None:
            keyring.destroy(erasure.key_id)
        truncated = keyring.overwrite()
        with self._tenancy.write() as tx:
            return self._close(tx, erasure, truncated=truncated)

    def _close(self, tx: Tx, erasure: ErasureRow, *, truncated: bool) -> Certificate:
        still = [row for row in stored.at_steps(tx, UNFINISHED) if row.erasure == erasure.erasure]
        if not still or still[0].subject is None:
            # Another process has finished it in the meantime; its certificate stands.
            return Certificate.from_json(stored.certificate(tx, erasure.erasure) or "")
        subject = still[0].subject
        removed = {table: stored.delete_rows(tx, table, subject) for table in tables_to_erase()}
        # They were deleted with what they say, when the models forgot.
        removed["manifests"] += erasure.progress["manifests"]
        now_us = self._tenancy.now_us()
        entry = log.append(
            tx,
            "erasure.done",
            at_us=now_us,
            seal=self._tenancy.keyring.operator.seal,
            facts={"erasure": erasure.erasure, "removed": removed},
        )
        statement = self._statement(tx, erasure, removed, entry.index, now_us, truncated=truncated)
        certificate = self._signed(tx, statement)
        had_key = statement["removed"]["subject_keys"] > 0
        stored.advance(
            tx,
            erasure.erasure,
            UNTRUNCATED if had_key and not truncated else DONE,
            progress={},
            certificate=certificate.to_json(),
        )
        return certificate

    def _statement(
        self,
        tx: Tx,
        erasure: ErasureRow,
        removed: Mapping[str, int],
        done_entry: int,
        now_us: int,
        *,
        truncated: bool,
    ) -> dict[str, Any]:
        told = erasure.progress
        frontier = merkle.unpack(tx.head.ledger_size, tx.head.ledger_frontier)
        key, keys = OVERWRITTEN, 1
        if told.get("replayed"):
            key, keys = "destroyed before this data was restored from a backup", 0
        elif told.get("key_was_lost"):
            key, keys = KEY_LOST, 0
        elif not truncated:
            key = "its bytes not yet overwritten (another reader was in the way): run maintain"
        elif not self._tenancy.keyring.overwrites:
            key = "deleted; the database server may keep its bytes until it reuses the space"
        return {
            "erasure": erasure.erasure,
            "shop": self._tenancy.policy.controller.name,
            "tenant": self._tenancy.name,
            "begun": from_us(told["begun_us"]).isoformat(),
            "finished": from_us(now_us).isoformat(),
            "begun_entry": told["begun_entry"],
            "done_entry": done_entry,
            "ledger_size": tx.head.ledger_size,
            "ledger_root": merkle.root(frontier).hex(),
            "removed": {**removed, "subject_keys": keys},
            "models": told["models"],
            "key": key,
            "kept": [
                *_claims_kept(told.get("claims_until_us")),
                {
                    "what": "a keyed hash that keeps old events from coming back",
                    "why": "honours this erasure when data is imported again (GDPR art. 5(2), 17)",
                    "until": from_us(told["tombstone_until_us"]).date().isoformat(),
                },
                {
                    "what": "ledger entries that name nobody",
                    "why": "evidence that the log is whole; their details are deleted",
                    "until": "the shop is closed",
                },
            ],
            "recipients": [{**one, "told": None} for one in told.get("recipients", ())],
            "old_copies": old_copies(self._tenancy, tx, told.get("first_version", 1)),
            **_not_in_the_backup(told),
        }

    def _signed(self, tx: Tx, statement: Mapping[str, Any]) -> Certificate:
        public_key, signature = self._tenancy.sign(tx, statement)
        return Certificate(statement, public_key, signature)

    def _truncate_later(self, erasure: ErasureRow) -> None:
        if not self._tenancy.keyring.overwrite():
            return
        with self._tenancy.write() as tx:
            told = Certificate.from_json(stored.certificate(tx, erasure.erasure) or "")
            renewed = self._signed(tx, {**told.statement, "key": OVERWRITTEN})
            document = renewed.to_json()
            stored.advance(tx, erasure.erasure, DONE, progress={}, certificate=document)
            log.append(
                tx,
                "erasure.truncated",
                at_us=self._tenancy.now_us(),
                seal=self._tenancy.keyring.operator.seal,
                facts={"erasure": erasure.erasure},
            )


def _not_in_the_backup(told: Mapping[str, Any]) -> dict[str, Any]:
    """What a certificate says of an erasure that was done again: what it could not read."""
    if told.get("backup_us") is None:
        return {}
    made = from_us(told["backup_us"]).isoformat()
    lacking = [{"what": "what was recorded later", "why": f"the data is a backup of {made}"}]
    if told["claims_until_us"] is not None:
        lacking.append({"what": "how each choice was made, in the evidence kept", "why": KEY_GONE})
    if told["disclosures"]:
        lacking.append(
            {
                "what": f"the recipients of {told['disclosures']} disclosures, who were not told "
                "again (the certificate of the first erasure names them)",
                "why": KEY_GONE,
            }
        )
    return {"not_in_the_backup": lacking}


def _claims_kept(until_us: int | None) -> list[dict[str, str]]:
    """What a certificate says of evidence for claims."""
    if until_us is None:
        return []
    return [
        {
            "what": "evidence of the person's choices, under a key of its own (longer only under a "
            "legal hold)",
            "why": BASIS,
            "until": from_us(until_us).date().isoformat(),
        }
    ]
