"""Keyed hashes: under what a person, an event or an identity is found without being named.

All are of one secret of the tenant, which a rotation of its keys keeps. What kind of thing is
named is in the hash, so that no two kinds ever have the same.
"""

import hashlib

from knowingly.vault.seal import place


class Names:
    """What one secret calls things. It is made once and kept."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def lookup(self, app_id: str) -> bytes:
        """The keyed hash, 32 bytes, under which a person's row is found."""
        return self._hash(b"subject", app_id.encode())

    def claim(self, lookup: bytes) -> bytes:
        """The keyed hash, 32 bytes, under which evidence of somebody erased is found.

        Another one than ``lookup`` itself, so that no row of it matches the tombstone's.
        """
        return self._hash(b"claim", lookup)

    def event_name(self, salt: bytes, event_id: str) -> bytes:
        """The keyed hash, 16 bytes, that makes an event of one person unique."""
        return self._hash(b"event", salt + event_id.encode(), size=16)

    def trait_name(self, name_salt: bytes, field: str) -> bytes:
        """The keyed hash, 16 bytes, of a field's name for one person."""
        return self._hash(b"trait", name_salt + field.encode(), size=16)

    def identity(self, kind: str, value: str) -> bytes:
        """The keyed hash, 32 bytes, that leads from an identity to the person it is of."""
        return self._hash(b"identity", place(kind.encode(), value.encode()))

    def import_name(self, *parts: str) -> bytes:
        """The keyed hash, 32 bytes, of what tells one import of a file from any other."""
        said = (part.encode("utf-8", "surrogateescape") for part in parts)
        return self._hash(b"import", place(*said))

    def _hash(self, what: bytes, said: bytes, *, size: int = 32) -> bytes:
        return hashlib.blake2b(said, digest_size=size, key=self._secret, person=what).digest()
