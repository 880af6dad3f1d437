"""``knowingly merge``."""

from dataclasses import asdict
from typing import Annotated

import typer

from knowingly.cli.asking import confirm
from knowingly.cli.options import shop_command
from knowingly.cli.output import Output
from knowingly.cli.rights import Yes
from knowingly.shop import Shop

Session = Annotated[
    str, typer.Argument(metavar="SESSION", help="The app's id of the anonymous session.")
]
Into = Annotated[
    str, typer.Option("--into", metavar="SUBJECT", help="The app's id of the account.")
]

CONFIRM = "Merge this session into the account, and erase the session?"


@shop_command
def merge(shop: Shop, output: Output, session: Session, into: Into, yes: Yes = False) -> None:
    """Make a session's data the account's where both allow it; the session is erased."""
    confirm(CONFIRM, yes=yes, done="merged")
    done = shop.profiles.merge(session, into=into)
    output.say(
        f"Moved: {done.events:,} events, {done.traits:,} values, {done.identities:,} identities. "
        f"Choices kept as history: {done.choices:,}. The session is erased."
    )
    output.table(
        ("left out because", "rows"),
        [(why.replace("_", " "), f"{rows:,}") for why, rows in sorted(done.left_out.items())],
    )
    if done.refused:
        output.say(f"Closed for the account by a no of the session: {', '.join(done.refused)}.")
    if done.needs_confirmation:
        output.hint(f"note: ask the account about {', '.join(done.needs_confirmation)}")
    output.document(asdict(done))
