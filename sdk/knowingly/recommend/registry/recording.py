"""Recording on model cards what an evaluation found."""

from collections.abc import Mapping
from typing import Any

from knowingly.domain.moments import from_us
from knowingly.errors import InputError, NotFittedError
from knowingly.ledger import log
from knowingly.recommend import guard
from knowingly.recommend.interface.algorithms import Algorithm
from knowingly.recommend.registry import metrics
from knowingly.recommend.registry.metrics import Measured
from knowingly.recommend.registry.signed import Signed
from knowingly.store import models as stored
from knowingly.store.models import ModelRow, TrainingRow
from knowingly.tenancy import Tenancy

Algorithms = Mapping[str, type[Algorithm[Any]]]


def record(tenancy: Tenancy, algorithms: Algorithms, evaluation: Measured) -> tuple[str, ...]:
    """See ``Models.record``."""
    if not isinstance(evaluation, Measured):
        raise InputError("evaluation", "what shop.evaluate gives")
    now_us = tenancy.now_us()
    with tenancy.write() as tx:
        training = stored.training(tx, tx.head.training)
        if training is None:
            raise NotFittedError("nothing has been trained yet: call train first")
        scores = {score.algorithm: score for score in evaluation.scores}
        measured = []
        signed = Signed(tenancy.keyring, training.training)
        for row in stored.models_of(tx, training.training):
            found = scores.get(row.algorithm)
            if found and _is_measured(tenancy, algorithms, evaluation, training, row):
                signed.check_model(row)
                kept = metrics.kept(evaluation, found, from_us(now_us))
                changed = signed.model(row._replace(metrics=kept))
                stored.change_model(tx, training.training, changed)
                measured.append(row.algorithm)
        if measured:
            log.append(
                tx,
                "models.evaluated",
                at_us=now_us,
                seal=tenancy.keyring.operator.seal,
                facts={"version": training.training, "algorithms": measured},
            )
    return tuple(measured)


def _is_measured(
    tenancy: Tenancy,
    algorithms: Algorithms,
    found: Measured,
    training: TrainingRow,
    row: ModelRow,
) -> bool:
    """Whether the figures are of this model, or of one with the same options."""
    if found.served:
        return found.split == from_us(training.until_us) and row.in_service
    wanted = tenancy.policy.models.algorithms.get(row.algorithm)
    if wanted is None or row.algorithm not in algorithms:
        return False
    options = guard.make(algorithms[row.algorithm], wanted).options
    return bool(options.model_dump_json() == row.options)
