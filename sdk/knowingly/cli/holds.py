"""``knowingly hold``: place, lift and list; ``knowingly restrict``: on and off."""

from dataclasses import asdict
from typing import Annotated

import typer

from knowingly.cli.options import shop_command
from knowingly.cli.output import Output
from knowingly.cli.rights import Subject
from knowingly.domain.consent import Receipt
from knowingly.governance.holds import Hold
from knowingly.shop import Shop

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is sealed.")]

LOST = "(the key is lost)"
UNNAMED = "(not told)"


@shop_command
def place(shop: Shop, output: Output, subject: Subject, reason: Reason) -> None:
    """Put one person's data under a legal hold: nothing of it is deleted until it is lifted."""
    entry = shop.rights.hold(subject, reason=reason)
    output.say(f"Placed: nothing of theirs is deleted until it is lifted. Entry {entry.index}.")
    output.document({"held": True, "entry": entry.index})


@shop_command
def lift(shop: Shop, output: Output, subject: Subject) -> None:
    """Lift a legal hold; what waits for deletion goes with the next retention."""
    entry = shop.rights.release_hold(subject)
    output.say(f"Lifted: what is past its time goes with the next retention. Entry {entry.index}.")
    output.document({"held": False, "entry": entry.index})


@shop_command
def list_holds(shop: Shop, output: Output) -> None:
    """List the legal holds in force, with whom they are on; logged."""
    holds = shop.rights.holds()
    output.table(("person", "since", "reason"), map(_row, holds))
    output.say(f"Legal holds in force: {len(holds)}.")
    output.document({"holds": [asdict(one) for one in holds]})


@shop_command
def restrict_on(shop: Shop, output: Output, subject: Subject) -> None:
    """Keep one person's data and use none of it; models forget them."""
    receipt = shop.rights.restrict(subject)
    output.say(f"Restricted: kept, and used for nothing. Entry {receipt.index}.")
    _hand_out(output, receipt, restricted=True)


@shop_command
def restrict_off(shop: Shop, output: Output, subject: Subject) -> None:
    """End a restriction; the person's other choices hold as they are."""
    receipt = shop.rights.lift_restriction(subject)
    output.say(f"Not restricted any more: their choices decide. Entry {receipt.index}.")
    _hand_out(output, receipt, restricted=False)


def _row(hold: Hold) -> tuple[str, str, str]:
    if hold.since is None:
        return (LOST, "", "")
    return (hold.subject or UNNAMED, hold.since, hold.reason or "")


def _hand_out(output: Output, receipt: Receipt, *, restricted: bool) -> None:
    output.document({"restricted": restricted, "receipt": asdict(receipt)})
