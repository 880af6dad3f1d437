"""Step 3: one page for three households, the release that one rests on, and a page of rows."""

from typing import Any

from rich.markup import escape

from knowingly import Page
from knowingly.demo.stage import ALL, NOTICE, Stage, Told, expect, page_figures
from knowingly.demo.teller import plural

K = 5
ROWS = ("home", "bought-together", "trending")
"""Slots of the policy that ships, from the top of A's page to its bottom."""


def show_pages(stage: Stage) -> Told:
    """Release bestsellers, then recommend to three."""
    released = _release(stage)
    stage.shop.consent.grant(stage.cast.c, ALL, notice=NOTICE)
    pages = {
        "household A": ("agreed to everything", stage.shop.recommend(stage.cast.a, k=K)),
        "household B": ("refused everything", stage.shop.recommend(stage.cast.b, k=K)),
        "household C": ("agreed, bought nothing yet", stage.shop.recommend(stage.cast.c, k=K)),
    }
    who = [f"[dim]{chose}[/dim]" for chose, _ in pages.values()]
    basis = [f"[bold]{page.basis.value}[/bold] ({page.why})" for _, page in pages.values()]
    stage.teller.table(
        ("", *pages), [("", *who), ("", *basis), *_hit_rows(stage, pages)], numbers=(0,)
    )
    stage.teller.say(
        "A's page comes from its own history, and each reason names the purchase it rests on. "
        "B's is the same for everybody who did not agree. C's comes from the popularity model, "
        "learned from those who agreed to train: there is no history to use yet."
    )
    figures: dict[str, Any] = {
        "release": released,
        "pages": {name: page_figures(stage, page) for name, (_, page) in pages.items()},
        "rows": _show_rows(stage),
    }
    bases = ", ".join(f"{name[-1]} {page.basis.value}" for name, (_, page) in pages.items())
    return Told(f"pages: {bases}; {released['items']} bestsellers released", figures)


def _show_rows(stage: Stage) -> dict[str, Any]:
    """The home page of household A, row by row."""
    rows = stage.shop.recommend_many(stage.cast.a, slots=ROWS, k=K)
    named = {slot: (page.basis.value, page) for slot, page in rows.items()}
    basis = [f"[bold]{page.basis.value}[/bold]" for page in rows.values()]
    stage.teller.table(("", *rows), [("", *basis), *_hit_rows(stage, named)], numbers=(0,))
    items = [hit.item for page in rows.values() for hit in page]
    expect(len(set(items)) == len(items), "no item is in two rows of a page")
    stage.teller.say(
        f"The whole home page of household A, a column for each of its {len(rows)} rows: consent "
        f"is asked once, its history opened once, and none of the {plural(len(items), 'item')} "
        "is there twice. A row leaves out what those above it show, so it is at least as personal."
    )
    return {slot: page_figures(stage, page) for slot, page in rows.items()}


def _release(stage: Stage) -> dict[str, Any]:
    """Release bestsellers for people who did not agree; what it cost."""
    with stage.teller.waiting("counting") as tell:
        released = stage.shop.aggregates.release_bestsellers(
            progress=lambda done, total: tell("counting", done, total)
        )
    if released is None:
        stage.teller.say(
            "No bestsellers were released and no budget was spent: too few households agreed to be "
            "counted for a noisy list to say anything. Who refused sees the plain catalogue."
        )
        return {"items": 0}
    budget = stage.shop.aggregates.budget()
    spent = budget.spent[released.period]
    # Losses add up to less than their sum, so what is left is at least the difference.
    left = budget.per_period - spent
    stage.teller.say(
        f"Released {plural(len(released.items), 'bestseller')} of {released.period}, counted over "
        "those who agreed to measure, each household once per item, with noise: differentially "
        f"private with ε = {released.epsilon:g} at δ = {released.delta:g}, for all of one "
        f"household's purchases of that year. The budget of {released.period} allows ε = "
        f"{budget.per_period:g}; at least {left:.2f} is left."
    )
    return {
        "items": len(released.items),
        "period": released.period,
        "epsilon": released.epsilon,
        "delta": released.delta,
        "epsilon_spent": spent,
        "epsilon_allowed": budget.per_period,
        "epsilon_left_at_least": left,
    }


def _hit_rows(stage: Stage, pages: dict[str, tuple[str, Page]]) -> list[list[str]]:
    return [
        [f"\n{place + 1}", *(_words(stage, page, place) for _, page in pages.values())]
        for place in range(K)
    ]


def _words(stage: Stage, page: Page, place: int) -> str:
    if place >= len(page.hits):
        return ""
    hit = page.hits[place]
    return f"\n{escape(stage.title(hit.item))}\n[dim]{escape(hit.reason)}[/dim]"
