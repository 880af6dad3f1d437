"""What undoes something that a person did, and who has to hear of it."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from knowingly.domain.event import EventKind
from knowingly.store.doors import Tx

UNDOING = frozenset({EventKind.RETURN, EventKind.HIDE, EventKind.CANCEL})


class Undone(Protocol):
    """Makes models forget what people undo; it reaches into models, so it comes from above."""

    def prepare(self, lookups: Sequence[bytes]) -> None:
        """Get ready for people by their keyed hashes, before the transaction."""

    def __call__(self, tx: Tx, people: Iterable[int]) -> None:
        """Forget what is not there any more of these people, in the caller's transaction."""
