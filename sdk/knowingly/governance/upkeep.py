"""``maintain``: what a cron line should do, in an order that keeps the laws.

Unfinished erasures first, and recipients who have still to be told; then training, which leaves
expired events out; then the release; then retention, which deletes only what no model still holds;
then the keys that nothing uses; last a checkpoint of all that, which is handed on to whoever keeps
it outside.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from knowingly.domain.moments import DAY_US, from_us
from knowingly.domain.progress import Progress
from knowingly.errors import InputError, KnowinglyError
from knowingly.governance.aggregates import Aggregates
from knowingly.governance.checkpoints import Checkpoints
from knowingly.governance.erasure import Erasures
from knowingly.governance.horizon import due, past
from knowingly.governance.recipients import Recipients
from knowingly.governance.retention.job import Retention
from knowingly.governance.signing_key import sweep_signing
from knowingly.recommend.registry.serving import Registry
from knowingly.recommend.training.publishing import Trained
from knowingly.recommend.training.refitting import take_out_overdue
from knowingly.store import imports, notifications
from knowingly.store.keys_in_use import keys_in_use
from knowingly.tenancy import Tenancy

STEPS = ("erasures", "train", "release", "retention", "sweep", "checkpoint")
ROTATE = "knowingly keys rotate --destroy-old"
_SWEEP_AFTER_US = 3_600_000_000
_FORGET_IMPORTS_AFTER_US = 30 * DAY_US


@dataclass(slots=True)
class Maintained:
    """What ``maintain`` did. ``notes`` say what was left alone and why.

    ``people_held`` are under a legal hold: retention deletes nothing of theirs.
    ``claims_destroyed`` is evidence that had outlived an erasure for as long as the policy says.
    ``imports_forgotten`` were stopped and not gone on with for a month. ``checkpoint`` is the
    size of the log at the newest checkpoint.

    Stability: stable.
    """

    erasures_finished: int = 0
    recipients_told: int = 0
    trained: Trained | None = None
    released: bool = False
    events_expired: int = 0
    events_deleted: int = 0
    traits_expired: int = 0
    traits_deleted: int = 0
    people_held: int = 0
    tombstones_dropped: int = 0
    claims_destroyed: int = 0
    keys_swept: int = 0
    imports_forgotten: int = 0
    checkpoint: int = 0
    notes: tuple[str, ...] = ()


class Upkeep:
    """The upkeep of one tenant."""

    def __init__(
        self,
        tenancy: Tenancy,
        registry: Registry,
        train: Callable[..., Trained],
        *,
        erasures: Erasures,
        recipients: Recipients,
        aggregates: Aggregates,
        retention: Retention,
        checkpoints: Checkpoints,
    ) -> None:
        self._tenancy = tenancy
        self._registry = registry
        self._train = train
        self._retention = retention
        self._erasures = erasures
        self._recipients = recipients
        self._aggregates = aggregates
        self._checkpoints = checkpoints

    def run(self, *, skip: Collection[str] = (), progress: Progress | None = None) -> Maintained:
        """Do every step but those in ``skip``; a training that fails stops no deletion.

        Raises:
            InputError: ``skip`` is no list of steps.
        """
        _check_steps(skip)
        done = Maintained()
        if "erasures" not in skip:
            done.erasures_finished = self._erasures.resume()
            self._tell(done)
        if "train" not in skip:
            try:
                done.trained = self._train(progress=progress)
                self._tell_unreadable(done, done.trained.unreadable)
            except KnowinglyError as error:
                done.notes += (f"not trained: {error}",)
        done.notes += tuple(
            f"models: {name} was not fitted again by its deadline and is out of service: run train"
            for name in take_out_overdue(self._tenancy, self._registry)
        )
        if "release" not in skip:
            self._release(done)
        if "retention" not in skip:
            self._retain(done)
        if "sweep" not in skip:
            done.keys_swept = self._sweep()
            done.imports_forgotten = self._forget_imports()
        if "checkpoint" not in skip:
            made, failed = self._checkpoints.hand_on()
            done.checkpoint = made.size
            done.notes += tuple(f"checkpoint not handed on: {why}" for why in failed)
        promised = due(self._tenancy, self._tenancy.ask(partial(past, self._tenancy)))
        if promised is not None and promised < from_us(self._tenancy.now_us()):
            day = f"{promised:%Y-%m-%d}"
            done.notes += (f"keys: a rotation was promised by {day}: run {ROTATE}",)
        return done

    def _tell(self, done: Maintained) -> None:
        done.recipients_told = self._recipients.tell()
        waiting = self._tenancy.ask(notifications.count)
        if waiting:
            done.notes += (f"recipients: {waiting} have still to be told of an erasure or choice",)

    @staticmethod
    def _tell_unreadable(done: Maintained, people: int) -> None:
        if people:
            done.notes += (f"train: {people} people cannot be read: the log says what to do",)

    def _release(self, done: Maintained) -> None:
        try:
            done.released = self._aggregates.release_bestsellers() is not None
        except KnowinglyError as error:
            done.notes += (f"not released: {error}",)

    def _retain(self, done: Maintained) -> None:
        retained = self._retention.run(self._registry)
        for what, reasons in retained.expired.items():
            if what == "events":
                done.events_expired += sum(reasons.values())
            else:
                done.traits_expired += sum(reasons.values())
        done.events_deleted = retained.deleted.get("events", 0)
        done.traits_deleted = retained.deleted.get("traits", 0)
        done.people_held = retained.held
        done.tombstones_dropped = retained.tombstones
        done.claims_destroyed = retained.claims
        if retained.late:
            done.notes += (
                f"data of {retained.late} people outlived the policy's delete_within_days",
            )

    def _sweep(self) -> int:
        before_us = self._tenancy.now_us() - _SWEEP_AFTER_US
        # Under the writer's lock: nobody opens a person between the look and the sweep.
        with self._tenancy.write() as tx:
            used = partial(keys_in_use, tx)
            swept = self._tenancy.keyring.sweep(used, before_us=before_us)
        sweep_signing(self._tenancy)
        # Also what an interrupted rotation deleted: its bytes may still be in the log.
        self._tenancy.keyring.overwrite()
        return swept

    def _forget_imports(self) -> int:
        before_us = self._tenancy.now_us() - _FORGET_IMPORTS_AFTER_US
        with self._tenancy.write() as tx:
            return imports.drop_older(tx, before_us)


def _check_steps(skip: Collection[str]) -> None:
    if (
        isinstance(skip, str | bytes)
        or not isinstance(skip, Collection)
        or not all(isinstance(step, str) and step in STEPS for step in skip)
    ):
        raise InputError("skip", f"some of {', '.join(STEPS)}")
