"""What the classes and values of a plugin have to be, before any of them is used."""

import re
from typing import Any

from pydantic import BaseModel

from knowingly.consent.signals.decoder import INTERFACE as SIGNALS_INTERFACE
from knowingly.consent.signals.decoder import SignalDecoder
from knowingly.domain.consent import ACCOUNT
from knowingly.domain.notification import Destination
from knowingly.domain.signal import DEVICE
from knowingly.errors import ContractError
from knowingly.policy import DataField
from knowingly.policy.slots import BUILT_IN
from knowingly.recommend.interface.algorithms import (
    INTERFACE,
    MAX_TOLERANCE,
    Algorithm,
    CountingAlgorithm,
)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_RECIPIENT = re.compile(r"(\*|[a-z][a-z0-9_-]{0,39})\Z")
_VERSION = re.compile(r"[A-Za-z0-9._-]{1,20}\Z")


def check_destination(recipient: object, found: object, plugin: str) -> None:
    """Refuse what tells no recipient.

    Raises:
        ContractError: It is not; the message says what is expected.
    """
    if not isinstance(recipient, str) or not _RECIPIENT.match(recipient):
        raise ContractError(
            "a destination's recipient: expected an id of the policy, or '*'", plugin=plugin
        )
    if not isinstance(found, Destination):
        raise ContractError(
            f"the destination of {recipient!r}: expected a tell(notification)", plugin=plugin
        )


def check_field(field: object, said: object, plugin: str) -> None:
    """Refuse what declares no field of a person.

    Raises:
        ContractError: It is not; the message says what is expected.
    """
    if not isinstance(field, str) or not _NAME.match(field):
        raise ContractError(
            "a field's name: expected lower-case letters, digits and _, at most 40", plugin=plugin
        )
    if not isinstance(said, DataField):
        raise ContractError(f"{field}: expected a DataField", plugin=plugin)
    if said.special:
        raise ContractError(
            f"{field}: a special category is declared by the policy file, not by a plugin",
            plugin=plugin,
        )


def check_decoder(found: object, plugin: str) -> None:
    """Refuse what is no decoder of signals.

    Raises:
        ContractError: It is not; the message says what is expected.
    """
    if not (isinstance(found, type) and issubclass(found, SignalDecoder)):
        raise ContractError(
            "knowingly_signals: expected subclasses of SignalDecoder", plugin=plugin
        )
    source, version = getattr(found, "source", None), getattr(found, "version", None)
    if not isinstance(source, str) or not _NAME.match(source):
        raise ContractError(
            "a signal's source: expected lower-case letters, digits and _, at most 40",
            plugin=plugin,
        )
    if not isinstance(version, str) or not _VERSION.match(version):
        raise ContractError(
            f'{source}: version is text such as "1" or "2.3", at most 20 characters', plugin=plugin
        )
    if getattr(found, "__abstractmethods__", None):
        raise ContractError(f"{source}: decode is missing", plugin=plugin)
    if found.interface != SIGNALS_INTERFACE:
        raise ContractError(
            f"{source}: written for interface {found.interface}, this release has "
            f"{SIGNALS_INTERFACE}",
            plugin=plugin,
        )
    if found.reads not in ("text", "object") or found.scope not in (DEVICE, ACCOUNT):
        raise ContractError(
            f'{source}: reads is "text" or "object", scope "device" or "account"', plugin=plugin
        )


def check_algorithm(found: object, plugin: str) -> None:
    """Refuse what is no algorithm.

    Raises:
        ContractError: It is not; the message says what is expected.
    """
    if not (isinstance(found, type) and issubclass(found, Algorithm)):
        raise ContractError("knowingly_algorithms: expected subclasses of Algorithm", plugin=plugin)
    name = getattr(found, "name", None)
    if not isinstance(name, str) or not _NAME.match(name):
        raise ContractError(
            "an algorithm's name: expected lower-case letters, digits and _, at most 40",
            plugin=plugin,
        )
    if name in BUILT_IN:
        raise ContractError(f"the name {name!r} is built in: take another", plugin=plugin)
    if getattr(found, "__abstractmethods__", None):
        raise ContractError(f"{name}: methods are missing", plugin=plugin)
    if found.interface != INTERFACE:
        raise ContractError(
            f"{name}: written for interface {found.interface}, this release has {INTERFACE}",
            plugin=plugin,
        )
    forgets = getattr(found, "forgets", None)
    if forgets not in {"exact", "refit", "stateless"}:
        raise ContractError(f'{name}: forgets is "exact", "refit" or "stateless"', plugin=plugin)
    if (forgets == "exact") != issubclass(found, CountingAlgorithm):
        raise ContractError(
            f"{name}: exact forgetting is for a CountingAlgorithm, and each of them has it",
            plugin=plugin,
        )
    _check_words(found, name, plugin)
    if not _are_options(getattr(found, "options_type", None)):
        raise ContractError(
            f'{name}: options_type is a pydantic model with frozen=True and extra="forbid"',
            plugin=plugin,
        )
    if issubclass(found, CountingAlgorithm) and not _is_small(found.tolerance):
        raise ContractError(
            f"{name}: tolerance is a number from 0 to {MAX_TOLERANCE:g}", plugin=plugin
        )


def _are_options(found: object) -> bool:
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        return False
    return bool(found.model_config.get("frozen")) and found.model_config.get("extra") == "forbid"


def _check_words(found: type[Algorithm[Any]], name: str, plugin: str) -> None:
    for words in ("explains", "reason"):
        if not isinstance(getattr(found, words), str):
            raise ContractError(f"{name}: {words} is text, which people are shown", plugin=plugin)


def _is_small(tolerance: object) -> bool:
    return isinstance(tolerance, int | float) and 0 <= tolerance <= MAX_TOLERANCE
