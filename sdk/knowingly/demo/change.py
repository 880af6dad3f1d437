"""Step 4: a purchase changes the next page; a withdrawal ends it, and the models forget."""

import time
from typing import Any

from rich.markup import escape

from knowingly import Basis, Hit
from knowingly.demo.stage import Stage, Told, expect, page_figures
from knowingly.demo.teller import plural, words

K = 10


def change(stage: Stage) -> Told:
    """Household A buys, then withdraws."""
    figures: dict[str, Any] = {"purchase": _buy(stage)}
    figures["withdrawal"] = _withdraw(stage)
    figures["retention"] = _retain(stage)
    figures["refit"] = _compare(stage)
    gone = figures["retention"]["events_deleted"]
    largest = max(figures["refit"]["largest_difference"].values(), default=0)
    return Told(
        f"a purchase changed the page in {figures['purchase']['milliseconds']:.0f} ms; {gone:,} "
        f"rows gone after the withdrawal; difference to a refit {largest:g}",
        figures,
    )


def _buy(stage: Stage) -> dict[str, Any]:
    shop, household = stage.shop, stage.cast.a
    before = shop.recommend(household, k=K)
    bought = before.hits[0].item
    started = time.perf_counter()
    shop.track(household, "purchase", bought)
    after = shop.recommend(household, k=K)
    milliseconds = (time.perf_counter() - started) * 1_000
    title = stage.title(bought)
    stage.teller.say(
        f"Household A buys what stood first: [bold]{escape(title)}[/bold]. Its page, before and "
        "after; nothing was trained in between."
    )
    known = {hit.item: place for place, hit in enumerate(before, 1)}
    rows = [
        (str(place), _title(stage, old), _title(stage, new), _move(known.get(new.item), place))
        for place, (old, new) in enumerate(zip(before, after, strict=False), 1)
    ]
    stage.teller.table(("", "before", "after", ""), rows, numbers=(0,))
    named = sum(hit.reason.endswith(title) for hit in after)
    stage.teller.say(
        f"{named} of the {len(after)} reasons now name that purchase. Storing it and making the "
        f"new page took {milliseconds:.1f} ms."
    )
    items = [hit.item for hit in before], [hit.item for hit in after]
    expect(bought not in items[1], "what was just bought leaves the page")
    return {
        "bought": title,
        "milliseconds": milliseconds,
        "reasons_that_name_it": named,
        "entered": [stage.title(item) for item in items[1] if item not in items[0]],
        "left": [stage.title(item) for item in items[0] if item not in items[1]],
        "before": page_figures(stage, before),
        "after": page_figures(stage, after),
    }


def _title(stage: Stage, hit: Hit) -> str:
    return escape(stage.title(hit.item))


def _move(was: int | None, place: int) -> str:
    if was is None:
        return "[bold]new[/bold]"
    return "" if was == place else f"[dim]was {was}[/dim]"


def _withdraw(stage: Stage) -> dict[str, Any]:
    shop, household = stage.shop, stage.cast.a
    started = time.perf_counter()
    receipt = shop.consent.withdraw(household)
    milliseconds = (time.perf_counter() - started) * 1_000
    page = shop.recommend(household, k=K)
    expect(page.basis is not Basis.PERSONAL, "no page is personal after a withdrawal")
    stage.teller.say(
        f"Household A withdraws from everything: ledger entry {receipt.index:,}, "
        f"{milliseconds:,.0f} ms. In the same transaction "
        f"{plural(receipt.effects.get('events_stripped', 0), 'row')} lost every purpose, and "
        f"{plural(receipt.effects.get('models_forgot', 0), 'model')} forgot them. The next page is "
        f"[bold]{page.basis.value}[/bold] ({page.why}). What each purpose may read now:"
    )
    seen = _views(stage)
    rows = [(name, f"{one['events']:,}", words(one["withheld"])) for name, one in seen.items()]
    stage.teller.table(("purpose", "events it may read", "withheld, by reason"), rows, numbers=(1,))
    return {
        "milliseconds": milliseconds,
        "effects": dict(receipt.effects),
        "basis": page.basis.value,
        "why": page.why,
        "views": seen,
    }


def _views(stage: Stage) -> dict[str, Any]:
    """What each purpose of the policy may read of household A: nothing."""
    seen = {}
    for purpose in stage.shop.policy.purposes:
        view = stage.shop.profiles.view(stage.cast.a, purpose)
        expect(not view.events, f"{purpose} reads nothing after a withdrawal")
        seen[purpose] = {"events": len(view.events), "withheld": dict(view.withheld)}
    return seen


def _retain(stage: Stage) -> dict[str, Any]:
    waiting = stage.shop.stats()["events_waiting_for_deletion"]
    with stage.teller.waiting("maintaining") as tell:
        done = stage.shop.maintain(skip={"train", "release"}, progress=tell)
    left = stage.shop.stats()["events_waiting_for_deletion"]
    expect(not left, "maintain deletes what no purpose allows")
    stage.teller.say(
        f"Those rows waited for deletion: {waiting:,}. After [bold]maintain[/bold]: {left:,}; "
        f"{plural(done.events_deleted, 'row')} deleted."
    )
    return {"waiting": waiting, "events_deleted": done.events_deleted, "left": left}


def _compare(stage: Stage) -> dict[str, Any]:
    with stage.teller.waiting("fitting again"):
        found = stage.shop.models.compare_with_refit()
    differences = {one.algorithm: one.largest_difference for one in found}
    people = {one.people for one in found}
    stage.teller.say(
        f"Fitted again without household A, on the same items and the "
        f"{plural(max(people, default=0), 'household')} left, every number in each model is "
        "compared. Largest difference: "
        + ", ".join(f"{name} [bold]{gap:g}[/bold]" for name, gap in differences.items())
        + "."
    )
    return {"people": max(people, default=0), "largest_difference": differences}
