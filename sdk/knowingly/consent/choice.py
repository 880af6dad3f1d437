"""One choice of one person, as an app hands it over."""

from pydantic import BaseModel, Field

from knowingly.domain.consent import Action
from knowingly.domain.moments import Moment
from knowingly.domain.text import Id
from knowingly.errors import ConsentError
from knowingly.policy import Policy

ALL_PURPOSES = "*"
"""What a restriction is about: the whole person."""


class Choice(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    """One choice of one person about one or more purposes.

    ``purposes`` empty means every purpose of the policy (not for a grant). ``at`` is when the
    person chose, now when left out; ``notice`` the text they were shown.

    ``restrict`` and ``unrestrict`` concern everything, so ``purposes`` is ignored.
    While a restriction stands, every purpose is denied and models forget; events are kept, unused.
    Lifting it leaves the person's other choices as they are.

    Stability: stable.
    """

    subject: Id = Field(repr=False)
    action: Action
    purposes: tuple[str, ...] = ()
    notice: str | None = None
    at: Moment | None = None


def settled_purposes(choice: Choice, policy: Policy) -> tuple[str, ...]:
    """The purposes that a choice is about, once each, checked against the policy.

    Raises:
        ConsentError: A purpose or notice is unknown, or a grant could not count for its purpose.
    """
    if choice.action in {Action.RESTRICT, Action.UNRESTRICT}:
        return (ALL_PURPOSES,)
    purposes = tuple(dict.fromkeys(choice.purposes)) or tuple(policy.purposes)
    for purpose in purposes:
        if purpose not in policy.purposes:
            known = ", ".join(policy.purposes)
            raise ConsentError(
                f"no such purpose in the policy, which has {known}", reason="unknown_purpose"
            )
    if choice.action is Action.GRANT:
        _check_grant(choice, purposes, policy)
    elif choice.notice is not None:
        _check_notice(choice.notice, policy)
    return purposes


def _check_grant(choice: Choice, purposes: tuple[str, ...], policy: Policy) -> None:
    if not choice.purposes:
        raise ConsentError(
            "a grant names its purposes: nobody agrees to everything by default",
            reason="no_purpose",
        )
    notice = choice.notice
    if notice is None:
        raise ConsentError("a grant names the notice the person was shown", reason="no_notice")
    _check_notice(notice, policy)
    for purpose in purposes:
        if notice not in policy.covering(purpose):
            raise ConsentError(
                f"the notice does not cover today's {purpose!r}, so a grant would not count",
                purpose=purpose,
                reason="reconsent",
            )


def _check_notice(notice: str, policy: Policy) -> None:
    if policy.notice(notice) is None:
        known = ", ".join(shown.id for shown in policy.notices)
        raise ConsentError(f"no such notice in the policy, which has {known}", reason="no_notice")
