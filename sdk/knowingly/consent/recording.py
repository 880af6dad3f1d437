"""Recording choices: the entry that proves them, their rows and effects, in one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from knowingly.consent.choice import ALL_PURPOSES, Choice
from knowingly.consent.receipts import Issuer
from knowingly.domain.consent import ACCOUNT, Action, ConsentRecord, Receipt
from knowingly.domain.moments import to_us
from knowingly.domain.signal import Signal
from knowingly.errors import ConsentError, SealError, StoreError
from knowingly.ledger import log
from knowingly.ledger.agreement import UNDER_AGE
from knowingly.ledger.log import Entry
from knowingly.store import consents, subjects
from knowingly.store.consents import Told
from knowingly.store.doors import Tx
from knowingly.store.subjects import ACTIVE, SubjectRow
from knowingly.tenancy import Tenancy

OPEN_TRIES = 3
_YES = frozenset({Action.GRANT, Action.UNRESTRICT, Action.SIGNAL_ALLOW})


class Touched(NamedTuple):
    """A recorded choice as its effects see it: of whom, about which purposes, and since when."""

    person: SubjectRow
    purposes: Sequence[str]
    at_us: int


class Effects(Protocol):
    """What follows from choices; runs in the transaction that records them."""

    def prepare(self, lookups: Sequence[bytes]) -> None:
        """Get ready, before that transaction, for choices of these people that may take back."""

    def turns(self, lookups: Sequence[bytes]) -> Mapping[bytes, float]:
        """How many turns of the writer it takes at most if each of these people takes back.

        Whoever's choice takes next to none can be left out.
        """

    def __call__(
        self, tx: Tx, choices: Sequence[Touched], *, first_entry: int
    ) -> list[Mapping[str, int]]:
        """Apply what people's choices now mean; say what was done for each, in numbers.

        The choices from ledger entry ``first_entry`` on are the new ones.
        """


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """A choice as it was handed over, with the purposes it is about.

    ``flaw`` is why a grant cannot count, whatever it is for; ``too_young`` are the purposes that
    the person may not agree to by themselves. ``origin`` says where an imported choice comes from,
    ``signal`` which signal said it.
    """

    choice: Choice
    purposes: tuple[str, ...]
    too_young: frozenset[str]
    flaw: str | None = None
    origin: Mapping[str, Any] | None = None
    signal: Signal | None = None

    @property
    def source(self) -> str | None:
        """The signal's source; None for the person's own choice."""
        return None if self.signal is None else self.signal.source

    def flaw_for(self, purpose: str) -> str | None:
        """Why a grant cannot count for one of its purposes; None where it can."""
        return self.flaw or (UNDER_AGE if purpose in self.too_young else None)


@dataclass(frozen=True, slots=True, repr=False)
class _Chosen:
    """A choice with the person it is of, settled and ready to be recorded."""

    person: SubjectRow
    choice: Choice
    purposes: tuple[str, ...]
    at_us: int
    received_us: int
    scope: str
    confirmed: tuple[str, ...]
    asked: Asked


class People(NamedTuple):
    """The people of some choices: those who are known, and the keys of strangers, by lookup."""

    known: Mapping[bytes, SubjectRow]
    strangers: Mapping[bytes, bytes]


class Recorder:
    """Records choices of one tenant's people."""

    def __init__(self, tenancy: Tenancy, effects: Effects) -> None:
        self._tenancy = tenancy
        self._effects = effects

    def record(self, asked: Sequence[Asked], *, now_us: int) -> list[Receipt]:
        """All of the choices, or none.

        Raises:
            ConsentError: One is dated before an erasure; nothing was written.
            StoreError: A person is being erased at this moment; nothing was written.
        """
        lookup = self._tenancy.keyring.lookup
        lookups = [lookup(one.choice.subject) for one in asked]
        takes_back = [
            known
            for known, one in zip(lookups, asked, strict=True)
            if one.choice.action is not Action.GRANT
        ]
        if takes_back:
            self._effects.prepare(takes_back)
        for _ in range(OPEN_TRIES):
            fresh = self.prepare_keys(lookups, now_us)
            receipts = self._write(asked, lookups, fresh, now_us)
            if receipts is not None:
                return receipts
        raise StoreError(
            "the person is being erased at this moment; nothing was written, try again"
        )

    def prepare_keys(self, lookups: Sequence[bytes], now_us: int) -> dict[bytes, bytes]:
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
        asked: Sequence[Asked],
        lookups: Sequence[bytes],
        fresh: Mapping[bytes, bytes],
        now_us: int,
    ) -> list[Receipt] | None:
        """All choices in one transaction; None when a person has just been erased: try again."""
        with self._tenancy.write() as tx:
            people = self.ready(tx, lookups, fresh)
            if people is None:
                return None
            self._refuse_old(tx, asked, lookups, now_us)
            return self.write(tx, people, asked, lookups, now_us=now_us)

    def ready(
        self, tx: Tx, lookups: Sequence[bytes], fresh: Mapping[bytes, bytes]
    ) -> People | None:
        """Those who are known, and the keys of the others; None where one is being erased."""
        known = subjects.find_many(tx, lookups)
        strangers = {key: value for key, value in fresh.items() if key not in known}
        if any(lookup not in known and lookup not in strangers for lookup in lookups):
            return None
        if any(row.state != ACTIVE for row in known.values()):
            return None
        if not self._tenancy.keyring.are_stored(list(strangers.values())):
            return None
        return People(known, strangers)

    def write(
        self,
        tx: Tx,
        people: People,
        asked: Sequence[Asked],
        lookups: Sequence[bytes],
        *,
        now_us: int,
    ) -> list[Receipt]:
        """Record choices; whoever made one and is a stranger is opened."""
        if not asked:
            return []
        mine = set(lookups)
        strangers = [(key, value) for key, value in people.strangers.items() if key in mine]
        opened = subjects.add(tx, strangers)
        everyone = {**people.known, **opened}
        earlier = consents.of_many(tx, [person.subject for person in people.known.values()])
        chosen = [
            self._settled(everyone[lookup], one, now_us, earlier)
            for lookup, one in zip(lookups, asked, strict=True)
        ]
        entries = log.append_many(tx, [self._draft(one) for one in chosen])
        told = {
            entry.index: Told(one.choice.surface, one.choice.jurisdiction)
            for one, entry in zip(chosen, entries, strict=True)
        }
        consents.add(tx, _records(chosen, entries), told)
        new = {row.subject for row in opened.values()}
        effects = self._apply(
            tx,
            # Nobody else has anything to lose.
            [
                (one, entry)
                for one, entry in zip(chosen, entries, strict=True)
                if one.person.subject not in new
            ],
            first_entry=entries[0].index,
        )
        return [
            _receipt(
                one,
                entry,
                effects.get(entry.index, {}),
                Issuer(self._tenancy, one.person.subject),
            )
            for one, entry in zip(chosen, entries, strict=True)
        ]

    def _refuse_old(
        self, tx: Tx, asked: Sequence[Asked], lookups: Sequence[bytes], now_us: int
    ) -> None:
        """A choice from before an erasure, imported again, must not bring the person back."""
        erased = subjects.erased_at(tx, lookups)
        for lookup, one in zip(lookups, asked, strict=True):
            if _chosen_us(one.choice, now_us) <= erased.get(lookup, -1):
                raise ConsentError(
                    "the choice is dated before an erasure; only a choice made after it counts",
                    reason="erased",
                )

    def _settled(
        self,
        person: SubjectRow,
        one: Asked,
        now_us: int,
        known: Mapping[int, Sequence[ConsentRecord]],
    ) -> _Chosen:
        """A choice with its moments, its scope, and what it was made in the knowledge of.

        A no that is made now is never older than what is recorded already, even where this server's
        clock is behind the one that recorded it: otherwise a yes would outlive it. A yes keeps the
        clock it has, and is denied until that clock has passed the no.
        """
        choice, earlier = one.choice, known.get(person.subject, ())
        received_us = now_us
        if choice.action not in _YES:
            received_us = max([now_us, *(record.received_us for record in earlier)])
        scope = self.scope(choice)
        return _Chosen(
            person,
            choice,
            one.purposes,
            _chosen_us(choice, received_us),
            received_us,
            scope,
            _confirmed(one, scope, earlier),
            one,
        )

    def scope(self, choice: Choice) -> str:
        """What a choice is about: the account, or one device of it."""
        if choice.device is None:
            return ACCOUNT
        return self._tenancy.device_scope(choice.device)

    def _draft(self, chosen: _Chosen) -> log.Draft:
        return log.Draft(
            f"consent.{chosen.choice.action.value}",
            chosen.received_us,
            self._sealer(chosen),
            self._facts(chosen),
            _details(chosen),
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

    def _apply(
        self, tx: Tx, recorded: Sequence[tuple[_Chosen, Entry]], *, first_entry: int
    ) -> dict[int, Mapping[str, int]]:
        """What follows for people who were known before, by the entry of each choice."""
        touched = [Touched(one.person, self._about(one), one.received_us) for one, _ in recorded]
        done = self._effects(tx, touched, first_entry=first_entry) if touched else []
        applied_us = self._tenancy.now_us()
        for one, entry in recorded:
            if applied_us > one.received_us:
                consents.mark_applied(tx, one.person.subject, entry.index, applied_us)
        return {entry.index: effects for (_, entry), effects in zip(recorded, done, strict=True)}

    def _about(self, chosen: _Chosen) -> tuple[str, ...]:
        every = ALL_PURPOSES in chosen.purposes
        return tuple(self._tenancy.policy.purposes) if every else chosen.purposes

    def _facts(self, chosen: _Chosen) -> dict[str, Any]:
        """What the leaf says for ever: nothing that could lead to a person."""
        policy = self._tenancy.policy
        facts: dict[str, Any] = {
            "purposes": list(chosen.purposes),
            "scope": chosen.scope.partition(":")[0],
            "chosen": chosen.at_us,
            "policy": policy.digest,
        }
        choice = chosen.choice
        notice = policy.notice(choice.notice) if choice.notice is not None else None
        if notice is not None:
            facts |= {"notice": notice.id, "notice_digest": notice.digest}
        if chosen.asked.flaw is not None:
            facts["flaw"] = chosen.asked.flaw
        if chosen.asked.too_young:
            facts[UNDER_AGE] = sorted(chosen.asked.too_young)
        if chosen.confirmed:
            facts["confirmed"] = list(chosen.confirmed)
        if (signal := chosen.asked.signal) is not None:
            facts |= {"source": signal.source, "decoder": signal.decoder}
        return facts


def _chosen_us(choice: Choice, now_us: int) -> int:
    return to_us(choice.at) if choice.at is not None else now_us


def _confirmed(one: Asked, scope: str, earlier: Sequence[ConsentRecord]) -> tuple[str, ...]:
    """The purposes of a grant that an opt-out signal, known at the time, spoke against."""
    if one.choice.action is not Action.GRANT:
        return ()
    if one.choice.despite:
        return one.purposes
    opted_out = {
        record.purpose
        for record in earlier
        if record.action is Action.OBJECT
        and record.source is not None
        and record.scope in {ACCOUNT, scope}
    }
    return tuple(purpose for purpose in one.purposes if purpose in opted_out)


def _details(chosen: _Chosen) -> dict[str, Any]:
    """How the choice was made: sealed, and gone with the person."""
    choice, signal = chosen.choice, chosen.asked.signal
    said = {
        "by": choice.by,
        "surface": choice.surface,
        "method": choice.method,
        "jurisdiction": choice.jurisdiction,
        "age": choice.age,
        "device": chosen.scope if choice.device is not None else None,
        "despite": list(choice.despite) or None,
        "origin": None if chosen.asked.origin is None else dict(chosen.asked.origin),
        "raw": None if signal is None else signal.raw,
        "problem": None if signal is None else signal.problem,
    }
    return {name: value for name, value in said.items() if value is not None}


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
                    one.scope,
                    one.asked.source,
                    flaw=one.asked.flaw_for(purpose),
                    confirmed=purpose in one.confirmed,
                ),
            )


def _receipt(one: _Chosen, entry: Entry, effects: Mapping[str, int], issuer: Issuer) -> Receipt:
    return Receipt(
        entry.index,
        entry.handle,
        entry.leaf_hash,
        one.choice.action,
        one.purposes,
        entry.at,
        one.choice.notice,
        dict(effects),
        issuer,
    )
