"""The end of a person's key: deleted, its bytes overwritten, and dropped from memory.

Destroying a key is the end of all that was sealed under it, in every copy of the data.
"""

import time
from collections.abc import Callable, Iterable

from knowingly.store import keys as key_rows
from knowingly.vault.subject_keys import SubjectKeys

SWEPT_AT_ONCE = 100_000
"""Keys compared with those in use at a time; each time the people are looked through once."""
_TRUNCATE_TRIES = 10


class Shredding(SubjectKeys):
    """The keys of one tenant's people, which can be destroyed."""

    def destroy(self, key_id: bytes) -> None:
        """Delete one subject key; its bytes are gone from the files once ``overwrite`` is true."""
        with self._database.writing() as connection:
            key_rows.delete_subject_keys(connection, self._tenant, [key_id])
        self.forget()

    @property
    def overwrites(self) -> bool:
        """Whether deleted bytes are overwritten in the file: so on SQLite, not on a server."""
        return self._database.is_sqlite

    def overwrite(self) -> bool:
        """Empty the key store's write-ahead log, and so end what was deleted there.

        False when another connection reads for too long.
        """
        for _ in range(_TRUNCATE_TRIES):
            if self._database.truncate():
                return True
            time.sleep(0.05)
        return False

    def sweep(self, used: Callable[[bytes, bytes], Iterable[bytes]], *, before_us: int) -> int:
        """Delete keys that no subject uses and that were made before ``before_us``.

        ``used`` gives the keys that subjects use, from one id to another.
        """
        swept, last = 0, b""
        with self._database.writing() as connection:
            while old := key_rows.subject_keys_before(
                connection, self._tenant, before_us, after=last, limit=SWEPT_AT_ONCE
            ):
                last = old[-1]
                orphans = set(old)
                orphans.difference_update(used(old[0], last))
                key_rows.delete_subject_keys(connection, self._tenant, sorted(orphans))
                swept += len(orphans)
        if swept:
            self.forget()
        return swept
