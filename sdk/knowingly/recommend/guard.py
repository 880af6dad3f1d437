"""The one place where plugins are called: stray errors and broken shapes become ``PluginError``."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import ValidationError

from knowingly.domain.validate import refusal
from knowingly.errors import ContractError, KnowinglyError, PluginError
from knowingly.recommend.interface.algorithms import Algorithm, CountingAlgorithm, Model, Query
from knowingly.recommend.interface.arrays import Floats, Matrix, Rows
from knowingly.recommend.interface.block import Block, FitData
from knowingly.recommend.interface.counts import Counts, MemoryCounts
from knowingly.recommend.models.kinds import MODEL_KINDS

MAX_SCORE = 1e100
"""What a slot can multiply by its boosts and weights, square and add up, and still have numbers."""
MAX_ROW_BYTES = 16_000_000
"""Of one item, all arrays of a model together: what is wider is not read."""


@contextmanager
def guarded(plugin: str, doing: str) -> Iterator[None]:
    """Name the plugin in whatever goes wrong; never repeat its message, which can hold anything.

    Where it would end the program, too: that is for the app.
    """
    try:
        yield
    except KnowinglyError as error:
        if isinstance(error, PluginError) and error.plugin == plugin:
            raise
        raise PluginError(f"failed in {doing} ({error})", plugin=plugin) from error
    except (Exception, SystemExit) as error:
        raise PluginError(f"failed in {doing} ({type(error).__name__})", plugin=plugin) from error


def make(algorithm: type[Algorithm[Any]], options: Mapping[str, Any]) -> Algorithm[Any]:
    """An algorithm with options from the policy file or the registry.

    Raises:
        PluginError: The options do not fit, or cannot be kept beside a model.
    """
    try:
        made = algorithm(options)
    except ValidationError as error:
        # Options are the shop's own words, so the name of one that does not exist is said.
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        expected = refusal(0, error).expected
        if first["type"] == "extra_forbidden":
            known = ", ".join(algorithm.options_type.model_fields) or "none"
            expected = f"one of its options, which are: {known}"
        raise PluginError(f"option {place}: expected {expected}", plugin=algorithm.name) from None
    except (Exception, SystemExit) as error:
        failed = f"cannot be made with its options ({type(error).__name__})"
        raise PluginError(failed, plugin=algorithm.name) from error
    if not _come_back(made):
        raise PluginError(
            "options: expected values that JSON brings back as they were, so no infinity and no "
            "objects",
            plugin=algorithm.name,
        )
    return made


def _come_back(made: Algorithm[Any]) -> bool:
    """Whether its options are the same once they were stored: forgetting makes it from those."""
    try:
        kept = json.loads(made.options.model_dump_json())
        return bool(type(made)(kept).options == made.options)
    except Exception:
        return False


def fit(algorithm: Algorithm[Any], data: FitData) -> tuple[Model, MemoryCounts | None]:
    """A fitted model, with its counts where it can forget exactly."""
    if algorithm.forgets == "stateless":
        # It says that it learns from nobody, and nobody will ever be forgotten by it.
        data = replace(data, source=tuple)
    with guarded(algorithm.name, "fit"):
        if isinstance(algorithm, CountingAlgorithm):
            counts = algorithm.total(data)
            return _readable(algorithm, algorithm.build(counts), data.n_items), counts
        return _readable(algorithm, algorithm.fit(data), data.n_items), None


def count(algorithm: CountingAlgorithm[Any], block: Block) -> Matrix:
    """The counts of one block."""
    with guarded(algorithm.name, "count"):
        return algorithm.count(block)


def build(algorithm: CountingAlgorithm[Any], counts: Counts) -> Model:
    """The model of counts that were kept."""
    with guarded(algorithm.name, "build"):
        return _checked(algorithm, algorithm.build(counts), counts.n_items)


def prepare(algorithm: CountingAlgorithm[Any], model: Model, counts: Counts) -> None:
    """Let an algorithm get ready to subtract from these counts."""
    with guarded(algorithm.name, "prepare"):
        algorithm.prepare(model, counts)


def rebuild(
    algorithm: CountingAlgorithm[Any], model: Model, counts: Counts, touched: Rows, delta: Matrix
) -> Model:
    """The model after ``delta`` was subtracted from its counts, in the rows ``touched``."""
    with guarded(algorithm.name, "rebuild"):
        left = _checked(algorithm, algorithm.rebuild(model, counts, touched, delta), counts.n_items)
        if left.kind != model.kind:
            raise ContractError("rebuild: expected a model of the same kind", plugin=algorithm.name)
        return left


def score(name: str, model: Model, query: Query) -> Floats:
    """Scores of all items, checked.

    Raises:
        ContractError: They have another shape, are not numbers, or are too large to reckon with.
    """
    with guarded(name, "score"):
        scores = model.score(query)
        if not isinstance(scores, np.ndarray) or scores.shape != (query.n_items,):
            raise ContractError("score: expected one number per item", plugin=name)
        # The largest of them is NaN, or +inf, if any of them is.
        largest = float(scores.max()) if scores.size else 0.0
        if math.isnan(largest) or largest == math.inf:
            raise ContractError("score: expected no NaN and no +inf", plugin=name)
        _check_size(name, "score", scores, largest)
        return scores


def _check_size(name: str, asked: str, scores: Floats, largest: float) -> None:
    least = float(scores.min()) if scores.size else 0.0
    if least == -math.inf:
        least = float(np.min(scores, where=scores > least, initial=0.0))
    if max(largest, -least) > MAX_SCORE:
        raise ContractError(f"{asked}: expected numbers of at most {MAX_SCORE:g}", plugin=name)


def company(name: str, model: Model, items: Rows) -> Floats:
    """What goes with some items, checked; there is no never in it."""
    with guarded(name, "company"):
        told = model.company(items)
        real = isinstance(told, np.ndarray) and told.dtype.kind in "iuf"
        if not real or told.shape != (model.n_items,) or not np.isfinite(told).all():
            raise ContractError("company: expected one finite number per item", plugin=name)
        _check_size(name, "company", told, float(told.max(initial=0.0)))
        return told


def closest(name: str, model: Model, items: Rows, others: Rows) -> Rows:
    """Which of ``items`` each of ``others`` goes with best, checked."""
    with guarded(name, "closest"):
        places = np.asarray(model.closest(items, others))
        if (
            places.shape != others.shape
            or places.dtype.kind not in "iu"
            or not ((places >= 0) & (places < len(items))).all()
        ):
            raise ContractError("closest: expected a place in the items for each", plugin=name)
        return places


def because_many(name: str, model: Model, query: Query, items: Rows) -> Rows:
    """The history positions that counted most, checked."""
    with guarded(name, "because_many"):
        positions = np.asarray(model.because_many(query, items))
        if positions.shape != (len(items),) or (
            positions.size
            and (
                positions.dtype.kind not in "iu"
                or positions.min() < -1
                or positions.max() >= len(query.history)
            )
        ):
            raise ContractError("because: expected positions in the history, or -1", plugin=name)
        return positions


def _readable(algorithm: Algorithm[Any], model: Model, n_items: int) -> Model:
    """A model that every process can make again from what is stored of it."""
    arrays = _checked(algorithm, model, n_items).arrays()
    wide = sum(array.itemsize * math.prod(array.shape[1:]) for array in arrays.values())
    if wide > MAX_ROW_BYTES:
        raise ContractError(
            f"arrays: expected at most {MAX_ROW_BYTES:,} bytes for an item, found {wide:,}",
            plugin=algorithm.name,
        )
    try:
        type(model).from_arrays(arrays)
    except ValueError as error:
        # Of a model that ships, so the words are ours.
        raise ContractError(f"arrays: {error}", plugin=algorithm.name) from error
    return model


def _checked(algorithm: Algorithm[Any], model: Model, n_items: int) -> Model:
    if not isinstance(model, Model):
        raise ContractError("fit: expected a Model", plugin=algorithm.name)
    if MODEL_KINDS.get(model.kind) is not type(model):
        kinds = ", ".join(kind.__name__ for kind in MODEL_KINDS.values())
        raise ContractError(f"fit: expected one of {kinds}", plugin=algorithm.name)
    for name, array in model.arrays().items():
        if not isinstance(array, np.ndarray) or array.shape[:1] != (n_items,):
            raise ContractError(
                f"arrays: expected {n_items} rows in {name!r}, one per item", plugin=algorithm.name
            )
        if array.dtype.kind not in "iufb":
            raise ContractError(f"arrays: expected numbers in {name!r}", plugin=algorithm.name)
    return model
