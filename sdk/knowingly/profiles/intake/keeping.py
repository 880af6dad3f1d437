"""What of a batch may be kept, and the sealed rows of it."""

import math
import os
import struct
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple, cast

from knowingly.domain.event import KIND_CODE
from knowingly.domain.event_rows import EventFields
from knowingly.domain.intake import Refusal
from knowingly.domain.moments import DAY_US
from knowingly.domain.order import HEAD
from knowingly.domain.page import PageRef
from knowingly.profiles.body import NO_ITEM, TABLE, order_code, with_edition, with_page
from knowingly.profiles.editions import Arrived, Older, without_older
from knowingly.profiles.intake.asking import Group, Known
from knowingly.profiles.intake.batch import NO_SUCH_ITEM, Batch, counts, field_of, is_of_an_order
from knowingly.profiles.undone import UNDOING
from knowingly.store import events
from knowingly.store.doors import Tx
from knowingly.tenancy import Tenancy
from knowingly.vault.seal import seal_each

_RECORD = struct.Struct("<BqiIdq")
_NO_ORDER = order_code(None)


class Kept(NamedTuple):
    """The events that may be kept, as parallel lists: no object for each, which would be slow."""

    place: list[int]
    known: list[Known]
    item: list[int]
    mask: list[int]


def allowed(batch: Batch, groups: Sequence[Group], row_of: Mapping[str, int]) -> Kept:
    """The events that may be kept; the rest is refused, or dropped by reason."""
    keep = Kept([], [], [], [])
    for known, mine in groups:
        if known is None:
            batch.dropped["no_record"] += sum(map(counts, map(batch.fields.__getitem__, mine)))
            continue
        mask_at, erased_us = known.permission.mask, known.person.erased_us
        past_mask, first_us = known.permission.past_mask, known.permission.first_us
        for place in mine:
            event = batch.fields[place]
            item = row_of.get(event["item"])
            if item is None:
                if event["item"] is not None:
                    batch.refused.append(Refusal(batch.row[place], field_of(event), NO_SUCH_ITEM))
                    continue
                item = NO_ITEM
            at_us = batch.at_us[place]
            mask = mask_at(at_us)
            if past_mask and at_us < first_us and is_of_an_order(event):
                mask |= past_mask
            if at_us <= erased_us:
                batch.dropped["erased"] += counts(event)
            elif not mask:
                batch.dropped[known.permission.reason] += counts(event)
            else:
                keep.place.append(place)
                keep.known.append(known)
                keep.item.append(item)
                keep.mask.append(mask)
    return keep


def who_undid(batch: Batch, keep: Kept) -> set[int]:
    """The people of whom something is kept that undoes something else."""
    return {
        known.person.row.subject
        for place, known in zip(keep.place, keep.known, strict=True)
        if batch.fields[place]["kind"] in UNDOING
    }


def leave_out_older(
    tenancy: Tenancy, tx: Tx, batch: Batch, keep: Kept, to_the_second: bool
) -> Older:
    """Take older editions of orders out of what is kept, and out of what is stored."""
    # Fields with a part were made by us, each order's own.
    parts = [
        Arrived(place, known.person.row, known.cipher, cast("dict[str, Any]", batch.fields[where]))
        for place, (where, known) in enumerate(zip(keep.place, keep.known, strict=True))
        if "part" in batch.fields[where]
    ]
    older = without_older(tenancy, tx, parts, to_the_second) if parts else Older()
    if older.places:
        stay = [place for place in range(len(keep.place)) if place not in older.places]
        keep.place[:] = [keep.place[place] for place in stay]
        keep.known[:] = [keep.known[place] for place in stay]
        keep.item[:] = [keep.item[place] for place in stay]
        keep.mask[:] = [keep.mask[place] for place in stay]
    return older


def sealed_rows(tenancy: Tenancy, batch: Batch, keep: Kept) -> list[events.NewEvent]:
    """Rows to store, each body sealed for its own row under its person's key."""
    names, bodies = [], []
    name_of = tenancy.keyring.event_name
    for place, known, item in zip(keep.place, keep.known, keep.item, strict=True):
        event = batch.fields[place]
        event_id = event.get("event_id")
        salt = known.person.row.name_salt
        names.append(os.urandom(16) if event_id is None else name_of(salt, event_id))
        bodies.append(_body(event, batch.at_us[place], item, batch.page.get(place)))
    sealed = seal_each(TABLE, [known.cipher for known in keep.known], names, bodies)
    people = [known.person.row.subject for known in keep.known]
    days = [batch.at_us[place] // DAY_US for place in keep.place]
    tenant = repeat(tenancy.number, len(names))
    return list(zip(tenant, people, names, days, keep.mask, sealed, strict=True))


def _body(event: EventFields, at_us: int, item: int, page: PageRef | None) -> bytes:
    price, order = event.get("price"), event.get("order")
    record = _RECORD.pack(
        KIND_CODE[event["kind"]],
        at_us,
        item,
        event.get("quantity", 1),
        math.nan if price is None else price,
        _NO_ORDER if order is None else order_code(order),
    )
    part = event.get("part")
    if part is not None and part.place == HEAD:
        return record + with_edition(event["order"], part.edition)
    if page is not None:
        return record + with_page(order, page)
    return record if order is None else record + bytes(order, "utf-8")
