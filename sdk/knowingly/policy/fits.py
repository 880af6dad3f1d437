"""What is wrong between parts of a policy that are each well-formed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from knowingly.policy.data import field_misfits
from knowingly.policy.section import no_such_purpose
from knowingly.policy.signals import signal_misfits

if TYPE_CHECKING:
    from knowingly.policy.model import Policy

Loc = tuple[str | int, ...]
Misfits = Iterator[tuple[Loc, str]]
"""Where, and what to write instead."""


def misfits(policy: "Policy") -> Misfits:
    """Everything that does not fit together."""
    yield from _of_notices(policy)
    yield from signal_misfits(policy.signals, policy.purposes)
    yield from _of_recipients(policy)
    yield from field_misfits(
        policy.data, {name: purpose.basis for name, purpose in policy.purposes.items()}
    )
    yield from _of_past_orders(policy)
    floor = policy.models.min_subjects
    if policy.models.min_item_subjects < floor:
        yield (
            ("models", "min_item_subjects"),
            f"is below models.min_subjects: write {floor} or more here",
        )


def _of_notices(policy: "Policy") -> Misfits:
    seen: set[str] = set()
    for position, notice in enumerate(policy.notices):
        if notice.id in seen:
            yield ("notices", position, "id"), "a notice of this id is above: ids must differ"
        seen.add(notice.id)
        for name, covered in notice.covers.items():
            loc = ("notices", position, "covers", name)
            purpose = policy.purposes.get(name)
            if purpose is None:
                yield loc, no_such_purpose(name)
            elif covered > purpose.version:
                yield loc, _covers_too_much(covered, purpose.version, name)


def _of_recipients(policy: "Policy") -> Misfits:
    for name, purpose in policy.purposes.items():
        for recipient in purpose.recipients:
            if recipient not in policy.recipients:
                yield ("purposes", name, "recipients"), _no_such_recipient(recipient)


def _of_past_orders(policy: "Policy") -> Misfits:
    past, loc = policy.intake.past_orders, ("intake", "past_orders")
    for name in past.purposes:
        if name not in policy.purposes:
            yield (*loc, "purposes"), no_such_purpose(name)
    others = 'write "contract", "legitimate_interest" or "legal_obligation"'
    if past.basis == "consent":
        yield (*loc, "basis"), f"an order cannot rest on a consent that came after it: {others}"
    elif past.purposes and past.basis is None:
        yield (*loc, "purposes"), f"basis is missing beside it: {others}"


def _no_such_recipient(name: str) -> str:
    return f"there is no recipient {name!r}: declare it as [recipients.{name}], or correct the name"


def _covers_too_much(covered: int, current: int, purpose: str) -> str:
    return (
        f"covers version {covered} but [purposes.{purpose}] is at version {current}: "
        f"raise that version, or write {current} here"
    )
