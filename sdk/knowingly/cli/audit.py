"""``knowingly audit``: verify, entries, key, checkpoint, prove and export."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from knowingly.cli.options import log_command, shop_command
from knowingly.cli.output import Output, to_json
from knowingly.cli.progress import steps
from knowingly.governance.audit import Audit
from knowingly.governance.auditor import Auditor
from knowingly.ledger.verifier import MAX_LINE
from knowingly.shop import Shop

KEY_PLUSES = 2
"""A verifier key has as many; what has fewer is the name of a file."""

Since = Annotated[
    Path | None, typer.Option("--since", metavar="FILE", help="A checkpoint kept elsewhere.")
]


@log_command
def verify(
    log: Audit | Auditor,
    output: Output,
    strict: Annotated[bool, typer.Option("--strict", help="Read every entry too.")] = False,
    since: Since = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="KEY", help="A verifier key that you hold, or its file."),
    ] = None,
) -> None:
    """Hash the whole log again and compare it with what is stored; exit 4 where it differs."""
    kept = None if since is None else _short_text(since)
    held = key if key is None or key.count("+") >= KEY_PLUSES else _short_text(Path(key)).strip()
    with steps(output) as tell:
        found = log.verify(
            lambda done, total: tell("hashing", done, total), strict=strict, since=kept, key=held
        )
    output.say(f"{found.size:,} entries, each as it was written. Root: {found.root}")
    if kept is not None:
        output.say("The log begins with the entries of the checkpoint you hold.")
    output.document(asdict(found))


@shop_command
def key(shop: Shop, output: Output) -> None:
    """Print the verifier key: give it to those who check the log, on another way than the log."""
    found = shop.audit.key()
    output.say(found)
    output.document({"key": found})


@shop_command
def keys(shop: Shop, output: Output) -> None:
    """Print every key that signed, with evidence, for knowingly-verify --keys and an old proof."""
    found = shop.audit.keys()
    output.say(found)
    output.document(json.loads(found))


@shop_command
def checkpoint(
    shop: Shop,
    output: Output,
    size: Annotated[int | None, typer.Option("--size", min=1, help="An earlier one.")] = None,
) -> None:
    """Print a signed checkpoint of the log: keep it where this shop cannot change it."""
    made = shop.audit.checkpoint(size)
    output.say(made.text.removesuffix("\n"))
    output.document({**asdict(made), "at": made.at.isoformat()})


@shop_command
def prove(
    shop: Shop,
    output: Output,
    index: Annotated[int, typer.Argument(metavar="ENTRY", min=0, help="The entry's number.")],
) -> None:
    """Print a proof that an entry is in the log; knowingly-verify checks it."""
    proof = shop.audit.prove(index)
    output.say(proof.removesuffix("\n"))
    output.document({"entry": index, "proof": proof})


@shop_command
def export(
    shop: Shop,
    output: Output,
    bundle: Annotated[Path, typer.Option("--bundle", metavar="FILE", help="A new file.")],
) -> None:
    """Write the whole log into a file that knowingly-verify checks without this shop."""
    entries = shop.audit.bundle(bundle)
    output.say(f"Wrote {entries:,} entries to {bundle}. They name no person.")
    output.document({"bundle": str(bundle), "entries": entries})


@log_command
def entries(
    log: Audit | Auditor,
    output: Output,
    since: Annotated[int, typer.Option("--since", min=0, help="The first entry's number.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many.")] = 100,
) -> None:
    """List entries of the log; they name no person."""
    found = log.entries(since=since, limit=limit)
    output.table(
        ("entry", "at", "kind", "facts"),
        [
            (one.index, f"{one.at:%Y-%m-%d %H:%M:%S}", one.kind, _one_line(dict(one.facts)))
            for one in found
        ],
    )
    output.document({"entries": [asdict(one) for one in found]})


def _short_text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MAX_LINE).decode(errors="replace")


def _one_line(facts: dict[str, object]) -> str:
    return " ".join(to_json(facts).split()) if facts else ""
