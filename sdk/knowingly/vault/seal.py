"""Sealing: AES-256-GCM with the place of the value as associated data.

A sealed value opens only where it was sealed: the associated data names the tenant, the key, the
table and the row, each with its length in front, so that no value can be moved or passed off as
another. The first bytes say which format and key version it is; nothing is ever tried twice.
"""

import os
import struct
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from knowingly.errors import SealError

FORMAT = 1
NONCE_BYTES = 12
_HEADER = struct.Struct(">BH")
OVERHEAD = _HEADER.size + NONCE_BYTES + 16
"""Bytes that a sealed value has more than what is sealed."""


def place(*parts: bytes) -> bytes:
    """Parts joined so that no two different lists give the same bytes."""
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


@cache
def _table(table: str, header: bytes) -> bytes:
    return place(table.encode(), header)


def version_of(sealed: bytes) -> int:
    """The version of the key that a sealed value names.

    Raises:
        SealError: It is no sealed value.
    """
    if len(sealed) < OVERHEAD:
        raise SealError("a sealed value does not open")
    return int(_HEADER.unpack_from(sealed)[1])


class Cipher:
    """Seals and opens the values of one key."""

    __slots__ = ("_header", "_key", "_whose", "key_id", "version")

    def __init__(self, key: bytes, *, tenant: str, key_id: bytes, version: int = 1) -> None:
        # The key, not a prepared AESGCM: that takes 3 KB to keep and 3 microseconds to make.
        self._key = key
        self._header = _HEADER.pack(FORMAT, version)
        self._whose = place(tenant.encode(), key_id)
        self.key_id = key_id
        self.version = version

    def __repr__(self) -> str:
        return "Cipher()"

    def _prefix(self, table: str) -> bytes:
        return self._whose + _table(table, self._header)

    def sealer(self, table: str) -> tuple[bytes, bytes, Callable[[bytes, bytes, bytes], bytes]]:
        """What many values of one table need once: header, associated data, and the sealing."""
        return self._header, self._prefix(table), AESGCM(self._key).encrypt

    def seal(self, table: str, row: bytes, plain: bytes) -> bytes:
        """Seal ``plain`` for one row of one table."""
        nonce = os.urandom(NONCE_BYTES)
        return (
            self._header
            + nonce
            + AESGCM(self._key).encrypt(nonce, plain, self._prefix(table) + row)
        )

    def seal_all(self, table: str, rows: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Seal many ``(row, plain)`` of one table."""
        names, plain = [row for row, _ in rows], [value for _, value in rows]
        return seal_each(table, [self] * len(rows), names, plain)

    def open(self, table: str, row: bytes, sealed: bytes) -> bytes:
        """Open what was sealed for this row of this table.

        Raises:
            SealError: Wrong key, or changed or moved bytes.
        """
        if len(sealed) < OVERHEAD or sealed[:3] != self._header:
            raise SealError("a sealed value does not open")
        try:
            return AESGCM(self._key).decrypt(sealed[3:15], sealed[15:], self._prefix(table) + row)
        except InvalidTag:
            raise SealError("a sealed value does not open") from None

    def open_all(self, table: str, rows: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
        """Open many ``(row, sealed)`` of one table: a person's history in one loop."""
        prefix = self._prefix(table)
        decrypt = AESGCM(self._key).decrypt
        header = self._header
        opened = []
        try:
            for row, sealed in rows:
                if sealed[:3] != header:
                    raise SealError("a sealed value does not open")
                opened.append(decrypt(sealed[3:15], sealed[15:], prefix + row))
        except (InvalidTag, ValueError):
            raise SealError("a sealed value does not open") from None
        return opened


def seal_each(
    table: str, ciphers: Sequence[Cipher], rows: Sequence[bytes], plain: Sequence[bytes]
) -> list[bytes]:
    """Seal ``plain[i]`` for ``rows[i]`` under ``ciphers[i]``; those of one key next to each other.

    Parallel lists, and what a key needs is made once: an import seals tens of thousands at a time.
    """
    nonces = os.urandom(NONCE_BYTES * len(rows))
    sealed = []
    last = None
    start = 0
    for cipher, row, value in zip(ciphers, rows, plain, strict=True):
        if cipher is not last:
            last = cipher
            header, prefix, encrypt = cipher.sealer(table)
        nonce = nonces[start : start + NONCE_BYTES]
        start += NONCE_BYTES
        sealed.append(header + nonce + encrypt(nonce, value, prefix + row))
    return sealed
