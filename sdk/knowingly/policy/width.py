"""How wide a purpose is, and what each notice told people of it.

A notice tells no more of a purpose than the narrowest the purpose has been in any policy that was
in force with that notice: somebody may have agreed to the notice then. So a purpose that widens
outgrows every notice it had, whether or not anybody remembers to raise its version, and a wider
purpose that becomes narrow again is covered as before. The order of the policies does not matter,
and neither do clocks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Width:
    """What a purpose takes from people, as far as a policy file says it.

    ``data`` are categories, and each special field by its name; ``recipients`` are described in
    full. ``valid_days`` is None where a yes does not age.
    """

    version: int
    data: frozenset[str]
    recipients: frozenset[str]
    keep_days: int
    valid_days: int | None

    def is_within(self, told: "Width") -> bool:
        """Whether somebody who was told of that agreed to this."""
        return (
            self.version <= told.version
            and self.data <= told.data
            and self.recipients <= told.recipients
            and self.keep_days <= told.keep_days
            and self.asks_as_often(told)
        )

    def asks_as_often(self, other: "Width") -> bool:
        """Whether a yes counts no longer than there."""
        return other.valid_days is None or (
            self.valid_days is not None and self.valid_days <= other.valid_days
        )

    def narrowed(self, other: "Width") -> "Width":
        """What both say."""
        return Width(
            min(self.version, other.version),
            self.data & other.data,
            self.recipients & other.recipients,
            min(self.keep_days, other.keep_days),
            self.valid_days if self.asks_as_often(other) else other.valid_days,
        )


Told = Mapping[str, Mapping[str, Width]]
"""What each notice told of each purpose that it covers: notice id, purpose, width."""


def narrowest(said: Iterable[Told]) -> Told:
    """What the notices told in all of some policies."""
    found: dict[str, dict[str, Width]] = {}
    for told in said:
        for notice, widths in told.items():
            known = found.setdefault(notice, {})
            for purpose, width in widths.items():
                known[purpose] = width.narrowed(known.get(purpose, width))
    return found
