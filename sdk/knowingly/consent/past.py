"""Choices that were recorded elsewhere: imported with where they come from, and how good that is.

A yes counts only with the evidence that the policy asks for. It is recorded all the same, with its
flaw. A no counts whatever its evidence. Both keep the time at which they were made, so that neither
outranks what the person chose later.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from knowingly.consent.choice import Choice, Jurisdiction, Word, too_young
from knowingly.consent.recording import OPEN_TRIES, Asked, Effects, Recorder
from knowingly.domain.consent import QUALITIES, Action, Quality
from knowingly.domain.intake import Intake, Refusal
from knowingly.domain.moments import EPOCH, Moment, from_us, to_us
from knowingly.domain.text import Id, Title
from knowingly.domain.validate import as_error, check_rows
from knowingly.errors import StoreError
from knowingly.policy import Policy
from knowingly.store import consents, subjects
from knowingly.store.doors import Tx
from knowingly.tenancy import Tenancy

WEAK = "weak_evidence"
MAX_PURPOSES = 60
_DETAILS = frozenset(
    {"notice", "method", "surface", "jurisdiction", "device", "age", "by", "guardian", "record"}
)
PastAction = Literal[
    Action.GRANT,
    Action.REFUSE,
    Action.WITHDRAW,
    Action.OBJECT,
    Action.REVOKE,
    Action.INVALIDATE,
    Action.REQUEST,
]
PastActor = Literal["subject", "guardian", "agent", "operator"]
_NO = frozenset({"refuse", "withdraw", "object", "revoke", "invalidate"})


def _midnight(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    return value


class Origin(BaseModel, frozen=True, extra="forbid"):
    """Where a file of choices comes from, and the best that its rows can be as evidence.

    ``exported`` is when the other system wrote it: a no without a time had been said by then.
    """

    system: Annotated[Title, Field(min_length=1, max_length=100)]
    quality: Quality
    exported: Annotated[AwareDatetime, BeforeValidator(_midnight)] | None = None


class PastChoice(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    """A choice as another system recorded it.

    ``purposes`` are the policy's; a no that names none is about all of them. ``notice`` is what the
    person was shown: the id of one in the policy, or of one that is kept as evidence only.
    ``record`` is the other system's own id of the record. ``by`` says who chose, where the system
    knows; ``guardian`` is its id of the guardian, and is kept where ``by`` says that one did.
    """

    subject: Id = Field(repr=False)
    action: PastAction
    purposes: tuple[Annotated[str, Field(strict=True, max_length=40)], ...] = Field(
        default=(), max_length=MAX_PURPOSES
    )
    at: Moment | None = None
    notice: Id | None = None
    method: Word | None = None
    surface: Word | None = None
    jurisdiction: Jurisdiction | None = None
    device: Id | None = Field(None, repr=False)
    age: Annotated[int, Field(ge=0, le=150)] | None = Field(None, repr=False)
    by: PastActor | None = None
    guardian: Id | None = Field(None, repr=False)
    record: Id | None = Field(None, repr=False)

    @model_validator(mode="wrap")
    @classmethod
    def _a_no_counts_without_details(
        cls, row: object, handler: ModelWrapValidatorHandler[Self]
    ) -> Self:
        try:
            return handler(row)
        except ValidationError as error:
            bad = {one["loc"][0] if one["loc"] else "" for one in error.errors()}
            if not (isinstance(row, Mapping) and row.get("action") in _NO and bad <= _DETAILS):
                raise
        return handler({name: value for name, value in row.items() if name not in bad})

    @model_validator(mode="after")
    def _a_yes_names_its_purposes(self) -> Self:
        if self.action is Action.GRANT and not self.purposes:
            raise PydanticCustomError("purposes", "purposes: nobody agrees to everything")
        return self


class Taken(NamedTuple):
    """What became of some rows; of those kept, how many had which evidence, and were too weak."""

    intake: Intake
    evidence: Counter[str]
    weak: int


class _Read(NamedTuple):
    """A valid row: what is to be recorded of it, and the quality of its evidence."""

    asked: Asked
    quality: Quality


ThenTaken = Callable[[Tx, Taken], None]


class PastChoices:
    """Takes in choices that were recorded elsewhere."""

    def __init__(self, tenancy: Tenancy, effects: Effects) -> None:
        self._tenancy, self._effects = tenancy, effects
        self._recorder = Recorder(tenancy, effects)

    def check(self, rows: Iterable[Mapping[str, Any]]) -> list[Refusal]:
        """The rows that would be refused; writes nothing."""
        return self._good(rows, strict=False)[1]

    def turns(self, rows: Sequence[Mapping[str, Any]]) -> list[float]:
        """How many turns of the writer each row takes at most, once its person's first has come."""
        lookup = self._tenancy.keyring.lookup
        named = [one if isinstance(one := row.get("subject"), str) else None for row in rows]
        lookups = {name: lookup(name) for name in named if name is not None}
        taken = dict(self._effects.turns(list(lookups.values())))
        return [0.0 if name is None else taken.pop(lookups[name], 0.0) for name in named]

    def take_in(
        self,
        rows: Sequence[Mapping[str, Any]],
        origin: Origin,
        file: str,
        *,
        strict: bool,
        then: ThenTaken,
    ) -> Taken:
        """Record what is valid and not there yet, in one transaction; ``then`` is done last in it.

        Args:
            rows: Mappings of the fields of ``PastChoice``.
            origin: Where they come from.
            file: What tells their file from any other; sealed with each of them.
            strict: Raise on the first bad row.
            then: Told what became of the rows.

        Raises:
            InputError: A row is bad and ``strict`` is set; nothing was written.
            StoreError: A person is being erased at this moment; nothing was written.
        """
        good, refused = self._good(rows, strict=strict)
        now_us = self._tenancy.now_us()
        # In a time to come nobody has said anything.
        exported_us = min(now_us, to_us(origin.exported)) if origin.exported else now_us
        provenance = {
            "system": origin.system,
            "exported": from_us(exported_us).isoformat(),
            "file": file,
            "stated": origin.quality,
        }
        read = [self._read(choice, provenance, from_us(exported_us)) for _, choice in good]
        lookup = self._tenancy.keyring.lookup
        lookups = [lookup(one.asked.choice.subject) for one in read]
        for _ in range(OPEN_TRIES):
            fresh = self._recorder.prepare_keys(lookups, now_us)
            with self._tenancy.write() as tx:
                people = self._recorder.ready(tx, lookups, fresh)
                if people is None:
                    continue
                numbers = {key: row.subject for key, row in people.known.items()}
                new, dropped, there = self._sift(tx, read, lookups, numbers)
                if new:
                    asked, whose = [read[one].asked for one in new], [lookups[one] for one in new]
                    self._recorder.write(tx, people, asked, whose, now_us=now_us)
                taken = Taken(
                    Intake(len(new), there, dropped, tuple(refused)),
                    Counter(read[one].quality for one in new),
                    sum(read[one].asked.flaw is not None for one in new),
                )
                then(tx, taken)
            return taken
        raise StoreError("a person is being erased at this moment; nothing was written, try again")

    def _good(
        self, rows: Iterable[Mapping[str, Any]], *, strict: bool
    ) -> tuple[list[tuple[int, PastChoice]], list[Refusal]]:
        """The valid rows with their numbers, and the refusals."""
        checked, refused = check_rows(PastChoice, rows, strict=strict)
        latest_us = self._tenancy.now_us() + self._tenancy.skew_us
        good = []
        for row, choice in checked:
            misfit = _misfit(row, choice, self._tenancy.policy, latest_us)
            if misfit is None:
                good.append((row, choice))
            elif strict:
                raise as_error(misfit, row=row)
            else:
                refused.append(misfit)
        return good, sorted(refused, key=lambda one: one.row)

    def _read(self, past: PastChoice, provenance: Mapping[str, Any], exported: datetime) -> _Read:
        """A row as a choice, with its provenance and the flaw that it has as evidence."""
        policy = self._tenancy.policy
        declared = past.notice is not None and policy.notice(past.notice) is not None
        quality = _quality(past, provenance["stated"], declared=declared)
        granted = past.action is Action.GRANT
        counts = past.at is not None and quality in policy.intake.past_choices.accept
        # A yes of nobody knows when cannot be put before or after a no: it is put before them all.
        at = past.at or (EPOCH if granted else exported)
        choice = Choice(
            subject=past.subject,
            action=past.action,
            purposes=past.purposes,
            notice=past.notice if declared else None,
            at=at,
            device=past.device,
            surface=past.surface,
            jurisdiction=past.jurisdiction,
            method=past.method,
            age=past.age,
            by=past.by or "importer",
        )
        said = {
            "record": past.record,
            "guardian": past.guardian if past.by == "guardian" else None,
            "quality": quality,
            "notice": None if declared else past.notice,
            "time": None if past.at else "unknown",
        }
        own = {name: value for name, value in said.items() if value is not None}
        purposes = tuple(dict.fromkeys(past.purposes)) or tuple(policy.purposes)
        flaw = WEAK if granted and not counts else None
        young = too_young(choice, purposes, self._tenancy.policy)
        return _Read(Asked(choice, purposes, young, flaw, {**provenance, **own}), quality)

    def _sift(
        self,
        tx: Tx,
        read: Sequence[_Read],
        lookups: Sequence[bytes],
        numbers: Mapping[bytes, int],
    ) -> tuple[list[int], dict[str, int], int]:
        """The rows to record; those dropped by reason; and how many are there already.

        A row is there if each of its purposes has the same choice of the same moment. The other
        system's own id of it does not count: some keep one record and change it.
        """
        erased = subjects.erased_at(tx, list(dict.fromkeys(lookups)))
        seen = {
            (lookup, one.scope, one.purpose, one.action, one.at_us, one.notice, one.flaw)
            for lookup, records in self._earlier(tx, numbers)
            for one in records
        }
        new, dropped, there = [], Counter[str](), 0
        for place, (lookup, (asked, _)) in enumerate(zip(lookups, read, strict=True)):
            choice, at_us = asked.choice, to_us(asked.choice.at or EPOCH)
            if at_us <= erased.get(lookup, -1):
                dropped["erased"] += 1
                continue
            scope = self._recorder.scope(choice)
            mine = {
                (
                    *(lookup, scope, purpose, choice.action),
                    *(at_us, choice.notice, asked.flaw_for(purpose)),
                )
                for purpose in asked.purposes
            }
            if mine <= seen:
                there += 1
                continue
            seen |= mine
            new.append(place)
        return new, dict(dropped), there

    def _earlier(self, tx: Tx, numbers: Mapping[bytes, int]) -> Iterable[tuple[bytes, Any]]:
        known = consents.of_many(tx, list(numbers.values()))
        return ((lookup, known[subject]) for lookup, subject in numbers.items())


def _quality(past: PastChoice, stated: Quality, *, declared: bool) -> Quality:
    """What the mapping states of its file, or less where a row lacks what that needs."""
    found: Quality = "asserted"
    if past.at is not None and declared and past.method is not None:
        found = "documented"
    elif past.at is not None and (past.notice is not None or past.method is not None):
        found = "partial"
    return max(stated, found, key=QUALITIES.index)


def _misfit(row: int, choice: PastChoice, policy: Policy, latest_us: int) -> Refusal | None:
    """Why a valid row cannot be recorded in this shop."""
    if any(purpose not in policy.purposes for purpose in choice.purposes):
        return Refusal(row, "purposes", f"some of {', '.join(policy.purposes)}")
    if choice.at is not None and not 0 <= to_us(choice.at) <= latest_us:
        return Refusal(row, "at", "a time after 1970 that is not in the future")
    return None
