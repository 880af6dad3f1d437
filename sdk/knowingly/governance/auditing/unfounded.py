"""Uses of people's data that stand on no valid basis now, of which there must be none.

Everything that is kept for a purpose is held against what its person's choices, the policy and the
clock allow at this moment: not against what was thought when it was stored. Some of the people are
looked at at a time, so that what is held in memory does not grow with the shop.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from knowingly.domain.consent import ConsentRecord
from knowingly.domain.moments import DAY_US, day_of
from knowingly.governance.effects import KEPT_UNUSED
from knowingly.governance.noise import rho_for, to_pico_rho
from knowingly.profiles.scan import Person, in_pages
from knowingly.recommend.gather import PURPOSE as TRAIN
from knowingly.store import kept, ledger, models, releases
from knowingly.store.doors import Snapshot
from knowingly.store.subjects import ACTIVE
from knowingly.tenancy import Tenancy

CHECKED = {
    "events": "the purposes of every stored event, against what its person allows and the policy's "
    "days; what a restriction stops is stored and used by nobody",
    "traits": "the purposes of every stored field of a person, likewise",
    "models": "everyone a training has learned from and not forgotten, against what they allow "
    "train; an event in a model that is over keeps its purpose, and counts among the events",
    "releases": "every release of figures, against a debit of the privacy budget made before it",
    "exports": "every export in the log, against the person who has a right to it",
}
"""What is held against what, kind by kind."""

_LAST = 2**62
_STILL_TO_ANSWER = frozenset({"no_record", "needs_confirmation"})
_EXPORT = b'"kind":"read.export"'


@dataclass(frozen=True, slots=True)
class Unfounded:
    """What was found of one kind of use: ``found`` of ``looked_at`` stand on no valid basis.

    ``checked`` says what was held against what, and ``reasons`` why those found do not stand:
    reason codes of decisions, or words such as ``too_old``.

    Stability: stable.
    """

    kind: str
    checked: str
    looked_at: int
    found: int
    reasons: Mapping[str, int]


class _Tally:
    """What has been found so far, by kind."""

    def __init__(self) -> None:
        self.looked_at: Counter[str] = Counter()
        self.reasons: dict[str, Counter[str]] = {kind: Counter() for kind in CHECKED}

    def look(self, kind: str, reason: str | None, number: int = 1) -> None:
        self.looked_at[kind] += number
        if reason is not None:
            self.reasons[kind][reason] += number

    def result(self) -> tuple[Unfounded, ...]:
        return tuple(
            Unfounded(kind, checked, self.looked_at[kind], reasons.total(), dict(reasons))
            for kind, checked in CHECKED.items()
            for reasons in (self.reasons[kind],)
        )


def unfounded(tenancy: Tenancy, snapshot: Snapshot) -> tuple[Unfounded, ...]:
    """Look at every use there is; one result for each kind."""
    look = _Look(tenancy, snapshot, tenancy.now_us(), _Tally())
    look.at_people()
    look.at_releases()
    look.at_exports()
    return look.tally.result()


_Grounds = Mapping[int, tuple[int | None, int, str]] | None
"""By bit: the oldest day that stands (None for no day), the oldest that is kept, and why not.

None of people who are not there.
"""


@dataclass(frozen=True, slots=True, repr=False)
class _Look:
    """One look at all that is stored, in one snapshot."""

    tenancy: Tenancy
    snapshot: Snapshot
    now_us: int
    tally: _Tally

    def at_people(self) -> None:
        """Everyone; and at the end nobody, so that rows whose person is not there are found too."""
        first = 0
        for page in in_pages(self.snapshot):
            last = page[-1][0].subject
            self._at_some(page, first, last)
            first = last + 1
        self._at_some((), first, _LAST)

    def _at_some(self, page: Sequence[Person], first: int, last: int) -> None:
        """What is stored of people of these numbers, and what models have learned of them."""
        of_whom = {
            person.subject: records if person.state == ACTIVE else None for person, records in page
        }
        grounds: dict[int, _Grounds] = {}
        for table in kept.TABLES:
            for subject, purposes, day, number in kept.between(self.snapshot, table, first, last):
                if subject not in grounds:
                    records = of_whom.get(subject)
                    grounds[subject] = _grounds(self.tenancy, records, self.now_us)
                self.tally.look(table, _why_not(grounds[subject], purposes, day), number)
        for subject, training in models.manifests_between(self.snapshot, first, last):
            self.tally.look("models", self._why_not_learned(of_whom.get(subject), training))

    def _why_not_learned(
        self, records: Sequence[ConsentRecord] | None, training: int
    ) -> str | None:
        if training != self.snapshot.head.training:
            return "old_training"
        if records is None:
            return "erased"
        decision = self.tenancy.decide(TRAIN, records, at_us=self.now_us)
        return None if decision.allowed else decision.reason

    def at_releases(self) -> None:
        """Figures stand on the budget that paid for them, and on no one's consent any more."""
        for paid in releases.with_charges(self.snapshot):
            self.tally.look("releases", _unpaid(paid))

    def at_exports(self) -> None:
        """An access request is a person's own: an export of nobody stands on nothing."""
        for entry in ledger.details_from(self.snapshot, 0):
            if _EXPORT in entry.leaf and json.loads(entry.leaf)["kind"] == "read.export":
                self.tally.look("exports", "of_nobody" if entry.subject is None else None)


def _grounds(tenancy: Tenancy, records: Sequence[ConsentRecord] | None, now_us: int) -> _Grounds:
    """What each bit of what is stored of one person stands on; of nobody, nothing does."""
    if records is None:
        return None
    found: dict[int, tuple[int | None, int, str]] = {}
    for name, purpose in tenancy.policy.purposes.items():
        decision = tenancy.decide(name, records, at_us=now_us)
        keep = day_of(now_us - purpose.keep_days * DAY_US)
        unused = decision.reason in KEPT_UNUSED
        begun = max(day_of(decision.since_us), keep)
        stands = begun if decision.allowed else keep if unused else None
        found[tenancy.masks[name]] = (stands, keep, decision.reason)
        if past := tenancy.past_mask(name):
            # A past order rests on the basis that the policy names, until the person says no.
            silent = decision.reason in _STILL_TO_ANSWER
            rests = decision.allowed or unused or silent
            found[past] = (keep if rests else None, keep, decision.reason)
    return found


def _why_not(grounds: _Grounds, purposes: int, day: int) -> str | None:
    """Why a row may not be kept for one of its purposes; None where it may for all of them."""
    if grounds is None:
        return "erased"
    left = purposes
    while left:
        bit = left & -left
        left -= bit
        if bit not in grounds:
            return "retired"
        stands, keep, reason = grounds[bit]
        if stands is None:
            return reason
        if day < stands:
            return "too_old" if day < keep else "before_consent"
    return None


def _unpaid(release: releases.PaidRelease) -> str | None:
    """Why a release was not paid for before it was made; None where it was."""
    if release.paid_us is None or release.pico_rho is None:
        return "not_charged"
    if release.paid_for != release.what or release.paid_us > release.at_us:
        return "charged_for_another"
    cost = to_pico_rho(rho_for(release.epsilon, release.delta))
    return "charged_too_little" if release.pico_rho < cost else None
