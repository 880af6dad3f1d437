"""What became of a session that signed in."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did, in numbers; it names nobody.

    ``left_out`` counts events and traits that did not move, by reason. ``refused`` are purposes
    that the session's no has closed for the account; ``needs_confirmation`` those that only the
    session had agreed to: ask the account. ``choices`` are the session's own records, kept.

    Stability: stable.
    """

    events: int = 0
    traits: int = 0
    identities: int = 0
    choices: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    needs_confirmation: tuple[str, ...] = ()
