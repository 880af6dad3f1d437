"""``knowingly export``, ``knowingly erase`` and ``knowingly claims``."""

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from knowingly.cli.asking import confirm
from knowingly.cli.codes import Code
from knowingly.cli.failing import CommandError
from knowingly.cli.options import shop_command
from knowingly.cli.output import Output, to_json
from knowingly.cli.private_file import private_file
from knowingly.governance.certificate import Certificate
from knowingly.shop import Shop

Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help="The app's id of a person.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="A new file, yours only.")]

CONFIRM = "Erase this person: their events, what models learned of them, and their key?"
HALFWAY = (
    "interrupted: an erasure that had begun is finished when the shop is next opened, by any "
    "command; one that had not changed nothing"
)


@shop_command
def export(shop: Shop, output: Output, subject: Subject, out: Out = None) -> None:
    """Write all that is held about one person as JSON; logged. Hand it to that person only."""
    if out is None:
        typer.echo(to_json(shop.rights.export(subject)))
        return
    with private_file(out) as write:
        write(to_json(shop.rights.export(subject)))
    output.say(f"Wrote {out}. It holds everything; hand it to that person only.")
    output.document({"out": str(out)})


@shop_command
def claims(shop: Shop, output: Output, subject: Subject, out: Out = None) -> None:
    """Write what is kept of an erased person's choices for a legal claim as JSON; logged."""
    with private_file(out) if out is not None else nullcontext() as write:
        found = to_json({"claims": [asdict(one) for one in shop.rights.claims_evidence(subject)]})
        if write is None:
            typer.echo(found)
        else:
            write(found)
    if out is not None:
        output.say(f"Wrote {out}. It leads back to an erased person: use it for the claim alone.")
        output.document({"out": str(out)})


@shop_command
def erase(
    shop: Shop,
    output: Output,
    subject: Subject,
    yes: Yes = False,
    out: Out = None,
) -> None:
    """Erase one person everywhere and print the signed certificate; cannot be undone."""
    confirm(CONFIRM, yes=yes, done="erased")
    with private_file(out) if out is not None else nullcontext() as write:
        try:
            certificate = shop.rights.erase(subject)
        except KeyboardInterrupt:
            raise CommandError(HALFWAY, code=Code.INTERRUPTED) from None
        try:
            if write is not None:
                write(certificate.to_json())
        except OSError as error:
            _rescue(certificate)
            raise CommandError(
                f"the person is erased, but {out} could not be written ({error.strerror}): keep "
                "the certificate from standard output"
            ) from None
    output.say(certificate.summary())
    if out is not None:
        output.say(f"Certificate: {out}")
    if output.as_json:
        typer.echo(certificate.to_json())


def _rescue(certificate: Certificate) -> None:
    typer.echo(certificate.to_json())
