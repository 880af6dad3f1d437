"""``shop.models``: what is being served, and whether it is what a refit would give."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic_core import to_jsonable_python

from knowingly.domain.moments import from_us
from knowingly.errors import NotFittedError
from knowingly.folders import new_folder
from knowingly.items.table import ItemTable
from knowingly.ledger import log
from knowingly.ledger.signing import public_key
from knowingly.recommend import guard
from knowingly.recommend.interface.algorithms import Algorithm, CountingAlgorithm, Model
from knowingly.recommend.models.kinds import MODEL_KINDS
from knowingly.recommend.registry import files
from knowingly.recommend.registry.files import SavedModel
from knowingly.recommend.registry.serving import Registry, Serving, options_of
from knowingly.recommend.training.fitting import described, fit, fit_data
from knowingly.recommend.training.forgetting import Algorithms
from knowingly.recommend.training.gather import Gathered, gather
from knowingly.store import models as stored
from knowingly.store.doors import Snapshot
from knowingly.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of one model being served.

    ``people`` are those it has learned from and not forgotten; ``floor`` the fewest people that a
    figure shown to others is shared by, and ``floor_of`` says in words which people that counts.
    ``refit_by`` is when it leaves service unless it was fitted again: it still has what it learned
    from somebody who is to be forgotten. ``fault`` says why a stored model cannot be served.

    Stability: stable.
    """

    algorithm: str
    training: int
    trained_at: datetime
    events_until: datetime
    forgets: str
    in_service: bool
    people: int
    items: int
    floor: int
    floor_of: str
    refit_by: datetime | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A served model beside a refit, today, on the same item list.

    ``largest_difference`` is over every stored parameter; 0 means bit for bit. ``tolerance`` is how
    large it may be, of an algorithm that forgets exactly: 0 unless it works with real numbers.

    Stability: stable.
    """

    algorithm: str
    people: int
    items: int
    largest_difference: float
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class SavedModels:
    """What ``save`` wrote: the SHA-256 of each model's arrays, hex, by its name.

    ``left_out`` are models that wait for a refit: a copy of them would never forget.

    Stability: stable.
    """

    digests: Mapping[str, str]
    left_out: tuple[str, ...]


class Models:
    """The models of one tenant.

    Stability: stable.
    """

    def __init__(self, tenancy: Tenancy, registry: Registry, algorithms: Algorithms) -> None:
        self._tenancy = tenancy
        self._registry = registry
        self._algorithms = algorithms

    def cards(self) -> list[ModelCard]:
        """The models of the active training; none before the first."""
        with self._tenancy.read() as snapshot:
            return self._cards(snapshot)

    def save(self, folder: str | Path) -> SavedModels:
        """Write every model in service into a new folder, each as two files.

        ``NAME.safetensors`` has its arrays. ``NAME.json`` says what the card says, and which item
        each row is of, and is signed. Nobody is named. The log says what was saved.

        Raises:
            NotFittedError: No model is in service.
            StoreError: The folder has something in it, or cannot be made.
        """
        with self._tenancy.read() as snapshot:
            serving = self._registry.at(snapshot)
            now_us = self._tenancy.now_us()
            models = {} if serving is None else serving.in_service(now_us)
            if serving is None or not models:
                raise NotFittedError("no model is in service: call train first")
            cards = {card.algorithm: card for card in self._cards(snapshot)}
            ids = self._tenancy.catalogue.at(snapshot).ids
        items = tuple(ids[row] for row in serving.items.tolist())
        left_out = tuple(name for name in models if cards[name].refit_by is not None)
        digests = {}
        with new_folder(Path(folder)) as unfinished:
            for name in sorted(models.keys() - set(left_out)):
                saved = SavedModel(models[name], items, to_jsonable_python(asdict(cards[name])))
                digests[name] = files.write(unfinished, name, saved, self._sign)
            with self._tenancy.write() as tx:
                facts = {"training": serving.training, "sha256": digests}
                seal = self._tenancy.keyring.operator.seal
                log.append(tx, "models.saved", at_us=now_us, seal=seal, facts=facts)
        return SavedModels(digests, left_out)

    def read(self, folder: str | Path, name: str) -> SavedModel:
        """A model that ``save`` wrote, checked: size, signature, digest, shapes.

        It is not put into service. The key that signs the shop's log today must have signed it:
        after ``knowingly keys rotate --signing``, save the models again.

        Raises:
            FileError: A file is missing, or is not what this shop wrote.
            InputError: The name is no name of a model.
        """
        with self._tenancy.read() as snapshot:
            public = public_key(self._tenancy.signing_seed(snapshot))
        return files.read(Path(folder), name, public_key=public)

    def _sign(self, statement: Mapping[str, object]) -> tuple[str, str]:
        return self._tenancy.ask(lambda snapshot: self._tenancy.sign(snapshot, statement))

    def _cards(self, snapshot: Snapshot) -> list[ModelCard]:
        now_us, serving = self._tenancy.now_us(), self._registry.at(snapshot)
        if serving is None:
            return []
        people = stored.count_learned(snapshot, serving.training)
        return [
            ModelCard(
                algorithm=row.algorithm,
                training=serving.training,
                trained_at=from_us(serving.created_us),
                events_until=from_us(serving.until_us),
                forgets=row.forgets,
                in_service=serving.model(row.algorithm, now_us) is not None,
                people=people,
                items=len(serving.items),
                floor=serving.floor,
                floor_of=MODEL_KINDS.get(row.kind, Model).floor_of,
                refit_by=None if row.refit_by_us is None else from_us(row.refit_by_us),
                fault=serving.faults.get(row.algorithm, ""),
            )
            for row in serving.known.values()
        ]

    def compare_with_refit(self) -> list[Comparison]:
        """Fit again what is being served, from the events that are there now, and compare.

        Uses the same item list, options, seed and people (without those forgotten). Publishes
        nothing. Events that arrived late, dated before the training, count as a difference, and so
        does what a model has still to forget that waits for a refit.

        Raises:
            NotFittedError: Nothing has been trained yet.
        """
        with self._tenancy.read() as snapshot:
            serving = self._registry.at(snapshot)
            if serving is None:
                raise NotFittedError("nothing has been trained yet: call train first")
            learned = stored.learned_from(snapshot, serving.training)
            table = described(self._tenancy, snapshot, self._made(serving).values())
            gathered = gather(
                self._tenancy,
                snapshot,
                at_us=self._tenancy.now_us(),
                until_us=serving.until_us,
            )
        taught = np.array(sorted(learned), np.int64)
        gathered = gathered.only(lambda subjects: np.isin(subjects, taught))
        return [
            _compare(serving, algorithm, gathered, table)
            for algorithm in self._made(serving).values()
        ]

    def _made(self, serving: Serving) -> dict[str, Algorithm[Any]]:
        """The algorithms of what is in service, with the options they were fitted with."""
        return {
            name: guard.make(self._algorithms[name], options_of(serving.known[name]))
            for name in serving.models
            if name in self._algorithms
        }


def _compare(
    serving: Serving, algorithm: Algorithm[Any], gathered: Gathered, table: ItemTable | None
) -> Comparison:
    newest = max((int(part.records["item"].max()) for part in gathered.parts), default=-1)
    size = max(len(serving.row_of), newest + 1)
    row_of = np.full(size, -1, np.int32)
    row_of[: len(serving.row_of)] = serving.row_of
    data = fit_data(gathered, row_of, table, floor=serving.floor, seed=serving.seed)
    fresh = fit(algorithm, data).model.arrays()
    served = serving.models[algorithm.name].arrays()
    largest = 0.0
    for key, array in fresh.items():
        if array.size:
            gap = np.abs(array.astype(float) - served[key].astype(float))
            largest = max(largest, float(gap.max()))
    allowed = algorithm.tolerance if isinstance(algorithm, CountingAlgorithm) else 0.0
    return Comparison(algorithm.name, gathered.people, len(serving.items), largest, allowed)
