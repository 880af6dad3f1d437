"""Choices, signals and decisions."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol, get_args

from knowingly.errors import LedgerError

ACCOUNT = "account"
"""The scope of a choice made by a person who is signed in."""

DEVICE = "device:"
"""Begins the scope of a choice that is one device's own."""

MERGED = f"{ACCOUNT}:merged:"
"""Begins the scope of a session's choices that an account keeps: history that decides nothing."""


Quality = Literal["documented", "partial", "asserted"]
"""How good the evidence of an imported choice is: the notice, its time and the way it was made are
there (``documented``), its time and one of the others (``partial``), or less (``asserted``)."""

QUALITIES: tuple[Quality, ...] = get_args(Quality)
"""From the best to the weakest."""


class Action(StrEnum):
    """What a person chose, or what holds for them.

    ``revoke`` ends an agreement on another's word (a guardian's), ``invalidate`` because it was
    found void. ``request`` and ``defer`` say that the person was asked, and has not answered: they
    decide nothing. ``signal_allow`` and ``signal_refuse`` are what a recorded signal said, and
    ``signal_silent`` that it no longer says either.

    Stability: stable.
    """

    GRANT = "grant"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    OBJECT = "object"
    RESTRICT = "restrict"
    UNRESTRICT = "unrestrict"
    REVOKE = "revoke"
    INVALIDATE = "invalidate"
    REQUEST = "request"
    DEFER = "defer"
    SIGNAL_ALLOW = "signal_allow"
    SIGNAL_REFUSE = "signal_refuse"
    SIGNAL_SILENT = "signal_silent"


class ConsentStatus(StrEnum):
    """The ten states of a consent, by their names in the Data Privacy Vocabulary.

    Only ``CONSENT_GIVEN`` and ``RENEWED_CONSENT_GIVEN`` are valid for processing.

    Stability: stable.
    Source: W3C DPV 2.3, consent status.
    """

    CONSENT_UNKNOWN = "ConsentUnknown"
    CONSENT_REQUESTED = "ConsentRequested"
    CONSENT_REQUEST_DEFERRED = "ConsentRequestDeferred"
    CONSENT_REFUSED = "ConsentRefused"
    CONSENT_GIVEN = "ConsentGiven"
    RENEWED_CONSENT_GIVEN = "RenewedConsentGiven"
    CONSENT_EXPIRED = "ConsentExpired"
    CONSENT_WITHDRAWN = "ConsentWithdrawn"
    CONSENT_REVOKED = "ConsentRevoked"
    CONSENT_INVALIDATED = "ConsentInvalidated"


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One choice about one purpose, as it stands in the log.

    ``at_us`` is when the person chose, ``received_us`` when the shop recorded it (both microseconds
    since 1970, UTC); ``index`` is the ledger entry. ``scope`` is ``"account"`` or ``"device:…"``.
    ``source`` names the signal it came from; None is the person's own explicit choice. ``flaw`` is
    why a grant cannot count (a reason code, such as ``under_age``). A ``confirmed`` grant was given
    against an opt-out signal that was known at the time.
    """

    purpose: str
    action: Action
    at_us: int
    received_us: int
    index: int
    notice: str | None = None
    scope: str = ACCOUNT
    source: str | None = None
    flaw: str | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Allow or deny for one person, purpose and time, with the reason and what it rests on.

    ``since_us`` is the moment from which the permission has held without a break (0 where it does
    not rest on a choice): an event older than that may not be used under it. ``rests_on`` are
    ledger indices.

    Stability: stable.
    """

    purpose: str
    allowed: bool
    reason: str
    at_us: int
    since_us: int = 0
    rests_on: tuple[int, ...] = ()


class Issues(Protocol):
    """Whoever can write a receipt in full: the shop that recorded the choice."""

    def document(self, receipt: "Receipt", subject: str | None) -> dict[str, Any]:
        """The receipt in full."""
        ...  # pragma: no cover - a shape

    def proof(self, receipt: "Receipt") -> str:
        """The proof alone."""
        ...  # pragma: no cover - a shape


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a person can be handed after a choice: it names the ledger entry, and no person.

    ``leaf_hash`` is the RFC 6962 leaf hash of the entry, hex; ``handle`` the entry's random name.
    ``document`` and ``proof`` are written when they are asked for.

    Stability: stable.
    """

    index: int
    handle: str
    leaf_hash: str
    action: Action
    purposes: tuple[str, ...]
    at: datetime
    notice: str | None = None
    effects: dict[str, int] = field(default_factory=dict)
    issuer: Issues | None = field(default=None, repr=False, compare=False)

    def document(self, *, subject: str | None = None) -> dict[str, Any]:
        """The receipt in full: ISO/IEC TS 27560 in DPV, as JSON-LD, with its proof.

        ``knowingly.receipt_schema()`` is its JSON Schema.

        Args:
            subject: A name for the person to print on it; the entry's random handle alone when
                left out.

        Raises:
            LedgerError: The receipt was stored away from its shop, or the log cannot prove it.
            UnknownSubjectError: The person was erased meanwhile.
        """
        return self._issuer().document(self, subject)

    def proof(self) -> str:
        """That the entry is in the log: entry, inclusion proof and checkpoint (C2SP tlog-proof).

        ``knowingly-verify`` checks it, and so does any verifier of that format.

        Raises:
            LedgerError: The receipt was stored away from its shop, or the log cannot prove it.
        """
        return self._issuer().proof(self)

    def _issuer(self) -> Issues:
        if self.issuer is None:
            raise LedgerError(
                "this receipt came without its shop: ask shop.consent.receipt for it again"
            )
        return self.issuer
