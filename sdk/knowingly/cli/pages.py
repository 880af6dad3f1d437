"""``knowingly recommend``: a page as the shop would show it."""

from dataclasses import asdict
from difflib import get_close_matches
from typing import Annotated

import typer

from knowingly.cli.failing import CommandError
from knowingly.cli.options import shop_command
from knowingly.cli.output import Output
from knowingly.errors import UnknownItemError
from knowingly.shop import Shop

MOST_COMPARED = 100_000
"""Ids looked through for close ones: a guess is not worth minutes."""


@shop_command
def recommend(
    shop: Shop,
    output: Output,
    subject: Annotated[
        str | None, typer.Argument(metavar="[SUBJECT]", help="The app's id of a person.")
    ] = None,
    *,
    slot: Annotated[str, typer.Option("--slot", help="A slot of the policy.")] = "home",
    item: Annotated[str | None, typer.Option("--item", help="The item of the page.")] = None,
    basket: Annotated[
        str, typer.Option("--basket", metavar="A,B", help="Items in the basket in hand.")
    ] = "",
    market: Annotated[
        str | None, typer.Option("--market", help="Leave out what is not sold there.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many items.")] = 10,
) -> None:
    """Show a page as the shop would; a staff read, so with a person it is logged."""
    chosen = [part.strip() for part in basket.split(",") if part.strip()]
    _check_items(shop, [item] if item is not None else [], "--item")
    _check_items(shop, chosen, "--basket")
    if subject is not None and not shop.knows(subject):
        raise CommandError(
            "no such person in this shop, which knows those who made a choice; leave SUBJECT out "
            "for the page of somebody new"
        )
    page = shop.recommend(subject, slot=slot, item=item, basket=chosen, market=market, k=k)
    if subject is not None:
        # Before anything is shown: a read that cannot be logged is not made.
        shop.audit.note_read("recommend", subject)
    output.say(f"{page.slot}: {page.basis.value} (consent: {page.why})")
    output.table(
        ("item", "score", "reason", "source"),
        [(hit.item, f"{hit.score:.4g}", hit.reason, hit.source) for hit in page],
    )
    for note in page.notes:
        output.hint(f"note: {note}")
    output.document(asdict(page))


def _check_items(shop: Shop, wanted: list[str], option: str) -> None:
    """Refuse ids that are not in the shop: a page would just leave them out.

    Raises:
        UnknownItemError: With ids that look alike, if there are any.
    """
    view = shop.items.view() if wanted else None
    for item in wanted:
        if view is None or item in view.row_of:
            continue
        near = get_close_matches(item, view.ids[:MOST_COMPARED], n=3)
        hint = f"; near it are {', '.join(near)}" if near else ""
        raise UnknownItemError(option, f"one of the {len(view):,} items of this shop{hint}")
