"""Of each order the newest edition is kept, in whatever order editions come in."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from knowingly.domain.moments import SECOND_US
from knowingly.domain.order import HEAD, Edition, Part, event_id
from knowingly.profiles import body
from knowingly.store import events
from knowingly.store.doors import Tx
from knowingly.store.subjects import SubjectRow
from knowingly.tenancy import Tenancy
from knowingly.vault.seal import Cipher


class Arrived(NamedTuple):
    """One event of an order that may be kept, with its place among all that may."""

    place: int
    person: SubjectRow
    cipher: Cipher
    fields: dict[str, Any]

    @property
    def part(self) -> Part:
        """Which of the order's events it is."""
        part: Part = self.fields["part"]
        return part


class Older(NamedTuple):
    """The places that a newer edition leaves out, and what callers are told of the rest.

    ``heads`` will be stored and are no event of the caller's, ``repeated`` lines were there
    already, ``skipped`` ones are older than what is there. ``replaced`` are the people of
    whom a stored edition made way for another.
    """

    places: frozenset[int] = frozenset()
    heads: int = 0
    repeated: int = 0
    skipped: int = 0
    replaced: frozenset[int] = frozenset()


def without_older(
    tenancy: Tenancy, tx: Tx, arrived: Sequence[Arrived], to_the_second: bool
) -> Older:
    """Delete stored editions that are older than what came in, and find what came in too late.

    The rows of the caller's editions are stored after this, in the same transaction.
    """
    orders: dict[tuple[int, str], list[Arrived]] = {}
    for one in arrived:
        orders.setdefault((one.person.subject, one.fields["order"]), []).append(one)
    places: set[int] = set()
    replaced: set[int] = set()
    heads = repeated = skipped = 0
    for parts in orders.values():
        order = _Order(tenancy, tx, parts[0].person, parts[0].fields["order"])
        stored = order.edition(parts[0].cipher)
        newest = _newest(tenancy.now_us(), stored, parts, to_the_second)
        left_out = [one for one in parts if one not in newest]
        places.update(one.place for one in left_out)
        skipped += sum(one.part.counts for one in left_out)
        if newest:
            mine = sum(one.part.counts for one in newest)
            heads += len(newest) - mine
            there = order.remove(stored) if stored else 0
            if stored and stored.digest == newest[0].part.edition.digest:
                repeated += min(there, mine)
            elif stored:
                replaced.add(order.person.subject)
    return Older(frozenset(places), heads, repeated, skipped, frozenset(replaced))


def _newest(
    now_us: int, stored: Edition | None, parts: Sequence[Arrived], to_the_second: bool
) -> list[Arrived]:
    """The parts of the edition that replaces the stored one; none where that one stays.

    Each edition that came is held against the newest so far. One that does not say how new it is
    is newer than all that came before it, and is marked so.
    """
    best, newest = stored, list[Arrived]()
    for _, group in groupby(parts, key=lambda one: id(one.part.edition)):
        mine = list(group)
        edition = mine[0].part.edition
        if edition.version_us is None:
            edition = edition._replace(version_us=_version(now_us, edition, best))
        elif to_the_second and best is not None and _same_second(edition, best):
            edition = edition._replace(version_us=(best.version_us or 0) + 1)
        if best is None or _rank(edition) >= _rank(best):
            best, newest = edition, mine
            for one in mine:
                one.fields["part"] = one.part._replace(edition=edition)
    return newest


def _version(now_us: int, edition: Edition, best: Edition | None) -> int:
    if best is None or best.version_us is None:
        return now_us
    return max(now_us, best.version_us + (edition.digest != best.digest))


def _same_second(edition: Edition, best: Edition) -> bool:
    """Whether it says something else, and was not made a second or more before."""
    before_us = (best.version_us or 0) - (edition.version_us or 0)
    return edition.digest != best.digest and 0 <= before_us < SECOND_US


def _rank(edition: Edition) -> tuple[int, str]:
    return edition.version_us or 0, edition.digest


def renamed(
    tenancy: Tenancy,
    tx: Tx,
    source: SubjectRow,
    target: tuple[SubjectRow, Cipher],
    plain_of: Mapping[bytes, bytes],
) -> dict[bytes, bytes | None]:
    """The names that events of one person's orders get when they become another person's.

    Deletes what the other person has of an older edition.

    Args:
        tenancy: The tenant.
        tx: The transaction that moves the events.
        source: Whose events they are.
        target: Whose they become, and their cipher.
        plain_of: The events that move, opened, by name.

    Returns:
        The new name by the old one; None where the other person has an edition that is as new.
        Events that are of no stored order keep their names and are left out.
    """
    person, cipher = target
    names: dict[bytes, bytes | None] = {}
    for order_id in {body.to_event(plain).order for plain in plain_of.values()} - {None}:
        before = _Order(tenancy, tx, source, str(order_id))
        head = plain_of.get(before.name(HEAD))
        if head is None:
            continue
        mine, after = body.edition_of(head), _Order(tenancy, tx, person, str(order_id))
        there = after.edition(cipher)
        is_newer = there is None or _rank(mine) > _rank(there)
        if there is not None and is_newer:
            after.remove(there)
        for place in (HEAD, *range(mine.lines)):
            names[before.name(place)] = after.name(place) if is_newer else None
    return names


class _Order(NamedTuple):
    """One order of one person, as it is stored."""

    tenancy: Tenancy
    tx: Tx
    person: SubjectRow
    order: str

    def name(self, place: int) -> bytes:
        """The name of one of its events."""
        event = event_id(self.order, place)
        return self.tenancy.keyring.event_name(self.person.name_salt, event)

    def edition(self, cipher: Cipher) -> Edition | None:
        """The edition that is there."""
        head = self.name(HEAD)
        sealed = events.bodies(self.tx, self.person.subject, [head]).get(head)
        return None if sealed is None else body.edition_of(cipher.open(body.TABLE, head, sealed))

    def remove(self, stored: Edition) -> int:
        """Delete an edition; how many events callers were told of."""
        head = events.remove(self.tx, self.person.subject, [self.name(HEAD)])
        lines = [self.name(place) for place in range(stored.lines)]
        return events.remove(self.tx, self.person.subject, lines) if lines else head
