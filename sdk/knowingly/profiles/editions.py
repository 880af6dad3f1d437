"""Of each order the newest edition is kept, in whatever order editions come in."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

from knowingly.domain.order import HEAD, Edition, Part, event_id
from knowingly.profiles.body import TABLE, edition_of
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
    already, ``skipped`` ones are older than what is there.
    """

    places: frozenset[int] = frozenset()
    heads: int = 0
    repeated: int = 0
    skipped: int = 0


def without_older(tenancy: Tenancy, tx: Tx, arrived: Sequence[Arrived]) -> Older:
    """Delete stored editions that are older than what came in, and find what came in too late.

    The rows of the caller's editions are stored after this, in the same transaction.
    """
    orders: dict[tuple[int, str], list[Arrived]] = {}
    for one in arrived:
        orders.setdefault((one.person.subject, one.fields["order"]), []).append(one)
    places: set[int] = set()
    heads = repeated = skipped = 0
    for parts in orders.values():
        stored = _stored(tenancy, tx, parts[0])
        newest = _newest(tenancy.now_us(), stored, parts)
        left_out = [one for one in parts if one not in newest]
        places.update(one.place for one in left_out)
        skipped += sum(one.part.counts for one in left_out)
        if newest:
            mine = sum(one.part.counts for one in newest)
            heads += len(newest) - mine
            there = _remove(tenancy, tx, parts[0], stored) if stored else 0
            if stored and stored.digest == newest[0].part.edition.digest:
                repeated += min(there, mine)
    return Older(frozenset(places), heads, repeated, skipped)


def _newest(now_us: int, stored: Edition | None, parts: Sequence[Arrived]) -> list[Arrived]:
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
        if best is None or _rank(edition) >= _rank(best):
            best, newest = edition, mine
            for one in mine:
                one.fields["part"] = one.part._replace(edition=edition)
    return newest


def _version(now_us: int, edition: Edition, best: Edition | None) -> int:
    if best is None or best.version_us is None:
        return now_us
    return max(now_us, best.version_us + (edition.digest != best.digest))


def _rank(edition: Edition) -> tuple[int, str]:
    return edition.version_us or 0, edition.digest


def _name(tenancy: Tenancy, one: Arrived, place: int) -> bytes:
    name = event_id(one.fields["order"], place)
    return tenancy.keyring.event_name(one.person.name_salt, name)


def _stored(tenancy: Tenancy, tx: Tx, one: Arrived) -> Edition | None:
    """The edition of this order that is there."""
    head = _name(tenancy, one, HEAD)
    sealed = events.bodies(tx, one.person.subject, [head]).get(head)
    return None if sealed is None else edition_of(one.cipher.open(TABLE, head, sealed))


def _remove(tenancy: Tenancy, tx: Tx, one: Arrived, stored: Edition) -> int:
    """Delete an edition; how many events callers were told of."""
    head = events.remove(tx, one.person.subject, [_name(tenancy, one, HEAD)])
    lines = [_name(tenancy, one, place) for place in range(stored.lines)]
    return events.remove(tx, one.person.subject, lines) if lines else head
