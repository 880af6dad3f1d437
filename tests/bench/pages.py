"""``recommend`` whole, beside bare scoring of the same question by numpy and by ``implicit``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender
from rich.console import Console
from scipy.sparse import csr_matrix
from setting import NOW, PURPOSES, Purchases, latencies, open_shop, timed

from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.recommend.interface.query import History, Query

EACH = 20
CALLS = 3_000
LONG = 500


def measure(folder: Path, people: int, items: int, console: Console) -> list[tuple[str, str, str]]:
    """On the shop that ``intake`` filled."""
    console.print("training and pages")
    made_up = np.random.default_rng(2)
    with open_shop(folder) as shop:
        training = timed(shop.train)
        _long_histories(shop, items, made_up)
        chosen = made_up.integers(0, people, CALLS)
        few = made_up.integers(0, min(people, 200), CALLS)
        shop.recommend("person-0")
        cold = latencies([_ask(shop, f"person-{person}") for person in chosen])
        for person in range(min(people, 200)):
            shop.recommend(f"person-{person}")
        warm = latencies([_ask(shop, f"person-{person}") for person in few])
        shop.recommend("long-0")
        long = latencies([_ask(shop, f"long-{n % 20}") for n in range(CALLS // 5)])
        scoring, whole = _bare_scoring(shop, items, made_up)
    rival = _implicit(people, items, made_up)
    rows = [
        ("train the algorithms that ship", f"{training:.1f} s", f"{people * EACH:,} events"),
        ("recommend, 20 events, anyone", _ms(cold), f"{people:,} people, {items:,} items"),
        (
            "recommend, 20 events, key kept",
            _ms(warm),
            f"{warm[0] / scoring[0]:.1f} x bare numpy",
        ),
        (f"recommend, {LONG} events", _ms(long), ""),
        ("scoring alone (item_item)", _ms(whole), f"{whole[0] / scoring[0]:.1f} x bare numpy"),
        ("bare numpy, same question", _ms(scoring), ""),
    ]
    for name, times in rival.items():
        rows.append(
            (
                f"implicit {name}, recommend",
                _ms(times),
                f"our scoring is {whole[0] / times[0]:.1f} x, a page {warm[0] / times[0]:.1f} x",
            )
        )
    return rows


def _ask(shop: Any, person: str) -> Callable[[], Any]:
    return lambda: shop.recommend(person, k=10)


def _ms(times: tuple[float, float]) -> str:
    return f"p50 {times[0]:.3f} ms, p99 {times[1]:.3f} ms"


def _long_histories(shop: Any, items: int, made_up: np.random.Generator) -> None:
    purchases = Purchases.make(20, LONG, items, seed=3)
    shop.consent.record(
        {
            "subject": f"long-{n}",
            "action": "grant",
            "purposes": PURPOSES[:1],
            "notice": "2026-01/en",
            "at": NOW.replace(year=2026, month=1),
        }
        for n in range(20)
    )
    rows = purchases.rows(0, len(purchases))
    for row in rows:
        row["subject"] = row["subject"].replace("person", "long")
    shop.track(rows)


def _bare_scoring(
    shop: Any, items: int, made_up: np.random.Generator
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Summing the neighbour rows of 20 items and taking the best ten; and our model doing so."""
    with shop._tenancy.read() as snapshot:
        model = shop._registry.at(snapshot).models["item_item"]
    arrays, n = model.arrays(), model.n_items
    roots = 1 / np.sqrt(np.maximum(arrays["total"], 1))
    cosine = arrays["count"] * roots[arrays["neighbour"]] * roots[:, None]
    histories = [made_up.choice(n, EACH, replace=False).astype(np.int32) for _ in range(CALLS)]

    def bare(rows: Any) -> Any:
        scores = np.bincount(
            np.maximum(arrays["neighbour"][rows].ravel(), 0), cosine[rows].ravel(), minlength=n
        )
        scores[rows] = 0
        best = np.argpartition(-scores, 10)[:10]
        return best[np.argsort(-scores[best])]

    def ours(rows: Any) -> Any:
        history = History(
            rows,
            np.full(EACH, KIND_CODE[EventKind.PURCHASE], np.int8),
            np.zeros(EACH),
            np.ones(EACH, np.int32),
            np.zeros(EACH, np.int64),
        )
        return model.score(Query(n_items=n, history=history))

    return (
        latencies([lambda rows=rows: bare(rows) for rows in histories]),
        latencies([lambda rows=rows: ours(rows) for rows in histories]),
    )


def _implicit(
    people: int, items: int, made_up: np.random.Generator
) -> dict[str, tuple[float, float]]:
    purchases = Purchases.make(people, EACH, items, seed=1)
    ones = np.ones(len(purchases), np.float32)
    matrix = csr_matrix((ones, (purchases.person, purchases.item)), shape=(people, items))
    matrix.sum_duplicates()
    chosen = made_up.integers(0, people, CALLS)
    rivals = {
        "cosine": CosineRecommender(K=100),
        "ALS": AlternatingLeastSquares(factors=64, iterations=2, random_state=1),
    }
    found = {}
    for name, rival in rivals.items():
        rival.fit(matrix, show_progress=False)

        def ask(person: int, rival: Any = rival) -> Any:
            return rival.recommend(person, matrix[person], N=10)

        ask(0)
        found[name] = latencies([lambda person=person: ask(person) for person in chosen])
    return found
