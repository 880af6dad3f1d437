"""``shop.audit``: the log, read and verified."""

import re
from datetime import datetime

from knowingly.activation import Activation, activations, policy_at
from knowingly.domain.moments import to_us
from knowingly.domain.progress import Counted
from knowingly.domain.validate import check_id
from knowingly.errors import InputError
from knowingly.ledger import log
from knowingly.ledger.log import Entry
from knowingly.ledger.verify import VerifiedLog, verify
from knowingly.policy import Policy
from knowingly.store import subjects
from knowingly.tenancy import Tenancy

MAX_SINCE = 2**62
MAX_LIMIT = 10_000
_WORD = re.compile(r"[a-z_]{1,40}\Z")


class Audit:
    """The append-only log of one tenant.

    Stability: stable.
    """

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def verify(self, progress: Counted | None = None) -> VerifiedLog:
        """Hash every entry again, and compare with the tree and the consent state.

        Raises:
            TamperedError: Its ``index`` is the first entry that does not fit.
        """
        with self._tenancy.read() as snapshot:
            return verify(snapshot, progress)

    def entries(self, *, since: int = 0, limit: int = 100) -> list[Entry]:
        """Entries from index ``since`` on, at most ``limit``; they name no person.

        Raises:
            InputError: ``since`` or ``limit`` is out of bounds.
        """
        check_page(since, limit)
        with self._tenancy.read() as snapshot:
            return log.entries(snapshot, since=since, limit=limit)

    def policies(self) -> list[Activation]:
        """Every policy that came into force, in the order of the log."""
        with self._tenancy.read() as snapshot:
            return activations(snapshot)

    def policy(self, at: datetime | None = None) -> Policy | None:
        """The policy that was in force at a moment, now when left out, as it stood then.

        None for a moment before any policy that is kept.

        Raises:
            InputError: ``at`` is no time with a zone.
        """
        at_us = self._tenancy.now_us() if at is None else to_us(at, "at")
        with self._tenancy.read() as snapshot:
            return policy_at(snapshot, at_us)

    def note_read(self, what: str, subject: str) -> None:
        """Record that staff looked at a person; nothing where nobody is known by that id.

        Args:
            what: What was looked at, in one word of a-z and _.
            subject: The app's id of the person.

        Raises:
            InputError: ``what`` is no such word, or ``subject`` no id.
        """
        if not isinstance(what, str) or not _WORD.match(what):
            raise InputError("what", "1 to 40 of a-z and '_'")
        with self._tenancy.write() as tx:
            person = subjects.find(tx, self._tenancy.keyring.lookup(check_id(subject)))
            if person is None or person.state != subjects.ACTIVE:
                return
            log.append(
                tx,
                f"read.{what}",
                at_us=self._tenancy.now_us(),
                seal=self._tenancy.keyring.cipher(person.key_id).seal,
                details={"by": "staff"},
                subject=person.subject,
            )


def check_page(since: int, limit: int) -> None:
    """Refuse a page of the log that is out of bounds.

    Raises:
        InputError: It is.
    """
    _check_int(since, "since", 0, MAX_SINCE)
    _check_int(limit, "limit", 1, MAX_LIMIT)


def _check_int(value: object, field: str, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InputError(field, f"a whole number from {least} to {most}")
