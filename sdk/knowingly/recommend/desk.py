"""``shop.models``: the versions that are kept, what is known of them, and which is served."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from knowingly.domain.moments import from_us
from knowingly.errors import InputError, StoreError
from knowingly.recommend.registry import recording, saving
from knowingly.recommend.registry.cards import ModelCard, cards
from knowingly.recommend.registry.files import SavedModel
from knowingly.recommend.registry.metrics import Measured
from knowingly.recommend.registry.saving import SavedModels
from knowingly.recommend.registry.serving import Registry, unserved
from knowingly.recommend.training.comparing import Comparison, compare_with_refit
from knowingly.recommend.training.forgetting import Algorithms
from knowingly.recommend.training.staging import sweep
from knowingly.recommend.training.versions import RolledBack, prune, rollback
from knowingly.store import models as stored
from knowingly.store.doors import Snapshot
from knowingly.store.models import TrainingRow
from knowingly.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of the models that is kept: a training.

    ``active`` is the one in service. ``people`` are those it has learned from and not forgotten.
    ``out_of_service`` are models that had learned from somebody who is forgotten and could not
    subtract it: they never come back.

    Stability: stable.
    """

    version: int
    active: bool
    trained_at: datetime
    events_until: datetime
    people: int
    algorithms: tuple[str, ...]
    out_of_service: tuple[str, ...]


class Models:
    """The models of one tenant.

    Stability: stable.
    """

    def __init__(self, tenancy: Tenancy, registry: Registry, algorithms: Algorithms) -> None:
        self._tenancy = tenancy
        self._registry = registry
        self._algorithms = algorithms

    def cards(self, version: int | None = None) -> list[ModelCard]:
        """The models of one version that is kept, of the one in service when left out.

        None before the first training.

        Raises:
            InputError: There is no such version.
            StoreError: The one in service was taken out of the database.
        """
        _check_version(version)
        now_us = self._tenancy.now_us()
        with self._tenancy.read() as snapshot:
            active = snapshot.head.training
            if version is None and active is None:
                return []
            wanted = active if version is None else version
            kept = {row.training: row for row in stored.kept(snapshot)}
            if version is None and wanted not in kept:
                raise StoreError("the version in service is not in the database: train again")
            if wanted is None or wanted not in kept:
                known = ", ".join(map(str, sorted(kept))) or "none yet"
                raise InputError("version", f"one that is kept: {known}")
            if wanted == active:
                serving = self._registry.at(snapshot)
            else:
                serving = unserved(self._tenancy.keyring, snapshot, wanted)
            return cards(snapshot, kept[wanted], serving, now_us) if serving else []

    def versions(self) -> list[ModelVersion]:
        """The versions that are kept, the newest first."""
        with self._tenancy.read() as snapshot:
            return [self._version(snapshot, row) for row in stored.kept(snapshot)]

    def rollback(self, to: int | None = None) -> RolledBack:
        """Put a version in service again that is kept; the log says so.

        What it serves is made from its counts of today: whoever was forgotten since is not in it.
        The next training gets a higher number than any before, whatever is in service.

        Args:
            to: Its number; the newest one before that in service when left out.

        Raises:
            NotFittedError: Nothing has been trained yet, or no earlier version is kept.
            InputError: There is no such version, or it holds what may not be served any more.
            PluginError: A model cannot be made again. What is in service stays.
        """
        _check_version(to)
        return rollback(self._tenancy, self._registry, self._algorithms, to)

    def prune(self, version: int | None = None) -> tuple[int, ...]:
        """Delete versions that are not in service; which they were. The log says so.

        Args:
            version: Its number; every one when left out.

        Raises:
            InputError: There is no such version, or it is in service.
        """
        _check_version(version)
        with self._tenancy.write() as tx:
            others = [row.training for row in stored.kept(tx) if row.training != tx.head.training]
            if version is not None and version not in others:
                known = ", ".join(map(str, sorted(others))) or "none"
                raise InputError("version", f"one that is kept and not in service: {known}")
            pruned = prune(self._tenancy, tx, others if version is None else [version])
        if pruned:
            sweep(self._tenancy, below=pruned[-1] + 1)
        return pruned

    def record(self, evaluation: Measured) -> tuple[str, ...]:
        """Keep what an evaluation found on the cards of the version in service; the log says so.

        Args:
            evaluation: What ``shop.evaluate`` gave. Figures are kept of each algorithm that was
                evaluated with the options it is served with; of served models, where it is this
                version that was evaluated.

        Returns:
            Those algorithms.

        Raises:
            NotFittedError: Nothing has been trained yet.
            InputError: It is no evaluation.
            StoreError: A model was changed by somebody else.
        """
        return recording.record(self._tenancy, self._algorithms, evaluation)

    def save(self, folder: str | Path) -> SavedModels:
        """Write every model in service into a new folder, each as two files.

        ``NAME.safetensors`` has its arrays. ``NAME.json`` says what the card says, and which item
        each row is of, and is signed. Nobody is named. The log says what was saved.

        Raises:
            NotFittedError: No model is in service.
            StoreError: The folder has something in it, or cannot be made.
        """
        return saving.save(self._tenancy, self._registry, Path(folder))

    def read(self, folder: str | Path, name: str) -> SavedModel:
        """A model that ``save`` wrote, checked: size, signature, digest, shapes.

        It is not put into service. The key that signs the shop's log today must have signed it:
        after ``knowingly keys rotate --signing``, save the models again.

        Raises:
            FileError: A file is missing, or is not what this shop wrote.
            InputError: The name is no name of a model.
        """
        return saving.read(self._tenancy, Path(folder), name)

    def compare_with_refit(self) -> list[Comparison]:
        """Fit again what is being served, on what remains of what it learned, and compare.

        That is what stands by the events and choices that are there now: not what was returned,
        hidden, cancelled, edited away or deleted since. Uses the same item list, options and seed,
        and publishes nothing. What came in since is for the next training, and no difference; what
        a model has still to forget that waits for a refit is one.

        Raises:
            NotFittedError: Nothing has been trained yet.
            PluginError: An algorithm fails, or makes models of another form by now.
        """
        return compare_with_refit(self._tenancy, self._registry, self._algorithms)

    def _version(self, snapshot: Snapshot, row: TrainingRow) -> ModelVersion:
        known = stored.models_of(snapshot, row.training)
        return ModelVersion(
            version=row.training,
            active=row.training == snapshot.head.training,
            trained_at=from_us(row.created_us),
            events_until=from_us(row.until_us),
            people=stored.learned_size(snapshot, row.training)[0],
            algorithms=tuple(one.algorithm for one in known),
            out_of_service=tuple(one.algorithm for one in known if not one.in_service),
        )


def _check_version(version: object) -> None:
    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        raise InputError("version", "its number")
