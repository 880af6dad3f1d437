"""``knowingly recommend``, ``explain`` and ``slots``: pages, why they are so, what decides them."""

from dataclasses import asdict
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from knowingly.cli.failing import CommandError
from knowingly.cli.options import shop_command
from knowingly.cli.output import Output
from knowingly.cli.rights import Subject
from knowingly.domain.moments import from_us
from knowingly.domain.page import Page
from knowingly.errors import UnknownItemError
from knowingly.shop import Shop

MOST_COMPARED = 100_000
"""Ids looked through for close ones: a guess is not worth minutes."""

SomeSlots = Annotated[
    list[str] | None,
    typer.Option("--slot", metavar="NAME", help="A slot of the policy; again for the row below."),
]
PageItem = Annotated[str | None, typer.Option("--item", help="The item of the page.")]
Basket = Annotated[
    str, typer.Option("--basket", metavar="A,B", help="Items in the basket in hand.")
]
Market = Annotated[str | None, typer.Option("--market", help="Leave out what is not sold there.")]
HowMany = Annotated[
    int | None, typer.Option("-k", min=1, max=100, help="How many items; else as the slot says.")
]


@shop_command
def recommend(
    shop: Shop,
    output: Output,
    subject: Annotated[
        str | None, typer.Argument(metavar="[SUBJECT]", help="The app's id of a person.")
    ] = None,
    *,
    slot: SomeSlots = None,
    item: PageItem = None,
    basket: Basket = "",
    market: Market = None,
    k: HowMany = None,
) -> None:
    """Show a page as the shop would; a staff read, so with a person it is logged.

    With several slots no item is in two rows, as on a page of them.
    """
    chosen = _split(basket)
    _check_items(shop, item, chosen)
    if subject is not None:
        _check_known(shop, subject, "; leave SUBJECT out for the page of somebody new")
    slots = slot or ["home"]
    pages = shop.recommend_many(subject, slots=slots, item=item, basket=chosen, market=market, k=k)
    if subject is not None:
        # Before anything is shown: a read that cannot be logged is not made.
        shop.audit.note_read("recommend", subject)
    for page in pages.values():
        _show(output, page)
    documents = [asdict(page) for page in pages.values()]
    output.document({"pages": documents} if len(slots) > 1 else documents[0])


@shop_command
def explain(
    shop: Shop,
    output: Output,
    subject: Subject,
    hit: Annotated[str, typer.Argument(metavar="ITEM", help="An item that is on their page.")],
    *,
    slot: SomeSlots = None,
    item: PageItem = None,
    basket: Basket = "",
    market: Market = None,
    k: HowMany = None,
) -> None:
    """Say which events of a person a hit of their page rests on, and how much each; logged.

    With several slots of the page of them, from top to bottom.
    """
    chosen = _split(basket)
    _check_items(shop, item, chosen, hit)
    _check_known(shop, subject)
    slots = slot or ["home"]
    told = shop.explain(subject, hit, slot=slots, item=item, basket=chosen, market=market, k=k)
    output.say(
        f"{told.slot}: {told.hit.item} in place {told.place + 1}, from {told.hit.source}: "
        f"{told.hit.reason} ({told.basis.value}; consent: {told.why})"
    )
    output.table(
        ("counted", "event", "item", "at", "off the page without it"),
        [
            (
                f"{one.counted:.4g}",
                one.kind.value,
                one.item,
                f"{from_us(one.at_us):%Y-%m-%d %H:%M} UTC",
                "yes" if one.decisive else "no",
            )
            for one in told.events
        ],
    )
    document: dict[str, Any] = asdict(told)
    for event in document["events"]:
        event["at"] = from_us(event.pop("at_us")).isoformat()
    output.document(document)


@shop_command
def slots(
    shop: Shop,
    output: Output,
    slot: Annotated[
        str | None, typer.Argument(metavar="[SLOT]", help="One of them; all when left out.")
    ] = None,
) -> None:
    """Say what decides what each slot shows, in words that a page can show people."""
    said = [shop.slots.parameters(name) for name in ([slot] if slot else shop.slots)]
    for one in said:
        output.say(f"{one.slot}:")
        for line in one.text().splitlines():
            output.say(f"  {line}")
    output.document({"slots": [{**asdict(one), "text": one.text()} for one in said]})


def _show(output: Output, page: Page) -> None:
    output.say(f"{page.slot}: {page.basis.value} (consent: {page.why})")
    output.table(
        ("item", "score", "reason", "source"),
        [(hit.item, f"{hit.score:.4g}", hit.reason, hit.source) for hit in page],
    )
    for note in page.notes:
        output.hint(f"note: {note}")


def _split(basket: str) -> list[str]:
    return [part.strip() for part in basket.split(",") if part.strip()]


def _check_known(shop: Shop, subject: str, otherwise: str = "") -> None:
    if not shop.knows(subject):
        raise CommandError(
            f"no such person in this shop, which knows those who made a choice{otherwise}"
        )


def _check_items(shop: Shop, item: str | None, basket: list[str], hit: str | None = None) -> None:
    """Refuse ids that are not in the shop: a page would just leave them out.

    Raises:
        UnknownItemError: With ids that look alike, if there are any.
    """
    named = [("--basket", one) for one in basket]
    named += [(option, one) for option, one in (("--item", item), ("ITEM", hit)) if one is not None]
    view = shop.items.view() if named else None
    for option, wanted in named:
        if view is None or wanted in view.row_of:
            continue
        near = get_close_matches(wanted, view.ids[:MOST_COMPARED], n=3)
        hint = f"; near it are {', '.join(near)}" if near else ""
        raise UnknownItemError(option, f"one of the {len(view):,} items of this shop{hint}")
