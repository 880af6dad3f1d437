"""``knowingly keys``: status, rotate, destroyed and reseal."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from knowingly.cli.options import shop_command
from knowingly.cli.output import Output
from knowingly.cli.progress import steps
from knowingly.cli.rights import Subject
from knowingly.governance.rotation import Rotated
from knowingly.shop import Shop

Version = Annotated[str, typer.Argument(metavar="VERSION", help="A root key's public name.")]
DestroyOld = Annotated[
    bool, typer.Option("--destroy-old", help="Destroy the old root keys: moves the shred horizon.")
]

Signing = Annotated[
    bool, typer.Option("--signing", help="Replace the key that signs checkpoints, and no other.")
]


@shop_command
def status(shop: Shop, output: Output) -> None:
    """Say which versions of the keys there are, and whom no copy can bring back."""
    found = shop.keys.status()
    output.table(
        ("root key", "first used", "retired", "destroyed"),
        [
            (one.name, _day(one.first_used), _day(one.retired), _day(one.destroyed))
            for one in found.root_keys
        ],
    )
    output.say(f"Keys of people by version of the tenant's key: {_counts(found.keys_by_version)}")
    if found.rotating:
        output.say("A rotation was interrupted, or is running: knowingly keys rotate finishes it.")
    if found.horizon is None:
        output.say("Shred horizon: none yet; old copies of the key store open what they held.")
    else:
        output.say(f"Shred horizon: no copy brings back who was erased before {found.horizon}.")
    if found.due is not None:
        output.say(f"The policy promises a rotation by {_day(found.due)}.")
    output.document(asdict(found))


@shop_command
def rotate(
    shop: Shop, output: Output, destroy_old: DestroyOld = False, signing: Signing = False
) -> None:
    """Replace the root key and every tenant's key, while the shop is open.

    An interrupted rotation is finished by the next one.
    """
    if signing:
        if destroy_old:
            raise typer.BadParameter("--signing replaces another key: leave out --destroy-old")
        _rotate_signing(shop, output)
        return
    with steps(output) as tell:
        done = shop.keys.rotate(destroy_old=destroy_old, progress=tell)
    _tell_rotated(output, done, asked=destroy_old)
    output.document(asdict(done))


@shop_command
def destroyed(shop: Shop, output: Output, version: Version) -> None:
    """Record that an old root key was destroyed, where you had to do that yourself."""
    shop.keys.note_destroyed(version)
    output.say(f"Recorded: root key {version} is destroyed.")
    output.document({"destroyed": version})


@shop_command
def reseal(shop: Shop, output: Output, subject: Subject) -> None:
    """Give one person a new key, and seal everything of theirs under it."""
    done = shop.keys.reseal(subject)
    rows = ", ".join(f"{number} {table}" for table, number in done.rows.items())
    output.say(f"Sealed anew: {rows}.")
    if not done.overwritten:
        output.hint("note: a long reader kept the old key's bytes in the log: run maintain")
    output.document(asdict(done))


def _rotate_signing(shop: Shop, output: Output) -> None:
    new = shop.keys.rotate_signing()
    output.say(f"Entry {new.entry} names the new key, signed by the old one, which is destroyed.")
    output.say(f"New verifier key, for those who check the log: {new.key}")
    output.document(asdict(new))


def _tell_rotated(output: Output, done: Rotated, *, asked: bool) -> None:
    output.say(
        f"The root key is {done.root}; {done.keys:,} keys of {done.tenants} tenants are wrapped "
        "under it. Back it up now, apart from the database."
    )
    if done.resumed:
        output.hint("note: this finished an interrupted rotation; run it again for a new one")
    if not done.overwritten:
        output.hint("note: a long reader kept old bytes in the key store's log: run maintain")
    for old in done.destroyed:
        output.say(f"Destroyed: root key {old}. Destroy every copy of it that you keep elsewhere.")
    for old in done.left:
        output.hint(
            f"note: root key {old} is retired and still opens old copies: {_cure(old, asked)}"
        )


def _cure(old: str, asked: bool) -> str:
    if asked:
        return f"destroy it where it is kept, then run knowingly keys destroyed {old}"
    return "knowingly keys rotate --destroy-old destroys it"


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _counts(keys: Mapping[int, int]) -> str:
    return ", ".join(f"{version}: {number:,}" for version, number in keys.items()) or "none"
