"""``shop.consent``: where choices are recorded and looked up.

A choice, the ledger entry that records it and everything that follows from it commit together, so
there is no moment at which somebody has said no and is still being learned from.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from knowingly.consent.choice import ALL_PURPOSES, Choice, settled_purposes
from knowingly.consent.token import Explanation, open_token
from knowingly.domain.consent import ACCOUNT, Action, ConsentRecord, Decision, Receipt
from knowingly.domain.moments import to_us
from knowingly.domain.validate import check_id, check_iterable, check_rows
from knowingly.errors import ConsentError, InputError, SealError, StoreError
from knowingly.ledger import log
from knowingly.ledger.log import Entry
from knowingly.store import consents, subjects
from knowingly.store.doors import Tx
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy

OPEN_TRIES = 3
_YES = frozenset({Action.GRANT, Action.UNRESTRICT})


class Effects(Protocol):
    """What follows from choices; runs in the transaction that records them."""

    def __call__(
        self,
        tx: Tx,
        person: SubjectRow,
        purposes: Sequence[str],
        *,
        at_us: int,
        first_entry: int,
    ) -> Mapping[str, int]:
        """Apply what the person's choices now mean; say what was done, in numbers.

        The choices from ledger entry ``first_entry`` on are the new ones.
        """


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A choice with the person it is of, settled and ready to be recorded."""

    person: SubjectRow
    choice: Choice
    purposes: tuple[str, ...]
    at_us: int
    received_us: int


