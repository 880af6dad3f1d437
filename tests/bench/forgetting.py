"""Item-item on a year of real shopping: training, and ``erase`` beside a refit."""

from pathlib import Path

import numpy as np
from rich.console import Console
from setting import progress, timed

import knowingly
from knowingly.demo.stage import NOTICE
from knowingly.demo.year import read_year
from knowingly.vault.root import write_root_key

WEEKS = 44
AGREE = 0.7
EVENTS_AT_ONCE = 20_000
REPEATS = 5


def measure(folder: Path, console: Console) -> list[tuple[str, str, str]]:
    """70 % of the households agree; the median and the largest of them are erased."""
    year = read_year()
    policy = knowingly.load_policy(None)
    models = policy.models.model_copy(update={"min_item_subjects": 20})
    key = folder / "knowingly.key"
    write_root_key(key)
    households = list(year.lines_of)
    agreed = households[: int(len(households) * AGREE)]
    with knowingly.open(
        f"sqlite:///{folder / 'year.db'}",
        keys=key,
        policy=policy.model_copy(update={"models": models}),
        clock=lambda: year.last,
    ) as shop:
        _load(shop, year, agreed, console)
        train_s = timed(lambda: shop.train(until=year.split_after(WEEKS)))
        console.print("a refit, and erasures")
        refit_s = timed(shop.models.compare_with_refit)
        sizes = _distinct_items(year, agreed)
        ordered = sorted(sizes, key=sizes.get)
        middle = len(ordered) // 2
        erased = {
            "median": ordered[middle - REPEATS // 2 : middle + REPEATS // 2 + 1],
            "largest": ordered[-1:],
        }
        rows = [
            ("train the algorithms that ship, the year", f"{train_s:.1f} s", _people(shop)),
            ("a refit of both, for comparison", f"{refit_s:.1f} s", "reading included"),
        ]
        for name, people in erased.items():
            seconds = [timed(lambda one=one: shop.rights.erase(one)) for one in people]
            took = float(np.median(seconds))
            rows.append(
                (
                    f"erase the {name} household, {sizes[people[0]]} items, models included",
                    f"{took * 1e3:.0f} ms",
                    f"1/{refit_s / took:.0f} of the refit; median of {len(people)}",
                )
            )
        gap = max(one.largest_difference for one in shop.models.compare_with_refit())
        rows.append(("largest difference from a refit afterwards", f"{gap:g}", ""))
    return rows


def _load(shop: knowingly.Shop, year, agreed, console: Console) -> None:
    shop.items.upsert(year.items())
    shop.consent.record(
        {
            "subject": household,
            "action": "grant",
            "purposes": ("personalize", "train", "measure"),
            "notice": NOTICE,
            "at": year.first_midnight,
        }
        for household in agreed
    )
    with progress(console) as bar:
        task = bar.add_task("a year of shopping", total=len(year))
        for start in range(0, len(year), EVENTS_AT_ONCE):
            part = year.events(start, start + EVENTS_AT_ONCE)
            shop.track(part)
            bar.advance(task, len(part))


def _distinct_items(year, agreed) -> dict[str, int]:
    """Distinct products of each household before the split."""
    before = year.at_s <= year.split_after(WEEKS).timestamp()
    pairs = np.unique(np.stack([year.household[before], year.product[before]]), axis=1)
    ids, counts = np.unique(pairs[0], return_counts=True)
    wanted = set(agreed)
    return {
        str(one): int(count) for one, count in zip(ids, counts, strict=True) if str(one) in wanted
    }


def _people(shop: knowingly.Shop) -> str:
    card = shop.models.cards()[0]
    return f"{card.people:,} people, {card.items:,} items"
