"""Merge: what a session and the account that signed in both allow becomes the account's.

One transaction takes the session out of the models, hands over what both allow, records what the
session refuses as refused by the account, and begins the erasure of the session. From there on it
is an erasure like any other: its key goes, then its rows, whatever crashes in between.

The session's own records are kept, as ``account:merged:<entry>``: history that decides nothing. A
yes among them would be a yes the account never gave; a no is recorded anew, for the account itself.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from knowingly.consent.recording import Effects
from knowingly.domain.consent import ACCOUNT, Action, ConsentRecord, Decision
from knowingly.domain.merged import Merged
from knowingly.domain.moments import DAY_US
from knowingly.errors import HoldError, InputError, UnknownSubjectError
from knowingly.governance.erasure import Erasures
from knowingly.ledger import log
from knowingly.policy import EVERY_PURPOSE, standing_no
from knowingly.profiles import body, identities, traits
from knowingly.profiles.fields import Fields, mask_of, may_see
from knowingly.profiles.traits import HELD
from knowingly.profiles.views import first_us
from knowingly.store import consents, events, holds, subjects
from knowingly.store import identities as stored_identities
from knowingly.store import ledger as stored_entries
from knowingly.store import traits as stored_traits
from knowingly.store.doors import Tx
from knowingly.store.rights import ErasureRow
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy
from knowingly.vault.seal import Cipher


@dataclass(frozen=True, slots=True, repr=False)
class _Side:
    """One of the two people: what they chose, what that allows, and their key."""

    person: SubjectRow
    records: Sequence[ConsentRecord]
    decisions: Mapping[str, Decision]
    cipher: Cipher


class Merges:
    """Merges people of one tenant."""

    def __init__(
        self, tenancy: Tenancy, fields: Fields, effects: Effects, erasures: Erasures
    ) -> None:
        self._tenancy = tenancy
        self._fields = fields
        self._effects = effects
        self._erasures = erasures

    def __call__(self, session: str, account: str) -> Merged:
        """Merge ``session`` into ``account``; see ``Profiles.merge``."""
        lookup = self._tenancy.keyring.lookup
        if lookup(session) == lookup(account):
            raise InputError("session", "another person than the account it is merged into")
        with self._tenancy.write() as tx:
            self._tenancy.keyring.watch(tx.head.shred_epoch)
            source = self._side(tx, lookup(session))
            target = self._side(tx, lookup(account))
            done, erasure = self._merge(tx, source, target, account)
        self._erasures.finish(erasure)
        return done

    def _side(self, tx: Tx, lookup: bytes) -> _Side:
        person = subjects.find(tx, lookup)
        if person is None or person.state != ACTIVE:
            raise UnknownSubjectError(subjects.count(tx))
        if holds.of(tx, person.subject) is not None:
            raise HoldError(HELD)
        records, now_us = consents.of(tx, person.subject), self._tenancy.now_us()
        decisions = {
            purpose: self._tenancy.decide(purpose, records, at_us=now_us)
            for purpose in self._tenancy.policy.purposes
        }
        cipher = self._tenancy.keyring.cipher(person.key_id)
        return _Side(person, records, decisions, cipher)

    def _merge(
        self, tx: Tx, source: _Side, target: _Side, account: str
    ) -> tuple[Merged, ErasureRow]:
        refused = self._refuse(tx, source, target)
        since = self._both_since(tx, source, target)
        left_out: Counter[str] = Counter()
        moved_events = self._move_events(tx, source, target, since, left_out)
        moved_traits = self._move_traits(tx, source, target, since, left_out)
        moved_identities = self._move_identities(tx, source, target, account)
        choices = self._move_choices(tx, source, target)
        done = Merged(
            moved_events,
            moved_traits,
            moved_identities,
            choices,
            dict(left_out),
            refused,
            tuple(
                purpose
                for purpose, decision in source.decisions.items()
                if decision.reason == "granted"
                and not target.decisions[purpose].allowed
                and self._no(target, purpose) is None
            ),
        )
        return done, self._erasures.begin(tx, source.person)

    def _refuse(self, tx: Tx, source: _Side, target: _Side) -> tuple[str, ...]:
        """Record each no of the session that stands as one of the account."""
        refusals: dict[Action, list[str]] = {}
        if self._no(source, EVERY_PURPOSE) is Action.RESTRICT:
            refusals[Action.RESTRICT] = [EVERY_PURPOSE]
        known = {record.purpose for record in source.records} | self._tenancy.policy.purposes.keys()
        for purpose in sorted(known - {EVERY_PURPOSE}):
            if (no := self._no(source, purpose)) is not None:
                refusals.setdefault(no, []).append(purpose)
        if not refusals:
            return ()
        # A no is never older than what is recorded already: otherwise a yes would outlive it.
        earlier = [record.received_us for record in target.records]
        at_us = max([self._tenancy.now_us(), *earlier])
        entries = log.append_many(
            tx,
            [
                log.Draft(
                    f"consent.{action.value}",
                    at_us,
                    target.cipher.seal,
                    {
                        "purposes": purposes,
                        "scope": ACCOUNT,
                        "chosen": at_us,
                        "policy": self._tenancy.policy.digest,
                    },
                    {"by": "merge"},
                    target.person.subject,
                )
                for action, purposes in refusals.items()
            ],
        )
        rows = [
            (target.person.subject, ConsentRecord(purpose, action, at_us, at_us, entry.index))
            for entry, (action, purposes) in zip(entries, refusals.items(), strict=True)
            for purpose in purposes
        ]
        consents.add(tx, rows)
        refused = tuple(sorted({purpose for names in refusals.values() for purpose in names}))
        touched = tuple(self._tenancy.policy.purposes) if Action.RESTRICT in refusals else refused
        self._effects(tx, target.person, touched, at_us=at_us, first_entry=entries[0].index)
        return refused

    def _no(self, side: _Side, purpose: str) -> Action | None:
        return standing_no(purpose, side.records, policy=self._tenancy.policy)

    def _both_since(self, tx: Tx, source: _Side, target: _Side) -> dict[str, int]:
        """The purposes that both allow, with the oldest moment that both permissions cover."""
        now_us = self._tenancy.now_us()
        records = consents.of(tx, target.person.subject)
        erased_us = subjects.erased_before(tx, target.person.subject)
        since = {}
        for purpose, ours in source.decisions.items():
            theirs = self._tenancy.decide(purpose, records, at_us=now_us)
            if ours.allowed and theirs.allowed and target.decisions[purpose].allowed:
                oldest = (first_us(self._tenancy, one) for one in (ours, theirs))
                since[purpose] = max(*oldest, erased_us + 1)
        return since

    def _mask(self, since: Mapping[str, int], at_us: int, purposes: int) -> int:
        masks = self._tenancy.masks
        return purposes & sum(masks[name] for name, us in since.items() if at_us >= us)

    def _move_events(
        self,
        tx: Tx,
        source: _Side,
        target: _Side,
        since: Mapping[str, int],
        left_out: Counter[str],
    ) -> int:
        rows = []
        for row in events.of(tx, source.person.subject):
            plain = source.cipher.open(body.TABLE, row.event, row.body)
            mask = self._mask(since, body.to_event(plain).at_us, row.purposes)
            if not mask:
                left_out[_why(row.purposes)] += 1
                continue
            sealed = target.cipher.seal(body.TABLE, row.event, plain)
            rows.append((tx.tenant, target.person.subject, row.event, row.day, mask, sealed))
        moved = events.add(tx, rows)
        if moved < len(rows):
            left_out["duplicate"] += len(rows) - moved
        return moved

    def _move_traits(
        self,
        tx: Tx,
        source: _Side,
        target: _Side,
        since: Mapping[str, int],
        left_out: Counter[str],
    ) -> int:
        declared, now_us = self._fields.all(), self._tenancy.now_us()
        theirs = {row.trait: row for row in stored_traits.of(tx, target.person.subject)}
        rows = []
        for row in stored_traits.of(tx, source.person.subject):
            trait = traits.unseal(source.cipher, row)
            field = declared.get(trait.field)
            if field is None:
                left_out["undeclared"] += 1
                continue
            allowing = {
                name: us
                for name, us in since.items()
                if may_see(field, source.decisions[name]) and may_see(field, target.decisions[name])
            }
            over = field.keep_days is not None and trait.at_us < now_us - field.keep_days * DAY_US
            mask = self._mask(allowing, trait.at_us, row.purposes & mask_of(self._tenancy, field))
            name = traits.name_of(self._tenancy, target.person, trait.field)
            old = theirs.get(name)
            if not mask or over:
                left_out["expired" if over else _why(row.purposes)] += 1
            elif old is not None and traits.unseal(target.cipher, old).at_us >= trait.at_us:
                left_out["superseded"] += 1
            else:
                sealed = traits.seal(target.cipher, name, trait)
                rows.append(row._replace(trait=name, purposes=mask, body=sealed))
        stored_traits.replace(tx, target.person.subject, rows)
        return len(rows)

    def _move_identities(self, tx: Tx, source: _Side, target: _Side, account: str) -> int:
        """What found the session finds the account from now on."""
        mine = stored_identities.of(tx, source.person.subject)
        for row in mine:
            known = identities.unseal(source.cipher, row)._replace(subject=account)
            sealed = identities.seal(target.cipher, row.identity, known)
            stored_identities.give(tx, row._replace(subject=target.person.subject, body=sealed))
        return len(mine)

    def _move_choices(self, tx: Tx, source: _Side, target: _Side) -> int:
        """Keep the session's records and their entries' details as the account's history."""
        choices = {record.index for record in source.records if record.scope == ACCOUNT}
        entry = log.append(
            tx,
            "subject.merged",
            at_us=self._tenancy.now_us(),
            seal=target.cipher.seal,
            facts={"choices": len(choices)},
            details={"by": "app"},
            subject=target.person.subject,
        )
        consents.hand_over(tx, source.person.subject, target.person.subject, merged_by=entry.index)
        for index, _, sealed in stored_entries.details_of(tx, source.person.subject):
            place = log.row_name(index)
            plain = source.cipher.open(log.DETAILS, place, sealed)
            again = target.cipher.seal(log.DETAILS, place, plain)
            stored_entries.hand_over(tx, index, target.person.subject, again)
        return len(choices)


def _why(purposes: int) -> str:
    return "not_allowed_by_both" if purposes else "no_purpose"
