"""What each raw value may allow at most, worked out apart from the decoders and more simply.

Used to hold decoders to account on values nobody has looked at: an allow that the value does not
plainly carry is a fault, whatever the decoder thinks of it.
"""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from bitstrings import ALPHABET

DAY = 864_000
"""Tenths of a second."""
NAMES = {
    "preferences": ("preferences", "preferencesAllowed"),
    "analytics": ("analytics", "analyticsAllowed"),
    "marketing": ("marketing", "marketingAllowed"),
    "sale_of_data": ("sale_of_data", "saleOfData", "saleOfDataAllowed"),
}
MODES = {
    "personalize": ("personalization_storage",),
    "train": ("analytics_storage",),
    "measure": ("analytics_storage",),
    "share": ("ad_storage", "ad_user_data", "ad_personalization"),
}


def may_allow(source: str, raw: Any, now: datetime) -> set[str]:
    """The purposes that a value of this source could allow, if all else is well."""
    try:
        return _RULES[source](raw, now)
    except Exception:  # whatever is no such value allows nothing
        return set()


def _plain(raw: Any) -> Any:
    return json.loads(raw, object_pairs_hook=_once) if isinstance(raw, str) else raw


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def _nothing(raw: Any, now: datetime) -> set[str]:
    return set()


def _shopify(raw: Any, now: datetime) -> set[str]:
    said = _plain(raw)
    yes = {
        term
        for term, names in NAMES.items()
        if {repr(said[name]) for name in names if name in said} <= {"'yes'", "True"}
        and any(name in said for name in names)
    }
    found = {"train", "measure"} if "analytics" in yes else set()
    found |= {"personalize"} if {"preferences", "analytics"} <= yes else set()
    return found | ({"share"} if {"marketing", "sale_of_data"} <= yes else set())


def _email(raw: Any, now: datetime) -> set[str]:
    said = _plain(raw)
    changes = said if isinstance(said, list) else [said]
    states = {str(one.get("state", one.get("marketingState"))).lower() for one in changes}
    return {"marketing"} if "subscribed" in states else set()


def _consent_mode(raw: Any, now: datetime) -> set[str]:
    said = _plain(raw)
    chosen: dict[str, Any] = {}
    for command in [said] if isinstance(said[0], str) else said:
        word, values = command[-2:]
        chosen |= values if word == "update" else {}
    return {
        purpose
        for purpose, names in MODES.items()
        if all(chosen.get(name) == "granted" for name in names)
    }


def _bits(segment: str) -> str:
    return "".join(f"{ALPHABET.index(letter):06b}" for letter in segment)


def _set(bits: str) -> set[int]:
    return {place for place, bit in enumerate(bits, 1) if bit == "1"}


def _tcf(raw: str, now: datetime) -> set[str]:
    first, *others = raw.split(".")
    core = _bits(first)
    created, updated = int(core[6:42], 2), int(core[42:78], 2)
    age = now - datetime.fromtimestamp(updated / 10, now.tzinfo)
    is_valid = (
        core[:6] == "000010"
        and created == updated
        and created % DAY == 0
        and age < timedelta(days=397)
        and int(core[132:138], 2) >= 4
        and core[138] == "1"
        and not _set(core[176:200]) & {3, 4, 5, 6}
    )
    kinds = [int(_bits(segment)[:3], 2) for segment in others]
    if not is_valid or len(set(kinds)) < len(kinds) or not set(kinds) <= {1, 2, 3}:
        return set()
    found: set[str] = set()
    for segment in others:
        bits = _bits(segment)
        if bits.startswith("011"):
            found |= _publishers(_set(bits[3:27]), _set(bits[27:51]))
    if {1, 3, 4} <= _set(core[152:176]) and 1 in kinds:
        found.add("share")
    return found


def _publishers(consents: set[int], interests: set[int]) -> set[str]:
    found = {"personalize"} if {1, 5, 6} <= consents else set()
    found |= {"train"} if 10 in consents else set()
    found |= {"measure"} if {8, 9, 10} <= consents else set()
    return found | ({"contextual"} if 11 in consents | interests else set())


_RULES = {
    "gpc": _nothing,
    "gpp": _nothing,
    "shopify": _shopify,
    "shopify_email": _email,
    "shopify_sms": _nothing,
    "consent_mode": _consent_mode,
    "tcf": _tcf,
}


def faults(source: str, raw: Any, allows: Iterable[str], now: datetime) -> set[str]:
    """The purposes that were allowed and may not be."""
    return set(allows) - may_allow(source, raw, now)
