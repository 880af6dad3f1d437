"""``tox run -e peers``: our algorithms beside those of other libraries, on one split in one run.

Accuracy with intervals and paired tests, of each line against the next and against the slot
``home``; time and memory of the fit; latency of one user's call. A peer that cannot be imported is
left out, and said so. Nothing here is asserted.

``--data DIR`` takes other data: ``train.txt`` and ``test.txt``, a line per user with the user first
and then its items, as LightGCN's splits have; or ``events.txt`` with ``user item time`` in each
line, of which the last fifth is the test. All of them are whole numbers.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import peer_models
from peer_data import Learning, demo_data, read_folder
from rich.console import Console
from rich.table import Table
from setting import timed

from knowingly.evaluate.accuracy import judge, ndcg, recall
from knowingly.evaluate.intervals import bootstrap, holm, permutation
from knowingly.evaluate.lists import coverage

CALLS = 500
HOME = "knowingly home, ease, spectral, popular_in_category"
"""What every line that is not of ``home`` is tested against: chosen on weeks before the test's."""


def main() -> None:
    """Fit every model in a process of its own, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder; the demo's data when left out")
    parser.add_argument("-k", type=int, default=10)
    parser.add_argument("--only", nargs="+", choices=sorted(peer_models.MODELS))
    parser.add_argument("--json", type=Path, help="write the figures there too")
    asked = parser.parse_args()
    console = Console(stderr=True)
    try:
        learning, test = demo_data() if asked.data is None else read_folder(asked.data)
    except (OSError, ValueError) as error:
        parser.error(f"--data: {error}")
    train = learning.train
    users = np.flatnonzero(np.diff(test.indptr) * np.diff(train.indptr))
    if not len(users):
        parser.error("--data: nobody has both something to learn from and something new to test on")
    console.print(
        f"{train.shape[0]:,} users, {train.shape[1]:,} items, {train.nnz:,} pairs to learn from, "
        f"{len(users):,} users to test"
    )
    results = {}
    with tempfile.TemporaryDirectory(prefix="knowingly-peers-") as folder:
        place = Path(folder)
        learning.save(place)
        np.save(place / "users.npy", users)
        for name in asked.only or peer_models.MODELS:
            console.print(name)
            found = alone(name, place, asked.k)
            if isinstance(found, str):
                console.print(f"{name} is left out: {found}")
            else:
                results[name] = found
    relevant = [test.indices[test.indptr[u] : test.indptr[u + 1]] for u in users]
    figures = summed(results, relevant, train.shape[1])
    Console(width=160).print(as_table(figures, asked.k))
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=2))


def alone(name: str, folder: Path, k: int) -> dict[str, Any] | str:
    """One model in a process of its own, with memory of its own; or why it cannot be."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=measured, args=(name, folder, k, theirs))
    child.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        return "its process ended, perhaps for want of memory"
    finally:
        child.join()


def measured(name: str, folder: Path, k: int, answer: Any) -> None:
    """Fit, rank for everyone, and time single calls."""
    learning, users = Learning.load(folder), np.load(folder / "users.npy")
    try:
        model = peer_models.MODELS[name]()
    except ImportError as error:
        answer.send(f"{error.name or 'a library'} cannot be imported")
        return
    # Reading what to learn from must not hide what learning takes.
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_mb()
    fit_s = timed(lambda: model.fit(learning))
    memory = peak_mb() - before
    ranked = np.full((len(users), k), -1, np.int64)
    for start in range(0, len(users), 512):
        some = users[start : start + 512]
        ranked[start : start + len(some)] = model.recommend(some, k)
    made_up = np.random.default_rng(0)
    singles = [users[n : n + 1] for n in made_up.integers(0, len(users), CALLS)]
    seconds = [timed(lambda one=one: model.recommend(one, k)) for one in singles]
    p50, p99 = np.percentile(seconds, [50, 99]) * 1e3
    answer.send(
        {
            "ranked": ranked,
            "fit_s": fit_s,
            "fit_mb": memory,
            "p50_ms": float(p50),
            "p99_ms": float(p99),
        }
    )


def peak_mb() -> float:
    """The most memory this process has held since it was last asked to forget, in Linux."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def summed(
    results: dict[str, dict[str, Any]], relevant: list[Any], n_items: int
) -> list[dict[str, Any]]:
    """The best first, each tested against the next, and each that is not of ``home`` against it.

    By NDCG on the same users; either family of tests is corrected for their number.
    """
    rows = []
    for name, found in results.items():
        ranked = found.pop("ranked")
        judged = judge(ranked, relevant)
        own = ndcg(judged)
        low, high = bootstrap(own[:, None], seed=0)
        shown = np.bincount(ranked[ranked >= 0], minlength=n_items)
        rows.append(
            {
                "model": name,
                "ndcg": float(own.mean()),
                "ndcg_low": float(low[0]),
                "ndcg_high": float(high[0]),
                "recall": float(recall(judged).mean()),
                "coverage": coverage(shown),
                **found,
                "own": own,
            }
        )
    rows.sort(key=lambda row: -row["ndcg"])
    compare("p_to_next", list(pairwise(rows)))
    others = [row for row in rows if not row["model"].startswith("knowingly home")]
    home = [row for row in rows if row["model"] == HOME]
    compare("p_to_home", [(row, one) for one in home for row in others])
    for row in rows:
        del row["own"]
    return rows


def compare(name: str, pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """Write into the first of each pair how likely chance alone would set the two so far apart."""
    if not pairs:
        return
    gaps = np.stack([one["own"] - other["own"] for one, other in pairs], axis=1)
    for (row, _), p in zip(pairs, holm(permutation(gaps, seed=0)), strict=True):
        row[name] = float(p)


def as_table(rows: list[dict[str, Any]], k: int) -> Table:
    """One line for each model, the best first."""
    table = Table(
        "model", f"NDCG@{k}", "95 % interval", "p to next", "p to home", f"recall@{k}", "coverage",
        "fit", "memory of the fit", "one user, p50", "p99",
        title=f"Python {sys.version.split()[0]}",
    )  # fmt: skip
    for row in rows:
        table.add_row(
            row["model"],
            f"{row['ndcg']:.4f}",
            f"{row['ndcg_low']:.4f} to {row['ndcg_high']:.4f}",
            *(f"{row[name]:.4f}" if name in row else "" for name in ("p_to_next", "p_to_home")),
            f"{row['recall']:.4f}",
            f"{row['coverage']:.1%}",
            f"{row['fit_s']:.1f} s",
            f"{row['fit_mb']:,.0f} MB",
            f"{row['p50_ms']:.2f} ms",
            f"{row['p99_ms']:.2f} ms",
        )
    return table


if __name__ == "__main__":
    main()
