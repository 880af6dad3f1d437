"""Make a filled shop of the newest schema version, to be upgraded by every later release.

    python tests/integration/filled/make.py

Run it with the release whose schema it is, before the next migration is written, and add the
folder it makes. A folder is never made again: what an old release wrote is what is tested.
"""

import gzip
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import knowingly
from knowingly.samples import tea_shop
from knowingly.store.migrate import HEADS
from knowingly.vault.root import write_root_key

HERE = Path(__file__).parent
FILLED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def fill(folder: Path) -> None:
    """A tea shop with all that a shop can have: someone erased, a no, a release, two trainings."""
    now = [FILLED_AT]
    write_root_key(folder / "key")
    policy = knowingly.load_policy()
    # A small model, for a small file; a release needs fewer people than the tea shop's.
    rules = {**policy.aggregates.model_dump(), "min_people": 50, "top": 5}
    policy = policy.model_copy(update={"aggregates": rules})
    with knowingly.open(
        f"sqlite:///{folder}/shop.db", keys=folder / "key", policy=policy, clock=lambda: now[0]
    ) as shop:
        tea_shop(shop)
        shop.train()
        now[0] += timedelta(hours=1)
        shop.aggregates.release_bestsellers()
        shop.consent.withdraw("t001")
        shop.consent.withdraw("t002", ["train"])
        shop.rights.erase("t000")
        now[0] += timedelta(hours=1)
        shop.track("t003", "purchase", "oolong", event_id="late")
        shop.train()
        shop.consent.withdraw("t020", ["train"])
        shop.tenant("acme").items.upsert([{"id": "cup"}])


def main() -> None:
    """Write the folder of the newest version."""
    to = HERE / max(HEADS.values())
    if to.exists() and any(to.iterdir()):
        sys.exit(f"{to} is there already: what an old release wrote is kept as it is")
    to.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        fill(folder)
        for name in ("shop.db", "shop.keys.db"):
            with closing(sqlite3.connect(folder / name, isolation_level=None)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.execute("PRAGMA journal_mode = DELETE")
                connection.execute("VACUUM")
            with (
                (folder / name).open("rb") as plain,
                gzip.GzipFile(to / f"{name}.gz", "wb", mtime=0) as packed,
            ):
                shutil.copyfileobj(plain, packed)
        shutil.copy(folder / "key", to / "root-key.txt")


if __name__ == "__main__":
    main()
