"""``ease``: forgetting one person beside a refit of the same run, alone and in a shop.

Alone in processor time, which other work on the machine changes less; in a shop by the clock.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from setting import Purchases, fill, open_shop, parts, timed

import knowingly
from knowingly.recommend.interface.counts import MemoryCounts, touched_rows
from knowingly.testing.data import make_choices
from knowingly_plugins.ease import Ease
from knowingly_plugins.inverse import Inverse

PEOPLE, EACH = 6_000, 40
FORGOTTEN = 20
REFITS = 2

Figure = tuple[str, str, str]


def measure(folder: Path, items: int, console: Console) -> list[Figure]:
    """Invented people of 40 purchases each, over so many items."""
    made = Purchases.make(PEOPLE, EACH, items, seed=5).by_person()
    console.print(f"ease, {items:,} items, in memory")
    figures = _in_memory(made, items)
    console.print("ease, in a shop")
    return figures + _in_a_shop(folder, made, items, console)


def _in_memory(made: Purchases, items: int) -> list[Figure]:
    algorithm = Ease()
    block = make_choices(made.person, made.item, n_people=PEOPLE, n_items=items)
    counts = MemoryCounts(algorithm.count(block), floor=5)
    invert_s = min(
        _processor_s(lambda: Inverse(counts, algorithm.options.l2)) for _ in range(REFITS)
    )
    refit_s = min(_processor_s(lambda: algorithm.build(counts)) for _ in range(REFITS))
    inverse, alone, whole = Inverse(counts, algorithm.options.l2), [], []
    model = algorithm.build(counts)
    for person in range(FORGOTTEN + 1):
        delta = algorithm.count(block.select(np.array([person])))
        touched = touched_rows(delta)
        taken = delta[touched][:, touched].toarray()
        alone.append(_processor_s(lambda known=(touched, taken): inverse.subtract(*known)))
        counts = counts.subtract(delta)
        left = []
        whole.append(
            _processor_s(
                lambda known=(model, counts, touched, delta), left=left: left.append(
                    algorithm.rebuild(*known)
                )
            )
        )
        model = left[0]
    gap = _largest_difference(model, algorithm.build(counts))
    alone_s, whole_s = (float(np.median(seconds[1:])) for seconds in (alone, whole))
    return [
        (
            f"ease: invert {items:,} items by Cholesky",
            f"{invert_s:.2f} s",
            "processor time, best of two",
        ),
        (
            "ease: the whole refit, counted already",
            f"{refit_s:.2f} s",
            "processor time, best of two",
        ),
        (
            f"ease: forget one of {EACH} purchases, the inverse alone",
            f"{alone_s * 1e3:.1f} ms",
            f"1/{invert_s / alone_s:.0f} of inverting; in processor time; median of {FORGOTTEN}",
        ),
        (
            "ease: forget one, neighbours and weights included",
            f"{whole_s * 1e3:.1f} ms",
            f"1/{refit_s / whole_s:.0f} of the refit; in processor time; median of {FORGOTTEN}",
        ),
        ("ease: largest difference from a refit afterwards", f"{gap:.1g}", "of 1e-06 allowed"),
    ]


def _in_a_shop(folder: Path, made: Purchases, items: int, console: Console) -> list[Figure]:
    policy = knowingly.load_policy(None)
    rules = {"min_item_subjects": 5, "algorithms": {"ease": {}}}
    models = policy.models.model_copy(update=rules)
    with open_shop(folder, policy=policy.model_copy(update={"models": models})) as shop:
        fill(shop, PEOPLE, items)
        for part in parts(made):
            shop.track(part)
        train_s = timed(shop.train)
        modelled = shop.models.cards()[0].items
        refit_s = timed(shop.models.compare_with_refit)
        seconds = [
            timed(lambda one=one: shop.rights.erase(f"person-{one}"))
            for one in range(FORGOTTEN + 1)
        ]
        gap = shop.models.compare_with_refit()[0].largest_difference
    erase_s = float(np.median(seconds[1:]))
    return [
        ("ease: train", f"{train_s:.1f} s", f"{PEOPLE:,} people, {modelled:,} items modelled"),
        ("ease: erase, the first of a process", f"{seconds[0]:.2f} s", "inverts again"),
        (
            "ease: erase, each one after it",
            f"{erase_s * 1e3:.0f} ms",
            f"1/{refit_s / erase_s:.0f} of a refit, reading included; median of {FORGOTTEN}",
        ),
        ("ease: largest difference from a refit afterwards", f"{gap:.1g}", "of 1e-06 allowed"),
    ]


def _processor_s(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def _largest_difference(one: knowingly.Model, other: knowingly.Model) -> float:
    others = other.arrays()
    return max(
        float(np.abs(array.astype(float) - others[name].astype(float)).max())
        for name, array in one.arrays().items()
    )
