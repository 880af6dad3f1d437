"""The rows of one call: those that are valid, by person."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

from knowingly.consent.token import A_PAGES_DECISION, open_token
from knowingly.domain.event import Event, EventKind
from knowingly.domain.event_rows import EventFields, check_events
from knowingly.domain.intake import Refusal
from knowingly.domain.moments import EPOCH, MICROSECOND
from knowingly.domain.order import Order
from knowingly.domain.page import PageRef
from knowingly.errors import InputError
from knowingly.profiles.undone import UNDOING
from knowingly.tenancy import Tenancy

NO_SUCH_ITEM = "an item of this shop (add it with items.upsert first)"
_OF_ORDERS = frozenset({EventKind.PURCHASE, EventKind.RETURN, EventKind.CANCEL})


class Batch(NamedTuple):
    """The valid events of a batch, by place; where each person's are; what was not kept so far.

    ``page`` has the pages after which some of them were done.
    """

    row: Sequence[int]
    fields: Sequence[EventFields]
    at_us: Mapping[int, int]
    page: Mapping[int, PageRef]
    of_person: dict[str, list[int]]
    refused: list[Refusal]
    dropped: Counter[str]


def read(
    tenancy: Tenancy,
    rows: Iterable[Event | Order | Mapping[str, Any]],
    now_us: int,
    *,
    strict: bool,
) -> Batch:
    """Valid events by person; a date in the future is refused, what a known bot did is dropped.

    Raises:
        InputError: ``strict`` is set and a row is bad.
    """
    numbers, fields, refused = check_events(rows, strict=strict)
    of_person: dict[str, list[int]] = {}
    moments: dict[int, int] = {}
    pages: dict[int, PageRef] = {}
    dropped: Counter[str] = Counter()
    latest = now_us + tenancy.skew_us
    page_of = cache(partial(_page, tenancy))
    for place, event in enumerate(fields):
        at, page, token = event.get("at"), None, event.get("decision")
        at_us = now_us if at is None else (at - EPOCH) // MICROSECOND
        if at_us > latest:
            refused.append(Refusal(numbers[place], "at", "a time that is not in the future"))
        elif "part" in event and (event["part"].edition.version_us or 0) > latest:
            # No later edition could take its place.
            refused.append(
                Refusal(numbers[place], "updated_at", "a time that is not in the future")
            )
        elif at_us < 0:
            refused.append(Refusal(numbers[place], "at", "a time after 1970"))
        elif "agent" in event and event["agent"] and tenancy.policy.is_bot(event["agent"]):
            dropped["bot"] += 1
        elif token is not None and (page := page_of(token)) is None:
            refused.append(Refusal(numbers[place], "decision", A_PAGES_DECISION))
        else:
            if page is not None:
                pages[place] = page
            moments[place] = at_us
            mine = of_person.get(event["subject"])
            if mine is None:
                of_person[event["subject"]] = [place]
            else:
                mine.append(place)
    # What is wrong with an order is wrong with each of its events, and is said once.
    refused = list(dict.fromkeys(refused))
    if strict and refused:
        raise InputError(refused[0].field, refused[0].expected, row=refused[0].row)
    return Batch(numbers, fields, moments, pages, of_person, refused, dropped)


def _page(tenancy: Tenancy, token: str) -> PageRef | None:
    """The page whose decision came with an event; None where it is no token of this tenant."""
    try:
        told = open_token(tenancy, token)
    except InputError:
        return None
    return PageRef(told.slot, told.training)


def who_undoes(batch: Batch, lookups: Sequence[bytes]) -> list[bytes]:
    """The people of the batch who may undo something by it; an edited order shows only later."""
    undoing = {fields["subject"] for fields in batch.fields if fields["kind"] in UNDOING}
    if not undoing:
        return []
    whose = zip(lookups, batch.of_person, strict=True)
    return [lookup for lookup, subject in whose if subject in undoing]


def is_of_an_order(event: EventFields) -> bool:
    """Whether it is of those that the policy may take in of people who were never asked."""
    return event.get("order") is not None and event["kind"] in _OF_ORDERS


def counts(event: EventFields) -> bool:
    """Whether callers are told of an event; the head of an order is our own."""
    part = event.get("part")
    return part is None or part.counts


def field_of(event: EventFields) -> str:
    """Where its item stands in the row it came in by."""
    part = event.get("part")
    return "item" if part is None else f"lines.{part.place}.item"
