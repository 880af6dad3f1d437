"""``shop.evaluate``: learn from what came before a moment, and look at what was bought after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from knowingly.domain.moments import DAY_US, from_us, to_us
from knowingly.domain.progress import Progress
from knowingly.errors import InputError, NotFittedError
from knowingly.evaluate.cases import Halves, Split, people_per_item, read_halves
from knowingly.evaluate.consent_rate import RATES, kept
from knowingly.evaluate.features import ItemFacts
from knowingly.evaluate.rankers import (
    BASELINES,
    OWN_FREQUENCY,
    Ground,
    Ranker,
    chosen,
    least_people,
    own_frequency,
    row_of,
    served,
)
from knowingly.evaluate.results import Evaluation
from knowingly.evaluate.scoring import measure
from knowingly.evaluate.slots import slot_rankers
from knowingly.evaluate.summing import Summary
from knowingly.items.table import ItemTable
from knowingly.policy import Slot
from knowingly.recommend.describing import DescribingAlgorithm
from knowingly.recommend.interface.algorithms import Algorithm
from knowingly.recommend.pages.request import check_slot
from knowingly.recommend.registry.serving import Registry, Serving
from knowingly.recommend.training.forgetting import Algorithms
from knowingly.recommend.training.gather import items_chosen_by
from knowingly.tenancy import Tenancy

SPLIT_DAYS = 28
HOME = "home"
MAX_K, MAX_RATES = 100, 10


@dataclass(frozen=True, slots=True)
class Asked:
    """What an evaluation is asked for; ``shop.evaluate`` says what each means.

    Raises:
        InputError: A value is out of bounds.
    """

    k: int = 10
    split: datetime | None = None
    served: bool = False
    repeats: bool = False
    consent_rates: Sequence[float] = RATES
    seed: int = 0
    slots: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if not _is_whole(self.k) or not 1 <= self.k <= MAX_K:
            raise InputError("k", f"a whole number from 1 to {MAX_K}")
        if not _is_whole(self.seed) or not 0 <= self.seed < 2**63:
            raise InputError("seed", "a whole number from 0 on")
        if self.served and self.split is not None:
            raise InputError("split", "none with served: the models learned up to a moment already")
        named = () if self.slots is None else self.slots
        if isinstance(named, str) or not isinstance(named, Sequence):
            raise InputError("slots", "a list of slots")
        rates = self.consent_rates
        if (
            isinstance(rates, str)
            or not isinstance(rates, Sequence)
            or len(rates) > MAX_RATES
            or not all(_is_share(rate) for rate in rates)
        ):
            raise InputError("consent_rates", f"at most {MAX_RATES} shares above 0 and up to 1")

    def slots_of(self, shop: Mapping[str, Slot]) -> dict[str, Slot]:
        """The slots to test: those named, or `home` where the shop has it.

        Raises:
            UnknownSlotError: There is none of that name.
        """
        if self.slots is None:
            return {HOME: shop[HOME]} if HOME in shop else {}
        return {name: shop[check_slot(shop, name)] for name in self.slots}

    @property
    def lower_rates(self) -> list[float]:
        """The rates below 1, from the highest on."""
        return sorted({float(rate) for rate in self.consent_rates if rate < 1}, reverse=True)


@dataclass(frozen=True, repr=False)
class _Read:
    """What was read of the shop, in one snapshot."""

    halves: Halves
    table: ItemTable
    n_catalogue: int
    serving: Serving | None


def evaluate(
    tenancy: Tenancy,
    registry: Registry,
    algorithms: Algorithms,
    asked: Asked,
    progress: Progress | None = None,
    *,
    skipped: Mapping[str, str] | None = None,
) -> Evaluation:
    """Rank all items for those who agree to ``train``, and hold the lists to what they bought.

    Publishes nothing and writes nothing. ``skipped`` says why plugins were not taken.

    Raises:
        NotFittedError: There is nothing to learn from, or nobody to test on; the message says why.
        PluginError: A plugin is missing, or failed.
    """
    tell = progress or (lambda *_: None)
    slots = asked.slots_of(tenancy.policy.slots)
    # Before everybody is read: nothing will come of it where one of them is missing.
    made, notes = chosen(algorithms, tenancy.policy.models.algorithms, skipped)
    read = _read(tenancy, registry, asked, tell)
    ground = _ground(tenancy, read)
    rankers, out = _rankers(made, asked, read, ground, tell)
    names = _on_pages(made, read, ground)
    members = [one for one in rankers if one.name in names]
    more, left_out = slot_rankers(slots, members, repeats=asked.repeats)
    rankers, notes = [*rankers, *more], [*notes, *out, *left_out]
    split = Split(read.halves, ground.row_of, ground.n_items, asked.repeats)
    before = read.halves.before
    facts = ItemFacts.make(
        people_per_item(before, read.n_catalogue)[ground.items],
        read.table.select(ground.items),
        people=before.people,
        least=ground.least,
    )
    measured = measure(
        split, rankers, facts, asked.k, lambda done, total: tell("ranking", done, total)
    )
    tested, floor = int(measured.warm.sum()), ground.rules.min_subjects
    _check_tested(tested, floor, repeats=asked.repeats)
    tell("comparing", 0, 1)
    summary = Summary(measured, facts, n_catalogue=read.n_catalogue, floor=floor, seed=asked.seed)
    found = Evaluation(
        split=from_us(before.until_us),
        until=from_us(before.at_us),
        k=asked.k,
        served=asked.served,
        repeats=asked.repeats,
        catalogue=read.n_catalogue,
        items=ground.n_items,
        people=before.people,
        tested=tested,
        cold_people=len(measured.sizes) - tested,
        bought=int(measured.bought.sum()) - measured.out_of_reach,
        out_of_reach=measured.out_of_reach,
        scores=summary.scores(),
        tests=summary.tests(),
        by_consent_rate=summary.by_consent_rate() if asked.lower_rates else (),
        notes=tuple(notes),
        seed=asked.seed,
    )
    tell("comparing", 1, 1)
    return found


def _read(tenancy: Tenancy, registry: Registry, asked: Asked, tell: Progress) -> _Read:
    now_us = tenancy.now_us()
    split_us = now_us - SPLIT_DAYS * DAY_US if asked.split is None else to_us(asked.split, "split")
    if split_us >= now_us:
        raise InputError("split", "a moment in the past")
    with tenancy.read() as snapshot:
        serving = registry.at(snapshot) if asked.served else None
        if asked.served and serving is None:
            raise NotFittedError("nothing has been trained yet: call train first")
        halves = read_halves(
            tenancy,
            snapshot,
            split_us=split_us if serving is None else serving.until_us,
            at_us=now_us,
            progress=lambda done, total: tell("reading", done, total),
        )
        read = _Read(
            halves,
            tenancy.tables.at(snapshot),
            len(tenancy.catalogue.at(snapshot)),
            serving,
        )
    if not read.n_catalogue:
        raise NotFittedError("the shop has no items yet: import items and events first")
    if not halves.before.people:
        raise NotFittedError(
            "nobody who agrees to train did anything before the split: choose a later split, or "
            "evaluate when there is more"
        )
    return read


def _ground(tenancy: Tenancy, read: _Read) -> Ground:
    rules = tenancy.policy.models
    least = least_people(rules)
    if read.serving is None:
        items = items_chosen_by(read.halves.before, least=least, n_catalogue=read.n_catalogue)
    else:
        items = read.serving.items
    if not len(items):
        raise NotFittedError(
            f"before the split no item was chosen by {least} people who agree to train: choose a "
            "later split, or lower min_item_subjects in [models]"
        )
    return Ground(items, row_of(items, read.n_catalogue), read.table, rules)


def _rankers(
    made: list[Algorithm[Any]], asked: Asked, read: _Read, ground: Ground, tell: Progress
) -> tuple[list[Ranker], list[str]]:
    """All that is tested, at every rate of consent, with the baselines beside; and notes."""
    before, serving = read.halves.before, read.serving
    found: list[Ranker] = []
    notes: list[str] = []
    if serving is not None:
        models = serving.in_service(before.at_us)
        tested = {*BASELINES, *_on_pages(made, read, ground)}
        made = [one for one in made if one.name in tested]
        found = served(models, people=before.people)
        out = sorted(serving.known.keys() - models)
        notes = [f"{name} is out of service until the next training" for name in out]
    there = {one.name for one in found}
    for rate in (1.0, *asked.lower_rates):
        some = before.only(partial(kept, rate=rate)) if rate < 1 else before
        for place, algorithm in enumerate(made):
            if rate < 1 or algorithm.name not in there:
                tell(f"fitting {algorithm.name}, {rate:.0%}", place, len(made))
                found.append(ground.fit(algorithm, some, rate))
    if asked.repeats:
        found.append(Ranker(OWN_FREQUENCY, own_frequency, before.people, ground.n_items))
    return found, notes


def _on_pages(made: Sequence[Algorithm[Any]], read: _Read, ground: Ground) -> set[str]:
    """The algorithms that pages go by: a baseline beside them is in no slot."""
    policy = set(ground.rules.algorithms)
    if read.serving is None:
        return policy
    # What describes items is in service without a training: it is no less served.
    described = {one.name for one in made if isinstance(one, DescribingAlgorithm)}
    return {*read.serving.in_service(read.halves.before.at_us), *(described & policy)}


def _check_tested(tested: int, floor: int, *, repeats: bool) -> None:
    what = "anything" if repeats else "anything new to them"
    if not tested:
        raise NotFittedError(
            f"nobody who agrees to train bought {what} after the split, of the items that are "
            "ranked: choose an earlier split (served models: train with until=)"
        )
    if tested < floor:
        raise NotFittedError(
            f"fewer than {floor} people bought {what} after the split, and figures of so few would "
            "show what one of them bought: choose an earlier split"
        )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1
