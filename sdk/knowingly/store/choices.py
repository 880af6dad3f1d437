"""Statements that count choices: for audits, over everyone, with no person's key."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, distinct, func, select

from knowingly.domain.moments import DAY_US
from knowingly.store.doors import Snapshot
from knowingly.store.schema import consent_records as table

PARTS: dict[str, ColumnElement[Any]] = {
    "day": table.c.received_us // DAY_US,
    "surface": table.c.surface,
    "jurisdiction": table.c.jurisdiction,
    "purpose": table.c.purpose,
    "notice": table.c.notice,
}
"""What choices can be counted by; a day is the number of whole UTC days since 1970."""


class Span(NamedTuple):
    """From a moment on, and until before another; microseconds since 1970."""

    since_us: int
    until_us: int


def counted(
    snapshot: Snapshot, parts: Sequence[str], span: Span, *, limit: int
) -> list[tuple[Any, ...]]:
    """Choices by these parts: each part's value, the action, entries, people; at most ``limit``."""
    groups = [*(PARTS[part] for part in parts), table.c.action]
    rows = (
        select(*groups, func.count(distinct(table.c.idx)), func.count(distinct(table.c.subject)))
        .where(*_within(snapshot, span))
        .group_by(*groups)
        .limit(limit)
    )
    return [tuple(row) for row in snapshot.connection.execute(rows)]


def people_shown(snapshot: Snapshot, notice: str) -> int:
    """How many people's choices name a notice."""
    shown = select(func.count(distinct(table.c.subject))).where(
        table.c.tenant == snapshot.tenant, table.c.notice == notice
    )
    return int(snapshot.connection.execute(shown).scalar_one())


def entries_naming(snapshot: Snapshot, notice: str, *, since: int, limit: int) -> list[int]:
    """The entries from a number on whose choices name a notice, in order."""
    rows = (
        select(table.c.idx)
        .where(table.c.tenant == snapshot.tenant, table.c.notice == notice, table.c.idx >= since)
        .distinct()
        .order_by(table.c.idx)
        .limit(limit)
    )
    return list(snapshot.connection.execute(rows).scalars())


def actions_naming(snapshot: Snapshot, notice: str) -> dict[str, int]:
    """How many entries of each action name a notice."""
    rows = (
        select(table.c.action, func.count(distinct(table.c.idx)))
        .where(table.c.tenant == snapshot.tenant, table.c.notice == notice)
        .group_by(table.c.action)
    )
    return {row[0]: int(row[1]) for row in snapshot.connection.execute(rows)}


def count_of(snapshot: Snapshot, actions: Collection[str], span: Span) -> int:
    """How many entries record such a choice."""
    total = select(func.count()).select_from(_taking(snapshot, actions, span).subquery())
    return int(snapshot.connection.execute(total).scalar_one())


def nth_latency(snapshot: Snapshot, actions: Collection[str], span: Span, place: int) -> int:
    """The time, in microseconds, that the choice of this place from the quickest on took."""
    taking = _taking(snapshot, actions, span).subquery()
    nth = select(taking.c.took).order_by(taking.c.took).limit(1).offset(place)
    return int(snapshot.connection.execute(nth).scalar_one())


def _taking(snapshot: Snapshot, actions: Collection[str], span: Span) -> Select[Any]:
    """For each entry of these actions, the time from its record until it had been applied."""
    took = func.max(table.c.applied_us - table.c.received_us).label("took")
    return (
        select(took)
        .where(*_within(snapshot, span), table.c.action.in_(sorted(actions)))
        .group_by(table.c.idx)
    )


def _within(snapshot: Snapshot, span: Span) -> tuple[ColumnElement[bool], ...]:
    return (
        table.c.tenant == snapshot.tenant,
        table.c.received_us >= span.since_us,
        table.c.received_us < span.until_us,
    )
