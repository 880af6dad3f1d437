"""A whole shop into other databases, from SQLite to PostgreSQL or any other way.

The snapshot of the data is taken before that of the keys. A key made in between is one too many,
and is swept later; taken the other way round, an event could come without its key. A person erased
in between comes without a key, so nobody can read them, but models would still hold what they
taught: therefore the source is read once more at the end, and where anything at all has changed
nothing is kept. Stop the app first, and that does not happen.

The keys are committed before the data. Cut short between the two, the target has keys and no data:
the next move takes them where they still are the source's. Cut short anywhere else it is empty.
"""

from dataclasses import dataclass

from knowingly.backup.copies import copied, keys_copied, logs_verify, must_be_empty, part
from knowingly.domain.progress import Progress
from knowingly.errors import StoreError
from knowingly.opening.databases import Files, existing_files, files_to_fill
from knowingly.store import copying
from knowingly.store import shop as shop_rows
from knowingly.store.copying import Sums
from knowingly.store.database import Database
from knowingly.store.doors import every_tenant
from knowingly.vault.belonging import same_shop


@dataclass(frozen=True, slots=True)
class Moved:
    """The sums of both stores, by table, the same on both sides; and each tenant's log."""

    data: Sums
    keys: Sums
    logs: dict[str, tuple[int, str]]

    @property
    def rows(self) -> int:
        """How many rows were moved."""
        return sum(one.rows for sums in (self.data, self.keys) for one in sums.values())


def move(
    url: str,
    key_store: str | None,
    *,
    to: str,
    to_key_store: str | None = None,
    progress: Progress | None = None,
) -> Moved:
    """Copy a shop's two stores into two empty databases, and verify; the source stays as it is.

    Raises:
        StoreError: The target is not empty, the source changed meanwhile, or a copy is not exact.
        TamperedError: A tenant's log does not verify.
    """
    tell = progress or (lambda *_: None)
    source = existing_files(url, key_store)
    try:
        target = files_to_fill(to, to_key_store)
        try:
            must_be_apart(source, target)
            return _move(source, target, tell)
        finally:
            target.close()
    finally:
        source.close()


def must_be_apart(source: Files, target: Files) -> None:
    """Refuse a target that is the source.

    Raises:
        StoreError: It is.
    """
    ours = {source.data.identity(), source.keys.identity()}
    if ours & {target.data.identity(), target.keys.identity()}:
        raise StoreError("the target is the source: name other databases; nothing was changed")


def _move(source: Files, target: Files, tell: Progress) -> Moved:
    with (
        source.data.reading_from(every_tenant) as (old_data, _),
        source.keys.reading_from(shop_rows.keys_shop) as (old_keys, shop_id),
        target.data.writing(alone=True) as data,
    ):
        same_shop(shop_rows.data_shop(old_data), shop_id)
        must_be_empty(target.data, copying.count(data, "data"))
        moved_data = copied(old_data, data, "data", tell)
        logs = logs_verify(data, tell)
        with target.keys.writing(alone=True) as keys:
            moved_keys = keys_copied(old_keys, keys, target.keys, tell)
            _must_be_unchanged(source.data, "data", moved_data, tell)
            _must_be_unchanged(source.keys, "keys", moved_keys, tell)
    return Moved(moved_data, moved_keys, logs)


def _must_be_unchanged(database: Database, store: str, before: Sums, tell: Progress) -> None:
    with database.reading() as connection:
        now = copying.sums(connection, store, part(tell, f"reading the {store} once more"))
    changed = copying.different(before, now)
    if changed:
        raise StoreError(
            f"the source was written to meanwhile, in {', '.join(changed)}: stop the app and move "
            "again; the target is as it was"
        )
