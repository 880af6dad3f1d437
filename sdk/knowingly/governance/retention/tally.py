"""What a retention run did, and the counting of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Retained:
    """What a retention run did, or would do.

    ``expired`` counts rows that lost a purpose, by what they are (``events``, ``traits``, or
    ``traits.<field>``) and why: ``lapsed`` permission, ``never_asked``, ``too_old``, ``retired``
    purpose, ``undeclared`` field. ``deleted`` counts the rows that no purpose was left for.
    ``claims`` are pieces of evidence whose days after an erasure are over. ``held`` people are
    under a legal hold: nothing of theirs is deleted. ``late`` people's rows stayed longer than the
    policy's deadline.

    Stability: stable.
    """

    expired: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    deleted: Mapping[str, int] = field(default_factory=dict)
    models_forgot: int = 0
    tombstones: int = 0
    claims: int = 0
    held: int = 0
    late: int = 0


class Tally:
    """What has been done so far."""

    def __init__(self) -> None:
        self.expired: Counter[tuple[str, str]] = Counter()
        self.deleted: Counter[str] = Counter()
        self.models_forgot = self.tombstones = self.claims = self.held = self.late = 0

    def result(self) -> Retained:
        """All of it, as a caller is told."""
        expired: dict[str, dict[str, int]] = {}
        for (what, why), number in self.expired.items():
            if number:
                expired.setdefault(what, {})[why] = number
        return Retained(
            expired,
            {table: number for table, number in self.deleted.items() if number},
            self.models_forgot,
            self.tombstones,
            self.claims,
            self.held,
            self.late,
        )

    def swept(self) -> dict[str, int]:
        """What the log says of a sweep."""
        return {
            "events_expired": self._swept_of("events"),
            "events_deleted": self.deleted["events"],
            "traits_expired": self._swept_of("traits"),
            "traits_deleted": self.deleted["traits"],
            "tombstones_dropped": self.tombstones,
        }

    def _swept_of(self, table: str) -> int:
        """Rows of a table that lost a purpose in the sweep, whatever the reason."""
        return sum(
            number
            for (what, why), number in self.expired.items()
            if what.partition(".")[0] == table and why != "lapsed"
        )
