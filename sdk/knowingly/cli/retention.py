"""``knowingly retention run``."""

from dataclasses import asdict
from typing import Annotated

import typer

from knowingly.cli.options import shop_command
from knowingly.cli.output import Output
from knowingly.governance.retention.tally import Retained
from knowingly.shop import Shop


@shop_command
def run(
    shop: Shop,
    output: Output,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it, only say what.")] = False,
) -> None:
    """Delete what is past its time; without --yes, only say what that would be."""
    done = shop.retain(apply=yes)
    output.table(("what", "why", "rows"), _rows(done))
    verb = "" if yes else "would be "
    output.say(
        f"Tombstones {verb}dropped: {done.tombstones}. Evidence for claims {verb}destroyed: "
        f"{done.claims}. Models {verb}made to forget: "
        f"{done.models_forgot}. "
        f"People under a legal hold: {done.held}; nothing of theirs goes."
    )
    if not yes:
        output.hint("nothing was changed: add --yes to do it")
    output.document({"applied": yes, **asdict(done)})


def _rows(done: Retained) -> list[tuple[str, str, str]]:
    expired = [
        (what, f"{why.replace('_', ' ')}: loses a purpose", f"{number:,}")
        for what, reasons in sorted(done.expired.items())
        for why, number in sorted(reasons.items())
    ]
    gone = [
        (what, "no purpose left: deleted", f"{number:,}")
        for what, number in sorted(done.deleted.items())
    ]
    return expired + gone
