"""A backup: one store in a SQLite file of its own, with a manifest, whatever database it is in.

The data and the key store are backed up apart, because their backups have different lives: a
backup of the data opens nothing by itself and may be kept for long, one of the keys opens whoever
was erased after it, for as long as the root key of its time lives.
"""

import hashlib
from pathlib import Path
from typing import Literal

from knowingly.backup import manifest
from knowingly.backup.copies import copied, logs_verify
from knowingly.backup.manifest import Log, Manifest
from knowingly.backup.signing import signed
from knowingly.domain.moments import Clock, system_clock
from knowingly.domain.progress import Progress
from knowingly.errors import StoreError
from knowingly.folders import new_folder, sync, write_private
from knowingly.means import Means
from knowingly.opening.databases import Files, existing_files, make_store
from knowingly.store import migrate
from knowingly.store import shop as shop_rows
from knowingly.store.database import Database

FILES: dict[str, Literal["data.db", "keys.db"]] = {"data": "data.db", "keys": "keys.db"}
_CHUNK = 2**20


def create(
    url: str,
    key_store: str | None,
    *,
    data_to: Path | None = None,
    keys_to: Path | None = None,
    means: Means | None = None,
    clock: Clock = system_clock,
    progress: Progress | None = None,
) -> dict[str, Manifest]:
    """Back up the data, the keys, or both, each into a folder of its own; the app may run.

    The snapshot of the data is the earlier one, so that its events have their keys. With
    ``means``, which have the root keys, each manifest is signed by its tenants.

    Raises:
        RootKeyError: The root key does not open a tenant's keys.
        StoreError: There is no shop, or a folder has something in it.
        TamperedError: A tenant's log does not verify.
    """
    if data_to is not None and keys_to is not None and _together(data_to, keys_to):
        raise StoreError("the key store's backup needs a place of its own, apart from the data's")
    tell, done = progress or (lambda *_: None), {}
    source = existing_files(url, key_store)
    try:
        if data_to is not None:
            done["data"] = _backed_up(source, "data", data_to, clock, tell, means=means)
        if keys_to is not None:
            done["keys"] = _backed_up(source, "keys", keys_to, clock, tell, means=means)
    finally:
        source.close()
    return done


def _together(one: Path, other: Path) -> bool:
    """Whether a folder is, or lies in, the other."""
    one, other = one.resolve(), other.resolve()
    return one.is_relative_to(other) or other.is_relative_to(one)


def _backed_up(
    shop: Files,
    store: Literal["data", "keys"],
    folder: Path,
    clock: Clock,
    tell: Progress,
    *,
    means: Means | None,
) -> Manifest:
    source = shop.data if store == "data" else shop.keys
    with new_folder(folder) as unfinished:
        path = unfinished / FILES[store]
        created = clock()
        target = Database(f"sqlite:///{path}")
        try:
            make_store(target, store)
            with source.reading() as old, target.writing() as new:
                sums = copied(old, new, store, tell)
                logs = logs_verify(new, tell) if store == "data" else {}
                is_data = store == "data"
                name = shop_rows.data_shop(new) if is_data else shop_rows.keys_shop(new)
            if name is None or not target.truncate():
                raise StoreError("the backup cannot be finished: try again")
        finally:
            target.close()
        found = Manifest(
            store=store,
            file=FILES[store],
            shop=name,
            schema_version=migrate.HEADS[store],
            created=created,
            bytes=path.stat().st_size,
            sha256=sha256_of(path),
            tables=manifest.tables(sums),
            logs=tuple(
                Log(tenant=name, size=size, root=root) for name, (size, root) in logs.items()
            ),
        )
        if means is not None:
            found = signed(found, means, shop.keys)
        write_private(unfinished / manifest.NAME, found.to_json().encode())
        sync(path)
    return found


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_CHUNK):
            digest.update(part)
    return digest.hexdigest()
