"""How well a model did, as an evaluation found, kept beside the model."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable


class Figure(Protocol):
    """A figure with its interval."""

    @property
    def value(self) -> float | None: ...  # noqa: D102 - as in ``knowingly.Figure``
    @property
    def low(self) -> float | None: ...  # noqa: D102
    @property
    def high(self) -> float | None: ...  # noqa: D102


class Scored(Protocol):
    """The figures of one algorithm."""

    @property
    def algorithm(self) -> str: ...  # noqa: D102 - as in ``knowingly.Score``
    @property
    def figures(self) -> Mapping[str, Figure]: ...  # noqa: D102


@runtime_checkable
class Measured(Protocol):
    """What of an evaluation is kept: a room above makes them."""

    @property
    def split(self) -> datetime: ...  # noqa: D102 - as in ``knowingly.Evaluation``
    @property
    def until(self) -> datetime: ...  # noqa: D102
    @property
    def k(self) -> int: ...  # noqa: D102
    @property
    def served(self) -> bool: ...  # noqa: D102
    @property
    def repeats(self) -> bool: ...  # noqa: D102
    @property
    def tested(self) -> int: ...  # noqa: D102
    @property
    def scores(self) -> Sequence[Scored]: ...  # noqa: D102


def kept(found: Measured, score: Scored, at: datetime) -> str:
    """What is kept of one algorithm's figures, as JSON."""
    figures = {
        name: {"value": one.value, "low": one.low, "high": one.high}
        for name, one in score.figures.items()
    }
    return json.dumps(
        {
            "recorded": at.isoformat(),
            "split": found.split.isoformat(),
            "until": found.until.isoformat(),
            "k": found.k,
            "tested": found.tested,
            "served": found.served,
            "repeats": found.repeats,
            "figures": figures,
        },
        allow_nan=False,
    )


def read(metrics: str | None) -> Mapping[str, Any] | None:
    """What was kept; None where nothing was."""
    return None if metrics is None else json.loads(metrics)
