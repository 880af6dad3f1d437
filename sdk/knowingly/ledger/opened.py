"""Entries with their details opened: what the leaf says for ever, and what can be erased."""

import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from knowingly.domain.actor import ACTOR
from knowingly.errors import SealError, TamperedError
from knowingly.ledger.log import DETAILS, SECRET_BYTES, Entry, as_entry, commitment, row_name

Open = Callable[[str, bytes, bytes], bytes]
"""Opens ``(table, row, sealed)``: a person's cipher, or the tenant's own."""


@dataclass(frozen=True, slots=True)
class OpenedEntry(Entry):
    """One entry of the log with its details.

    ``details`` say how it came about: ``by`` (what kind of actor), ``actor`` (who, where one was
    named), and of a choice ``surface``, ``method``, ``jurisdiction`` and the like. None where they
    were erased, or where the key that opens them is lost.

    Privacy: ``details`` may name an employee, and are shown by no ``repr``.
    Stability: stable.
    """

    details: Mapping[str, Any] | None = field(default=None, repr=False)

    def detail(self, name: str) -> Any:  # noqa: ANN401 - what the details hold, as JSON has it
        """One of the details; None where it is not there."""
        return None if self.details is None else self.details.get(name)

    @property
    def who(self) -> str | None:
        """The app's id of who acted, where one was named."""
        actor = self.detail(ACTOR)
        return None if actor is None else actor["id"]

    def closed(self) -> Entry:
        """The entry as its leaf tells it, without the details."""
        return Entry(self.index, self.kind, self.at, self.handle, self.leaf_hash, self.facts)


def open_entry(
    index: int, leaf: bytes, sealed: bytes | None, openers: Sequence[Open]
) -> OpenedEntry:
    """An entry with its details, by whichever of the openers opens them.

    Raises:
        TamperedError: The details are not those that the leaf commits to.
    """
    entry = as_entry(index, leaf)
    plain = None if sealed is None else _opened(index, sealed, openers)
    details = None
    if plain is not None:
        secret, private = plain[:SECRET_BYTES], plain[SECRET_BYTES:]
        if not hmac.compare_digest(commitment(secret, private), json.loads(leaf)["commit"]):
            raise TamperedError("its details are not those it commits to", index=index)
        details = json.loads(private)
    return OpenedEntry(
        entry.index, entry.kind, entry.at, entry.handle, entry.leaf_hash, entry.facts, details
    )


def _opened(index: int, sealed: bytes, openers: Sequence[Open]) -> bytes | None:
    for opener in openers:
        try:
            return opener(DETAILS, row_name(index), sealed)
        except SealError:
            continue
    return None
