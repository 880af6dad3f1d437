"""Bits written six to a character, as consent strings are."""

from knowingly.errors import SignalError

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_SIX = {ord(character): f"{value:06b}" for value, character in enumerate(_ALPHABET)}
_CHARACTERS = frozenset(_ALPHABET)
MAX_PADDING_BITS = 23
"""Encoders fill up to whole characters, whole bytes, or three bytes at once."""
MAX_FIBONACCI_BITS = 20


class Bits:
    """Reads a base64url text from the left, and never past its end.

    Raises:
        SignalError: On any reading: the text has other characters, or ends too early.

    Stability: plugin.
    """

    def __init__(self, text: str) -> None:
        if not text or not _CHARACTERS.issuperset(text):
            raise SignalError("has characters that are not base64url, or none at all")
        self._bits = text.translate(_SIX)
        self._place = 0

    @property
    def left(self) -> int:
        """How many bits have not been read."""
        return len(self._bits) - self._place

    def take(self, count: int) -> str:
        """The next bits, as a text of ``0`` and ``1``."""
        start, end = self._place, self._place + count
        if end > len(self._bits):
            raise SignalError("ends too early")
        self._place = end
        return self._bits[start:end]

    def number(self, count: int) -> int:
        """The next bits as a number, the first one the highest."""
        return int(self.take(count), 2)

    def flag(self) -> bool:
        """The next bit."""
        return self.take(1) == "1"

    def fibonacci(self) -> int:
        """The next number in Fibonacci coding: 1 or more, ended by two ones."""
        total, before, weight, last = 0, 1, 1, False
        for _ in range(MAX_FIBONACCI_BITS):
            one = self.flag()
            if one and last:
                return total
            total += weight if one else 0
            before, weight, last = weight, before + weight, one
        raise SignalError("has a number that is too large")

    def end(self) -> None:
        """Check that nothing but padding is left."""
        if self.left > MAX_PADDING_BITS or "1" in self._bits[self._place :]:
            raise SignalError("goes on after its end")
