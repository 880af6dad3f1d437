"""A stretch of the log in memory, searched as one text: most of it holds what few entries hold."""

from collections.abc import Sequence


class Block:
    """Entries one after the other, by the number of the first."""

    def __init__(self, first: int, leaves: Sequence[bytes]) -> None:
        self.first = first
        self.leaves = leaves
        self._text = b"\n".join(leaves)

    @property
    def end(self) -> int:
        """The number after the last."""
        return self.first + len(self.leaves)

    def holding(self, words: bytes) -> list[tuple[int, bytes]]:
        """The entries whose bytes hold these, with their numbers."""
        # One search through the whole text takes a fraction of one for each entry.
        if words not in self._text:
            return []
        return [one for one in enumerate(self.leaves, self.first) if words in one[1]]
