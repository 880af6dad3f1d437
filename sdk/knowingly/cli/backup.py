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
from knowingly.backup.sampling import verify_with_keys
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

Unsigned = Annotated[
    bool, typer.Option("--unsigned", help="Make it without the root key; restoring it says so.")
]
AcceptUnsigned = Annotated[
    bool, typer.Option("--accept-unsigned", help="Nobody signed it, or somebody else did: I know.")
]


@command
def create(
    output: Output,
    folder: NewFolder = None,
    *,
    keys_to: KeysTo = None,
    shop_url: ShopUrl = "sqlite:///shop.db",
    key_store: KeyStore = None,
    policy: PolicyFile = None,
    keys: Keys = None,
    unsigned: Unsigned = False,
) -> None:
    """Back up the data into FOLDER, and with --keys-to the key store; the app may run."""
    if folder is None and keys_to is None:
        raise CommandError("name a folder for the data, --keys-to, or both", code=Code.USAGE)
    means = None if unsigned else find_means(policy, keys)
    with steps(output) as tell:
        made = create_backup(
            shop_url, key_store, data_to=folder, keys_to=keys_to, means=means, progress=tell
        )
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
def verify(
    output: Output,
    folder: Folder,
    *,
    shop_url: ShopUrl = "sqlite:///shop.db",
    key_store: KeyStore = None,
    policy: PolicyFile = None,
    keys: Keys = None,
) -> None:
    """Check a backup against its manifest; exit 4 where it differs.

    With --keys also who signed it, and that some sealed values open.
    """
    with steps(output) as tell:
        found = verify_backup(folder, tell)
        sampled = None
        if keys is not None:
            means = find_means(policy, keys)
            sampled = verify_with_keys(folder, found, means, url=shop_url, key_store=key_store)
    output.say(
        f"The {found.store} of {as_text(found.created)}: {found.rows:,} rows, as they were written."
    )
    for log in found.logs:
        output.say(f"Log of {log.tenant}: {log.size:,} entries. Root: {log.root}")
    if sampled is None:
        signers = ", ".join(one.tenant for one in found.signatures) or "nobody"
        output.say(f"Signed by {signers}, which only --keys can tell.")
        output.document(_told(found))
        return
    output.say(
        f"Signed by this shop. {sampled.opened:,} sealed values of a sample open; "
        f"{sampled.without_key:,} people of it have no key any more."
    )
    output.document({**_told(found), "sample": asdict(sampled)})


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
    accept_unsigned: AcceptUnsigned = False,
) -> None:
    """Restore a backup into an empty database, and erase again who was erased since."""
    made = read_manifest(folder)
    day = as_text(made.created)
    if made.store == "keys":
        means = find_means(policy, keys)
        with steps(output) as tell:
            done = restore_keys(
                folder, means, to=to, accept_unsigned=accept_unsigned, progress=tell
            )
        output.say(f"Restored the key store of {day}: {done.rows:,} rows.")
        output.hint(
            "note: it has keys of people who were erased since, and lacks those of people who came "
            "since: run knowingly maintain with today's data at once, for each merchant, which "
            "deletes the former (keys less than an hour old, the next run)"
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
                accept_unsigned=accept_unsigned,
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
        if copy_keys_to is not None:
            output.hint(
                "note: its keys are wrapped by the same root key as those they are a copy of: give "
                "it a key file of its own before knowingly keys rotate --destroy-old of either"
            )
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
    """Restore an old backup beside it, show that nobody erased since can be read, and remove it.

    A backup of the key store is restored for today's data, and swept.
    """
    means = find_means(policy, keys)
    with steps(output) as tell:
        found = run_drill(folder, means, url=shop_url, key_store=key_store, progress=tell)
    kinds = {"data": ("people", "were erased since"), "keys": ("keys", "are of nobody any more")}
    what, gone = kinds[found.store]
    for one in found.tenants:
        output.say(
            f"{one.tenant}: {one.erased:,} of {one.people:,} {what} in the backup of "
            f"{as_text(found.made)} {gone}. {'FAILED' if one.faults else 'Passed'}."
        )
    output.document({"passed": found.passed, **asdict(found)})
    for one in found.tenants:
        for fault in one.faults:
            output.complain(f"{one.tenant}: {fault}")
    if not found.passed:
        raise typer.Exit(Code.FAILED)


def _told(found: Manifest) -> dict[str, object]:
    return found.model_dump(mode="json")
