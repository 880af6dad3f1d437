"""Tags: a keyed hash in front of a stored value, which says that the shop itself wrote it there.

For values that are no secret and many, such as a model's rows: whoever can write to the database
and has none of the keys can delete one, and neither change it nor put it in another place.
"""

import hashlib
import hmac
import struct

from knowingly.errors import SealError
from knowingly.vault.seal import place

TAG_BYTES = 16
_WHERE = struct.Struct(">qq")


class Tagger:
    """Tags the values of one place; each has a row there, and the epoch it was written in."""

    __slots__ = ("_start",)

    def __init__(self, key: bytes, *parts: bytes) -> None:
        # Keyed once and copied for each row: that is half the time of a short one.
        self._start = hashlib.blake2b(
            place(*parts), digest_size=TAG_BYTES, key=key, person=b"model"
        )

    def __repr__(self) -> str:
        return "Tagger()"

    def tag(self, row: int, epoch: int, value: bytes) -> bytes:
        """The tag, 16 bytes, of a value in a row."""
        tagging = self._start.copy()
        tagging.update(_WHERE.pack(row, epoch))
        tagging.update(value)
        return tagging.digest()

    def tagged(self, row: int, epoch: int, value: bytes) -> bytes:
        """A value with its tag in front, as it is stored."""
        return self.tag(row, epoch, value) + value

    def opened(self, row: int, epoch: int, stored: bytes) -> bytes:
        """The value of ``tagged``.

        Raises:
            SealError: It was changed, or tagged for another row, epoch, place or shop.
        """
        value = stored[TAG_BYTES:]
        if not hmac.compare_digest(stored[:TAG_BYTES], self.tag(row, epoch, value)):
            raise SealError("a stored value was not written there by this shop")
        return value
