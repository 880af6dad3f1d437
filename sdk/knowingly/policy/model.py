"""The policy as values: what the shop's file says, checked and frozen."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from knowingly.domain.moments import DAY_US
from knowingly.policy.arrivals import Identities, Intake
from knowingly.policy.bots import is_bot
from knowingly.policy.controller import Controller, Recipient
from knowingly.policy.data import MAX_FIELDS, DataField
from knowingly.policy.deletion import Erasure, Evidence, Keys
from knowingly.policy.fits import misfits
from knowingly.policy.log import Audit
from knowingly.policy.notices import Notice
from knowingly.policy.pages import Aggregates, Models, Plugins
from knowingly.policy.purposes import AGES, MAX_PURPOSES, Ages, Purpose, age_in, with_terms
from knowingly.policy.section import Section, Slug
from knowingly.policy.signals import Signals
from knowingly.policy.slots import Slot, default_slots
from knowingly.policy.width import Told, Width, narrowest

MAX_RECIPIENTS = 200


@dataclass(frozen=True, slots=True)
class PurposeRule:
    """What ``decide`` asks of one purpose, ready to use."""

    enabled: bool
    basis: str
    valid_us: int | None
    covering: frozenset[str]
    sources: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rules:
    """What ``decide`` asks of the policy, ready to use: it runs on every page view."""

    purposes: Mapping[str, PurposeRule]
    skew_us: int
    stale_us: int


class Policy(Section):
    """Everything the shop has decided about its customers' data.

    On its own a policy goes by what it says itself. One that a shop was opened with also knows what
    its notices told people under the policies before it.

    Stability: stable.
    """

    controller: Controller = Controller()
    purposes: Annotated[dict[Slug, Purpose], BeforeValidator(with_terms)] = Field(
        default_factory=dict, max_length=MAX_PURPOSES
    )
    recipients: dict[Slug, Recipient] = Field(default_factory=dict, max_length=MAX_RECIPIENTS)
    age: Ages = Field(default_factory=lambda: dict(AGES))
    notices: tuple[Notice, ...] = ()
    signals: Signals = Signals()
    slots: dict[Slug, Slot] = Field(default_factory=default_slots)
    models: Models = Models()
    aggregates: Aggregates = Aggregates()
    erasure: Erasure = Erasure()
    evidence: Evidence = Evidence()
    keys: Keys = Keys()
    audit: Audit = Audit()
    plugins: Plugins = Plugins()
    intake: Intake = Intake()
    identities: Identities = Identities()
    data: dict[Slug, DataField] = Field(default_factory=dict, max_length=MAX_FIELDS)
    _told: Told | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if problems := list(misfits(self)):
            raise ValidationError.from_exception_data(
                "Policy",
                [
                    InitErrorDetails(
                        type=PydanticCustomError("misfit", "{what}", {"what": what}),
                        loc=loc,
                        input=None,
                    )
                    for loc, what in problems
                ],
            )
        return self

    def notice(self, notice_id: str) -> Notice | None:
        """The notice of that id, or None."""
        return self._notices_by_id.get(notice_id)

    def is_bot(self, agent: str) -> bool:
        """Whether a user agent is that of a known bot, or one that the shop names."""
        return is_bot(agent, self.intake.bots)

    def age_to_agree(self, purpose: str, jurisdiction: str | None = None) -> int:
        """From which age a person may agree to a purpose by themselves, where they are."""
        return max(self.purposes[purpose].minimum_age or 0, age_in(self.age, jurisdiction))

    def width(self, purpose: str) -> Width:
        """What a purpose takes from people, by this file."""
        said = self.purposes[purpose]
        named = {name: field for name, field in self.data.items() if purpose in field.purposes}
        return Width(
            said.version,
            frozenset(said.data)
            | {field.category for field in named.values()}
            | {f"special:{name}" for name, field in named.items() if field.special},
            frozenset(self.recipients[name].described for name in said.recipients),
            said.keep_days,
            said.valid_days,
        )

    def covering(self, purpose: str) -> frozenset[str]:
        """The notices to which a yes counts for a purpose as it is today."""
        return self._covering[purpose]

    def after(self, past: Iterable["Policy"]) -> Self:
        """This policy as it stands where those were in force before it, in any order."""
        policy = self.model_copy()
        told = narrowest([self.told, *(one.told for one in past)])
        policy._told = told  # noqa: SLF001 - a Policy's
        return policy

    @property
    def told(self) -> Told:
        """What each notice told people, by this policy and those that it stands after."""
        return self._tells if self._told is None else self._told

    @cached_property
    def _tells(self) -> Told:
        widths = {name: self.width(name) for name in self.purposes}
        return {
            notice.id: {
                name: replace(widths[name], version=covered)
                for name, covered in notice.covers.items()
            }
            for notice in self.notices
        }

    @cached_property
    def _covering(self) -> Mapping[str, frozenset[str]]:
        widths = {name: self.width(name) for name in self.purposes}
        return {
            name: frozenset(
                notice.id
                for notice in self.notices
                if name in notice.covers and width.is_within(self.told[notice.id][name])
            )
            for name, width in widths.items()
        }

    @cached_property
    def _notices_by_id(self) -> Mapping[str, Notice]:
        return {notice.id: notice for notice in self.notices}

    @cached_property
    def body(self) -> str:
        """What the policy says, as JSON; the order of tables and notices does not count."""
        said = self.model_dump(mode="json")
        said["notices"] = sorted(said["notices"], key=lambda notice: str(notice["id"]))
        return json.dumps(said, sort_keys=True, separators=(",", ":"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of ``body``, hex."""
        return hashlib.sha256(self.body.encode()).hexdigest()

    @cached_property
    def rules(self) -> Rules:
        """The policy as ``decide`` reads it."""
        return Rules(
            purposes={name: self._rule(name, purpose) for name, purpose in self.purposes.items()},
            skew_us=self.intake.clock_skew_seconds * 1_000_000,
            stale_us=self.signals.stale_after_days * DAY_US,
        )

    def _rule(self, name: str, purpose: Purpose) -> PurposeRule:
        return PurposeRule(
            enabled=purpose.enabled,
            basis=purpose.basis,
            valid_us=None if purpose.valid_days is None else purpose.valid_days * DAY_US,
            covering=self.covering(name),
            sources=frozenset(
                source for source, names in self.signals.accept.items() if name in names
            ),
        )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, checked like a new policy, so that no cached rule or digest outlives a change."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        copy = type(self).model_validate({**fields, **(update or {})})
        return super(Policy, copy).model_copy(deep=True) if deep else copy
