"""What became of a batch: nothing is dropped or refused in silence."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row that was not valid: where it is, which field, and what was expected there.

    Stability: stable.
    """

    row: int
    field: str
    expected: str


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of the rows of one call.

    ``kept`` were stored, ``duplicates`` were there already, ``dropped`` were valid but not allowed
    (consent reason -> rows), ``refused`` were not valid.

    Stability: stable.
    """

    kept: int = 0
    duplicates: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    refused: tuple[Refusal, ...] = ()