class Consent:
    """Choices of people.

    Every method takes the app's own id of a person, records when they chose (``at``, now when left
    out) and returns a receipt that names the ledger entry and no person.

    Stability: stable.
    """

    def __init__(self, tenancy: Tenancy, effects: Effects) -> None:
        self._tenancy = tenancy
        self._effects = effects

    def grant(
        self,
        subject: str,
        purposes: Sequence[str],
        *,
        notice: str,
        at: datetime | None = None,
    ) -> Receipt:
        """Record that a person agreed to ``purposes`` after reading ``notice``.

        Raises:
            ConsentError: A purpose or the notice is unknown, or the notice does not cover it.
        """
        return self._one(subject, Action.GRANT, purposes, notice, at)

    def refuse(
        self,
        subject: str,
        purposes: Sequence[str] = (),
        *,
        notice: str | None = None,
        at: datetime | None = None,
    ) -> Receipt:
        """Record that a person said no when asked; every purpose when none is named."""
        return self._one(subject, Action.REFUSE, purposes, notice, at)

    def withdraw(
        self, subject: str, purposes: Sequence[str] = (), *, at: datetime | None = None
    ) -> Receipt:
        """Record that a person took their agreement back; every purpose when none is named.

        In the same transaction their events lose those purposes and trained models forget them.
        """
        return self._one(subject, Action.WITHDRAW, purposes, None, at)

    def object(
        self, subject: str, purposes: Sequence[str] = (), *, at: datetime | None = None
    ) -> Receipt:
        """Record an objection (GDPR art. 21); it stands until the person grants again."""
        return self._one(subject, Action.OBJECT, purposes, None, at)

    def record(self, choices: Iterable[Choice | Mapping[str, Any]]) -> list[Receipt]:
        """Record many choices in one transaction: all of them, or none.

        Raises:
            InputError: A row is bad; nothing was written.
            ConsentError: A choice does not fit the policy; nothing was written.
        """
        check_iterable(choices, "choices", "many choices, as values or mappings")
        good, _ = check_rows(Choice, choices, strict=True)
        asked = [(choice, settled_purposes(choice, self._tenancy.policy)) for _, choice in good]
        now_us = self._tenancy.now_us()
        for number, (choice, _) in enumerate(asked):
            if choice.at is not None and to_us(choice.at) > now_us + self._tenancy.skew_us:
                raise InputError("at", "a time that is not in the future", row=number)
        lookup = self._tenancy.keyring.lookup
        lookups = [lookup(choice.subject) for choice, _ in asked]
        for _ in range(OPEN_TRIES):
            fresh = self._prepare_keys(lookups, now_us)
            receipts = self._write(asked, lookups, fresh, now_us)
            if receipts is not None:
                return receipts
        raise StoreError(
            "the person is being erased at this moment; nothing was written, try again"
        )

    def status(self, subject: str) -> dict[str, Decision]:
        """What a person allows now, purpose by purpose; unknown people allow nothing."""
        tenancy = self._tenancy
        at_us = tenancy.now_us()
        with tenancy.read() as snapshot:
            person = subjects.find(snapshot, tenancy.keyring.lookup(check_id(subject)))
            known = consents.of(snapshot, person.subject) if person is not None else []
        if person is not None and person.state != ACTIVE:
            return {
                name: Decision(name, False, "erased", at_us) for name in tenancy.policy.purposes
            }
        return {name: tenancy.decide(name, known, at_us=at_us) for name in tenancy.policy.purposes}

    def explain(self, token: str) -> Explanation:
        """What a page's decision token says: purpose, outcome, reason, and the state it saw.

        Reading it is a staff read, and so a ledger entry.

        Raises:
            InputError: It is no token of this tenant.
        """
        explanation = open_token(self._tenancy, token)
        with self._tenancy.write() as tx:
            log.append(
                tx,
                "read.explain",
                at_us=self._tenancy.now_us(),
                seal=self._tenancy.keyring.operator.seal,
                details={"by": "staff"},
            )
        return explanation

    def _one(
        self,
        subject: str,
        action: Action,
        purposes: Sequence[str],
        notice: str | None,
        at: datetime | None,
    ) -> Receipt:
        if isinstance(purposes, str):
            purposes = (purposes,)
        is_list = isinstance(purposes, Sequence) and not isinstance(purposes, bytes | bytearray)
        if not is_list or not all(isinstance(purpose, str) for purpose in purposes):
            raise InputError("purposes", "a purpose of the policy, or a list of them")
        choice = {
            "subject": subject,
            "action": action,
            "purposes": tuple(purposes),
            "notice": notice,
            "at": at,
        }
        return self.record([choice])[0]

    def _prepare_keys(self, lookups: Sequence[bytes], now_us: int) -> dict[bytes, bytes]:
        """Commit keys for people who are not known yet, before the rows that will need them."""
        with self._tenancy.read() as snapshot:
            known = subjects.find_many(snapshot, lookups)
            self._tenancy.keyring.watch(snapshot.head.shred_epoch)
        strangers = list(dict.fromkeys(lookup for lookup in lookups if lookup not in known))
        if not strangers:
            return {}
        keys = self._tenancy.keyring.create(len(strangers), at_us=now_us)
        return dict(zip(strangers, keys, strict=True))

    def _write(
        self,
        asked: Sequence[tuple[Choice, tuple[str, ...]]],
        lookups: Sequence[bytes],
        fresh: Mapping[bytes, bytes],
        now_us: int,
    ) -> list[Receipt] | None:
        """All choices in one transaction; None when a person has just been erased: try again."""
        with self._tenancy.write() as tx:
            people = subjects.find_many(tx, lookups)
            missing = {key: value for key, value in fresh.items() if key not in people}
            if any(lookup not in people and lookup not in missing for lookup in lookups):
                return None
            if any(row.state != ACTIVE for row in people.values()):
                return None
            if not self._tenancy.keyring.are_stored(list(missing.values())):
                return None
            self._refuse_old(tx, asked, lookups, now_us)
            opened = subjects.add(tx, list(missing.items()))
            people |= opened
            newest_us = self._newest(tx, people.values())
            chosen = [
                _settled(people[lookup], choice, purposes, now_us, newest_us)
                for lookup, (choice, purposes) in zip(lookups, asked, strict=True)
            ]
            entries = log.append_many(tx, [self._draft(one) for one in chosen])
            consents.add(tx, _records(chosen, entries))
            new = {row.subject for row in opened.values()}
            effects = {
                entry.index: self._apply(tx, one, first_entry=entries[0].index)
                for one, entry in zip(chosen, entries, strict=True)
                if one.person.subject not in new
            }
            return [
                _receipt(one, entry, effects.get(entry.index, {}))
                for one, entry in zip(chosen, entries, strict=True)
            ]

    def _refuse_old(
        self,
        tx: Tx,
        asked: Sequence[tuple[Choice, tuple[str, ...]]],
        lookups: Sequence[bytes],
        now_us: int,
    ) -> None:
        """A choice from before an erasure, imported again, must not bring the person back."""
        erased = subjects.erased_at(tx, lookups)
        for lookup, (choice, _) in zip(lookups, asked, strict=True):
            if _chosen_us(choice, now_us) <= erased.get(lookup, -1):
                raise ConsentError(
                    "the choice is dated before an erasure; only a choice made after it counts",
                    reason="erased",
                )

    def _newest(self, tx: Tx, people: Iterable[SubjectRow]) -> dict[int, int]:
        """When the newest choice so far of each person was recorded."""
        known = consents.of_many(tx, [person.subject for person in people])
        return {
            subject: max(record.received_us for record in records)
            for subject, records in known.items()
            if records
        }

    def _draft(self, chosen: _Chosen) -> log.Draft:
        return log.Draft(
            f"consent.{chosen.choice.action.value}",
            chosen.received_us,
            self._sealer(chosen),
            self._facts(chosen.choice, chosen.purposes, chosen.at_us),
            {"by": "subject"},
            chosen.person.subject,
        )

    def _sealer(self, chosen: _Chosen) -> log.Seal:
        try:
            return self._tenancy.keyring.cipher(chosen.person.key_id).seal
        except SealError:
            # A person whose key is lost can still say no.
            if chosen.choice.action in _YES:
                raise
            return self._tenancy.keyring.operator.seal

    def _apply(self, tx: Tx, chosen: _Chosen, *, first_entry: int) -> Mapping[str, int]:
        """What follows for a person who was known before; nobody else has anything to lose."""
        every = ALL_PURPOSES in chosen.purposes
        touched = tuple(self._tenancy.policy.purposes) if every else chosen.purposes
        return self._effects(
            tx, chosen.person, touched, at_us=chosen.received_us, first_entry=first_entry
        )

    def _facts(self, choice: Choice, purposes: tuple[str, ...], at_us: int) -> dict[str, Any]:
        policy = self._tenancy.policy
        facts: dict[str, Any] = {
            "purposes": list(purposes),
            "scope": ACCOUNT,
            "chosen": at_us,
            "policy": policy.digest,
        }
        notice = policy.notice(choice.notice) if choice.notice is not None else None
        if notice is not None:
            facts |= {"notice": notice.id, "notice_digest": notice.digest}
        return facts


