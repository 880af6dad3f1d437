"""Decision tokens: what a page rested on, opaque to everyone but the tenant.

A token is small and sealed under the tenant's key. The page that carries it writes nothing.
"""

import base64
import binascii
import json
from dataclasses import dataclass

from knowingly.domain.consent import Decision
from knowingly.errors import InputError, SealError
from knowingly.tenancy import Tenancy

_TABLE = "decision"
A_PAGES_DECISION = "the decision token of a page of this shop"
_MAX_CHARS = 4_000
_MAX_SOURCES = 8
_MAX_SOURCE_CHARS = 20
"""Bounds of what a request's signals add to a token, so that it stays within ``_MAX_CHARS``."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a token tells: a page's decision, and the state it was made in."""

    decision: Decision
    log_size: int
    policy_digest: str
    training: int | None
    signals: tuple[str, ...]
    slot: str


def make_token(
    tenancy: Tenancy,
    decision: Decision,
    *,
    slot: str,
    log_size: int,
    training: int | None,
    key_id: bytes | None,
    signals: tuple[str, ...],
) -> str:
    """The token of one page."""
    plain = json.dumps(
        [
            decision.purpose,
            decision.allowed,
            decision.reason,
            decision.at_us,
            decision.since_us,
            decision.rests_on,
            log_size,
            tenancy.policy.digest[:16],
            training,
            key_id.hex() if key_id else None,
            [source[:_MAX_SOURCE_CHARS] for source in dict.fromkeys(signals)][:_MAX_SOURCES],
            slot,
        ],
        separators=(",", ":"),
    )
    sealed = tenancy.keyring.token.seal(_TABLE, b"", plain.encode())
    return base64.urlsafe_b64encode(sealed).decode()


def open_token(tenancy: Tenancy, token: str) -> Told:
    """What a token says.

    Raises:
        InputError: It is no token of this tenant.
    """
    if not isinstance(token, str):
        raise InputError("token", A_PAGES_DECISION)
    try:
        # One character too many is no longer base64, so a token over the bound cannot open.
        sealed = base64.b64decode(
            token[: _MAX_CHARS + 1].encode("ascii"), altchars=b"-_", validate=True
        )
        plain = json.loads(tenancy.keyring.token.open(_TABLE, b"", sealed))
    except (SealError, binascii.Error, UnicodeEncodeError, ValueError):
        raise InputError("token", A_PAGES_DECISION) from None
    purpose, allowed, reason, at_us, since_us, rests_on, *plain = plain
    # Tokens of earlier releases name no slot.
    log_size, digest, training, _, signals, slot = (*plain, "")[:6]
    return Told(
        Decision(purpose, allowed, reason, at_us, since_us, tuple(rests_on)),
        log_size,
        digest,
        training,
        tuple(signals),
        slot,
    )
