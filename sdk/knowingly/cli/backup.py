"""``knowingly backup``: create, verify, restore and drill."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from knowingly.backup.checking import verify as verify_backup
from knowingly.backup.creating import create as create_backup
from knowingly.backup.drill import drill as run_drill
from knowingly.backup.manifest import Manifest, as_text
from knowingly.backup.manifest import read as read_manifest
from knowingly.backup.restoring import restore_data, restore_keys
from knowingly.cli.codes import Code
from knowingly.cli.failing import CommandError
from knowingly.cli.options import Keys, KeyStore, PolicyFile, ShopUrl, command
from knowingly.cli.output import Output
from knowingly.cli.progress import steps
from knowingly.means import find_means

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

To = Annotated[str, typer.Option("--to", metavar="URL", help="An empty database.")]
CopyKeysTo = Annotated[
    str | None,
    typer.Option(
        "--copy-keys-to",
        metavar="URL",
        help="An empty database for a copy of the key store; today's own is used when left out.",
    ),
]
AcceptLost = Annotated[
    bool,
    typer.Option(
        "--accept-lost-choices", help="Choices made after the backup are not in it: I know."
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


@command
def restore(
    output: Output,
    folder: Folder,
    *,
    to: To,
    key_store: KeyStore = None,
    copy_keys_to: CopyKeysTo = None,
    policy: PolicyFile = None,
    keys: Keys = None,
    accept_lost_choices: AcceptLost = False,
) -> None:
    """Restore a backup into an empty database, and erase again who was erased since."""
    made = read_manifest(folder)
    day = as_text(made.created)
    if made.store == "keys":
        with steps(output) as tell:
            done = restore_keys(folder, to, tell)
        output.say(f"Restored the key store of {day}: {done.rows:,} rows.")
        output.hint(
            "note: it has keys of people who were erased since, and lacks those of people who came "
            "since: run knowingly maintain with today's data at once, which deletes the former"
        )
    else:
        if not accept_lost_choices:
            raise CommandError(
                f"who withdrew or objected after {day} is not known to this backup, and would be "
                "personalised again: have those choices at hand to record them before the app is "
                "opened, and say so with --accept-lost-choices; nothing was done"
            )
        means = find_means(policy, keys)
        with steps(output) as tell:
            done = restore_data(
                folder,
                means,
                to=to,
                key_store=key_store,
                copy_keys_to=copy_keys_to,
                progress=tell,
            )
        output.say(f"Restored the data of {day}: {done.rows:,} rows.")
        for one in done.tenants:
            output.say(f"{one.tenant}: {one.erased:,} people erased since were erased again.")
            if one.models:
                output.say(
                    f"{one.tenant}: out of service until the next training, because they had "
                    f"learned from somebody erased: {', '.join(one.models)}"
                )
        output.hint(f"note: record every choice made after {day} before the app is opened")
    output.document(asdict(done))


@command
def drill(
    output: Output,
    folder: Folder,
    *,
    shop_url: ShopUrl = "sqlite:///shop.db",
    key_store: KeyStore = None,
    policy: PolicyFile = None,
    keys: Keys = None,
) -> None:
    """Restore an old backup beside it, show that nobody erased since can be read, and remove it."""
    means = find_means(policy, keys)
    with steps(output) as tell:
        found = run_drill(folder, means, url=shop_url, key_store=key_store, progress=tell)
    for one in found.tenants:
        output.say(
            f"{one.tenant}: {one.erased:,} of {one.people:,} people in the backup of "
            f"{as_text(found.made)} were erased since. {'FAILED' if one.faults else 'Passed'}."
        )
    output.document({"passed": found.passed, **asdict(found)})
    for one in found.tenants:
        for fault in one.faults:
            output.complain(f"{one.tenant}: {fault}")
    if not found.passed:
        raise typer.Exit(Code.FAILED)


def _told(found: Manifest) -> dict[str, object]:
    return found.model_dump(mode="json")
