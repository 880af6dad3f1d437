"""What every table of the policy file is made of."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from pydantic_core import PydanticCustomError

MAX_DAYS = 36_500


def not_blank(value: str) -> str:
    """The value, which must say something."""
    if not value.strip():
        raise PydanticCustomError("blank", "expected some text: it is blank")
    return value


def without_repeats(values: tuple[str, ...]) -> tuple[str, ...]:
    """A set, written the same way whatever order it was given in."""
    return tuple(sorted(set(values)))


def no_such_purpose(name: str) -> str:
    """What to write instead of a purpose that the policy does not declare."""
    return f"there is no purpose {name!r}: declare it as [purposes.{name}], or correct the name"


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Line = Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(not_blank)]
Whole = Annotated[int, Field(strict=True)]
Switch = Annotated[bool, Field(strict=True)]
Days = Annotated[int, Field(strict=True, ge=1, le=MAX_DAYS)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""
Jurisdiction = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
"""A country, or a part of one (ISO 3166-2), such as ``US-CA``."""


class Section(BaseModel, frozen=True, extra="forbid"):
    """One table of the file: unknown keys are refused."""
