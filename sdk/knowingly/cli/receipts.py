"""``knowingly consent receipt``."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from knowingly.cli.options import shop_command
from knowingly.cli.output import Output, to_json
from knowingly.cli.private_file import private_file
from knowingly.shop import Shop

Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help="The app's id of a person.")]
Entry = Annotated[int, typer.Argument(metavar="ENTRY", min=0, help="The choice's entry.")]
Proof = Annotated[bool, typer.Option("--proof", help="The proof alone, for knowingly-verify.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="A new file, yours only.")]


@shop_command
def receipt(  # noqa: PLR0917 - typer's
    shop: Shop,
    output: Output,
    subject: Subject,
    entry: Entry,
    proof: Proof = False,
    out: Out = None,
) -> None:
    """Write the receipt of one choice of a person as JSON-LD, or its proof alone; logged."""
    found = shop.consent.receipt(subject, entry)
    shop.audit.note_read("receipt", subject)
    text = found.proof() if proof else to_json(found.document())
    with private_file(out) if out is not None else nullcontext() as write:
        if write is None:
            typer.echo(text.removesuffix("\n"))
        else:
            write(text.removesuffix("\n"))
    if out is not None:
        output.say(f"Wrote {out}.")
        output.document({"out": str(out)})
