"""Merge: what a session and the account that signed in both allow becomes the account's.

One transaction takes the session out of the models, hands over what both allow, records what the
session refuses as refused by the account, and begins the erasure of the session. From there on it
is an erasure like any other: its key goes, then its rows, whatever crashes in between.

The session's own records are kept, as ``account:merged:<entry>``: history that decides nothing. A
yes among them would be a yes the account never gave; a no is recorded anew, for the account itself.
"""

from collections.abc import Sequence

from knowingly.consent.recording import Effects, Touched
from knowingly.domain.consent import ACCOUNT, Action, ConsentRecord
from knowingly.domain.merged import Merged
from knowingly.errors import HoldError, InputError, UnknownSubjectError
from knowingly.governance.erasure import Erasures
from knowingly.governance.handover import Handover, Side, shared_by
from knowingly.ledger import log
from knowingly.policy import EVERY_PURPOSE, standing_no
from knowingly.profiles.fields import Fields
from knowingly.profiles.traits import HELD
from knowingly.profiles.undone import Undone
from knowingly.recommend.training.gather import PURPOSE as TRAIN
from knowingly.store import consents, holds, subjects
from knowingly.store import ledger as stored_entries
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.rights import ErasureRow
from knowingly.store.subjects import ACTIVE
from knowingly.tenancy import Tenancy


class Merges:
    """Merges people of one tenant."""

    def __init__(
        self,
        tenancy: Tenancy,
        fields: Fields,
        effects: Effects,
        erasures: Erasures,
        undone: Undone,
    ) -> None:
        self._tenancy = tenancy
        self._fields = fields
        self._effects = effects
        self._erasures = erasures
        self._undone = undone

    def __call__(self, session: str, account: str) -> Merged:
        """Merge ``session`` into ``account``; see ``Profiles.merge``."""
        lookup = self._tenancy.keyring.lookup
        if lookup(session) == lookup(account):
            raise InputError("session", "another person than the account it is merged into")
        self._prepare(lookup(session), lookup(account))
        with self._tenancy.write() as tx:
            self._tenancy.keyring.watch(tx.head.shred_epoch)
            source = self._side(tx, lookup(session))
            target = self._side(tx, lookup(account))
            done, erasure = self._merge(tx, source, target, account)
        self._erasures.finish(erasure)
        return done

    def _prepare(self, session: bytes, account: bytes) -> None:
        """Let models get ready to forget the session; and the account, where it takes over a no."""

        def refuses(snapshot: Snapshot) -> bool:
            person = subjects.find(snapshot, session)
            records = () if person is None else consents.of(snapshot, person.subject)
            return any(self._no(records, purpose) is not None for purpose in (TRAIN, EVERY_PURPOSE))

        both = self._tenancy.ask(refuses)
        self._effects.prepare([session, account] if both else [session])

    def _side(self, tx: Tx, lookup: bytes) -> Side:
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
        return Side(person, records, decisions, cipher)

    def _merge(self, tx: Tx, source: Side, target: Side, account: str) -> tuple[Merged, ErasureRow]:
        # The account's own certificate has to name what opens copies of the session.
        self._tenancy.keyring.take_over(target.person.key_id, source.person.key_id)
        refused = self._refuse(tx, source, target)
        shared = shared_by(self._tenancy, tx, source, target)
        handover = Handover(self._tenancy, tx, source, target)
        done = Merged(
            handover.events(shared),
            handover.traits(shared, self._fields),
            handover.identities(account),
            self._move_choices(tx, source, target),
            dict(handover.left_out),
            refused,
            tuple(
                purpose
                for purpose, decision in source.decisions.items()
                if decision.reason == "granted"
                and not target.decisions[purpose].allowed
                and self._no(target.records, purpose) is None
            ),
        )
        # What came over can undo what the account did, or be a newer edition of its orders.
        self._undone(tx, [target.person.subject])
        return done, self._erasures.begin(tx, source.person)

    def _refuse(self, tx: Tx, source: Side, target: Side) -> tuple[str, ...]:
        """Record each no of the session that stands as one of the account."""
        refusals: dict[tuple[Action, str | None], list[str]] = {}
        restricts = self._no(source.records, EVERY_PURPOSE) is Action.RESTRICT
        if restricts:
            refusals[Action.RESTRICT, None] = [EVERY_PURPOSE]
        known = {record.purpose for record in source.records} | self._tenancy.policy.purposes.keys()
        for purpose in sorted(known - {EVERY_PURPOSE}):
            if (no := self._no(source.records, purpose)) is not None:
                refusals.setdefault((no, _said_by(source, purpose, no)), []).append(purpose)
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
                        **({} if said_by is None else {"source": said_by}),
                    },
                    {"by": "merge"},
                    target.person.subject,
                )
                for (action, said_by), purposes in refusals.items()
            ],
        )
        rows = [
            (
                target.person.subject,
                ConsentRecord(purpose, action, at_us, at_us, entry.index, source=said_by),
            )
            for entry, ((action, said_by), purposes) in zip(entries, refusals.items(), strict=True)
            for purpose in purposes
        ]
        consents.add(tx, rows)
        refused = tuple(sorted({purpose for names in refusals.values() for purpose in names}))
        touched = tuple(self._tenancy.policy.purposes) if restricts else refused
        choice = Touched(target.person, touched, at_us)
        self._effects(tx, [choice], first_entry=entries[0].index)
        return refused

    def _no(self, records: Sequence[ConsentRecord], purpose: str) -> Action | None:
        return standing_no(purpose, records, policy=self._tenancy.policy)

    def _move_choices(self, tx: Tx, source: Side, target: Side) -> int:
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


def _said_by(side: Side, purpose: str, no: Action) -> str | None:
    """The signal that an objection came from: who agrees after it does so in its knowledge."""
    objections = [
        record
        for record in side.records
        if no is Action.OBJECT and record.action is no and record.purpose == purpose
    ]
    last = max(objections, key=lambda record: record.index, default=None)
    return None if last is None else last.source
