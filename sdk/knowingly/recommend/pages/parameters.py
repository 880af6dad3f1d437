"""``shop.slots``: what a slot goes by, in plain words (Digital Services Act, art. 27 and 38)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from knowingly.policy import Blend, Policy, Slot
from knowingly.recommend.interface.algorithms import Algorithm
from knowingly.recommend.pages.again import BUY_AGAIN
from knowingly.recommend.pages.released import BESTSELLERS
from knowingly.recommend.pages.request import check_slot

_OF_SOURCES = {
    BUY_AGAIN: "What you bought before, the most often first.",
    BESTSELLERS: "What sold best, from figures with noise in which nobody can be made out.",
    "catalog": "What the shop puts first, then what is newest.",
}
_LEFT_OUT = {
    "seen": "what you have looked at or chosen before",
    "bought": "what you have bought",
    "basket": "what is in your basket",
    "out_of_stock": "what is sold out",
    "hidden": "what you have hidden",
}


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that decides what a slot shows.

    ``step`` counts from 1: a step fills what those before it left open. ``weight`` is its share
    within the step, from 0 to 1.

    Stability: stable.
    """

    name: str
    step: int
    weight: float
    words: str


@dataclass(frozen=True, slots=True)
class SlotParameters:
    """What decides what a slot shows: the sources in their order, the rules, and what is left out.

    ``without_profile`` says what the slot does for people without a profile.

    Stability: stable.
    """

    slot: str
    criteria: tuple[Criterion, ...]
    rules: tuple[str, ...]
    left_out: tuple[str, ...]
    without_profile: str

    def text(self) -> str:
        """All of it as lines of text, for a page that explains recommendations."""
        lines = [
            f"{one.step}. {one.words}" + (f" ({one.weight:.0%})" if one.weight < 1 else "")
            for one in self.criteria
        ]
        lines += self.rules
        if self.left_out:
            lines.append(f"Left out: {', '.join(self.left_out)}.")
        return "\n".join([*lines, self.without_profile])


class Slots:
    """The slots of one tenant.

    Stability: stable.
    """

    def __init__(self, policy: Policy, algorithms: Mapping[str, type[Algorithm[Any]]]) -> None:
        self._policy = policy
        self._algorithms = algorithms

    def __iter__(self) -> Iterator[str]:
        return iter(self._policy.slots)

    def parameters(self, slot: str) -> SlotParameters:
        """What decides what a slot shows, and how much each thing counts, in plain words.

        Made from the policy and from what each algorithm says of itself; of algorithms that the
        policy does not train nothing is said, since they do nothing.

        Raises:
            UnknownSlotError: There is none of that name.
        """
        said = self._policy.slots[check_slot(self._policy.slots, slot)]
        return SlotParameters(
            slot,
            tuple(self._criteria(said)),
            tuple(_rules(said)),
            tuple(_LEFT_OUT[name] for name in said.exclude),
            _without_profile(said),
        )

    def _criteria(self, slot: Slot) -> Iterator[Criterion]:
        step = 0
        for asked in (*slot.algorithms, "catalog"):
            members = asked.blend if isinstance(asked, Blend) else {asked: 1.0}
            used = {name: weight for name, weight in members.items() if self._does(name)}
            step += bool(used)
            for name, weight in used.items():
                share = weight / sum(used.values())
                yield Criterion(name, step, share, self._words(name))

    def _does(self, name: str) -> bool:
        return name in _OF_SOURCES or name in self._policy.models.algorithms

    def _words(self, name: str) -> str:
        if name in _OF_SOURCES:
            return _OF_SOURCES[name]
        algorithm = self._algorithms.get(name)
        return (algorithm.explains if algorithm else "") or f"The algorithm {name}."


def _rules(slot: Slot) -> Iterator[str]:
    if slot.where:
        yield f"Only items of which this is true: {slot.where}."
    for boost in slot.boosts:
        yield f"Items of which this is true count {boost.factor:g} times: {boost.where}."
    if slot.pins:
        yield "The shop puts some items in a place of its own choice."
    if slot.max_per_brand is not None:
        yield f"At most {slot.max_per_brand} of one brand."
    if slot.max_per_category is not None:
        yield f"At most {slot.max_per_category} of one category."
    if slot.diversify is not None:
        aim = "items that are unlike each other"
        if slot.diversify.by == "person":
            aim = "the mix of categories that you chose before"
        rest = 1 - slot.diversify.strength
        yield f"Of the order, {slot.diversify.strength:.0%} is {aim}; {rest:.0%} is the above."
    if slot.bought_within_days is not None and "bought" in slot.exclude:
        yield f"What you bought more than {slot.bought_within_days} days ago may come back."


def _without_profile(slot: Slot) -> str:
    if slot.contextual:
        return (
            "Without a profile: the item of the page and the basket, then what does not need you."
        )
    return "Without a profile: only what does not need you."
