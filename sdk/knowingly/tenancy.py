"""One tenant's parts, wired once and handed to every room."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TypeVar

from knowingly.domain.actor import Actor
from knowingly.domain.consent import DEVICE, ConsentRecord, Decision
from knowingly.domain.moments import Clock, to_us
from knowingly.domain.signal import Signal
from knowingly.items.catalogue import Catalogue
from knowingly.items.table import Tables
from knowingly.ledger import checkpoints
from knowingly.ledger.notes import NoteKey
from knowingly.ledger.signing import SIGNING_ROTATED, public_key, sign
from knowingly.policy import Policy, decide
from knowingly.store import key_acts
from knowingly.store.doors import Snapshot, Store, Tx
from knowingly.vault.keyring import Keyring

T = TypeVar("T")


def past_name(purpose: str) -> str:
    """What the bit of a purpose's past orders is called; no purpose has a colon in its name."""
    return f"past:{purpose}"


@dataclass(frozen=True, repr=False)
class Tenancy:
    """One merchant: its data, keys, policy and clock.

    An event kept for a purpose has the bit of ``masks``; a past order kept for it on another basis
    has that of ``past_masks`` instead. ``actor`` is who acts through these parts, if it is said.
    """

    name: str
    number: int
    store: Store
    keyring: Keyring
    policy: Policy
    clock: Clock
    masks: Mapping[str, int]
    past_masks: Mapping[str, int] = field(default_factory=dict)
    catalogue: Catalogue = field(default_factory=Catalogue)
    tables: Tables = field(default_factory=Tables)
    actor: Actor | None = None

    def __repr__(self) -> str:
        return f"Tenancy({self.name!r})"

    def past_mask(self, purpose: str) -> int:
        """The bit of past orders that the policy lets this purpose use; 0 for none."""
        named = purpose in self.policy.intake.past_orders.purposes
        return self.past_masks.get(purpose, 0) if named else 0

    def every_mask(self, purpose: str) -> int:
        """All bits of a purpose: what goes when it may not use anything any more."""
        return self.masks.get(purpose, 0) | self.past_masks.get(purpose, 0)

    def read(self) -> AbstractContextManager[Snapshot]:
        """One snapshot of this tenant."""
        return self.store.read(self.number)

    def ask(self, question: Callable[[Snapshot], T]) -> T:
        """What a question that writes nothing finds; asked again where a connection was lost."""
        return self.store.ask(self.number, question)

    def write(self) -> AbstractContextManager[Tx]:
        """One transaction of this tenant."""
        return self.store.write(self.number, self.actor)

    def device_scope(self, device: str) -> str:
        """The scope of choices made on a device, by the app's id of it: a keyed hash."""
        return f"{DEVICE}{self.keyring.identity('device', device)[:16].hex()}"

    def now_us(self) -> int:
        """The shop's clock, microseconds since 1970."""
        return to_us(self.clock(), "clock")

    @property
    def skew_us(self) -> int:
        """How far ahead of the shop's clock an app's clock may be."""
        return self.policy.intake.clock_skew_seconds * 1_000_000

    def decide(
        self,
        purpose: str,
        records: Sequence[ConsentRecord],
        *,
        at_us: int,
        signals: Sequence[Signal] = (),
        scope: str | None = None,
    ) -> Decision:
        """What this tenant's policy says of one purpose, now that these choices are known.

        ``scope`` is that of the device asking, if there is one.

        ``at_us`` may have been read before the transaction, or by a server whose clock is behind
        the one that recorded a choice: a choice in hand counts all the same.
        """
        for record in records:
            at_us = max(at_us, record.received_us)
        return decide(
            purpose, records, policy=self.policy, at_us=at_us, signals=signals, scope=scope
        )

    def decide_anywhere(
        self, purpose: str, records: Sequence[ConsentRecord], *, at_us: int
    ) -> Decision:
        """What holds without a device; where that is a no, on the device that allowed it first.

        This settles what may stay: an event is not told apart by the device it came from.
        """
        decision = self.decide(purpose, records, at_us=at_us)
        if decision.allowed:
            return decision
        devices = {one.scope for one in records if one.scope.startswith(DEVICE)}
        there = [self.decide(purpose, records, at_us=at_us, scope=scope) for scope in devices]
        allowed = [one for one in there if one.allowed]
        return min(allowed, key=lambda one: one.since_us, default=decision)

    def signing_seed(self, snapshot: Snapshot) -> bytes:
        """What signs as this snapshot or transaction sees it: the newest key that the log names."""
        return self.keyring.secrets.signing_seed(key_acts.latest(snapshot, SIGNING_ROTATED) or 1)

    def note_key(self, snapshot: Snapshot) -> NoteKey:
        """What signs checkpoints."""
        return NoteKey(checkpoints.origin(snapshot), self.signing_seed(snapshot))

    def sign(self, snapshot: Snapshot, statement: Mapping[str, object]) -> tuple[str, str]:
        """``(public key, signature)`` of a statement, base64."""
        seed = self.signing_seed(snapshot)
        return public_key(seed), sign(seed, statement)
