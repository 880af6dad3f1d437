"""``shop.recommend`` and its kin: what an app asks is checked, answered and counted."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypedDict, Unpack

from knowingly.counters import Counters
from knowingly.domain.page import Page
from knowingly.domain.signal import Signal
from knowingly.domain.validate import check_agent, check_id
from knowingly.recommend.pages.explaining import Explainer, HitExplanation
from knowingly.recommend.pages.recommender import Recommender
from knowingly.recommend.pages.request import check_k, check_request, check_slot, check_slots
from knowingly.recommend.pages.visit import Reader
from knowingly.tenancy import Tenancy


class Around(TypedDict, total=False):
    """What a page stands among, each part optional; see ``Shop.recommend``."""

    item: str | None
    basket: Sequence[str]
    signals: Sequence[Signal]
    device: str | None
    market: str | None


class Asking(Around, total=False):
    """How a page is asked for, each part optional; see ``Shop.recommend``."""

    k: int | None
    agent: str | None
    profiling: Literal["on", "off"]


class Pages:
    """The pages of one tenant."""

    def __init__(self, tenancy: Tenancy, reader: Reader, counters: Counters) -> None:
        self._policy = tenancy.policy
        self._recommender = Recommender(tenancy, reader)
        self._explainer = Explainer(tenancy, reader)
        self._counters = counters

    def one(self, subject: str | None, slot: str, **asking: Unpack[Asking]) -> Page:
        """See ``Shop.recommend``."""
        return self._pages(subject, [check_slot(self._policy.slots, slot)], **asking)[slot]

    def many(
        self, subject: str | None, slots: Sequence[str], **asking: Unpack[Asking]
    ) -> dict[str, Page]:
        """See ``Shop.recommend_many``."""
        return self._pages(subject, check_slots(self._policy.slots, slots), **asking)

    def explain(
        self,
        subject: str,
        hit: object,
        slot: str | Sequence[str],
        k: int | None,
        **around: Unpack[Around],
    ) -> HitExplanation:
        """See ``Shop.explain``."""
        known = self._policy.slots
        many = isinstance(slot, list | tuple)
        slots = check_slots(known, slot, "slot") if many else [check_slot(known, slot)]
        check_k(k)
        request = check_request(check_id(subject), **around)
        return self._explainer.explain(request, hit, slots, k)

    def _pages(
        self,
        subject: str | None,
        slots: Sequence[str],
        *,
        k: int | None = None,
        agent: str | None = None,
        profiling: Literal["on", "off"] = "on",
        **around: Unpack[Around],
    ) -> dict[str, Page]:
        check_k(k)
        bot = agent is not None and self._policy.is_bot(check_agent(agent))
        request = check_request(None if bot else subject, profiling=profiling, **around)
        pages = self._recommender.pages(request, slots, k)
        for slot, page in pages.items():
            if bot:
                pages[slot] = replace(page, why="bot")
            self._counters.page(pages[slot], self._policy.slots[slot].k if k is None else k)
        return pages
