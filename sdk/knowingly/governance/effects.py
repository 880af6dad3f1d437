"""What a choice does: a no takes effect in the transaction that records it.

The person's stored events and traits lose the purposes that are denied, so that a later grant does
not reach back to them, and the models forget what they learned. There is no queue of forgets.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from knowingly.consent.recording import Touched
from knowingly.domain.consent import DEVICE, ConsentRecord
from knowingly.domain.moments import day_of
from knowingly.governance.recipients import Recipients
from knowingly.recommend.registry.serving import Registry
from knowingly.recommend.training.forgetting import Algorithms, forget_many
from knowingly.recommend.training.gather import PURPOSE as TRAIN
from knowingly.recommend.training.preparing import prepare
from knowingly.recommend.training.refitting import was_put_off
from knowingly.recommend.training.turns import shares
from knowingly.store import consents, kept, subjects
from knowingly.store.doors import Snapshot, Tx
from knowingly.store.subjects import SubjectRow
from knowingly.tenancy import Tenancy

KEPT_UNUSED = frozenset({"restricted"})
"""Reasons that stop the use of data and do not delete it (GDPR art. 18)."""


class _Stripped(NamedTuple):
    """What one choice did to rows, by table, and what else it asks for."""

    rows: Counter[str]
    unlearn: bool
    restricted: bool
    ended: Sequence[str]


class ChoiceEffects:
    """Applies what a person's choices now mean to what is kept of them and to the models."""

    def __init__(self, tenancy: Tenancy, registry: Registry, algorithms: Algorithms) -> None:
        self._tenancy = tenancy
        self._registry = registry
        self._algorithms = algorithms
        self._recipients = Recipients(tenancy)

    def prepare(self, lookups: Sequence[bytes]) -> None:
        """Let models get ready to forget these people, before the transaction of their no."""
        prepare(self._tenancy, self._registry, self._algorithms, lookups)

    def turns(self, lookups: Sequence[bytes]) -> Mapping[bytes, float]:
        """How many turns of the writer it takes to forget each of those who taught any model."""

        def look(snapshot: Snapshot) -> dict[bytes, float]:
            known = subjects.find_many(snapshot, lookups)
            taken = shares(snapshot, [one.subject for one in known.values()])
            return {lookup: taken.get(one.subject, 0.0) for lookup, one in known.items()}

        return self._tenancy.ask(look)

    def __call__(
        self, tx: Tx, choices: Sequence[Touched], *, first_entry: int
    ) -> list[Mapping[str, int]]:
        """Strip and forget; how many events and traits were stripped, and models forgot, for each.

        ``models_to_refit`` are those that can only forget by a refit, and wait for it.
        """
        stripped = [self._strip(tx, choice, first_entry) for choice in choices]
        unlearn = {
            choice.person.subject: choice.person
            for choice, one in zip(choices, stripped, strict=True)
            if one.unlearn
        }
        forgot = forget_many(
            self._tenancy, self._registry, self._algorithms, tx, list(unlearn.values())
        )
        return [
            # Of several choices of one person, the first made models forget.
            self._done(tx, person, one, forgot.pop(person.subject, {}) if one.unlearn else {})
            for (person, _, _), one in zip(choices, stripped, strict=True)
        ]

    def _strip(self, tx: Tx, choice: Touched, first_entry: int) -> _Stripped:
        """Take what is denied now from one person's rows; the models are not touched yet."""
        person, purposes, at_us = choice
        records = consents.of(tx, person.subject)
        earlier = [record for record in records if record.index < first_entry]
        stripped: Counter[str] = Counter()
        denied, unlearn, restricted = 0, False, False
        ended: list[str] = []
        for purpose in purposes:
            mask = self._tenancy.masks.get(purpose, 0)
            decision = self._tenancy.decide(purpose, records, at_us=at_us)
            if decision.allowed:
                # A choice that arrives late can shorten a permission that still stands, and a new
                # one can follow a gap. Events of the day itself are left out when they are read.
                day = day_of(decision.since_us)
                for table in kept.TABLES:
                    stripped[table] += kept.strip(tx, table, person.subject, mask, before_day=day)
                before = self._tenancy.decide(purpose, earlier, at_us=at_us)
                whole = before.allowed and before.since_us >= decision.since_us
                unlearn |= purpose == TRAIN and not whole
            else:
                unlearn |= purpose == TRAIN
                kept_on = decision.reason in KEPT_UNUSED or self._stands_on_devices(
                    purpose, earlier, records, at_us
                )
                denied |= 0 if kept_on else self._tenancy.every_mask(purpose)
                if self._tenancy.policy.recipients:
                    # Only such a shop has anybody to tell.
                    before = self._tenancy.decide(purpose, earlier, at_us=at_us)
                    if decision.reason in KEPT_UNUSED:
                        restricted |= before.reason not in KEPT_UNUSED
                    elif before.allowed:
                        ended.append(purpose)
        if denied:
            for table in kept.TABLES:
                stripped[table] += kept.strip(tx, table, person.subject, denied)
        return _Stripped(stripped, unlearn, restricted, ended)

    def _done(
        self, tx: Tx, person: SubjectRow, one: _Stripped, forgot: Mapping[str, str]
    ) -> Mapping[str, int]:
        """What was done, in numbers, once the recipients have been queued to be told."""
        effects = {f"{table}_stripped": number for table, number in one.rows.items()}
        effects["models_to_refit"] = was_put_off(forgot.values())
        effects["models_forgot"] = len(forgot) - effects["models_to_refit"]
        told = (
            self._recipients.queue(tx, person, "withdrawal", purposes=one.ended)
            if one.ended
            else []
        )
        if one.restricted:
            # Everybody who was given anything, also what had run out: they may have it still.
            told += self._recipients.queue(tx, person, "restriction")
        effects["recipients_to_tell"] = len(told)
        return {name: number for name, number in effects.items() if number}

    def _stands_on_devices(
        self,
        purpose: str,
        earlier: Sequence[ConsentRecord],
        records: Sequence[ConsentRecord],
        at_us: int,
    ) -> bool:
        """Whether some device allows what the account does not, and none has just taken it back.

        Events are not told apart by device: those of one that takes its yes back go with all
        others that rest on a device.
        """
        decide, anywhere = self._tenancy.decide, False
        for scope in {one.scope for one in records if one.scope.startswith(DEVICE)}:
            before = decide(purpose, earlier, at_us=at_us, scope=scope)
            now = decide(purpose, records, at_us=at_us, scope=scope)
            if before.allowed and not (now.allowed and now.since_us <= before.since_us):
                return False
            anywhere |= now.allowed
        return anywhere
