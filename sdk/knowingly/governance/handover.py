"""What moves from a session to the account that signed in: what both allow, sealed anew.

An event moves for the purposes that both sides allow, if both allowed them at its time. An order
from before the account's first choice also moves for those that the policy lets past orders be kept
for, where neither side has said no. Events of an order get the names they have with the account, so
that the order is known when it is sent again, and of two editions the newer one stays.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from knowingly.domain.consent import ConsentRecord, Decision
from knowingly.domain.moments import DAY_US
from knowingly.policy import DataField
from knowingly.profiles import body, identities, traits
from knowingly.profiles.editions import renamed
from knowingly.profiles.fields import Fields, mask_of, may_see
from knowingly.profiles.permission import permission
from knowingly.profiles.views import first_us
from knowingly.store import consents, events, subjects
from knowingly.store import identities as stored_identities
from knowingly.store import traits as stored_traits
from knowingly.store.doors import Tx
from knowingly.store.events import EventRow
from knowingly.store.subjects import SubjectRow
from knowingly.tenancy import Tenancy
from knowingly.vault.seal import Cipher


@dataclass(frozen=True, slots=True, repr=False)
class Side:
    """One of the two people: what they chose, what that allows, and their key."""

    person: SubjectRow
    records: Sequence[ConsentRecord]
    decisions: Mapping[str, Decision]
    cipher: Cipher


class Shared(NamedTuple):
    """What both sides allow: since when, by purpose; and which past orders, until when.

    Nothing from before ``erased_us`` moves: an earlier self of the account was erased then.
    """

    since: Mapping[str, int]
    past_mask: int
    past_until_us: int
    erased_us: int


@dataclass(slots=True, repr=False)
class Handover:
    """One session's rows on their way, after what the session refused was recorded.

    ``left_out`` counts the events and traits that did not move, by reason.
    """

    tenancy: Tenancy
    tx: Tx
    source: Side
    target: Side
    left_out: Counter[str] = field(default_factory=Counter)

    def events(self, shared: Shared) -> int:
        """Move the events that both allow; an order counts as its lines."""
        masks: dict[bytes, int] = {}
        opened: dict[bytes, tuple[EventRow, bytes]] = {}
        for row in events.of(self.tx, self.source.person.subject):
            plain = self.source.cipher.open(body.TABLE, row.event, row.body)
            event = body.to_event(plain)
            masks[row.event] = self._mask(shared, event.at_us, row.purposes)
            if masks[row.event]:
                opened[row.event] = row, plain
            else:
                self.left_out[_why(row.purposes)] += not event.is_mark
        return self._put_events(opened, masks)

    def _put_events(
        self, opened: Mapping[bytes, tuple[EventRow, bytes]], masks: Mapping[bytes, int]
    ) -> int:
        account, cipher = self.target.person, self.target.cipher
        plain_of = {name: plain for name, (_, plain) in opened.items()}
        names = renamed(self.tenancy, self.tx, self.source.person, (account, cipher), plain_of)
        rows, moved = [], 0
        for old, (row, plain) in opened.items():
            counts = not body.to_event(plain).is_mark
            name = names.get(old, old)
            if name is None:
                self.left_out["superseded"] += counts
                continue
            sealed = cipher.seal(body.TABLE, name, plain)
            rows.append((self.tx.tenant, account.subject, name, row.day, masks[old], sealed))
            moved += counts
        events.add(self.tx, rows)
        return moved

    def traits(self, shared: Shared, fields: Fields) -> int:
        """Move the values that both allow and that are newer than the account's own."""
        declared, now_us = fields.all(), self.tenancy.now_us()
        theirs = {row.trait: row for row in stored_traits.of(self.tx, self.target.person.subject)}
        gone = traits.removed(self.tx, self.target.person, self.target.cipher)
        rows = []
        for row in stored_traits.of(self.tx, self.source.person.subject):
            trait = traits.unseal(self.source.cipher, row)
            field = declared.get(trait.field)
            if field is None:
                self.left_out["undeclared"] += 1
                continue
            over = field.keep_days is not None and trait.at_us < now_us - field.keep_days * DAY_US
            mask = self._trait_mask(shared, field, trait.at_us, row.purposes)
            name = traits.name_of(self.tenancy, self.target.person, trait.field)
            old = theirs.get(name)
            if not mask or over:
                self.left_out["expired" if over else _why(row.purposes)] += 1
            elif old is not None and traits.unseal(self.target.cipher, old).at_us >= trait.at_us:
                self.left_out["superseded"] += 1
            elif old is None and trait.at_us <= gone.get(trait.field, -1):
                self.left_out["removed"] += 1
            else:
                sealed = traits.seal(self.target.cipher, name, trait)
                rows.append(row._replace(trait=name, purposes=mask, body=sealed))
        stored_traits.replace(self.tx, self.target.person.subject, rows)
        return len(rows)

    def identities(self, account: str) -> int:
        """What found the session finds the account from now on."""
        mine = stored_identities.of(self.tx, self.source.person.subject)
        for row in mine:
            known = identities.unseal(self.source.cipher, row)._replace(subject=account)
            sealed = identities.seal(self.target.cipher, row.identity, known)
            stored_identities.give(
                self.tx, row._replace(subject=self.target.person.subject, body=sealed)
            )
        return len(mine)

    def _mask(self, shared: Shared, at_us: int, purposes: int) -> int:
        """The purposes that something of this time, kept for those given, is kept for after."""
        masks = self.tenancy.masks
        mask = sum(masks[name] for name, us in shared.since.items() if at_us >= us)
        if shared.erased_us < at_us < shared.past_until_us:
            mask |= shared.past_mask
        return purposes & mask

    def _trait_mask(self, shared: Shared, field: DataField, at_us: int, purposes: int) -> int:
        allowing = {
            name: us
            for name, us in shared.since.items()
            if may_see(field, self.source.decisions[name])
            and may_see(field, self.target.decisions[name])
        }
        meant = purposes & mask_of(self.tenancy, field)
        return self._mask(shared._replace(since=allowing, past_mask=0), at_us, meant)


def shared_by(tenancy: Tenancy, tx: Tx, source: Side, target: Side) -> Shared:
    """What both sides allow, after the session's refusals were recorded for the account."""
    now_us = tenancy.now_us()
    records = consents.of(tx, target.person.subject)
    erased_us = subjects.erased_before(tx, target.person.subject)
    since = {}
    for purpose, ours in source.decisions.items():
        theirs = tenancy.decide(purpose, records, at_us=now_us)
        if ours.allowed and theirs.allowed and target.decisions[purpose].allowed:
            oldest = (first_us(tenancy, one) for one in (ours, theirs))
            since[purpose] = max(*oldest, erased_us + 1)
    may = permission(tenancy, records, now_us)
    both = may.past_mask & permission(tenancy, source.records, now_us).past_mask
    return Shared(since, both, may.first_us, erased_us)


def _why(purposes: int) -> str:
    return "not_allowed_by_both" if purposes else "no_purpose"
