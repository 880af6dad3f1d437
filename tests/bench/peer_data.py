"""What ``peers`` learns from and is tested on: the demo's year, or a folder of other data."""

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from knowingly.demo.year import Year, read_year

WEEKS, LEAST = 44, 20
_DAY_S = 86_400
_EVENTS, _TRAIN, _ABOUT = "events.npz", "train.npz", "items.json"


@dataclass
class Learning:
    """What may be learned from.

    Attributes:
        train: Who had what, shape ``(n_users, n_items)``: all that most libraries ask for.
        events: The same with repeats, in arrays by user: ``user``, ``item``, ``age_days`` before
            the split, ``quantity`` and ``order``.
        about: Of each item, its ``brand`` and ``categories``; empty where nothing is known.
    """

    train: Any
    events: dict[str, Any]
    about: dict[str, list[Any]]

    def save(self, folder: Path) -> None:
        sparse.save_npz(folder / _TRAIN, self.train)
        np.savez(folder / _EVENTS, **self.events)
        (folder / _ABOUT).write_text(json.dumps(self.about), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Learning":
        train = sparse.load_npz(folder / _TRAIN).tocsr()
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        return cls(train, dict(np.load(folder / _EVENTS)), about)


def demo_data() -> tuple[Learning, Any]:
    """The year: every household, products that 20 or more paid for, what was new after the split.

    The 20 are those of the whole year, and the weeks are the data's own: they begin on a Monday,
    and the first has one day. That is how the figures of others on these data were made.
    """
    year = read_year()
    paid = (year.quantity > 0) & (year.sales > 0)
    split_s = (year.split_after(WEEKS - 1) + timedelta(days=1)).timestamp()
    pairs = year.household[paid], year.product[paid]
    known = np.unique(np.stack(pairs), axis=1)[1]
    items, buyers = np.unique(known, return_counts=True)
    kept = np.flatnonzero(paid)[np.isin(pairs[1], items[buyers >= LEAST])]
    at_s = year.at_s[kept]
    learning, test, products = split(
        year.household[kept],
        year.product[kept],
        at_s < split_s,
        age_days=(split_s - at_s) / _DAY_S,
        quantity=np.minimum(year.quantity[kept], 2**31 - 1).astype(np.int32),
        order=year.basket[kept],
    )
    learning.about = about(year, products.tolist())
    return learning, test


def about(year: Year, products: list[int]) -> dict[str, list[Any]]:
    """What the demo says of these products, as its shop does."""
    said = {item["id"]: item for item in year.items()}
    found = [said.get(str(product), {}) for product in products]
    return {
        "brand": [item.get("brand", "") for item in found],
        "categories": [list(item.get("categories", ())) for item in found],
    }


def read_folder(folder: Path) -> tuple[Learning, Any]:
    """``events.txt``, or ``train.txt`` and ``test.txt``.

    Raises:
        OSError: There is no such file.
        ValueError: A line is off; the message says which.
    """
    events = folder / "events.txt"
    if events.exists():
        user, item, at = np.loadtxt(events, np.int64, ndmin=2, usecols=(0, 1, 2)).T
        last = np.quantile(at, 0.8)
        return split(user, item, at <= last, age_days=(last - at) / _DAY_S)[:2]
    both = [read_lines(folder / f"{name}.txt") for name in ("train", "test")]
    user, item = (np.concatenate(column) for column in zip(*both, strict=True))
    return split(user, item, np.arange(len(user)) < len(both[0][0]))[:2]


def read_lines(path: Path) -> tuple[Any, Any]:
    """A line per user: the user, then its items."""
    users, items = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            first, *others = map(int, line.split() or ["-1"])
        except ValueError:
            raise ValueError(f"{path.name}, line {number}: expected whole numbers") from None
        users += [first] * len(others)
        items += others
    return np.array(users, np.int64), np.array(items, np.int64)


def split(user: Any, item: Any, before: Any, **columns: Any) -> tuple[Learning, Any, Any]:
    """What was before, what was new to whom after, and which items those are.

    Only items that somebody had before are ranked. Of a column that is not given, every event
    says the same: a day ago, one unit, no order.
    """
    users, user = np.unique(user, return_inverse=True)
    items, item = np.unique(item, return_inverse=True)
    known = np.bincount(item[before], minlength=len(items)) > 0
    place, kept = np.cumsum(known) - 1, known[item]
    user, item, before = user[kept], place[item[kept]], before[kept]
    shape = len(users), int(known.sum())
    train, test = (ones(user[some], item[some], shape) for some in (before, ~before))
    new = test - test.multiply(train)
    new.eliminate_zeros()
    events = {"user": user.astype(np.int32), "item": item.astype(np.int32)}
    events["age_days"] = columns.get("age_days", np.ones(len(kept)))[kept]
    events["quantity"] = columns.get("quantity", np.ones(len(kept), np.int32))[kept]
    events["order"] = columns.get("order", np.zeros(len(kept), np.int64))[kept]
    own = np.flatnonzero(before)
    own = own[np.argsort(user[own], kind="stable")]
    learning = Learning(train, {name: values[own] for name, values in events.items()}, {})
    return learning, new.tocsr(), items[known]


def ones(row: Any, column: Any, shape: tuple[int, int]) -> Any:
    """A matrix with a one for each pair that occurs."""
    row, column = np.divmod(np.unique(row * shape[1] + column), shape[1])
    return sparse.csr_matrix((np.ones(len(row), np.float32), (row, column)), shape=shape)
