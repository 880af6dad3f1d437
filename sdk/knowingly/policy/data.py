"""``[data.<field>]``: what a shop may keep of a person, field by field, and what for."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from knowingly.policy.section import Days, Line, Section, Slug, Switch, Whole

MAX_FIELDS = 200
MAX_TEXT_CHARS = 1_000

_NO_PURPOSE = "there is no purpose {0!r}: declare it as [purposes.{0}], or correct the name"
_NOT_CONSENT = (
    'a special category rests on consent alone, and [purposes.{}] has basis = "{}": '
    "leave that purpose out of this field"
)
_NOT_EXPLICIT = (
    "a special category needs the person's explicit consent (GDPR art. 9): "
    "ask for it in the notices and write explicit_consent = true, or remove the field"
)

Source = Literal["provided", "observed", "derived", "inferred"]
Kind = Literal["text", "number", "flag", "date", "choice"]
Category = Literal[
    "contact", "demographic", "preference", "behaviour", "purchase", "technical", "other"
]
Choices = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(max_length=100)
]


class DataField(Section, frozen=True):
    """One field of the data map: what it is, what it may be used for, and how long.

    ``purposes`` are those of the policy that may see it. ``keep_days`` ends it earlier than its
    purposes would. ``source`` is where its values come from, as in GDPR art. 15 and 20. A
    ``special`` field (health, religion and the like, art. 9) is for the policy file only, and only
    with ``explicit_consent``. A field that an access request does not show says why in
    ``export_note``. All are deleted by an erasure: no other rule could be honoured, since the key
    goes.

    Stability: stable.
    """

    title: Line
    purposes: Annotated[tuple[Slug, ...], Field(min_length=1, max_length=60)]
    category: Category = "other"
    source: Source = "provided"
    kind: Kind = "text"
    choices: Choices = ()
    max_chars: Annotated[Whole, Field(ge=1, le=MAX_TEXT_CHARS)] = 200
    keep_days: Days | None = None
    special: Switch = False
    explicit_consent: Switch = False
    export: Switch = True
    export_note: Annotated[str, Field(max_length=200)] = ""
    erase: Literal["deleted"] = "deleted"

    @model_validator(mode="after")
    def _fits(self) -> "DataField":
        if (self.kind == "choice") != bool(self.choices):
            raise PydanticCustomError(
                "field", 'choices belong to kind = "choice", which needs at least one'
            )
        if self.export == bool(self.export_note.strip()):
            raise PydanticCustomError(
                "field", "export_note says why a field with export = false is not shown; only then"
            )
        return self


def field_misfits(
    fields: Mapping[str, DataField], basis_of: Mapping[str, str]
) -> Iterator[tuple[tuple[str, str, str], str]]:
    """Where a field and the purposes do not fit together: the place, and what to write."""
    for name, field in fields.items():
        for purpose in field.purposes:
            if purpose not in basis_of:
                yield ("data", name, "purposes"), _NO_PURPOSE.format(purpose)
            elif field.special and basis_of[purpose] != "consent":
                what = _NOT_CONSENT.format(purpose, basis_of[purpose])
                yield ("data", name, "special"), what
        if field.special and not field.explicit_consent:
            yield ("data", name, "special"), _NOT_EXPLICIT
