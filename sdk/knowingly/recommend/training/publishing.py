"""``train``: fit every algorithm of the policy on those who agree, and publish all at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowingly.counters import Counters
from knowingly.domain.moments import day_of
from knowingly.domain.progress import Progress
from knowingly.ledger import log
from knowingly.recommend import guard
from knowingly.recommend.describing import DescribingAlgorithm
from knowingly.recommend.interface.algorithms import CountingAlgorithm
from knowingly.recommend.interface.block import Block
from knowingly.recommend.interface.counts import (
    MemoryCounts,
    chunks,
    encode_rows,
    encode_sparse_row,
)
from knowingly.recommend.registry import rows as model_rows
from knowingly.recommend.registry.serving import ITEM
from knowingly.recommend.registry.signed import Signed
from knowingly.recommend.training.fitting import Fitted, described, fit, fit_data, make_all
from knowingly.recommend.training.forgetting import Algorithms
from knowingly.recommend.training.gather import (
    Gathered,
    blocks,
    gather,
    items_chosen_by,
    to_block,
)
from knowingly.recommend.training.meanwhile import Undone, undone
from knowingly.recommend.training.refitting import deadline_us
from knowingly.recommend.training.staging import Staged, sealed, stage, stage_again, sweep
from knowingly.recommend.training.taking import taken
from knowingly.recommend.training.versions import succeed
from knowingly.store import models as stored
from knowingly.store.doors import Tx
from knowingly.store.models import ModelRow
from knowingly.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class Draft:
    """What is about to be published: the people, the frozen item list, and the fitted models.

    ``items`` are catalogue rows, ``row_of`` the model row of each catalogue row (-1 for none).
    """

    gathered: Gathered
    items: NDArray[np.int32]
    row_of: NDArray[np.int32]
    fitted: list[Fitted]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training learned from, in numbers.

    ``unreadable`` are people who agreed and were left out, because their key is lost or an event of
    theirs does not open. The log says what to do about it.

    Stability: stable.
    """

    training: int
    people: int
    events: int
    items: int
    algorithms: tuple[str, ...]
    until_us: int
    unreadable: int = 0


