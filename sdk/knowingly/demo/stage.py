"""What every step of the demo is handed, and how it answers."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import knowingly
from knowingly.demo.site import Site
from knowingly.demo.teller import Teller
from knowingly.demo.year import Year

NOTICE = "2026-01/en"
ALL = ("personalize", "train", "measure")
"""What this shop asks for. Messages and sharing are in its policy, and nobody is asked."""
COUNTED = ("measure",)
AGREE_PERCENT, COUNTED_PERCENT = 70, 15


def agreed_to(household: str) -> tuple[str, ...]:
    """What a household agrees to, by a fixed rule: the data says nothing of it.

    A hash of its id, modulo 100: under 70 everything, under 85 being counted, else nothing.
    """
    share = int.from_bytes(hashlib.sha256(household.encode()).digest()[:8]) % 100
    if share < AGREE_PERCENT:
        return ALL
    return COUNTED if share < AGREE_PERCENT + COUNTED_PERCENT else ()


@dataclass(frozen=True, repr=False)
class Cast:
    """The households that appear, by pseudonym. No output names them otherwise."""

    a: str
    """Agreed to everything; buys something, then withdraws."""
    b: str
    """Refused everything."""
    c: str
    """Agreed to everything, and has bought nothing yet: invented."""
    d: str
    """Agreed to everything; asks for a copy, then for erasure."""


def cast_of(year: Year) -> Cast:
    """Households by their number of lines among those who chose alike.

    A is a light shopper, whose next purchase can change much; B and D are in the middle.
    """
    agreed = _by_lines(year, ALL)
    refused = _by_lines(year, ())
    return Cast(
        a=agreed[len(agreed) // 10],
        b=refused[len(refused) // 2],
        c="new",
        d=agreed[len(agreed) // 2],
    )


def _by_lines(year: Year, purposes: tuple[str, ...]) -> list[str]:
    alike = [one for one in year.lines_of if agreed_to(one) == purposes]
    return sorted(alike, key=lambda one: (year.lines_of[one], one))


@dataclass(repr=False)
class Stage:
    """The open shop, the data, and who appears; ``title`` gives an item's words."""

    site: Site
    year: Year
    teller: Teller
    shop: knowingly.Shop
    now: datetime
    cast: Cast
    titles: dict[str, str] = field(default_factory=dict)

    def title(self, item: str) -> str:
        """The words for an item."""
        return self.titles.get(item, item)


@dataclass(frozen=True, repr=False)
class Told:
    """What a step found: one line for the closing table, and every figure."""

    line: str
    figures: Mapping[str, Any]


def open_shop(
    site: Site, now: datetime, *, data: Path | None = None, keys: Path | None = None
) -> knowingly.Shop:
    """The demo's shop, or a copy of its data with a key store of choice; its clock stands still."""
    return knowingly.open(
        f"sqlite:///{data or site.data()}",
        policy=site.policy,
        keys=site.root_key,
        key_store=f"sqlite:///{keys or site.keys()}",
        clock=lambda: now,
    )


def expect(held: bool, what: str) -> None:
    """Stop the demo where the SDK did not do what the demo says it does.

    Raises:
        InternalError: It did not hold.
    """
    if not held:
        raise knowingly.InternalError(f"the demo expected that {what}")


def page_figures(stage: Stage, page: knowingly.Page) -> dict[str, Any]:
    """A page as figures: its basis, why, and the titles with their reasons."""
    return {
        "basis": page.basis.value,
        "why": page.why,
        "hits": [
            {"title": stage.title(hit.item), "reason": hit.reason, "source": hit.source}
            for hit in page
        ],
    }
