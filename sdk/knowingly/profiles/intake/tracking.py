"""``track``: events come in, and only what the person agreed to is kept."""

from collections.abc import Iterable, Mapping
from typing import Any

from knowingly.domain.event import Event
from knowingly.domain.intake import Intake, Refusal
from knowingly.domain.order import Order
from knowingly.errors import UnknownItemError
from knowingly.profiles.intake.asking import ask, by_device, prepare_keys, refuse_lost, to_open
from knowingly.profiles.intake.batch import NO_SUCH_ITEM, field_of, read, who_undoes
from knowingly.profiles.intake.keeping import allowed, leave_out_older, sealed_rows, who_undid
from knowingly.profiles.people import People
from knowingly.profiles.undone import Undone
from knowingly.store import events
from knowingly.store.doors import Then
from knowingly.tenancy import Tenancy


def track(
    tenancy: Tenancy,
    people: People,
    rows: Iterable[Event | Order | Mapping[str, Any]],
    undone: Undone,
    *,
    strict: bool,
    then: Then | None = None,
    to_the_second: bool = False,
) -> Intake:
    """Keep what is valid and allowed, in one transaction; count the rest by reason.

    Consent is asked in the transaction that stores the event: a withdrawal either comes before and
    the event is dropped, or after and takes the event with it. ``undone`` is told, in that
    transaction too, who undid something by it; ``then`` is done last. ``to_the_second`` is how
    exactly orders say how new they are: of two editions within one second the one that comes in
    last stays.

    Raises:
        InputError: ``strict`` is set and a row is bad; nothing was written.
    """
    now_us = tenancy.now_us()
    batch = read(tenancy, rows, now_us, strict=strict)
    if not batch.of_person:
        intake = Intake(dropped=dict(batch.dropped), refused=tuple(batch.refused))
        if then is not None:
            with tenancy.write() as tx:
                then(tx, intake)
        return intake
    lookup = tenancy.keyring.lookup
    lookups = [lookup(subject) for subject in batch.of_person]
    nobody = people.permissions.nobody(tenancy, now_us)
    fresh = prepare_keys(tenancy, to_open(batch, lookups, nobody), now_us)
    if undoing := who_undoes(batch, lookups):
        undone.prepare(undoing)
    with tenancy.write() as tx:
        tenancy.keyring.watch(tx.head.shred_epoch)
        asked, lost = ask(tenancy, people, tx, lookups, fresh)
        if lost:
            refuse_lost(batch, [lookup in lost for lookup in lookups], strict=strict)
        groups = by_device(tenancy, people, tx, batch, asked)
        keep = allowed(batch, groups, tenancy.catalogue.at(tx).row_of)
        if strict and batch.refused:
            first = batch.refused[0]
            raise UnknownItemError(first.field, first.expected, row=first.row)
        older = leave_out_older(tenancy, tx, batch, keep, to_the_second)
        stored = sealed_rows(tenancy, batch, keep)
        added = events.add(tx, stored)
        if undoing or older.replaced:
            undone(tx, {*older.replaced, *who_undid(batch, keep)})
        batch.refused.sort(key=lambda refusal: refusal.row)
        intake = Intake(
            added - older.heads - older.repeated,
            len(stored) - added + older.repeated + older.skipped,
            dict(batch.dropped),
            tuple(batch.refused),
        )
        if then is not None:
            then(tx, intake)
    return intake


def would_refuse(
    tenancy: Tenancy, rows: Iterable[Event | Order | Mapping[str, Any]]
) -> list[Refusal]:
    """The rows that ``track`` would refuse; writes nothing.

    An unknown item is refused of everybody, also of those whose events would be dropped: whoever
    asks beforehand wants to know of it.
    """
    batch = read(tenancy, rows, tenancy.now_us(), strict=False)
    items = tenancy.ask(tenancy.catalogue.at).row_of
    unknown = [
        Refusal(batch.row[place], field_of(event), NO_SUCH_ITEM)
        for place in batch.at_us
        if (event := batch.fields[place])["item"] is not None and event["item"] not in items
    ]
    return sorted([*batch.refused, *unknown], key=lambda refusal: refusal.row)
