"""Signed notes: a few lines of text, and under them who signed.

Source: https://c2sp.org/signed-note, Ed25519.
"""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from knowingly.ledger.signing import raw_public_key

_ED25519 = b"\x01"


@dataclass(frozen=True, repr=False)
class NoteKey:
    """What a tenant signs notes with: the key's public name, and the seed it is made of."""

    name: str
    seed: bytes

    def __repr__(self) -> str:
        return f"NoteKey({self.name!r})"

    @property
    def verifier_key(self) -> str:
        """What a verifier is given: the name, the key's id, and the public key."""
        public = raw_public_key(self.seed)
        spelled = base64.b64encode(_ED25519 + public).decode()
        return f"{self.name}+{self._id(public).hex()}+{spelled}"

    def signed(self, text: str) -> str:
        """The note: the text, which ends in a newline, an empty line, and the signature."""
        return f"{text}\n{self._signature(text)}"

    def cosigned(self, note: str) -> str:
        """A note that somebody signed, signed by this key as well."""
        text, _, _ = note.rpartition("\n\n")
        return note + self._signature(text + "\n")

    def _signature(self, text: str) -> str:
        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        by = self._id(key.public_key().public_bytes_raw())
        signature = base64.b64encode(by + key.sign(text.encode())).decode()
        return f"— {self.name} {signature}\n"

    def _id(self, public: bytes) -> bytes:
        named = self.name.encode() + b"\n" + _ED25519 + public
        return hashlib.sha256(named).digest()[:4]
