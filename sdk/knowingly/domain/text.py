"""Text from outside: ids and titles, checked once at the door.

Two ids that look alike must not be two people, so an id that is not in Unicode normal form C is
refused rather than changed: the app would otherwise look its customer up under another spelling.
"""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

MAX_ID_CHARS = 200
MAX_TITLE_CHARS = 1_000
_NOT_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories no title has: controls, halves of characters, line and paragraph breaks."""


def _clean(value: str) -> str:
    if value.isascii():
        if value.isprintable():
            return value
    elif not unicodedata.is_normalized("NFC", value):
        raise PydanticCustomError("unicode_form", "text in Unicode normal form C (NFC)")
    if not value.isprintable():
        raise PydanticCustomError("control", "text without control characters")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise PydanticCustomError("surrogate", "valid Unicode text")
    return value


def _clean_id(value: str) -> str:
    # Most ids are plain ASCII, and this runs several times for each event.
    if value.isascii() and value.isprintable() and value[0] != " " and value[-1] != " ":
        return value
    if value != value.strip():
        raise PydanticCustomError("blank", "an id without spaces around it")
    return _clean(value)


def _clean_title(value: str) -> str:
    # Wider than an id: French has its no-break space, Persian and emoji their joiners.
    if value.isascii() and value.isprintable():
        return value
    if not unicodedata.is_normalized("NFC", value):
        raise PydanticCustomError("unicode_form", "text in Unicode normal form C (NFC)")
    if any(unicodedata.category(character) in _NOT_TEXT for character in value):
        raise PydanticCustomError("control", "text without control characters")
    return value


Id = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=MAX_ID_CHARS),
    AfterValidator(_clean_id),
]
"""An id from the app: 1 to 200 printable characters in NFC."""

Title = Annotated[
    str,
    StringConstraints(strict=True, max_length=MAX_TITLE_CHARS),
    AfterValidator(_clean_title),
]
"""Words for people: up to 1,000 characters in NFC, none of them a control; may be empty."""
