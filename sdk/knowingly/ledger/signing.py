"""Signatures of the tenant: Ed25519 over canonical bytes."""

import base64
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from knowingly.errors import InternalError
from knowingly.ledger.canonical import canonical

SIGNING_ROTATED = "signing.rotated"
"""The entry with which the key that signed so far names the one that follows it."""


def raw_public_key(seed: bytes) -> bytes:
    """The public key of a signing seed, 32 bytes."""
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def public_key(seed: bytes) -> str:
    """The public key of a signing seed, base64."""
    return base64.b64encode(raw_public_key(seed)).decode()


def sign(seed: bytes, statement: Mapping[str, Any]) -> str:
    """The signature of a statement, base64."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return base64.b64encode(key.sign(canonical(statement))).decode()


def is_signed(public: str, signature: str, statement: Mapping[str, Any]) -> bool:
    """Whether the statement was signed by the owner of this public key."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
        key.verify(base64.b64decode(signature, validate=True), canonical(statement))
    except (InvalidSignature, InternalError, TypeError, ValueError, RecursionError):
        return False
    return True
