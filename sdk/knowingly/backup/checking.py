"""A backup is what it was when it was made, found without any key."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from knowingly.backup import manifest
from knowingly.backup.copies import logs_verify, part
from knowingly.backup.creating import sha256_of
from knowingly.backup.manifest import Manifest
from knowingly.backup.signing import check_consistent
from knowingly.domain.progress import Progress
from knowingly.errors import DamagedBackupError, StoreError
from knowingly.folders import UNFINISHED
from knowingly.store import copying, migrate
from knowingly.store import shop as shop_rows
from knowingly.store.copying import StoreTx
from knowingly.store.database import Database


def verify(folder: Path, progress: Progress | None = None) -> Manifest:
    """Check a backup's files, tables and logs against its manifest.

    The manifest's own digest finds accidents. Whoever can write to the folder can write a new
    manifest as well, with signatures of their own: ``check_signed`` finds that, with the root key.

    Raises:
        DamagedBackupError: It is unfinished, or not what was written; says which part.
        TamperedError: A tenant's log does not verify.
        StoreError: It is of another version of the schema.
    """
    tell = progress or (lambda *_: None)
    found = checked_files(folder, tell)
    with reading(folder, found) as connection:
        wrong = copying.different(
            found.sums, copying.sums(connection, found.store, part(tell, "reading the tables"))
        )
        if wrong:
            raise DamagedBackupError(
                f"does not hold what the manifest says, in {', '.join(wrong)}", part=found.file
            )
        is_data = found.store == "data"
        shop = shop_rows.data_shop(connection) if is_data else shop_rows.keys_shop(connection)
        logs = logs_verify(connection, tell) if is_data else {}
    if shop != found.shop:
        raise DamagedBackupError("is of another shop than the manifest says", part=found.file)
    if logs != {log.tenant: (log.size, log.root) for log in found.logs}:
        raise DamagedBackupError("its logs are not those of the manifest", part=found.file)
    return found


def checked_files(folder: Path, tell: Progress) -> Manifest:
    """The manifest of a backup whose file is as it was written.

    Raises:
        DamagedBackupError: It is not.
    """
    if folder.name.endswith(UNFINISHED):
        raise DamagedBackupError("was interrupted: remove it and make another", part=folder.name)
    found = manifest.read(folder)
    check_consistent(found)
    path = folder / found.file
    if not path.is_file():
        raise DamagedBackupError("is not there", part=found.file)
    tell("hashing the file", 0, 1)
    size = path.stat().st_size
    if size != found.bytes:
        raise DamagedBackupError(
            f"has {size} bytes, where {found.bytes} were written", part=path.name
        )
    if sha256_of(path) != found.sha256:
        raise DamagedBackupError("its bytes are not those that were written", part=path.name)
    return found


def database_of(folder: Path, found: Manifest) -> Database:
    """A backup's database, just as it was hashed, also where nobody may write."""
    return Database(f"sqlite:///{folder / found.file}", frozen=True)


@contextmanager
def reading(folder: Path, found: Manifest) -> Iterator[StoreTx]:
    """A snapshot of a backup's database, which is only read."""
    database = database_of(folder, found)
    try:
        version = migrate.version(database, found.store)
        if version != migrate.HEADS[found.store]:
            raise StoreError(
                f"this backup has version {version} of the {found.store} schema, and this release "
                f"{migrate.HEADS[found.store]}: restore it with the release that made it, then "
                "run 'knowingly db upgrade'"
            )
        with database.reading() as connection:
            yield connection
    finally:
        database.close()
