"""``shop.audit``: the log, read, searched and verified, and what an auditor asks."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from knowingly.activation import Activation, activations, policy_at
from knowingly.domain.moments import to_us
from knowingly.domain.progress import Counted
from knowingly.domain.validate import check_id
from knowingly.errors import InputError
from knowingly.governance.auditing.bounds import MAX_LIMIT, MAX_SINCE, check_int, check_page
from knowingly.governance.auditing.counting import ChoiceCount, Seen, count, span_of, who_saw
from knowingly.governance.auditing.expiring import Expiring, expiring
from knowingly.governance.auditing.handed_out import Consistency, consistency, write_bundle
from knowingly.governance.auditing.held import (
    known_key,
    must_be_signed,
    must_begin_with,
    read_checkpoint,
)
from knowingly.governance.auditing.latency import Latency, destinations, profiles_and_models
from knowingly.governance.auditing.searching import Wanted, search, search_by_actor, search_person
from knowingly.governance.auditing.unfounded import Unfounded, unfounded
from knowingly.governance.checkpoints import Checkpoints
from knowingly.ledger import log
from knowingly.ledger.checkpoints import Checkpoint, as_checkpoint
from knowingly.ledger.entry_proof import entry_proof
from knowingly.ledger.key_chain import key_chain
from knowingly.ledger.log import Entry
from knowingly.ledger.signers import KnownKey
from knowingly.ledger.verifier import VerifierKey
from knowingly.ledger.verify import VerifiedLog, verify
from knowingly.policy import Policy
from knowingly.store import checkpoints as checkpoint_rows
from knowingly.store import subjects
from knowingly.tenancy import Tenancy

MAX_DAYS = 36_500
_KIND = re.compile(r"[a-z_]{1,40}(\.[a-z_]{1,40})?\Z")
_WORD = re.compile(r"[a-z_]{1,40}\Z")


class Audit:
    """The append-only log of one tenant.

    Stability: stable.
    """

    def __init__(self, tenancy: Tenancy, checkpoints: Checkpoints) -> None:
        self._tenancy = tenancy
        self._checkpoints = checkpoints

    def verify(
        self,
        progress: Counted | None = None,
        *,
        strict: bool = False,
        since: str | None = None,
        key: str | None = None,
    ) -> VerifiedLog:
        """Hash every entry again, and compare with tree, checkpoints and consent state.

        The checkpoints that were kept have to be signed: by the shop's key, or by keys before it
        for which a checkpoint of the shop's key vouches.

        Args:
            progress: Told how many entries are done, of how many.
            strict: Also read every entry, and refuse one that is not canonical JSON.
            since: A signed checkpoint that was kept elsewhere: the log must begin with it.
            key: A verifier key that you hold, to go by instead of the one in the key store.

        Raises:
            TamperedError: Its ``index`` is the first entry that does not fit.
            InputError: ``since`` is no checkpoint of this log, or ``key`` no key of it.
        """
        kept = None if since is None else read_checkpoint(since, "since")
        with self._tenancy.read() as snapshot:
            known = known_key(snapshot, key)
            if known is None:
                own = VerifierKey.parse(self._tenancy.note_key(snapshot).verifier_key)
                known = KnownKey(own, signs_now=True)
            found = verify(snapshot, progress, strict=strict, known=known)
            if kept is not None:
                must_begin_with(snapshot, kept)
                must_be_signed(snapshot, self._tenancy, kept)
        return found

    def key(self) -> str:
        """The verifier key in force, for those who check the log: give it out once, by hand."""
        with self._tenancy.read() as snapshot:
            return self._tenancy.note_key(snapshot).verifier_key

    def keys(self) -> str:
        """Every key that signed, one after the other, for whoever holds a proof of another key.

        Returns:
            JSON that ``knowingly-verify --keys`` takes beside a proof or a receipt: each change of
            keys with its entry and the proof of it. It is public.

        Raises:
            TamperedError: What is stored does not prove an entry that names a key.
        """
        with self._tenancy.read() as snapshot:
            return key_chain(snapshot, self._tenancy)

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        """A signed checkpoint: of the log as it is now, or an earlier one given again.

        Args:
            size: How many entries the log had at an earlier checkpoint.

        Raises:
            InputError: There was no checkpoint of that size.
        """
        if size is None:
            return self._checkpoints.make()
        check_int(size, "size", 1, MAX_SINCE)
        with self._tenancy.read() as snapshot:
            kept = checkpoint_rows.of_size(snapshot, size)
        if kept is None:
            raise InputError("size", "that of a checkpoint that was made")
        return as_checkpoint(kept)

    def prove(self, index: int) -> str:
        """A proof that an entry is in the log, with the entry and a checkpoint, for an outsider.

        Returns:
            Text of the format ``c2sp.org/tlog-proof@v1``; the entry's bytes are its extra data.

        Raises:
            InputError: There is no such entry.
            TamperedError: What is stored does not prove it.
        """
        with self._tenancy.read() as snapshot:
            check_int(index, "index", 0, snapshot.head.ledger_size - 1)
            return entry_proof(snapshot, index, self._tenancy)

    def consistency(self, old_size: int) -> Consistency:
        """Show that the log of an earlier size is the beginning of that of now.

        Raises:
            InputError: ``old_size`` is not from 1 to the size of now.
            TamperedError: A stored node is missing.
        """
        with self._tenancy.read() as snapshot:
            return consistency(snapshot, self._tenancy, old_size)

    def bundle(self, path: str | Path) -> int:
        """Write the whole log into a new file that ``knowingly-verify`` checks; its entries.

        It holds no person: leaves, checkpoints, proofs and public keys.

        Raises:
            InputError: The file is there already.
            TamperedError: The log does not hold what its checkpoints were made of.
            OSError: The file cannot be written.
        """
        return write_bundle(self._tenancy, path)

    def entries(self, *, since: int = 0, limit: int = 100) -> list[Entry]:
        """Entries from index ``since`` on, at most ``limit``; they name no person.

        Raises:
            InputError: ``since`` or ``limit`` is out of bounds.
        """
        check_page(since, limit)
        with self._tenancy.read() as snapshot:
            return log.entries(snapshot, since=since, limit=limit)

    def policies(self) -> list[Activation]:
        """Every policy that came into force, in the order of the log."""
        with self._tenancy.read() as snapshot:
            return activations(snapshot)

    def policy(self, at: datetime | None = None) -> Policy | None:
        """The policy that was in force at a moment, now when left out, as it stood then.

        None for a moment before any policy that is kept.

        Raises:
            InputError: ``at`` is no time with a zone.
        """
        at_us = self._tenancy.now_us() if at is None else to_us(at, "at")
        with self._tenancy.read() as snapshot:
            return policy_at(snapshot, at_us)

    def search(
        self,
        *,
        subject: str | None = None,
        purpose: str | None = None,
        kind: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        actor: str | None = None,
        start: int = 0,
        limit: int = 100,
    ) -> Sequence[Entry]:
        """Entries that are all of what is asked, in order, at most ``limit``.

        Entries of one ``subject`` come with their details (``OpenedEntry``); others name no person.
        Asking for a subject or an actor opens details, and so is a staff read and an entry.

        Args:
            subject: The app's id of the person they are about.
            purpose: A purpose that a choice names.
            kind: What happened, such as ``consent.grant``, or its beginning, ``consent``.
            since: From this moment on (aware).
            until: Before this moment (aware).
            actor: Who acted: the app's id of somebody, or a kind of actor such as ``operator``.
            start: The number of the first entry that is looked at.
            limit: How many, 1 to 10,000.

        Raises:
            InputError: An argument is out of bounds.
            UnknownSubjectError: Nobody is known by that id.
        """
        check_page(start, limit, field="start")
        if kind is not None and (not isinstance(kind, str) or not _KIND.match(kind)):
            raise InputError("kind", "what happened, such as consent.grant, or its beginning")
        wanted = Wanted(
            span_of(since, until),
            None if purpose is None else check_id(purpose, "purpose"),
            kind,
            None if actor is None else check_id(actor, "actor"),
        )
        if subject is not None:
            check_id(subject)
            return search_person(self._tenancy, subject, wanted, start=start, limit=limit)
        by = search if actor is None else search_by_actor
        return by(self._tenancy, wanted, start=start, limit=limit)

    def who_saw(self, notice: str, *, since: int = 0, limit: int = 1_000) -> Seen:
        """Whose choices name a notice: how many people, and the entries from ``since`` on.

        It names no person: ``consent.log`` says of one what they saw.

        Raises:
            InputError: No notice has that id, or an argument is out of bounds.
        """
        check_page(since, limit)
        with self._tenancy.read() as snapshot:
            return who_saw(snapshot, self._tenancy.policy, notice, since=since, limit=limit)

    def choices(
        self,
        by: Sequence[str] = ("day", "surface", "jurisdiction"),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[ChoiceCount]:
        """How often people granted, refused, withdrew and so on, of those who are not erased.

        The counts are exact: for whoever may see the log, and not to be published.

        Args:
            by: Some of day (in UTC), surface, jurisdiction, purpose, notice.
            since: Choices recorded from this moment on (aware).
            until: Choices recorded before this moment (aware).

        Raises:
            InputError: An argument is out of bounds, or there are more than 10,000 groups.
        """
        with self._tenancy.read() as snapshot:
            return count(snapshot, by, since, until)

    def expiring(self, days: int = 30, *, limit: int = 1_000) -> list[Expiring]:
        """The consents that hold now and run out by themselves within ``days``, by purpose.

        Raises:
            InputError: ``days`` or ``limit`` is out of bounds.
        """
        check_int(days, "days", 0, MAX_DAYS)
        check_int(limit, "limit", 1, MAX_LIMIT)
        with self._tenancy.read() as snapshot:
            return expiring(self._tenancy, snapshot, days, limit=limit)

    def withdrawal_latency(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> dict[str, Latency]:
        """How long each no took from its record until it had been applied, by what holds data.

        ``profiles_and_models`` apply it in the transaction that records it: what is measured is
        the work of that transaction, up to its commit. ``destinations`` are the recipients who
        have been told since, of erasures too.

        Raises:
            InputError: A time has no zone, or they are the wrong way round.
        """
        with self._tenancy.read() as snapshot:
            span = span_of(since, until)
            return {
                "profiles_and_models": profiles_and_models(snapshot, span),
                "destinations": destinations(snapshot, span),
            }

    def unfounded(self) -> tuple[Unfounded, ...]:
        """Uses of data that stand on no valid basis now, one result for each kind of use.

        Each says what was checked. After ``maintain`` there must be none; before it, there may be
        uses whose basis ran out since the last one, which nothing reads any more.
        """
        with self._tenancy.read() as snapshot:
            return unfounded(self._tenancy, snapshot)

    def note_read(self, what: str, subject: str) -> None:
        """Record that staff looked at a person; nothing where nobody is known by that id.

        Args:
            what: What was looked at, in one word of a-z and _.
            subject: The app's id of the person.

        Raises:
            InputError: ``what`` is no such word, or ``subject`` no id.
        """
        if not isinstance(what, str) or not _WORD.match(what):
            raise InputError("what", "1 to 40 of a-z and '_'")
        with self._tenancy.write() as tx:
            person = subjects.find(tx, self._tenancy.keyring.lookup(check_id(subject)))
            if person is None or person.state != subjects.ACTIVE:
                return
            log.append(
                tx,
                f"read.{what}",
                at_us=self._tenancy.now_us(),
                seal=self._tenancy.keyring.cipher(person.key_id).seal,
                details={"by": "staff"},
                subject=person.subject,
            )
