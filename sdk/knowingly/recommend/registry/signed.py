"""What the shop itself wrote of its models: every stored row and fact has a tag under its key.

Whoever can write to the database and has no keys can take a model away, and not change what it
says: a row that does not fit is an error, and its model is not served.
"""

import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from knowingly.errors import SealError, StoreError
from knowingly.store.models import ModelRow
from knowingly.vault.keyring import Keyring
from knowingly.vault.tags import Tagger

_MODEL_FACTS = (
    *("algorithm", "kind", "forgets", "options", "arrays", "width", "in_service", "metrics"),
    "refit_by_us",
)
_TRAINING_FACTS = (
    *("created_us", "until_us", "oldest_day", "seed", "floor", "people", "ledger_size"),
    *("policy_digest", "item_rows", "events"),
)
_ONE = 0
"""The row and the epoch of what there is one of."""


@dataclass(frozen=True, slots=True)
class Signed:
    """The tags of one training."""

    keyring: Keyring
    training: int

    def parameters(
        self, algorithm: str, epoch: int, rows: Iterable[tuple[int, bytes]]
    ) -> Iterator[tuple[int, bytes]]:
        """A model's parameters by row, as they are stored in an epoch."""
        tagger = self._tagger(b"model_rows", algorithm)
        for row, body in rows:
            yield row, tagger.tagged(row, epoch, body)

    def open_parameters(
        self, algorithm: str, rows: Iterable[Sequence[Any]]
    ) -> list[tuple[int, bytes]]:
        """``(row, body)`` of stored ``(row, epoch, body)``.

        Raises:
            StoreError: The shop did not write one of them there.
        """
        opened = self._tagger(b"model_rows", algorithm).opened
        found = []
        for row, epoch, stored in rows:
            try:
                found.append((row, opened(row, epoch, stored)))
            except SealError:
                raise _changed(f"row {row} of the model {algorithm}") from None
        return found

    def counts(
        self, algorithm: str, rows: Iterable[tuple[int, bytes]]
    ) -> Iterator[tuple[int, bytes]]:
        """A model's counts by row, as they are stored."""
        tagger = self._tagger(b"model_counts", algorithm)
        for row, body in rows:
            yield row, tagger.tagged(row, _ONE, body)

    def open_counts(self, algorithm: str, stored: Mapping[int, bytes]) -> dict[int, bytes]:
        """The counts of some rows.

        Raises:
            StoreError: The shop did not write one of them there.
        """
        opened = self._tagger(b"model_counts", algorithm).opened
        found = {}
        for row, body in stored.items():
            try:
                found[row] = opened(row, _ONE, body)
            except SealError:
                raise _changed(f"row {row} of the counts of {algorithm}") from None
        return found

    def model(self, row: ModelRow) -> ModelRow:
        """What the registry knows of a model, with its tag."""
        said = _said(_MODEL_FACTS, row._asdict())
        return row._replace(tag=self._tagger(b"models", row.algorithm).tag(_ONE, _ONE, said))

    def check_model(self, row: ModelRow) -> None:
        """Refuse what somebody else wrote of a model.

        Raises:
            StoreError: The shop did not write it.
        """
        self._check(row.tag, self.model(row).tag, f"what is known of the model {row.algorithm}")

    def training_tag(self, facts: Mapping[str, Any]) -> bytes:
        """The tag of what the registry knows of the training."""
        said = _said(_TRAINING_FACTS, facts)
        return self._tagger(b"trainings", "").tag(_ONE, _ONE, said)

    def check_training(self, facts: Mapping[str, Any]) -> None:
        """Refuse what somebody else wrote of the training.

        Raises:
            StoreError: The shop did not write it.
        """
        self._check(facts["tag"], self.training_tag(facts), "what is known of the training")

    def _check(self, stored: bytes, expected: bytes, what: str) -> None:
        if not hmac.compare_digest(stored, expected):
            raise _changed(what)

    def _tagger(self, table: bytes, algorithm: str) -> Tagger:
        return self.keyring.tagger(table, str(self.training).encode(), algorithm.encode())


def _said(names: Iterable[str], facts: Mapping[str, Any]) -> bytes:
    return json.dumps([facts[name] for name in names], default=bytes.hex).encode()


def _changed(what: str) -> StoreError:
    return StoreError(f"{what} was changed outside knowingly: train again")
