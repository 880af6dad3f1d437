"""The policy as values: what the shop's file says, checked and frozen."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from knowingly.domain.moments import DAY_US
from knowingly.policy.bots import is_bot
from knowingly.policy.data import MAX_FIELDS, DataField, field_misfits
from knowingly.policy.section import (
    MAX_DAYS,
    Days,
    Line,
    Section,
    Slug,
    Switch,
    Whole,
    not_blank,
)

MAX_PURPOSES = 60
"""The purposes of an event are stored as the bits of one 64-bit integer."""

Loc = tuple[str | int, ...]
Basis = Literal["consent", "contract", "legitimate_interest", "legal_obligation"]
Exclusion = Literal["seen", "bought", "basket", "out_of_stock", "hidden"]
Period = Literal["year", "quarter", "month"]


def _without_repeats(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


def _never(value: object) -> object:
    # TOML has no null, and leaving the key out means the default.
    return None if value == "never" else value


def _without_catalog(values: tuple[str, ...]) -> tuple[str, ...]:
    if "catalog" in values[:-1]:
        raise PydanticCustomError("catalog", "catalog always comes last: leave it out here")
    return values[:-1] if values[-1:] == ("catalog",) else values


def _covers_too_much(covered: int, current: int, purpose: str) -> str:
    return (
        f"covers version {covered} but [purposes.{purpose}] is at version {current}: "
        f"raise that version, or write {current} here"
    )


NoticeId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,79}$")]
BotWord = Annotated[str, Field(min_length=3, max_length=100), AfterValidator(not_blank)]
"""Part of a user agent, in any case: plain text, so that no pattern can be slow."""
Epsilon = Annotated[float, Field(strict=True, ge=0.01, allow_inf_nan=False)]
DaysOrNever = Annotated[
    Days | None,
    BeforeValidator(_never),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_DAYS},
                {"const": "never"},
            ]
        }
    ),
]


class ShopSection(Section):
    """Who the shop is, for certificates and exports."""

    name: str = Field("This shop", max_length=200)
    contact: str = Field("", max_length=200)


class Purpose(Section):
    """What data may be used for, on what basis, and for how long."""

    title: Line
    description: Line
    version: Annotated[Whole, Field(ge=1, le=1_000_000)] = 1
    basis: Basis = "consent"
    valid_days: DaysOrNever = 395
    keep_days: Days = 730
    enabled: Switch = True


class Notice(Section):
    """The words a person was shown, and which version of which purposes they cover."""

    id: NoticeId
    text: Annotated[str, Field(min_length=1, max_length=20_000), AfterValidator(not_blank)]
    covers: dict[Slug, Annotated[Whole, Field(ge=1)]]

    @property
    def digest(self) -> str:
        """SHA-256 of the text, hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class Signals(Section):
    """What a banner or browser may decide; nothing unless it is named here."""

    stale_after_days: Days = 395
    accept: dict[Slug, Annotated[tuple[str, ...], AfterValidator(_without_repeats)]] = Field(
        default_factory=dict
    )


class Slot(Section):
    """A place on a page: the algorithms tried in turn, and what is left out."""

    algorithms: Annotated[tuple[Slug, ...], Field(max_length=20), AfterValidator(_without_catalog)]
    exclude: Annotated[tuple[Exclusion, ...], AfterValidator(_without_repeats)] = (
        "basket",
        "bought",
        "hidden",
        "out_of_stock",
    )
    contextual: Switch = True
    max_history_events: Annotated[Whole, Field(ge=1, le=10_000)] = 500
    k: Annotated[Whole, Field(ge=1, le=100)] = 10


def _default_algorithms() -> dict[str, dict[str, JsonValue]]:
    return {"item_item": {}, "popularity": {}}


class Models(Section):
    """What is trained, and how many people must share a thing before others see it."""

    min_subjects: Annotated[Whole, Field(ge=2)] = 5
    min_item_subjects: Annotated[Whole, Field(ge=2)] = 5
    algorithms: dict[Slug, dict[str, JsonValue]] = Field(default_factory=_default_algorithms)
    seed: Annotated[Whole, Field(ge=0, lt=2**63)] = 0


class Aggregates(Section):
    """Differentially private bestsellers, and what they may cost."""

    top: Annotated[Whole, Field(ge=1, le=200)] = 20
    epsilon: Annotated[Epsilon, Field(le=10)] = 1.0
    epsilon_per_period: Annotated[Epsilon, Field(le=100)] = 2.0
    period: Period = "quarter"
    min_people: Annotated[Whole, Field(ge=1)] | None = None
    refresh_days: Days = 7


class Erasure(Section):
    """The deadlines of deletion."""

    delete_within_days: Annotated[Whole, Field(ge=0, le=365)] = 7
    tombstone_days: Days = 1_095


class Keys(Section):
    """What is promised of root keys."""

    rotate_days: Days | None = None


class Audit(Section):
    """Where checkpoints of the log are put, besides what plugins do with them."""

    folder: Annotated[str, Field(max_length=1_000)] = ""