def _chosen_us(choice: Choice, now_us: int) -> int:
    return to_us(choice.at) if choice.at is not None else now_us


def _settled(
    person: SubjectRow,
    choice: Choice,
    purposes: tuple[str, ...],
    now_us: int,
    newest_us: Mapping[int, int],
) -> _Chosen:
    """A choice with its moments.

    A no that is made now is never older than what is recorded already, even where this server's
    clock is behind the one that recorded it: otherwise a yes would outlive it. A yes keeps the
    clock it has, and is denied until that clock has passed the no.
    """
    received_us = now_us
    if choice.action not in _YES:
        received_us = max(now_us, newest_us.get(person.subject, now_us))
    return _Chosen(person, choice, purposes, _chosen_us(choice, received_us), received_us)


def _records(
    chosen: Sequence[_Chosen], entries: Sequence[Entry]
) -> Iterator[tuple[int, ConsentRecord]]:
    for one, entry in zip(chosen, entries, strict=True):
        for purpose in one.purposes:
            yield (
                one.person.subject,
                ConsentRecord(
                    purpose,
                    one.choice.action,
                    one.at_us,
                    one.received_us,
                    entry.index,
                    one.choice.notice,
                    ACCOUNT,
                ),
            )


def _receipt(one: _Chosen, entry: Entry, effects: Mapping[str, int]) -> Receipt:
    return Receipt(
        entry.index,
        entry.handle,
        entry.leaf_hash,
        one.choice.action,
        one.purposes,
        entry.at,
        one.choice.notice,
        dict(effects),
    )
