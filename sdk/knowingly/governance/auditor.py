"""The auditor's door: the log of one tenant, read without any key.

It opens the data alone, for reading, and never the key store: whoever audits sees what the log says
and that it is whole, and cannot open one sealed value, nor change anything.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Self

from knowingly.domain.moments import from_us
from knowingly.domain.progress import Counted
from knowingly.errors import InputError
from knowingly.governance.auditing.bounds import check_page
from knowingly.governance.auditing.held import known_key, must_begin_with, read_checkpoint
from knowingly.ledger import log, verifier
from knowingly.ledger.checkpoints import Checkpoint, as_checkpoint
from knowingly.ledger.log import Entry
from knowingly.ledger.verify import VerifiedLog, verify
from knowingly.opening.databases import data_to_read
from knowingly.opening.tenants import check_tenant
from knowingly.store import checkpoints, ledger
from knowingly.store.database import Database
from knowingly.store.doors import Snapshot, Store, every_tenant

_CHOICE = b'"kind":"consent.'


@dataclass(frozen=True, slots=True)
class ChoicesOfDay:
    """How often one choice about one purpose was made on one day (UTC), by when it was recorded.

    Stability: stable.
    """

    day: date
    choice: str
    purpose: str
    number: int


class Auditor:
    """The log of one tenant, for somebody who has no key of it; open one with ``open_auditor``.

    Stability: stable.
    """

    def __init__(self, data: Database, name: str, number: int) -> None:
        self._data, self._store = data, Store(data)
        self._name, self._number = name, number

    def __repr__(self) -> str:
        return f"Auditor(tenant={self._name!r})"

    @property
    def name(self) -> str:
        """The tenant's name."""
        return self._name

    def verify(
        self,
        progress: Counted | None = None,
        *,
        strict: bool = False,
        since: str | None = None,
        key: str | None = None,
    ) -> VerifiedLog:
        """Hash every entry again, and compare with the tree, the checkpoints and the state.

        Args:
            progress: Told how many entries are done, of how many.
            strict: Also read every entry, and refuse one that is not canonical JSON.
            since: A signed checkpoint that was kept elsewhere: the log must begin with it.
            key: A verifier key as the shop gave it out: it must have signed ``since``, and vouch
                for the checkpoints that the shop kept. Who signed them is not checked when it is
                left out.

        Raises:
            TamperedError: Its ``index`` is the first entry that does not fit.
            InputError: ``since`` is no checkpoint, or ``key`` did not sign it or is no key of this
                log.
        """
        kept = None if since is None else read_checkpoint(since, "since")
        if kept is not None and key is not None:
            _must_be_signed(kept, key)
        with self._store.read(self._number) as snapshot:
            known = known_key(snapshot, key)
            found = verify(snapshot, progress, strict=strict, known=known)
            if kept is not None:
                must_begin_with(snapshot, kept)
        return found

    def entries(self, *, since: int = 0, limit: int = 100) -> list[Entry]:
        """Entries from index ``since`` on, at most ``limit``; they name no person.

        Raises:
            InputError: ``since`` or ``limit`` is out of bounds.
        """
        check_page(since, limit)
        with self._store.read(self._number) as snapshot:
            return log.entries(snapshot, since=since, limit=limit)

    def checkpoints(self) -> list[Checkpoint]:
        """Every checkpoint that was signed and kept, smallest first."""
        with self._store.read(self._number) as snapshot:
            return [as_checkpoint(row) for row in checkpoints.every(snapshot)]

    def choices_by_day(self) -> list[ChoicesOfDay]:
        """How often each choice about each purpose was made on each day, as the log says.

        Those of people who were erased since count too: their entries are there, and nobody's.
        """
        with self._store.read(self._number) as snapshot:
            counted = Counter(_choices(snapshot))
        return [ChoicesOfDay(*what, number) for what, number in sorted(counted.items())]

    def close(self) -> None:
        """Close the database."""
        self._data.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_auditor(url: str, *, tenant: str = "default") -> Auditor:
    """Open the log of a shop for an auditor: no key, no key store, nothing can be written.

    Args:
        url: The data: ``sqlite:///shop.db``, or ``postgresql+psycopg://USER@HOST/shop``.
        tenant: The merchant.

    Raises:
        InputError: There is no such merchant.
        StoreError: There is no shop, or it is of another version.

    Stability: stable.
    """
    check_tenant(tenant)
    data = data_to_read(url)
    try:
        return Auditor(data, tenant, _number(data, tenant))
    except BaseException:
        data.close()
        raise


def _must_be_signed(kept: verifier.Checkpoint, key: str) -> None:
    try:
        kept.must_be_signed_by(verifier.VerifierKey.parse(key))
    except verifier.VerificationError as error:
        raise InputError("key", f"the one that signed this checkpoint: {error.why}") from None


def _number(data: Database, name: str) -> int:
    with data.reading() as connection:
        known = {one.head.name: one.tenant for one in every_tenant(connection)}
    if name not in known:
        raise InputError("tenant", f"one of this shop's, which has {len(known)}")
    return known[name]


def _choices(snapshot: Snapshot) -> Iterator[tuple[date, str, str]]:
    """``(day, choice, purpose)`` of every choice in the log."""
    for _, leaf in ledger.every_leaf(snapshot):
        if _CHOICE not in leaf:
            continue
        said = json.loads(leaf)
        _, is_choice, choice = said["kind"].partition("consent.")
        for purpose in said["purposes"] if is_choice else ():
            yield from_us(said["at"]).date(), choice, purpose
