"""``shop.audit``: the log, read and verified."""

from knowingly.domain.validate import check_id
from knowingly.ledger import log
from knowingly.ledger.log import Entry
from knowingly.ledger.verify import Progress, VerifiedLog, verify
from knowingly.store import subjects
from knowingly.tenancy import Tenancy


class Audit:
    """The append-only log of one tenant.

    Stability: stable.
    """

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def verify(self, progress: Progress | None = None) -> VerifiedLog:
        """Hash every entry again, and compare with the tree and the consent state.

        Raises:
            TamperedError: Its ``index`` is the first entry that does not fit.
        """
        with self._tenancy.read() as snapshot:
            return verify(snapshot, progress)

    def entries(self, *, since: int = 0, limit: int = 100) -> list[Entry]:
        """Entries from index ``since`` on, at most ``limit``; they name no person."""
        with self._tenancy.read() as snapshot:
            return log.entries(snapshot, since=since, limit=limit)

    def note_read(self, what: str, subject: str) -> None:
        """Record that staff looked at a person; nothing where nobody is known by that id."""
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
