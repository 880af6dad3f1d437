"""Policies of the past, read by this release.

What was activated is kept as it was written. A later release may know fewer keys, or hold values to
narrower bounds, and must still say what was in force: it leaves out what it does not take, and the
default stands there. A purpose or notice that cannot be read is left out whole, which denies.
"""

import json
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from knowingly.policy.fits import Loc
from knowingly.policy.model import Policy


@lru_cache(maxsize=256)
def recall(body: str) -> Policy:
    """The policy of a kept ``Policy.body``; never an error for something it says.

    Remembered, because merchants in one database mostly had the same ones.
    """
    said = json.loads(body)
    while True:
        try:
            return Policy.model_validate(said)
        except ValidationError as error:
            # One at a time: what is left out changes the places of what stands after it.
            _leave_out(said, error.errors(include_url=False, include_input=False)[0]["loc"])


def changed_words(policy: Policy, past: list[Policy]) -> list[int]:
    """The places of notices that were activated before with other words under the same id."""
    known: dict[str, set[str]] = {}
    for one in past:
        for notice in one.notices:
            known.setdefault(notice.id, set()).add(notice.digest)
    return [
        place
        for place, notice in enumerate(policy.notices)
        if known.get(notice.id, {notice.digest}) != {notice.digest}
    ]


def _leave_out(said: dict[str, Any], loc: Loc) -> None:
    """Delete what a complaint is about: the value, or the nearest thing around it that is there."""
    holder: Any = said
    node: Any = said
    key: str | int = ""
    for part in loc:
        if not _has(node, part):
            break
        holder, key, node = node, part, node[part]
    if holder is node:
        said.clear()
    else:
        del holder[key]


def _has(node: object, part: str | int) -> bool:
    if isinstance(node, dict):
        return part in node
    return isinstance(node, list) and isinstance(part, int) and part < len(node)
