"""The tea shop: 40 items and 200 invented people, to try things on.

Nothing in it is real. The same shop comes out every time, except for keys and nonces.
"""

import random
from datetime import datetime, timedelta
from typing import Any

from knowingly.consent.choice import Choice
from knowingly.domain.consent import Action
from knowingly.domain.item import Item
from knowingly.shop import Shop

PEOPLE = 200
_NOTICE = "2026-01/en"
_TEAS: dict[str, tuple[str, ...]] = {
    "black": (
        "assam",
        "darjeeling",
        "ceylon",
        "keemun",
        "lapsang",
        "earl-grey",
        "breakfast",
        "chai",
    ),
    "green": (
        "sencha",
        "matcha",
        "gyokuro",
        "jasmine",
        "longjing",
        "gunpowder",
        "genmaicha",
        "hojicha",
    ),
    "oolong": (
        "oolong",
        "tieguanyin",
        "da-hong-pao",
        "milk-oolong",
        "dong-ding",
        "oriental-beauty",
    ),
    "herbal": ("rooibos", "mint", "camomile", "ginger", "hibiscus", "verbena", "fennel", "nettle"),
    "ware": (
        "teapot",
        "gaiwan",
        "strainer",
        "kettle",
        "cup",
        "tin",
        "whisk",
        "scale",
        "tray",
        "spoon",
    ),
}


def tea_shop(shop: Shop) -> None:
    """Fill an empty shop: items, people, their choices and 60 days of events.

    Of the people 140 agree to everything but ads, 30 to being counted only, and 30 refuse.
    """
    now = shop.now()
    shop.items.upsert(_items(now), strict=True)
    shop.consent.record(_choices(now))
    shop.track(_events(now))


def _items(now: datetime) -> list[Item]:
    shelf = [(kind, name) for kind, names in _TEAS.items() for name in names]
    return [
        Item(
            id=name,
            title=name.replace("-", " ").capitalize(),
            categories=(kind,),
            brand="Invented Tea Co.",
            price=round(4 + place * 0.35, 2),
            pinned=name in {"breakfast", "sencha"},
            published_at=now - timedelta(days=400 - place),
        )
        for place, (kind, name) in enumerate(shelf)
    ]


def _person(number: int) -> str:
    return f"t{number:03}"


def _choices(now: datetime) -> list[Choice]:
    at = now - timedelta(days=61)
    choices = []
    for number in range(PEOPLE):
        share = number % 20
        if share < 14:
            purposes: tuple[str, ...] = ("personalize", "train", "measure")
        elif share < 17:
            purposes = ("measure",)
        else:
            choices.append(Choice(subject=_person(number), action=Action.REFUSE, at=at))
            continue
        choices.append(
            Choice(
                subject=_person(number),
                action=Action.GRANT,
                purposes=purposes,
                notice=_NOTICE,
                at=at,
            )
        )
    return choices


def _events(now: datetime) -> list[dict[str, Any]]:
    """People mostly buy within one kind of tea, and the ware that goes with it."""
    made_up = random.Random(1773)  # noqa: S311 - the same invented people every time
    kinds = list(_TEAS)
    events: list[dict[str, Any]] = []
    for number in range(PEOPLE):
        favourite = kinds[number % 4]
        for visit in range(made_up.randint(3, 9)):
            kind = favourite if made_up.random() < 0.8 else made_up.choice(kinds)
            at = now - timedelta(days=made_up.uniform(0.5, 60))
            events.append(
                {
                    "subject": _person(number),
                    "kind": made_up.choice(("view", "purchase", "purchase")),
                    "item": made_up.choice(_TEAS[kind]),
                    "at": at,
                    "event_id": f"{number}-{visit}",
                    "order": f"o{number}-{visit}",
                }
            )
    return events
