"""``knowingly db upgrade`` and ``knowingly db status``."""

from collections.abc import Sequence

import typer

from knowingly.cli.codes import Code
from knowingly.cli.options import KeyStore, ShopUrl, command
from knowingly.cli.output import Output
from knowingly.cli.progress import steps
from knowingly.opening import SchemaVersion, schema_versions, upgrade_schemas


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


def _cure(found: Sequence[SchemaVersion]) -> str:
    if any(one.found is not None and one.found > one.newest for one in found):
        return "a store is newer than this release: use the release that made it"
    if any(one.found is None for one in found):
        return "a store is empty: open the shop once with this release"
    return "an older version: run 'knowingly db upgrade'"
