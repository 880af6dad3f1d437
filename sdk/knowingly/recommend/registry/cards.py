"""Model cards: what is known of one model of one version, for people and for programs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from knowingly.domain.moments import DAY_US, from_us
from knowingly.ledger import proofs
from knowingly.recommend.interface.algorithms import Model
from knowingly.recommend.models.kinds import MODEL_KINDS
from knowingly.recommend.registry import manifest, metrics
from knowingly.recommend.registry.serving import ITEM, Serving, options_of
from knowingly.recommend.registry.standing import standing
from knowingly.store import models as stored
from knowingly.store.doors import Snapshot
from knowingly.store.models import TrainingRow

PRIVACY = {
    "exact": "Not differentially private: it follows from exact counts of people, without noise. "
    "What fewer people share than the floor says does not show.",
    "refit": "Not differentially private: it was fitted to what people did, without noise. Items "
    "of fewer people than the floor says are not in it.",
    "stateless": "Not differentially private: no noise is in it. It learned from nobody.",
}
"""By how a model forgets."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of one model.

    ``training`` is the number of its version, ``active`` whether that is the one in service.
    ``in_service`` says of such a model that pages use it, of any other that they would after a
    rollback. ``people`` and ``events`` are those it has learned from and not forgotten,
    ``people_at_training`` and ``events_at_training`` what they were then (None of a version that
    an older release trained). ``events_from`` is the day of the oldest event. ``ledger_size`` is
    how many entries the log had when the people were read, ``ledger_root`` its root hash at that
    size (hex), ``policy_digest`` the policy of then. ``metrics`` is what was recorded of an
    evaluation, or None. ``refit_by`` is when it leaves service unless it was fitted again: it still
    has what it learned from somebody who is to be forgotten. ``fault`` says why a stored model
    cannot be served. ``floor`` is the fewest people that a figure shown to others is shared by,
    and ``floor_of`` says in words which people that counts.

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
    active: bool
    options: Mapping[str, Any]
    events_from: datetime
    events: int
    people_at_training: int
    events_at_training: int | None
    ledger_size: int
    ledger_root: str
    policy_digest: str
    metrics: Mapping[str, Any] | None
    differentially_private: bool
    privacy: str
    refit_by: datetime | None
    fault: str

    def as_dict(self) -> dict[str, Any]:
        """The same as values of JSON; moments are ISO 8601."""
        document = asdict(self)
        for name, value in document.items():
            if isinstance(value, datetime):
                document[name] = value.isoformat()
        return document

    def to_json(self) -> str:
        """The card as a JSON document."""
        return json.dumps(self.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    def to_markdown(self) -> str:
        """The card as a page of Markdown."""
        return "\n".join(_markdown(self)) + "\n"


def cards(
    snapshot: Snapshot, training: TrainingRow, known: Serving, now_us: int
) -> list[ModelCard]:
    """The cards of one version, of which ``known`` is what could be read."""
    people, size = stored.learned_size(snapshot, training.training)
    stands = standing(known, now_us)
    return [
        ModelCard(
            algorithm=name,
            training=training.training,
            trained_at=from_us(training.created_us),
            events_until=from_us(training.until_us),
            forgets=row.forgets,
            in_service=stands[name].in_service,
            people=people,
            items=len(training.item_rows) // ITEM.itemsize,
            floor=training.floor,
            floor_of=MODEL_KINDS.get(row.kind, Model).floor_of,
            active=training.training == snapshot.head.training,
            options=options_of(row),
            events_from=from_us(training.oldest_day * DAY_US),
            events=manifest.events_in(people, size),
            people_at_training=training.people,
            events_at_training=training.events,
            ledger_size=training.ledger_size,
            ledger_root=proofs.root(snapshot, training.ledger_size).hex(),
            policy_digest=training.policy_digest,
            metrics=metrics.read(row.metrics),
            differentially_private=False,
            privacy=PRIVACY[row.forgets],
            refit_by=None if (by_us := stands[name].refit_by_us) is None else from_us(by_us),
            fault=stands[name].fault,
        )
        for name, row in known.known.items()
    ]


def _markdown(card: ModelCard) -> Iterator[str]:
    service = "in service" if card.active else "kept, not in service"
    if not card.in_service:
        service = "out of service until the next training"
    if card.fault:
        service += f": {card.fault}"
    elif card.refit_by is not None:
        service += f"; it has to be fitted again by {card.refit_by:%Y-%m-%d}, to forget somebody"
    then = "unknown" if card.events_at_training is None else f"{card.events_at_training:,}"
    yield f"# {card.algorithm}, version {card.training}"
    yield ""
    yield f"- Service: {service}"
    yield f"- Trained: {card.trained_at:%Y-%m-%d %H:%M} UTC"
    yield f"- Events: {card.events_from:%Y-%m-%d} to {card.events_until:%Y-%m-%d %H:%M} UTC"
    yield (
        f"- Learned from: {card.people:,} people and {card.events:,} events "
        f"(at training {card.people_at_training:,} and {then})"
    )
    yield f"- Items: {card.items:,}"
    yield f"- Options: `{json.dumps(card.options, sort_keys=True)}`"
    yield f"- Forgets: {card.forgets}"
    yield f"- Floor: {card.floor}, of {card.floor_of}"
    yield f"- Privacy: {card.privacy}"
    yield f"- Policy: `{card.policy_digest}`"
    yield f"- Log: {card.ledger_size:,} entries, root `{card.ledger_root}`"
    yield ""
    yield from _measured(card.metrics)


def _measured(measured: Mapping[str, Any] | None) -> Iterator[str]:
    if measured is None:
        yield "No evaluation was recorded."
        return
    yield (
        f"Evaluated at k = {measured['k']} on {measured['tested']:,} people, on what came after "
        f"{measured['split'][:10]} until {measured['until'][:10]}:"
    )
    yield ""
    yield "| figure | value | 95 % interval |"
    yield "|---|---|---|"
    for name, figure in measured["figures"].items():
        yield f"| {name} | {_shown(figure['value'])} | {_interval(figure)} |"


def _interval(figure: Mapping[str, float | None]) -> str:
    if figure["low"] is None:
        return ""
    return f"{_shown(figure['low'])} to {_shown(figure['high'])}"


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