def train(
    tenancy: Tenancy,
    algorithms: Algorithms,
    *,
    counters: Counters,
    skipped: Mapping[str, str] | None = None,
    until_us: int | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Fit and publish.

    The people are read in one snapshot; the fit runs outside any transaction; what was learned from
    each is stored in turns of the writer, and publishing is one of its own. It first forgets
    whoever said no, or was erased, since they were read, and what others undid. A crash before that
    leaves the training before in place.

    Raises:
        PluginError: A plugin of the policy is missing or failed; nothing was published.
    """
    wanted = make_all(tenancy.policy.models.algorithms, algorithms, skipped)
    # What describes items is in service without a training: see ``describing``.
    chosen = [one for one in wanted if not isinstance(one, DescribingAlgorithm)]
    tell = progress or (lambda *_: None)
    now_us = tenancy.now_us()
    cut_us = now_us if until_us is None else min(until_us, now_us)
    with tenancy.read() as snapshot:
        n_catalogue = len(tenancy.catalogue.at(snapshot))
        table = described(tenancy, snapshot, chosen)
        gathered = gather(
            tenancy,
            snapshot,
            at_us=now_us,
            until_us=cut_us,
            progress=lambda done, total: tell("reading", done, total),
        )
    rules = tenancy.policy.models
    least = max(rules.min_item_subjects, rules.min_subjects)
    items = items_chosen_by(gathered, least=least, n_catalogue=n_catalogue)
    row_of = np.full(n_catalogue, -1, np.int32)
    row_of[items] = np.arange(len(items), dtype=np.int32)
    fitted = []
    for place, algorithm in enumerate(chosen):
        tell(f"fitting {algorithm.name}", place, len(chosen))
        data = fit_data(gathered, row_of, table, floor=rules.min_subjects, seed=rules.seed)
        fitted.append(fit(algorithm, data))
    staged = stage(
        tenancy, gathered, row_of, lambda done, total: tell("noting what was learned", done, total)
    )
    tell("publishing", 0, 1)
    with tenancy.write() as tx:
        trained = _publish(tenancy, tx, Draft(gathered, items, row_of, fitted), staged)
    counters.people_unreadable(gathered.unreadable)
    sweep(tenancy, below=trained.training)
    tell("publishing", 1, 1)
    return trained


def _publish(tenancy: Tenancy, tx: Tx, draft: Draft, staged: Staged) -> Trained:
    marked = stored.take_marks(tx)
    if tx.head.next_training != staged.number + 1:
        # Another training has been published meanwhile, or may be soon: it takes marks, and sweeps.
        staged, marked = stage_again(tenancy, tx, draft.gathered, draft.row_of), set()
    left_out, gathered = _split(tx, draft.gathered, staged.number)
    # None of them can have gone, or undone anything, before they were read.
    by_us = deadline_us(tenancy.policy, gathered.at_us)
    for block in blocks(left_out, draft.row_of, len(draft.items)):
        for one in draft.fitted:
            _forget_before_publishing(one, block, None, by_us)
    undone = _undone_meanwhile(tenancy, tx, draft.row_of, gathered, (staged, marked))
    if undone:
        had, left = (_as_block(draft, people) for people in zip(*undone.values(), strict=True))
        for one in draft.fitted:
            _forget_before_publishing(one, had, left, by_us)
    facts = _training_row(tenancy, draft, gathered)
    facts["events"] -= sum(len(had) - len(left) for had, left in undone.values())
    signed, training = Signed(tenancy.keyring, staged.number), staged.number
    stored.add_training(tx, training, {**facts, "tag": signed.training_tag(facts)})
    succeed(tenancy, tx, training)
    tx.head.model_epoch += 1
    for one in draft.fitted:
        _store_model(tx, signed, one)
    names = [one.algorithm.name for one in draft.fitted]
    log.append(
        tx,
        "models.trained",
        at_us=tenancy.now_us(),
        seal=tenancy.keyring.operator.seal,
        facts={
            "training": training,
            "people": gathered.people,
            "items": len(draft.items),
            "algorithms": names,
            "until": gathered.until_us,
        },
    )
    return Trained(
        training=training,
        people=gathered.people,
        events=facts["events"],
        items=len(draft.items),
        algorithms=tuple(names),
        until_us=gathered.until_us,
        unreadable=gathered.unreadable,
    )


def _training_row(tenancy: Tenancy, draft: Draft, gathered: Gathered) -> dict[str, Any]:
    rules = tenancy.policy.models
    modelled = (draft.row_of[part.records["item"]] >= 0 for part in gathered.parts)
    return {
        "created_us": draft.gathered.at_us,
        "until_us": draft.gathered.until_us,
        "oldest_day": _oldest_day(gathered),
        "seed": rules.seed,
        "floor": rules.min_subjects,
        "people": gathered.people,
        "events": sum(int(part.sum()) for part in modelled),
        "ledger_size": draft.gathered.log_size,
        "policy_digest": tenancy.policy.digest,
        "item_rows": draft.items.astype(ITEM).tobytes(),
    }


def _split(tx: Tx, gathered: Gathered, training: int) -> tuple[Gathered, Gathered]:
    """The people who were forgotten since they were read, who have no manifest; and all others."""
    there = stored.learned_from(tx, training)
    if len(there) == gathered.people:
        return replace(gathered, parts=[]), gathered
    stay = np.array(sorted(there), np.int64)
    return (
        gathered.only(lambda subjects: ~np.isin(subjects, stay)),
        gathered.only(lambda subjects: np.isin(subjects, stay)),
    )


def _undone_meanwhile(
    tenancy: Tenancy,
    tx: Tx,
    row_of: NDArray[np.int32],
    gathered: Gathered,
    known: tuple[Staged, set[int]],
) -> dict[int, Undone]:
    """Of those who undid something of what was learned: what that was, and what is left of it.

    Known is what was undone when their manifests were stored, and who has been marked since. Their
    manifests say then what is left now.
    """
    staged, marked = known
    people = marked & set(gathered.subjects.tolist()) if marked else set()
    found = undone(tenancy, tx, gathered, row_of, sorted(people))
    before = {one: what for one, what in staged.undone.items() if one not in marked}
    left = {one: had for one, (had, _) in staged.undone.items() if one in people}
    left |= {one: stays for one, (_, stays) in found.items()}
    stored.change_manifests(tx, staged.number, sealed(tenancy, tx, staged.number, left))
    stay = set(gathered.subjects.tolist()) if before else set()
    return {one: what for one, what in before.items() if one in stay} | found


def _as_block(draft: Draft, people: Sequence[NDArray[np.void]]) -> Block:
    lengths = np.array([len(records) for records in people])
    return to_block(np.concatenate(people), lengths, len(draft.items), draft.gathered.until_us)


def _forget_before_publishing(
    one: Fitted, learned: Block, left: Block | None, by_us: int | None
) -> None:
    if isinstance(one.algorithm, CountingAlgorithm) and one.counts is not None:
        less = taken(one.algorithm, learned, left)
        # What it counts now need not fit what it counted a moment ago.
        with guard.guarded(one.algorithm.name, "forget"):
            one.counts = one.counts.subtract(less.fallen)
            if less.grown is not None:
                one.counts = one.counts.add(less.grown)
        one.model = guard.rebuild(one.algorithm, one.model, one.counts, less.touched, less.delta)
    elif one.algorithm.forgets == "refit" and by_us is not None:
        one.refit_by_us = by_us
    elif one.algorithm.forgets != "stateless":
        one.in_service = False


def _store_model(tx: Tx, signed: Signed, one: Fitted) -> None:
    arrays = one.model.arrays()
    name, training = one.algorithm.name, signed.training
    row = ModelRow(
        algorithm=name,
        kind=one.model.kind,
        forgets=one.algorithm.forgets,
        options=one.algorithm.options.model_dump_json(),
        arrays=model_rows.describe(model_rows.row_dtype(arrays)),
        width=one.counts.width if one.counts is not None else 0,
        in_service=one.in_service,
        refit_by_us=one.refit_by_us,
    )
    stored.add_model(tx, training, signed.model(row))
    if one.in_service:
        epoch = tx.head.model_epoch
        parameters = signed.parameters(name, epoch, model_rows.to_rows(arrays))
        stored.add_serving_rows(tx, training, name, epoch, parameters)
    if one.counts is not None:
        counts = signed.counts(name, encoded_counts(one.counts))
        stored.add_count_rows(tx, training, name, counts)


def encoded_counts(counts: MemoryCounts) -> Iterator[tuple[int, bytes]]:
    """Every row of the counts, encoded."""
    matrix = counts.matrix
    if isinstance(matrix, np.ndarray):
        for rows in chunks(np.arange(counts.n_items), counts.width):
            yield from zip(rows.tolist(), encode_rows(counts.narrow(rows)), strict=True)
        return
    for row in range(counts.n_items):
        own = slice(matrix.indptr[row], matrix.indptr[row + 1])
        yield row, encode_sparse_row(matrix.indices[own], matrix.data[own], counts.width)


def _oldest_day(gathered: Gathered) -> int:
    """No event of an earlier day was learned from: until then retention need not wait for it."""
    firsts = (int(part.records["at_us"].min()) for part in gathered.parts if len(part.records))
    return day_of(min(firsts, default=gathered.at_us))
