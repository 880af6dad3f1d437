"""``knowingly db``: upgrade, status and move."""

from collections.abc import Sequence
from typing import Annotated

import typer

from knowingly.backup.moving import move as move_shop
from knowingly.cli.codes import Code
from knowingly.cli.options import KeyStore, ShopUrl, command
from knowingly.cli.output import Output
from knowingly.cli.progress import steps
from knowingly.opening.databases import SchemaVersion, schema_versions, upgrade_schemas

To = Annotated[str, typer.Option("--to", metavar="URL", help="An empty database for the data.")]
ToKeyStore = Annotated[
    str | None,
    typer.Option(
        "--to-key-store",
        metavar="URL",
        help="An empty database for the keys; beside the data when left out.",
    ),
]


@command
def status(
    output: Output, shop_url: ShopUrl = "sqlite:///shop.db", key_store: KeyStore = None
) -> None:
    """Say which versions the two stores have; exit 1 where one is not the newest."""
    found = schema_versions(shop_url, key_store)
    output.table(
        ("store", "version", "newest"), [(one.store, one.found or "-", one.newest) for one in found]
    )
    output.document({one.store: {"version": one.found, "newest": one.newest} for one in found})
    if not all(one.is_current for one in found):
        output.complain(_cure(found))
        raise typer.Exit(Code.FAILED)


@command
def upgrade(
    output: Output, shop_url: ShopUrl = "sqlite:///shop.db", key_store: KeyStore = None
) -> None:
    """Bring both stores to the newest version; stop the app and back up first."""
    with steps(output) as tell:
        before = upgrade_schemas(shop_url, key_store, tell)
    for one in before:
        said = "is the newest already" if one.is_current else f"is now {one.newest}"
        output.say(f"{one.store}: {one.found} {said}")
    output.document({one.store: {"from": one.found, "to": one.newest} for one in before})


@command
def move(
    output: Output,
    to: To,
    to_key_store: ToKeyStore = None,
    shop_url: ShopUrl = "sqlite:///shop.db",
    key_store: KeyStore = None,
) -> None:
    """Copy the shop into other, empty databases and verify; stop the app first."""
    with steps(output) as tell:
        moved = move_shop(shop_url, key_store, to=to, to_key_store=to_key_store, progress=tell)
    tables = [(name, one.rows) for sums in (moved.keys, moved.data) for name, one in sums.items()]
    output.table(("table", "rows"), tables)
    output.say(
        f"Moved {moved.rows:,} rows; each table reads the same on both sides, and "
        f"{len(moved.logs)} logs verify. The old databases are as they were: destroy them, "
        "the key store above all, once the app runs on the new ones."
    )
    output.document(
        {
            "rows": moved.rows,
            "tables": {
                store: {name: one._asdict() for name, one in sums.items()}
                for store, sums in (("keys", moved.keys), ("data", moved.data))
            },
            "logs": {
                name: {"size": size, "root": root} for name, (size, root) in moved.logs.items()
            },
        }
    )


def _cure(found: Sequence[SchemaVersion]) -> str:
    if any(one.found is not None and one.found > one.newest for one in found):
        return "a store is newer than this release: use the release that made it"
    if any(one.found is None for one in found):
        return "a store is empty: open the shop once with this release"
    return "an older version: run 'knowingly db upgrade'"
