"""``knowingly backup``: create and verify."""

from pathlib import Path
from typing import Annotated

import typer

from knowingly.backup.checking import verify as verify_backup
from knowingly.backup.creating import create as create_backup
from knowingly.backup.manifest import Manifest, as_text
from knowingly.cli.codes import Code
from knowingly.cli.failing import CommandError
from knowingly.cli.options import KeyStore, ShopUrl, command
from knowingly.cli.output import Output
from knowingly.cli.progress import steps

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="A backup.")]
NewFolder = Annotated[
    Path | None, typer.Argument(metavar="[FOLDER]", help="A new folder for the data.")
]
KeysTo = Annotated[
    Path | None,
    typer.Option(
        "--keys-to", metavar="FOLDER", help="A new folder for the key store; keep it elsewhere."
    ),
]


@command
def create(
    output: Output,
    folder: NewFolder = None,
    keys_to: KeysTo = None,
    shop_url: ShopUrl = "sqlite:///shop.db",
    key_store: KeyStore = None,
) -> None:
    """Back up the data into FOLDER, and with --keys-to the key store; the app may run."""
    if folder is None and keys_to is None:
        raise CommandError("name a folder for the data, --keys-to, or both", code=Code.USAGE)
    with steps(output) as tell:
        made = create_backup(shop_url, key_store, data_to=folder, keys_to=keys_to, progress=tell)
    for found, place in ((made.get("data"), folder), (made.get("keys"), keys_to)):
        if found is not None:
            output.say(f"Backed up the {found.store} into {place}: {found.rows:,} rows.")
    if "keys" in made:
        output.hint(
            "note: a copy of the key store opens people who are erased after it, until the root "
            "key of its time is destroyed: keep few of them, and not for long"
        )
    output.document({store: _told(found) for store, found in made.items()})


@command
def verify(output: Output, folder: Folder) -> None:
    """Check a backup against its manifest, without any key; exit 4 where it differs."""
    with steps(output) as tell:
        found = verify_backup(folder, tell)
    output.say(
        f"The {found.store} of {as_text(found.created)}: {found.rows:,} rows, as they were written."
    )
    for log in found.logs:
        output.say(f"Log of {log.tenant}: {log.size:,} entries. Root: {log.root}")
    output.document(_told(found))


def _told(found: Manifest) -> dict[str, object]:
    return found.model_dump(mode="json")
