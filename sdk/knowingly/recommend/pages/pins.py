"""Items that the shop puts in a place by itself."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import TypeVar

from knowingly.domain.moments import DAY_US, to_us
from knowingly.policy import Pin
from knowingly.recommend.pages.evidence import Evidence

T = TypeVar("T")


def pinned(evidence: Evidence, k: int) -> dict[int, int]:
    """Catalogue rows by their place on a page of k, from 0.

    A pin puts an item in its place; it brings nothing back that the slot leaves out. Where two want
    the same place, the one that stands later in the file has the next free one.
    """
    found: dict[int, int] = {}
    row_of, at_us = evidence.visit.catalogue.row_of, evidence.visit.at_us
    for pin in sorted(evidence.slot.pins, key=lambda pin: pin.position):
        row = row_of.get(pin.item)
        if row is None or evidence.excluded[row] or not _is_on(pin, at_us) or row in found.values():
            continue
        free = (place for place in range(pin.position - 1, k) if place not in found)
        place = next(free, None)
        if place is not None:
            found[place] = row
    return found


def placed(pins: Mapping[int, T], others: Sequence[T]) -> list[T]:
    """The others in their order, with each pin in its place, or last where they are too few."""
    page: list[T] = []
    left = iter(others)
    for place in range(len(pins) + len(others)):
        one = pins.get(place)
        if one is None:
            one = next(left, None)
        if one is not None:
            page.append(one)
    late = [pins[place] for place in sorted(pins) if place >= len(pins) + len(others)]
    return page + late


def _is_on(pin: Pin, at_us: int) -> bool:
    after = pin.first_day is None or _begins_us(pin.first_day) <= at_us
    return after and (pin.last_day is None or at_us < _begins_us(pin.last_day) + DAY_US)


def _begins_us(day: date) -> int:
    return to_us(datetime.combine(day, time(), UTC))
