"""What differs between two policies, line by line, in plain words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from knowingly.policy.model import Policy

_TEXTS = frozenset({"text", "description"})


@dataclass(frozen=True, slots=True)
class Change:
    """One place of the policy file that says something else now."""

    key: str
    words: str


def changes(old: Policy, new: Policy) -> tuple[Change, ...]:
    """Every difference, in the order of the file; none between a policy and itself."""
    return tuple(_between("", _plain(old), _plain(new)))


def _plain(policy: Policy) -> dict[str, Any]:
    said = policy.model_dump(mode="json")
    # By id: where a notice stands in the file means nothing.
    said["notices"] = {notice.pop("id"): notice for notice in said["notices"]}
    return said


def _between(place: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for key in {**old, **new}:
        where = f"{place}.{key}" if place else key
        if key not in old:
            yield Change(where, f"is new{_as(new[key])}")
        elif key not in new:
            yield Change(where, "is gone")
        elif isinstance(old[key], dict) and isinstance(new[key], dict):
            yield from _between(where, old[key], new[key])
        elif old[key] != new[key]:
            yield Change(where, _from_to(key, old[key], new[key]))


def _from_to(key: str, old: object, new: object) -> str:
    if key in _TEXTS:
        return "says something else"
    if isinstance(old, list) and isinstance(new, list) and key != "algorithms":
        added = [str(one) for one in new if one not in old]
        gone = [str(one) for one in old if one not in new]
        parts = [f"now with {', '.join(added)}"] if added else []
        parts += [f"without {', '.join(gone)}"] if gone else []
        return "; ".join(parts)
    return f"is {_said(new)} now, was {_said(old)}"


def _as(value: object) -> str:
    return "" if isinstance(value, dict | list) or value is None else f": {_said(value)}"


def _said(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return str(value) if value != "" else "empty"
