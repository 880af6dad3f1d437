"""One way to write an entry as bytes, so that its hash means one thing."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from knowingly.errors import InternalError

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)
_DECODER = json.JSONDecoder()
_PLAIN = frozenset({str, int, bool, type(None)})


def canonical(value: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys and no spaces, in ASCII; integers and strings only, never a float."""
    _refuse_floats((value,))
    return _ENCODER.encode(value).encode("ascii")


def parsed(leaf: bytes) -> dict[str, Any]:
    """What an entry's bytes say; ``json.loads`` would also look for encodings, and for spaces.

    Raises:
        ValueError: They are no JSON, or something stands around it.
    """
    text = leaf.decode()
    said, end = _DECODER.raw_decode(text)
    if end != len(text):
        raise ValueError
    return said  # type: ignore[no-any-return]


def _refuse_floats(parts: Iterable[object]) -> None:
    for part in parts:
        if type(part) in _PLAIN:
            continue
        if isinstance(part, float):
            raise InternalError("a ledger entry holds a float, which has no single spelling")
        if isinstance(part, Mapping):
            _refuse_floats(part.values())
        elif isinstance(part, list | tuple):
            _refuse_floats(part)
