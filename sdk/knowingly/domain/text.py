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


def _not_blank(value: str) -> str:
    if not value or value != value.strip():
        raise PydanticCustomError("blank", "an id without spaces around it")
    return _clean(value)


Id = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=MAX_ID_CHARS),
    AfterValidator(_not_blank),
]
"""An id from the app: 1 to 200 printable characters in NFC."""

Title = Annotated[
    str,
    StringConstraints(strict=True, max_length=MAX_TITLE_CHARS),
    AfterValidator(_clean),
]
"""Words for people: up to 1,000 printable characters in NFC; may be empty."""
