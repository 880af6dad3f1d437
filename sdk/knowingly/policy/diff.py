"""``knowingly policy diff``: what a change of policy means for people who have already chosen."""

from dataclasses import dataclass

from knowingly.policy.changes import Change, changes
from knowingly.policy.model import Policy
from knowingly.policy.recall import changed_words
from knowingly.policy.width import Width


@dataclass(frozen=True, slots=True)
class Asked:
    """People who must be asked again for a purpose: who they are, why, and with what notice.

    ``notices`` are those they agreed to, none where they were never asked; ``ask_with`` those that
    cover the purpose as it is now.
    """

    purpose: str
    title: str
    why: tuple[str, ...]
    notices: tuple[str, ...]
    ask_with: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Informed:
    """People who must be told of a wider purpose that does not rest on their consent."""

    purpose: str
    title: str
    basis: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """What changes from one policy to another, and what follows for people.

    ``refused`` are notices whose words changed under the same id: a shop that had the old policy
    does not open with the new one.
    """

    changes: tuple[Change, ...]
    ask: tuple[Asked, ...]
    inform: tuple[Informed, ...]
    refused: tuple[str, ...]


def diff(old: Policy, new: Policy) -> PolicyDiff:
    """What changes; ``old`` goes by the history it was opened with, if it has one."""
    stands = new.after([old])
    asked = filter(None, (_asked(old, stands, name) for name in new.purposes))
    informed = filter(None, (_informed(old, new, name) for name in new.purposes))
    refused = tuple(new.notices[place].id for place in changed_words(new, [old]))
    return PolicyDiff(changes(old, new), tuple(asked), tuple(informed), refused)


def _asked(old: Policy, new: Policy, name: str) -> Asked | None:
    before, now = old.purposes.get(name), new.purposes[name]
    if before is None or now.basis != "consent" or not now.enabled:
        return None
    with_notices = tuple(sorted(new.covering(name)))
    if before.basis != "consent":
        rested = f"it rested on {_basis(before.basis)}, and rests on consent now"
        return Asked(name, now.title, (rested,), (), with_notices)
    lost = sorted(old.covering(name) - new.covering(name))
    if not lost:
        return None
    why = [*widened(old.width(name), new.width(name)), *_gone(new, name, lost)]
    return Asked(name, now.title, tuple(why), tuple(lost), with_notices)


def _informed(old: Policy, new: Policy, name: str) -> Informed | None:
    now = new.purposes[name]
    if name not in old.purposes or now.basis == "consent" or not now.enabled:
        return None
    why = widened(old.width(name), new.width(name))
    if old.purposes[name].basis != now.basis:
        rested = _basis(old.purposes[name].basis)
        why = (f"it rested on {rested}, and rests on {_basis(now.basis)} now", *why)
    return Informed(name, now.title, now.basis, why) if why else None


def widened(old: Width, new: Width) -> tuple[str, ...]:
    """In which ways a purpose is wider than it was, in words."""
    why = []
    if data := sorted(new.data - old.data):
        why.append(f"it also uses data: {', '.join(map(_category, data))}")
    if recipients := sorted(new.recipients - old.recipients):
        why.append(f"data is also given to {', '.join(recipients)}")
    if new.keep_days > old.keep_days:
        why.append(f"events are kept {new.keep_days} days instead of {old.keep_days}")
    if not new.asks_as_often(old):
        until = "for ever" if new.valid_days is None else f"{new.valid_days} days"
        why.append(f"a yes counts {until} instead of {old.valid_days} days")
    if new.version > old.version:
        why.append(f"its version is {new.version} instead of {old.version}")
    return tuple(why)


def _gone(new: Policy, name: str, lost: list[str]) -> list[str]:
    """Notices that no longer cover a purpose because the file says so."""
    why = []
    for notice_id in lost:
        notice = new.notice(notice_id)
        if notice is None:
            why.append(f"the notice {notice_id} is not in the file any more")
        elif notice.covers.get(name, 0) < new.purposes[name].version:
            why.append(f"the notice {notice_id} does not say that it covers it as it is now")
    return why


def _category(category: str) -> str:
    special = category.removeprefix("special:")
    return category if special == category else f"the special field {special}"


def _basis(basis: str) -> str:
    return basis.replace("_", " ")