class Plugins(Section):
    """Which plugins may be loaded; ``*`` is all that are installed."""

    allow: Annotated[tuple[str, ...], AfterValidator(_without_repeats)] = ("*",)


class PastOrders(Section):
    """On which basis orders from before a person's first choice are kept, and for what.

    They are used only while the purpose is allowed: where it rests on consent, by consent.
    """

    purposes: Annotated[tuple[Slug, ...], AfterValidator(_without_repeats)] = ()
    basis: Basis | None = None


class Intake(Section):
    """What is believed of what others send: their clocks, who is no person, orders of the past."""

    clock_skew_seconds: Annotated[Whole, Field(ge=0, le=86_400)] = 300
    bots: Annotated[tuple[BotWord, ...], Field(max_length=100)] = ()
    past_orders: PastOrders = PastOrders()


class Identities(Section):
    """The kinds of identity by which a person can be found."""

    kinds: Annotated[tuple[Slug, ...], Field(max_length=20), AfterValidator(_without_repeats)] = (
        "customer_id",
        "email",
        "phone",
    )


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


def _default_slots() -> dict[str, Slot]:
    return {
        "home": Slot(algorithms=("item_item", "popularity", "bestsellers")),
        "product": Slot(algorithms=("item_item", "popularity", "bestsellers")),
        "cart": Slot(algorithms=("item_item", "bestsellers")),
    }


class Policy(Section):
    """Everything the shop has decided about its customers' data.

    Stability: stable.
    """

    shop: ShopSection = ShopSection()
    purposes: dict[Slug, Purpose] = Field(default_factory=dict, max_length=MAX_PURPOSES)
    notices: tuple[Notice, ...] = ()
    signals: Signals = Signals()
    slots: dict[Slug, Slot] = Field(default_factory=_default_slots)
    models: Models = Models()
    aggregates: Aggregates = Aggregates()
    erasure: Erasure = Erasure()
    keys: Keys = Keys()
    audit: Audit = Audit()
    plugins: Plugins = Plugins()
    intake: Intake = Intake()
    identities: Identities = Identities()
    data: dict[Slug, DataField] = Field(default_factory=dict, max_length=MAX_FIELDS)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if problems := list(_misfits(self)):
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

    @cached_property
    def _notices_by_id(self) -> Mapping[str, Notice]:
        return {notice.id: notice for notice in self.notices}

    @cached_property
    def digest(self) -> str:
        """SHA-256, hex, of what the policy says; the order of tables and notices does not count."""
        said = self.model_dump(mode="json")
        said["notices"] = sorted(said["notices"], key=lambda notice: str(notice["id"]))
        canonical = json.dumps(said, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

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
            covering=frozenset(
                notice.id
                for notice in self.notices
                if notice.covers.get(name, 0) >= purpose.version
            ),
            sources=frozenset(
                source for source, names in self.signals.accept.items() if name in names
            ),
        )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, checked like a new policy, so that no cached rule or digest outlives a change."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        copy = type(self).model_validate({**fields, **(update or {})})
        return super(Policy, copy).model_copy(deep=True) if deep else copy


def _misfits(policy: Policy) -> Iterator[tuple[Loc, str]]:
    """What is wrong between parts that are each well-formed."""
    seen: set[str] = set()
    for position, notice in enumerate(policy.notices):
        if notice.id in seen:
            yield ("notices", position, "id"), "a notice of this id is above: ids must differ"
        seen.add(notice.id)
        for name, covered in notice.covers.items():
            loc = ("notices", position, "covers", name)
            purpose = policy.purposes.get(name)
            if purpose is None:
                yield loc, _no_such_purpose(name)
            elif covered > purpose.version:
                yield loc, _covers_too_much(covered, purpose.version, name)
    for source, names in policy.signals.accept.items():
        for name in names:
            if name not in policy.purposes:
                yield ("signals", "accept", source), _no_such_purpose(name)
    yield from field_misfits(
        policy.data, {name: purpose.basis for name, purpose in policy.purposes.items()}
    )
    yield from _misfits_of_past_orders(policy)
    floor = policy.models.min_subjects
    if policy.models.min_item_subjects < floor:
        yield (
            ("models", "min_item_subjects"),
            f"is below models.min_subjects: write {floor} or more here",
        )


def _misfits_of_past_orders(policy: Policy) -> Iterator[tuple[Loc, str]]:
    past, loc = policy.intake.past_orders, ("intake", "past_orders")
    for name in past.purposes:
        if name not in policy.purposes:
            yield (*loc, "purposes"), _no_such_purpose(name)
    others = 'write "contract", "legitimate_interest" or "legal_obligation"'
    if past.basis == "consent":
        yield (*loc, "basis"), f"an order cannot rest on a consent that came after it: {others}"
    elif past.purposes and past.basis is None:
        yield (*loc, "purposes"), f"basis is missing beside it: {others}"


def _no_such_purpose(name: str) -> str:
    return f"there is no purpose {name!r}: declare it as [purposes.{name}], or correct the name"
