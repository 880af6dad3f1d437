"""Manifests: exactly what a training learned from one person, sealed under their key."""

import numpy as np
from numpy.typing import NDArray

from knowingly.errors import SealError
from knowingly.profiles import body
from knowingly.vault.seal import OVERHEAD, Cipher

TABLE = "manifests"


def seal(cipher: Cipher, subject: int, training: int, records: NDArray[np.void]) -> bytes:
    """Learned records (items as model rows), sealed for one training."""
    return cipher.seal(TABLE, row_name(subject, training), records.tobytes())


def unseal(cipher: Cipher, subject: int, training: int, sealed: bytes) -> NDArray[np.void]:
    """The learned records of a manifest.

    Raises:
        SealError: It does not open, or has an unknown form.
    """
    plain = cipher.open(TABLE, row_name(subject, training), sealed)
    if len(plain) % body.RECORD.itemsize:
        raise SealError("a sealed manifest has an unknown form")
    return np.frombuffer(plain, body.RECORD)


def events_in(manifests: int, size: int) -> int:
    """How many events some manifests say, by their sealed bytes in all; none has to be opened."""
    return (size - manifests * OVERHEAD) // body.RECORD.itemsize


def row_name(subject: int, training: int) -> bytes:
    """The place of a person's manifest, for sealing."""
    return training.to_bytes(8, "big") + subject.to_bytes(8, "big")
