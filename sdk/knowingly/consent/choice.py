"""One choice of one person, as an app hands it over."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from knowingly.domain.consent import Action
from knowingly.domain.moments import Moment
from knowingly.domain.text import Id
from knowingly.errors import ConsentError
from knowingly.policy import Policy

ALL_PURPOSES = "*"
"""What a restriction is about: the whole person."""


Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,39}$")]
"""A short name of the shop's own: of a place in it, or of a way of asking."""
Jurisdiction = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
"""A country, and where it matters its part: ``DE``, ``US-CA`` (ISO 3166)."""
Age = Annotated[int, Field(strict=True, ge=0, le=150)]
Actor = Literal["subject", "guardian", "agent", "operator", "importer", "signal", "system"]
"""Who makes a choice: the person, who may speak for them, the shop's staff, or a program."""

_ABOUT_EVERYTHING = frozenset({Action.RESTRICT, Action.UNRESTRICT})
_BY_SIGNAL = frozenset({Action.SIGNAL_ALLOW, Action.SIGNAL_REFUSE, Action.SIGNAL_SILENT})


class Choice(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    """One choice of one person about one or more purposes.

    ``purposes`` empty means every purpose of the policy (not for a grant). ``at`` is when the
    person chose, now when left out; ``notice`` the text they were shown.

    ``restrict`` and ``unrestrict`` concern everything, so ``purposes`` is ignored.
    While a restriction stands, every purpose is denied and models forget; events are kept, unused.
    Lifting it leaves the person's other choices as they are.

    All that follows is optional, for a yes and for a no alike. ``device`` is the app's id of a
    device: the choice is then that device's own, and not the account's. ``surface`` is where in the
    shop it was made, ``method`` how (``button``, ``api``), ``jurisdiction`` whose law holds.
    ``age`` in years is asked for where the policy has a minimum; a ``guardian`` may agree in the
    person's place (``by``). ``age``, ``method`` and ``by`` are sealed. ``despite`` names opt-out
    signals, such as ``gpc``, that the person knew of when they agreed: it is then confirmed.

    Stability: stable.
    """

    subject: Id = Field(repr=False)
    action: Action
    purposes: tuple[str, ...] = ()
    notice: str | None = None
    at: Moment | None = None
    device: Id | None = Field(None, repr=False)
    surface: Word | None = None
    jurisdiction: Jurisdiction | None = None
    method: Word | None = None
    age: Age | None = Field(None, repr=False)
    by: Actor = "subject"
    despite: Annotated[tuple[Word, ...], Field(max_length=8)] = ()


def settled_purposes(choice: Choice, policy: Policy) -> tuple[str, ...]:
    """The purposes that a choice is about, once each, checked against the policy.

    Raises:
        ConsentError: A purpose or notice is unknown, or a grant could not count for its purpose.
    """
    if choice.action in _BY_SIGNAL:
        raise ConsentError(
            "what a signal said is evidence and no choice: record it as a signal", reason="signal"
        )
    if choice.action in _ABOUT_EVERYTHING:
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


def too_young(choice: Choice, purposes: tuple[str, ...], policy: Policy) -> frozenset[str]:
    """The purposes of a grant that a person of the age stated may not agree to by themselves.

    Whoever states no age is not asked for one, and a guardian may agree for anybody.
    """
    if choice.action is not Action.GRANT or choice.age is None or choice.by == "guardian":
        return frozenset()
    return frozenset(
        purpose
        for purpose in purposes
        if choice.age < policy.age_to_agree(purpose, choice.jurisdiction)
    )


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
