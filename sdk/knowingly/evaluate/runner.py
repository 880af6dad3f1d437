"""``shop.evaluate``: the served models on what came after the events they learned from."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from knowingly.domain.event import KIND_CODE, EventKind
from knowingly.domain.moments import DAY_US, from_us
from knowingly.domain.progress import Progress
from knowingly.errors import NotFittedError
from knowingly.evaluate.metrics import coverage_at_k, ndcg_at_k, top_rows
from knowingly.recommend import guard
from knowingly.recommend.gather import Gathered, gather
from knowingly.recommend.interface import Model
from knowingly.recommend.query import History, Query, returned
from knowingly.recommend.registry import Registry, Serving
from knowingly.tenancy import Tenancy

_PEOPLE_AT_ONCE = 256
_PURCHASE = KIND_CODE[EventKind.PURCHASE]


@dataclass(frozen=True, slots=True)
class Score:
    """How one algorithm did, at ``k``: see ``metrics`` for the definitions.

    Stability: stable.
    """

    algorithm: str
    ndcg: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The split, the counts as found, and a score per algorithm.

    ``people`` had events before the split, ``tested`` of them bought something new to them after
    it (``bought_new`` pairs of person and item). Every modelled item is ranked for each of them,
    without those they already had.

    Stability: stable.
    """

    split: datetime
    k: int
    people: int
    tested: int
    bought_new: int
    items: int
    scores: tuple[Score, ...]


def evaluate(
    tenancy: Tenancy, registry: Registry, *, k: int = 10, progress: Progress | None = None
) -> Evaluation:
    """Rank all modelled items for everyone who agreed to ``train``, and look at what they bought.

    The split is the moment up to which the models have learned (``train(until=…)``): a global
    split by time. Purchases after it of items a person did not have before it are the truth.

    Raises:
        NotFittedError: Nothing has been trained, or nobody bought anything new since.
    """
    tell = progress or (lambda *_: None)
    now_us = tenancy.now_us()
    with tenancy.read() as snapshot:
        serving = registry.at(snapshot)
        if serving is None:
            raise NotFittedError("nothing has been trained yet: call train first")
        gathered = gather(
            tenancy,
            snapshot,
            at_us=now_us,
            until_us=now_us,
            progress=lambda done, total: tell("reading", done, total),
        )
    cases = _cases(gathered, serving)
    if not cases.truth:
        raise NotFittedError("nobody bought anything new after the split: train with until=")
    scores = []
    for place, (name, model) in enumerate(serving.models.items()):
        tell(f"ranking with {name}", place, len(serving.models))
        ranked = _rank(name, model, cases, serving, k)
        scores.append(
            Score(
                name,
                ndcg_at_k(ranked, cases.truth, k),
                coverage_at_k(ranked, len(serving.items)),
            )
        )
    return Evaluation(
        split=from_us(serving.until_us),
        k=k,
        people=cases.people,
        tested=len(cases.truth),
        bought_new=sum(len(items) for items in cases.truth),
        items=len(serving.items),
        scores=tuple(scores),
    )


@dataclass(frozen=True, slots=True)
class _Cases:
    """People to test: their histories, and the new items they bought afterwards."""

    people: int
    histories: list[History]
    truth: list[NDArray[np.intp]]


def _cases(gathered: Gathered, serving: Serving) -> _Cases:
    people, histories, truth = 0, [], []
    for records in gathered.each():
        rows = serving.to_model_rows(records["item"])
        before = records["at_us"] <= serving.until_us
        if not before.any():
            continue
        people += 1
        bought = rows[~before & (records["kind"] == _PURCHASE) & (rows >= 0)]
        gone = returned(rows[~before], records["kind"][~before], records["quantity"][~before])
        new = np.setdiff1d(np.setdiff1d(bought, gone), rows[before])
        known = before & (rows >= 0)
        if len(new) and known.any():
            histories.append(_history(records[known], rows[known], serving.until_us))
            truth.append(new)
    return _Cases(people, histories, truth)


def _history(records: NDArray[np.void], rows: NDArray[np.intp], until_us: int) -> History:
    return History(
        item=rows.astype(np.int32),
        kind=records["kind"].astype(np.int8),
        age_days=(until_us - records["at_us"]) / DAY_US,
        quantity=records["quantity"].astype(np.int32),
        order=records["order"].astype(np.int64),
    )


def _rank(name: str, model: Model, cases: _Cases, serving: Serving, k: int) -> NDArray[np.int64]:
    n_items = len(serving.items)
    parts = []
    for start in range(0, len(cases.histories), _PEOPLE_AT_ONCE):
        chunk = cases.histories[start : start + _PEOPLE_AT_ONCE]
        scores = np.zeros((len(chunk), n_items))
        had = np.zeros((len(chunk), n_items), bool)
        for row, history in enumerate(chunk):
            scores[row] = guard.score(name, model, Query(n_items=n_items, history=history))
            had[row, history.item] = True
        parts.append(top_rows(scores, had, k))
    return np.concatenate(parts).astype(np.int64)
