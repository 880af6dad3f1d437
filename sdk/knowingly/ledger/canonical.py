"""One way to write an entry as bytes, so that its hash means one thing."""

import json
from collections.abc import Mapping
from typing import Any

from knowingly.errors import InternalError

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def canonical(value: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys and no spaces, in ASCII; integers and strings only, never a float."""
    _refuse_floats(value)
    return _ENCODER.encode(value).encode("ascii")


def _refuse_floats(value: object) -> None:
    if isinstance(value, str | int):
        return
    if isinstance(value, float):
        raise InternalError("a ledger entry holds a float, which has no single spelling")
    if isinstance(value, Mapping):
        for part in value.values():
            _refuse_floats(part)
    elif isinstance(value, list | tuple):
        for part in value:
            _refuse_floats(part)
