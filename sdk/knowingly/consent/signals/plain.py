"""Bounded JSON: what a banner or a browser sends as an object, copied into plain values."""

import json
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import NoReturn, TypeAlias

from knowingly.domain.signal import MAX_RAW_CHARS
from knowingly.errors import SignalError

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"
MAX_NODES = 2_000
MAX_DEPTH = 6


def plain(raw: object) -> Json:
    """A copy of ``raw``, or of the JSON it is, made of dicts, lists, text, numbers and None.

    Raises:
        SignalError: It is too large, is no JSON, says a key twice, or holds anything else.
    """
    return parse(raw) if isinstance(raw, str) else _Copy().of(raw, 0)


def parse(text: str) -> Json:
    """The value of a JSON text; one that says a key twice contradicts itself.

    Raises:
        SignalError: It is too long, or no such text.
    """
    if len(text) > MAX_RAW_CHARS:
        raise SignalError("is too long")
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise SignalError("is not JSON, or says a key twice") from None
    return _Copy().of(found, 0)


def spelled(value: object) -> str:
    """One text for a plain value, to be kept as evidence."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _no_number(_: str) -> NoReturn:
    raise ValueError


class _Copy:
    """Copies a value, and gives up before it is too large."""

    def __init__(self) -> None:
        self._nodes = self._chars = 0

    def of(self, value: object, depth: int) -> Json:
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            raise SignalError("is too large")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return self._number(value)
        if isinstance(value, str):
            self._chars += len(value)
            if self._chars > MAX_RAW_CHARS:
                raise SignalError("is too long")
            return str(value)
        if isinstance(value, datetime):
            return value.isoformat()
        if isinstance(value, Mapping):
            pairs = islice(value.items(), MAX_NODES + 1)
            return {self._key(key, depth): self.of(part, depth + 1) for key, part in pairs}
        if isinstance(value, list | tuple):
            return [self.of(part, depth + 1) for part in islice(value, MAX_NODES + 1)]
        raise SignalError("holds a value that no JSON has")

    def _key(self, key: object, depth: int) -> str:
        if not isinstance(key, str):
            raise SignalError("has a key that is no text")
        return str(self.of(key, depth))

    def _number(self, value: float) -> float:
        if abs(value) < 2**63:
            return value
        raise SignalError("holds a number that is too large")
