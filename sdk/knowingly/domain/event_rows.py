"""Rows of events, checked in bulk.

Nearly every row of an import is plain: a mapping with ASCII ids and a datetime. Such a row is
checked in one call without any Python of ours. Every other row goes through ``Event`` itself, which
alone says what is right and words the refusal; what the quick way takes, ``Event`` takes alike.
An order among the rows becomes its events, all with the order's row number.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import SchemaValidator, core_schema

from knowingly.domain.event import KINDS, MAX_QUANTITY, MAX_TOKEN_CHARS, Event, EventKind
from knowingly.domain.intake import Refusal
from knowingly.domain.item import MAX_PRICE, no_truth
from knowingly.domain.order import Order, events_of
from knowingly.domain.text import MAX_ID_CHARS
from knowingly.domain.validate import as_error, refusal

EventFields = Mapping[str, Any]
"""The fields of one event as ``Event`` has them; one that was left out may be missing.

A mapping of texts and numbers, which Python's cycle collector does not look at, where an object
for each row of a batch would be looked at again and again.
"""


def check_events(
    rows: Iterable[Event | Order | Mapping[str, Any]], *, strict: bool
) -> tuple[list[int], list[EventFields], list[Refusal]]:
    """Split rows into the numbers and the fields of the valid ones, and refusals.

    Raises:
        InputError: A row is bad and ``strict`` is set.
    """
    numbers: list[int] = []
    good: list[EventFields] = []
    bad: list[Refusal] = []
    quick = _QUICK.validate_python
    for number, row in enumerate(rows):
        try:
            fields = quick(row)
        except ValidationError:
            try:
                made = _made(row)
            except ValidationError as error:
                found = refusal(number, error)
                if strict:
                    raise as_error(found, row=number) from None
                bad.append(found)
                continue
            numbers += [number] * len(made)
            good += made
            continue
        numbers.append(number)
        good.append(fields)
    return numbers, good, bad


def _made(row: object) -> list[dict[str, Any]]:
    """The events of a row that is not plain; an order is told by its lines."""
    if isinstance(row, Order) or (isinstance(row, Mapping) and "lines" in row):
        return events_of(_ORDER(row))
    return [dict(_EXACT(row))]


def _plain() -> SchemaValidator:
    identifier = core_schema.str_schema(
        strict=True, max_length=MAX_ID_CHARS, pattern="^[!-~](?:[ -~]*[!-~])?$"
    )
    needed = {
        "subject": identifier,
        # A cancel has rules of its own, which are Event's to know.
        "kind": core_schema.literal_schema(
            [kind.value for kind in KINDS if kind is not EventKind.CANCEL]
        ),
        "item": identifier,
    }
    optional = {
        "at": core_schema.nullable_schema(
            core_schema.datetime_schema(strict=True, tz_constraint="aware")
        ),
        "event_id": core_schema.nullable_schema(identifier),
        "quantity": core_schema.int_schema(strict=True, ge=1, le=MAX_QUANTITY),
        "price": core_schema.nullable_schema(
            core_schema.no_info_before_validator_function(
                no_truth, core_schema.float_schema(ge=0, le=MAX_PRICE, allow_inf_nan=False)
            )
        ),
        "order": core_schema.nullable_schema(identifier),
        "agent": core_schema.nullable_schema(core_schema.str_schema(strict=True)),
        "device": core_schema.nullable_schema(identifier),
        "decision": core_schema.nullable_schema(
            core_schema.str_schema(strict=True, max_length=MAX_TOKEN_CHARS)
        ),
    }
    field = core_schema.typed_dict_field
    fields = {name: field(schema) for name, schema in needed.items()}
    fields |= {name: field(schema, required=False) for name, schema in optional.items()}
    return SchemaValidator(core_schema.typed_dict_schema(fields, extra_behavior="forbid"))


_QUICK = _plain()
_EXACT = Event.__pydantic_validator__.validate_python
_ORDER = Order.__pydantic_validator__.validate_python
