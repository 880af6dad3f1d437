"""What a backup says of itself, in ``manifest.json`` beside its database."""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ValidationError

from knowingly.errors import DamagedBackupError
from knowingly.store.copying import Sums, TableSum

NAME = "manifest.json"
_MAX_BYTES = 16 * 2**20


class Log(BaseModel, frozen=True, extra="forbid"):
    """One tenant's log at the time of the backup."""

    tenant: str
    size: int
    root: str


class Table(BaseModel, frozen=True, extra="forbid"):
    """One table's number of rows, and the digest over all of them."""

    name: str
    rows: int
    digest: str


class Signature(BaseModel, frozen=True, extra="forbid"):
    """One tenant's signature over all of the manifest but the signatures."""

    tenant: str
    public_key: str
    signature: str


class Manifest(BaseModel, frozen=True, extra="forbid"):
    """What is in a backup; it names no person.

    ``sha256`` is that of the database file. ``logs`` is empty for a key store, which has none;
    ``signatures``, where the backup was made without the root key.
    """

    format: Literal[1] = 1
    store: Literal["data", "keys"]
    file: Literal["data.db", "keys.db"]
    shop: str
    schema_version: str
    created: AwareDatetime
    bytes: int
    sha256: str
    tables: tuple[Table, ...]
    logs: tuple[Log, ...]
    signatures: tuple[Signature, ...] = ()

    @property
    def sums(self) -> Sums:
        """The tables' sums by name."""
        return {table.name: TableSum(table.rows, table.digest) for table in self.tables}

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return sum(table.rows for table in self.tables)

    @property
    def statement(self) -> dict[str, Any]:
        """What is signed: everything but the signatures."""
        return self.model_dump(mode="json", exclude={"signatures"})

    def to_json(self) -> str:
        """The file's text: the manifest, and a digest over it."""
        content = self.model_dump(mode="json")
        return json.dumps({"manifest": content, "sha256": _digest(content)}, indent=2) + "\n"


def tables(sums: Sums) -> tuple[Table, ...]:
    """The sums as they stand in a manifest."""
    return tuple(Table(name=name, rows=one.rows, digest=one.digest) for name, one in sums.items())


def read(folder: Path) -> Manifest:
    """The manifest of a backup, as it was written.

    Raises:
        DamagedBackupError: There is none, or it is not what was written.
    """
    path = folder / NAME
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise DamagedBackupError(
            "is not there: this is no backup, or one that was interrupted", part=NAME
        ) from None
    try:
        document = json.loads(text)
        content, said = document["manifest"], document["sha256"]
        found = Manifest.model_validate_json(json.dumps(content)) if len(document) == 2 else None
    except (ValueError, TypeError, KeyError, ValidationError):
        found = None
    if found is None or len(text) > _MAX_BYTES or said != _digest(content):
        raise DamagedBackupError("was changed, or is of another release", part=NAME)
    return found


def as_text(moment: datetime) -> str:
    """A moment, to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _digest(content: object) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
