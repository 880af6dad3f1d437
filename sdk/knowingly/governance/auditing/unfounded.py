"""Uses of people's data that stand on no valid basis now, of which there must be none.

Everything that is kept for a purpose is held against what its person's choices, the policy and the
clock allow at this moment: not against what was thought when it was stored. Some of the people are
looked at at a time, so that what is held in memory does not grow with the shop.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from knowingly.consent.in_force import policy_at
from knowingly.domain.consent import ACCOUNT, MERGED, ConsentRecord
from knowingly.domain.moments import DAY_US, day_of, to_us
from knowingly.errors import SealError
from knowingly.governance.effects import KEPT_UNUSED
from knowingly.governance.noise import rho_for, to_pico_rho
from knowingly.governance.recipients import MADE
from knowingly.ledger.opened import Open, open_entry
from knowingly.policy import decide
from knowingly.profiles.scan import Person, in_pages
from knowingly.recommend.training.gather import PURPOSE as TRAIN
from knowingly.store import consents, kept, ledger, models, notifications, releases
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
    "disclosures": "every disclosure in the log, against the recipients of the policy and what its "
    "person allowed when it was made; and every recipient who has still to be told of a no, an "
    "erasure or a correction",
    "exports": "every export in the log, against the person who has a right to it",
}
"""What is held against what, kind by kind."""

_LAST = 2**62
_STILL_TO_ANSWER = frozenset({"no_record", "needs_confirmation"})
_EXPORT = b'"kind":"read.export"'
_DISCLOSURE = f'"kind":"{MADE}"'.encode()


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
    versions = frozenset(row.training for row in models.kept(snapshot))
    look = _Look(tenancy, snapshot, tenancy.now_us(), versions, _Tally())
    look.at_people()
    look.at_releases()
    look.at_the_log()
    look.at_recipients()
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
    versions: frozenset[int]
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
        if training not in self.versions:
            return "old_training"
        if records is None:
            return "erased"
        decision = self.tenancy.decide(TRAIN, records, at_us=self.now_us)
        return None if decision.allowed else decision.reason

    def at_releases(self) -> None:
        """Figures stand on the budget that paid for them, and on no one's consent any more."""
        for paid in releases.with_charges(self.snapshot):
            self.tally.look("releases", _unpaid(paid))

    def at_the_log(self) -> None:
        """Acts that handed data out, among them exports, to which only a person has a right."""
        for entry in ledger.details_from(self.snapshot, 0):
            if _EXPORT in entry.leaf and _kind(entry.leaf) == "read.export":
                self.tally.look("exports", "of_nobody" if entry.subject is None else None)
            elif _DISCLOSURE in entry.leaf and _kind(entry.leaf) == MADE:
                self.tally.look("disclosures", self._why_not_given(entry))

    def at_recipients(self) -> None:
        """Who was given data and does not know yet what became of it."""
        if waiting := notifications.count(self.snapshot):
            self.tally.look("disclosures", "not_told", waiting)

    def _why_not_given(self, sealed: ledger.SealedEntry) -> str | None:
        """Why something may not have been given to somebody, when it was."""
        if sealed.subject is None or sealed.key_id is None:
            return "of_nobody"
        openers: list[Open] = []
        with suppress(SealError):
            openers.append(self.tenancy.keyring.cipher(sealed.key_id).open)
        entry = open_entry(sealed.idx, sealed.leaf, sealed.body, openers)
        if entry.details is None:
            return "key_lost"
        at_us = to_us(entry.at)
        policy = policy_at(self.tenancy, self.snapshot, at_us) or self.tenancy.policy
        if entry.details["recipient"] not in policy.recipients:
            return "unknown_recipient"
        reasons = []
        for records in _sides(consents.of(self.snapshot, sealed.subject), entry.index):
            decision = decide(entry.details["purpose"], records, policy=policy, at_us=at_us)
            if decision.allowed:
                return None
            reasons.append(decision.reason)
        return reasons[0]


def _kind(leaf: bytes) -> str:
    return str(json.loads(leaf)["kind"])


def _sides(
    records: Sequence[ConsentRecord], entry: int
) -> tuple[Sequence[ConsentRecord], Sequence[ConsentRecord]]:
    """Whose choices may have allowed an act: the person's, or a session's that was merged later.

    Those before it in the log: two entries can be of one moment.
    """
    earlier = [one for one in records if one.index < entry]
    moved = [
        one
        for one in earlier
        if one.scope.startswith(MERGED) and int(one.scope.removeprefix(MERGED)) > entry
    ]
    own = [one for one in earlier if one not in moved]
    return own, [replace(one, scope=ACCOUNT) for one in moved]


def _grounds(tenancy: Tenancy, records: Sequence[ConsentRecord] | None, now_us: int) -> _Grounds:
    """What each bit of what is stored of one person stands on; of nobody, nothing does."""
    if records is None:
        return None
    found: dict[int, tuple[int | None, int, str]] = {}
    for name, purpose in tenancy.policy.purposes.items():
        decision = tenancy.decide_anywhere(name, records, at_us=now_us)
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
