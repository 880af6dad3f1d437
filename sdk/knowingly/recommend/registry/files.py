"""A model in files, to be kept or used elsewhere: arrays as safetensors, and JSON beside them.

The JSON says what the model is and which item each row is of, and binds the arrays by their
digest; the key that signs the shop's log signs it. What is read is read with bounds: a size, a
signature and a digest are asked before anything is parsed.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, JsonValue, ValidationError

from knowingly.errors import FileError, InputError
from knowingly.folders import write_private
from knowingly.ledger.signing import is_signed
from knowingly.recommend.interface.algorithms import Model
from knowingly.recommend.models.kinds import MODEL_KINDS

MAX_TENSORS_BYTES = 2**31
MAX_DOCUMENT_BYTES = 2**26
MAX_HEADER_BYTES = 2**16
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_SIGNED_AS = "model.saved"

Sign = Callable[[Mapping[str, object]], tuple[str, str]]
"""Gives the public key and the signature of a statement, base64."""


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A model out of files: ``items`` are the ids of its rows, ``card`` what its card said.

    Stability: stable.
    """

    model: Model
    items: tuple[str, ...]
    card: Mapping[str, Any]


class _Tensors(BaseModel, frozen=True, extra="forbid"):
    bytes: Annotated[int, Field(ge=0, le=MAX_TENSORS_BYTES)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Document(BaseModel, frozen=True, extra="forbid"):
    """What stands beside the arrays; it names no person."""

    format: Literal[1] = 1
    model: str
    kind: str
    items: tuple[str, ...]
    card: dict[str, JsonValue]
    tensors: _Tensors
    public_key: str = ""
    signature: str = ""

    @property
    def statement(self) -> dict[str, object]:
        """What is signed: the digest of all but the signature."""
        said = self.model_dump(mode="json", exclude={"public_key", "signature"})
        text = json.dumps(said, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()
        return {"act": _SIGNED_AS, "model": self.model, "sha256": digest}


def write(folder: Path, name: str, saved: SavedModel, sign: Sign) -> str:
    """Write ``NAME.safetensors`` and ``NAME.json``; the digest of the former, hex."""
    # Imported late: no page and no training needs it.
    from safetensors.numpy import save  # noqa: PLC0415

    arrays = saved.model.arrays()
    tensors = save({key: np.ascontiguousarray(array) for key, array in arrays.items()})
    document = _Document(
        model=name,
        kind=saved.model.kind,
        items=saved.items,
        card=dict(saved.card),
        tensors=_Tensors(bytes=len(tensors), sha256=hashlib.sha256(tensors).hexdigest()),
    )
    public_key, signature = sign(document.statement)
    signed = document.model_copy(update={"public_key": public_key, "signature": signature})
    write_private(folder / f"{name}.safetensors", tensors)
    write_private(folder / f"{name}.json", signed.model_dump_json(indent=2).encode() + b"\n")
    return document.tensors.sha256


def read(folder: Path, name: str, *, public_key: str) -> SavedModel:
    """The model of ``write``, if the owner of this public key (base64) signed it.

    Raises:
        FileError: A file is missing, too large, or not what was signed; or it holds no model.
        InputError: The name is no name of a model.
    """
    if not _NAME.match(name):
        raise InputError("name", "the name of a saved model, such as item_item")
    document = _document(folder / f"{name}.json")
    if document.model != name:
        raise FileError(f"{name}.json: it is of another model")
    if document.public_key != public_key or not is_signed(
        public_key, document.signature, document.statement
    ):
        raise FileError(f"{name}.json: it is not signed by the key of this shop")
    path = folder / f"{name}.safetensors"
    content = _content(path, document.tensors.bytes)
    if hashlib.sha256(content).hexdigest() != document.tensors.sha256:
        raise FileError(f"{path.name}: it is not the file that was signed")
    kind = MODEL_KINDS.get(document.kind)
    if kind is None:
        raise FileError(f"{name}.json: a model of an unknown kind")
    try:
        model = kind.from_arrays(_arrays(path, content))
    except ValueError as error:
        raise FileError(f"{path.name}: it holds no such model ({error})") from None
    if model.n_items != len(document.items):
        raise FileError(f"{name}.json: it names another number of items than the model has")
    return SavedModel(model, document.items, document.card)


def _document(path: Path) -> _Document:
    try:
        return _Document.model_validate_json(_content(path, MAX_DOCUMENT_BYTES))
    except ValidationError:
        raise FileError(f"{path.name}: it does not describe a saved model") from None


def _content(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise FileError(f"{path.name}: it cannot be read ({error.strerror})") from None
    if len(content) > most:
        raise FileError(f"{path.name}: it is larger than it may be")
    return content


def _arrays(path: Path, content: bytes) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError  # noqa: PLC0415 - see write
    from safetensors.numpy import load  # noqa: PLC0415 - see write

    header = int.from_bytes(content[:8], "little")
    if len(content) < 8 or header > min(MAX_HEADER_BYTES, len(content) - 8):
        raise FileError(f"{path.name}: its header is larger than it may be")
    try:
        found: dict[str, NDArray[Any]] = load(content)
    except (SafetensorError, KeyError, TypeError, ValueError):
        raise FileError(f"{path.name}: it is no safetensors file") from None
    return found
