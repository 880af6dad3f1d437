"""What the shop itself wrote of its models: every row is sealed, and every fact signed, by its key.

Whoever can write to the database and has no keys can take a model away, and not change what it
says: a row that does not open is an error, and its model is not served.
"""

import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from knowingly.errors import SealError, StoreError
from knowingly.store.batches import BATCH, parts
from knowingly.store.models import ModelRow
from knowingly.vault.keyring import Keyring
from knowingly.vault.seal import place

_MODEL_FACTS = (
    *("algorithm", "kind", "forgets", "options", "arrays", "width", "in_service", "metrics"),
    "refit_by_us",
)
_TRAINING_FACTS = (
    *("created_us", "until_us", "oldest_day", "seed", "floor", "people", "ledger_size"),
    *("policy_digest", "item_rows", "events"),
)
_ROW_AND_EPOCH = struct.Struct(">qq")
_PARAMETERS, _COUNTS, _NO_EPOCH = "model_rows", "model_counts", 0


class Signed:
    """What the key of one training seals and signs."""

    def __init__(self, keyring: Keyring, training: int) -> None:
        self.training = training
        self._cipher = keyring.training_cipher(training)

    def parameters(
        self, algorithm: str, epoch: int, rows: Iterable[tuple[int, bytes]]
    ) -> Iterator[tuple[int, bytes]]:
        """A model's parameters by row, as they are stored in an epoch."""
        return self._sealed(_PARAMETERS, algorithm, epoch, rows)

    def open_parameters(
        self, algorithm: str, rows: Sequence[Sequence[Any]]
    ) -> list[tuple[int, bytes]]:
        """``(row, body)`` of stored ``(row, epoch, body)``.

        Raises:
            StoreError: The shop did not write one of them there.
        """
        return self._opened(_PARAMETERS, algorithm, rows)

    def counts(
        self, algorithm: str, rows: Iterable[tuple[int, bytes]]
    ) -> Iterator[tuple[int, bytes]]:
        """A model's counts by row, as they are stored."""
        return self._sealed(_COUNTS, algorithm, _NO_EPOCH, rows)

    def open_counts(self, algorithm: str, stored: Mapping[int, bytes]) -> dict[int, bytes]:
        """The counts of some rows.

        Raises:
            StoreError: The shop did not write one of them there.
        """
        rows = [(row, _NO_EPOCH, body) for row, body in stored.items()]
        return dict(self._opened(_COUNTS, algorithm, rows))

    def model(self, row: ModelRow) -> ModelRow:
        """What the registry knows of a model, signed."""
        return row._replace(
            tag=self._cipher.seal("models", _said(_MODEL_FACTS, row._asdict()), b"")
        )

    def check_model(self, row: ModelRow) -> None:
        """Refuse what somebody else wrote of a model.

        Raises:
            StoreError: The shop did not write it.
        """
        try:
            self._cipher.open("models", _said(_MODEL_FACTS, row._asdict()), row.tag)
        except SealError:
            raise _changed(f"what is known of the model {row.algorithm}") from None

    def training_tag(self, facts: Mapping[str, Any]) -> bytes:
        """The signature of what the registry knows of the training."""
        return self._cipher.seal("trainings", _said(_TRAINING_FACTS, facts), b"")

    def check_training(self, facts: Mapping[str, Any]) -> None:
        """Refuse what somebody else wrote of the training.

        Raises:
            StoreError: The shop did not write it.
        """
        try:
            self._cipher.open("trainings", _said(_TRAINING_FACTS, facts), facts["tag"])
        except SealError:
            raise _changed("what is known of the training") from None

    def _sealed(
        self, table: str, algorithm: str, epoch: int, rows: Iterable[tuple[int, bytes]]
    ) -> Iterator[tuple[int, bytes]]:
        name = place(algorithm.encode())
        for part in parts(rows, BATCH):
            places = [(name + _ROW_AND_EPOCH.pack(row, epoch), body) for row, body in part]
            sealed = self._cipher.seal_all(table, places)
            yield from zip((row for row, _ in part), sealed, strict=True)

    def _opened(
        self, table: str, algorithm: str, rows: Sequence[Sequence[Any]]
    ) -> list[tuple[int, bytes]]:
        name = place(algorithm.encode())
        places = [(name + _ROW_AND_EPOCH.pack(row, epoch), body) for row, epoch, body in rows]
        try:
            bodies = self._cipher.open_all(table, places)
        except SealError:
            raise _changed(f"row {self._first_bad(table, rows, places)} of {algorithm}") from None
        return [(row[0], body) for row, body in zip(rows, bodies, strict=True)]

    def _first_bad(
        self, table: str, rows: Sequence[Sequence[Any]], places: Sequence[tuple[bytes, bytes]]
    ) -> int:
        for row, (name, body) in zip(rows, places, strict=True):
            try:
                self._cipher.open(table, name, body)
            except SealError:
                return int(row[0])
        return -1


def _said(names: Iterable[str], facts: Mapping[str, Any]) -> bytes:
    return json.dumps([facts[name] for name in names], default=bytes.hex).encode()


def _changed(what: str) -> StoreError:
    return StoreError(f"{what} was changed outside knowingly: train again")
