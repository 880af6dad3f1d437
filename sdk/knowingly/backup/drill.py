"""The drill: an old backup is restored beside it, and nobody erased since can be read.

An old key store still has their keys; there, none of these may be left after a sweep.

Who was erased since is asked of the shop's data of today, and not of the keys that the restore
goes by: otherwise the two would agree on the same mistake. Nothing of today's is changed, and the
scratch databases are deleted afterwards, whatever was found.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from knowingly.backup.checking import checked_files, reading
from knowingly.backup.evidence import DrilledTenant, Past, drilled_keys, faults_of, tenant_in
from knowingly.backup.manifest import Manifest
from knowingly.backup.restoring import fill_data, fill_keys, must_fit
from knowingly.backup.signing import check_signed, keyrings
from knowingly.domain.progress import Progress
from knowingly.means import Means
from knowingly.opening.databases import Files, existing_files
from knowingly.store.database import Database
from knowingly.store.doors import every_tenant


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a drill found; ``passed`` where no tenant has a fault."""

    store: str
    made: datetime
    tenants: tuple[DrilledTenant, ...]

    @property
    def passed(self) -> bool:
        """Whether nobody erased since can be read, and the living can."""
        return not any(one.faults for one in self.tenants)


def drill(
    folder: Path,
    means: Means,
    *,
    url: str,
    key_store: str | None = None,
    progress: Progress | None = None,
) -> Drilled:
    """Restore a backup into a scratch folder beside it, and look for the erased.

    Data are restored with a copy of today's keys. A key store is restored for today's data, and
    what nobody uses is swept from it as ``maintain`` would.

    Raises:
        DamagedBackupError: The backup is unfinished, not what was written, or of other keys.
        StoreError: There is no shop of today, or it is another one.
    """
    tell = progress or (lambda *_: None)
    with closing(existing_files(url, key_store)) as today:
        found = checked_files(folder, tell)
        must_fit(found, today.keys)
        if found.signatures:
            check_signed(found, means, today.keys)
        with _scratch(folder) as scratch:
            drilled = _data if found.store == "data" else _keys
            tenants = tuple(drilled(folder, found, means, today, scratch=scratch, tell=tell))
    return Drilled(found.store, found.created, tenants)


def _data(
    folder: Path, found: Manifest, means: Means, today: Files, *, scratch: Files, tell: Progress
) -> Iterator[DrilledTenant]:
    with reading(folder, found) as old, today.data.reading() as now:
        pasts = [Past.of(one, tenant_in(now, one.head.name)) for one in every_tenant(old)]
    fill_data(folder, found, means, scratch, today=today.keys, progress=tell)
    for past in pasts:
        faults = tuple(faults_of(past, folder, found, means, scratch, today))
        yield DrilledTenant(past.tenant, past.people, len(past.erased), faults)


def _keys(
    folder: Path, found: Manifest, means: Means, today: Files, *, scratch: Files, tell: Progress
) -> Iterator[DrilledTenant]:
    fill_keys(folder, found, scratch.keys, tell)
    for keyring in keyrings(means, scratch.keys):
        with today.data.reading() as now:
            snapshot = tenant_in(now, keyring.tenant)
            yield drilled_keys(keyring, snapshot)


@contextmanager
def _scratch(folder: Path) -> Iterator[Files]:
    place = folder.absolute()
    scratch = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".drill", dir=place.parent))
    try:
        data, keys = (Database(f"sqlite:///{scratch / name}") for name in ("data.db", "keys.db"))
        with closing(Files(data, keys)) as files:
            yield files
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
