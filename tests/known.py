"""What a shop should know of one person, by law 3 and by what orders come to, in a few lines.

It shares nothing with the shop's own code, beside which random lives run it.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any, NamedTuple

PURPOSES = ("personalize", "train", "measure")
VALID = timedelta(days=100)
KEEP = timedelta(days=60)


class Act(NamedTuple):
    """One event as a view shows it; all of an order has no item."""

    at: datetime
    kind: str
    item: str
    quantity: int = 1
    order: str = ""


class Kept(NamedTuple):
    """One stored event, the purposes it still has, and the app's own name of it."""

    act: Act
    purposes: set[str]
    name: str | None = None


@dataclass
class Known:
    """One person: since when each purpose is allowed, and what was kept."""

    since: dict[str, datetime] = field(default_factory=dict)
    renewed: dict[str, datetime] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)
    editions: dict[str, datetime] = field(default_factory=dict)
    """When the stored edition of each order was made."""

    def allowed(self, purpose: str, now: datetime) -> bool:
        return purpose in self.since and now - self.renewed[purpose] <= VALID

    def grant(self, purpose: str, now: datetime) -> None:
        if not self.allowed(purpose, now):
            self.since[purpose] = now
            self._strip(purpose)
        self.renewed[purpose] = now

    def deny(self, purpose: str) -> None:
        self.since.pop(purpose, None)
        self._strip(purpose)

    def _strip(self, purpose: str) -> None:
        for one in self.kept:
            one.purposes.discard(purpose)

    def keeps(self, at: datetime, now: datetime) -> set[str]:
        """The purposes that something of this moment is kept for, when it comes in now."""
        return {one for one in PURPOSES if self.allowed(one, now) and at >= self.since[one]}

    def take(self, row: Mapping[str, Any], now: datetime) -> None:
        """One event or order came in, as it is handed to ``track``."""
        purposes = self.keeps(row["at"], now)
        if not purposes:
            return
        if "lines" in row:
            self._take_order(row, purposes)
        elif row.get("event_id") is None or row["event_id"] not in {one.name for one in self.kept}:
            act = Act(
                row["at"],
                row["kind"],
                row.get("item") or "",
                row.get("quantity", 1),
                row.get("order", ""),
            )
            self.kept.append(Kept(act, set(purposes), row.get("event_id")))

    def _take_order(self, row: Mapping[str, Any], purposes: set[str]) -> None:
        order, at = row["id"], row["at"]
        if order in self.editions and row["updated_at"] < self.editions[order]:
            return
        self.editions[order] = row["updated_at"]
        self.kept = [one for one in self.kept if one.name != f"of {order}"]
        acts = [
            Act(at, "purchase", line["item"], line["quantity"], order) for line in row["lines"]
        ] or [Act(at, "cancel", "", 1, order)]
        self.kept += [Kept(act, set(purposes), f"of {order}") for act in acts]

    def held(self, purpose: str, now: datetime) -> list[Act]:
        """What is there for the purpose: of the oldest day that is kept, all of it."""
        if not self.allowed(purpose, now):
            return []
        first = (now - KEEP).replace(hour=0, minute=0, second=0, microsecond=0)
        return [
            one.act
            for one in self.kept
            if purpose in one.purposes and one.act.at >= max(self.since[purpose], first)
        ]

    def seen(self, purpose: str, now: datetime) -> list[Act]:
        """What the purpose may see now."""
        if not self.allowed(purpose, now):
            return []
        first = max(self.since[purpose], now - KEEP)
        return sorted(
            one.act for one in self.kept if purpose in one.purposes and one.act.at >= first
        )


def lines(acts: list[Act]) -> set[tuple[str, str]]:
    """The items that somebody bought by order, each with its order, and did not undo."""
    gone = {one.order for one in acts if one.kind == "cancel" and not one.item}
    acts = [one for one in acts if one.kind not in {"purchase", "return"} or one.order not in gone]
    units: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for one in acts:
        if one.order or one.kind != "return":
            units[one.kind][one.order, one.item] += one.quantity
    bought = units["purchase"] - units["cancel"]
    back = units["return"] & bought  # a return says nothing of an order that has it not
    for one in acts:
        if one.kind == "return" and not one.order:
            back["", one.item] += one.quantity
    left: Counter[str] = Counter()
    for (_, item), number in bought.items():
        left[item] += number
    for (_, item), number in back.items():
        left[item] -= number
    came_back = {item for (_, item), number in back.items() if number}
    disliked = {one.item for one in acts if one.kind == "hide"}
    return {
        (order, item)
        for order, item in bought
        if order and item not in disliked and not (item in came_back and left[item] <= 0)
    }


def together(lines: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The pairs of items that are lines of one order, either way round."""
    baskets: dict[str, set[str]] = defaultdict(set)
    for order, item in lines:
        baskets[order].add(item)
    return {pair for basket in baskets.values() for pair in permutations(sorted(basket), 2)}
