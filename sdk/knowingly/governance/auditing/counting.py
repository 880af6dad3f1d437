"""Choices counted: who was shown a notice, and what was chosen when and where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from knowingly.domain.moments import EPOCH, to_us
from knowingly.domain.validate import check_id
from knowingly.errors import InputError
from knowingly.policy import Policy
from knowingly.store import choices
from knowingly.store.choices import PARTS, Span
from knowingly.store.doors import Snapshot

MAX_GROUPS = 10_000
_EVER_US = 2**62


@dataclass(frozen=True, slots=True)
class Seen:
    """Whose choices name a notice: how many people, what they chose, and the entries that say so.

    ``entries`` are in order, at most as many as were asked for; ``next_since`` is where to go on,
    None at the end. ``digest`` is that of the words, where today's policy has the notice. People
    who were erased since are not counted.

    Stability: stable.
    """

    notice: str
    digest: str | None
    people: int
    choices: Mapping[str, int]
    entries: tuple[int, ...]
    next_since: int | None


@dataclass(frozen=True, slots=True)
class ChoiceCount:
    """How many choices of one kind were recorded, with what they were counted by.

    ``choices`` counts entries of the log, of which one may be about several purposes; ``people``
    those who made them. What was not asked to be counted by is None, as is what was not told.

    Stability: stable.
    """

    action: str
    choices: int
    people: int
    day: date | None = None
    surface: str | None = None
    jurisdiction: str | None = None
    purpose: str | None = None
    notice: str | None = None


def who_saw(snapshot: Snapshot, policy: Policy, notice: str, *, since: int, limit: int) -> Seen:
    """Whose choices name a notice.

    Raises:
        InputError: No notice of the policy and no choice has that id.
    """
    check_id(notice, "notice")
    people = choices.people_shown(snapshot, notice)
    known = policy.notice(notice)
    if not people and known is None:
        raise InputError("notice", "a notice of the policy, or one that a choice names")
    found = choices.entries_naming(snapshot, notice, since=since, limit=limit + 1)
    return Seen(
        notice,
        None if known is None else known.digest,
        people,
        choices.actions_naming(snapshot, notice),
        tuple(found[:limit]),
        found[limit] if len(found) > limit else None,
    )


def count(
    snapshot: Snapshot,
    by: Sequence[str],
    since: datetime | None,
    until: datetime | None,
) -> list[ChoiceCount]:
    """Choices by day, surface and the like.

    Raises:
        InputError: A part is none of ``PARTS``, a time has no zone, or there are too many groups.
    """
    parts = _checked(by)
    found = choices.counted(snapshot, parts, span_of(since, until), limit=MAX_GROUPS + 1)
    if len(found) > MAX_GROUPS:
        raise InputError("by", f"fewer parts, or a shorter time: at most {MAX_GROUPS:,} groups")
    counts = []
    for *values, action, entries, people in found:
        said = dict(zip(parts, values, strict=True))
        if "day" in said:
            said["day"] = (EPOCH + timedelta(days=int(said["day"]))).date()
        counts.append(ChoiceCount(action, int(entries), int(people), **said))
    # Sorted here: how a server sorts text depends on its locale.
    return sorted(
        counts, key=lambda one: (*(str(getattr(one, part)) for part in parts), one.action)
    )


def span_of(since: datetime | None, until: datetime | None) -> Span:
    """From one moment on until before another; for ever where they are left out.

    Raises:
        InputError: One has no zone, or they are the wrong way round.
    """
    span = Span(
        0 if since is None else to_us(since, "since"),
        _EVER_US if until is None else to_us(until, "until"),
    )
    if span.until_us < span.since_us:
        raise InputError("until", "a moment after the beginning")
    return span


def _checked(by: Sequence[str]) -> tuple[str, ...]:
    given = (by,) if isinstance(by, str) else by
    if not isinstance(given, Sequence) or not all(
        isinstance(part, str) and part in PARTS for part in given
    ):
        raise InputError("by", f"some of {', '.join(PARTS)}")
    return tuple(dict.fromkeys(given))
