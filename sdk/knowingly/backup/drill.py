"""The drill: an old backup is restored beside it, and nobody erased since can be read.

Who was erased since is asked of the shop's data of today, and not of the keys that the restore
goes by: otherwise the two would agree on the same mistake. Nothing of today's is changed, and the
scratch databases are deleted afterwards, whatever was found.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from knowingly.backup.checking import checked_files, reading
from knowingly.backup.evidence import Past, faults_of, tenant_in
from knowingly.backup.restoring import restore_data
from knowingly.domain.progress import Progress
from knowingly.errors import StoreError
from knowingly.means import Means
from knowingly.opening import Files, existing_files
from knowingly.store.database import Database
from knowingly.store.doors import every_tenant


@dataclass(frozen=True, slots=True)
class DrilledTenant:
    """One tenant in the drill: how many people were erased since, of how many, and what failed."""

    tenant: str
    people: int
    erased: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a drill found; ``passed`` where no tenant has a fault."""

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
    """Restore a backup of the data into a scratch folder beside it, and look for the erased.

    Raises:
        DamagedBackupError: The backup is unfinished, or not what was written.
        StoreError: There is no shop of today, or it is another one.
    """
    tell = progress or (lambda *_: None)
    today = existing_files(url, key_store)
    try:
        found = checked_files(folder, tell)
        if found.store != "data":
            raise StoreError("this is a backup of the key store: the drill restores the data")
        with reading(folder, found) as old, today.data.reading() as now:
            pasts = [Past.of(one, tenant_in(now, one.head.name)) for one in every_tenant(old)]
        with _scratch(folder) as (data, keys):
            restore_data(
                folder,
                means,
                to=data,
                key_store=today.keys.url.render_as_string(hide_password=False),
                copy_keys_to=keys,
                progress=tell,
            )
            restored = Files(Database(data), Database(keys))
            try:
                tenants = tuple(
                    DrilledTenant(
                        past.tenant,
                        past.people,
                        len(past.erased),
                        tuple(faults_of(past, folder, found, means, restored, today)),
                    )
                    for past in pasts
                )
            finally:
                restored.close()
    finally:
        today.close()
    return Drilled(found.created, tenants)


@contextmanager
def _scratch(folder: Path) -> Iterator[tuple[str, str]]:
    place = folder.absolute()
    scratch = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".drill", dir=place.parent))
    try:
        yield f"sqlite:///{scratch / 'data.db'}", f"sqlite:///{scratch / 'keys.db'}"
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
