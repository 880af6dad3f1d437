"""Rows from outside, checked one by one into values or refusals."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

from pydantic import BaseModel, TypeAdapter, ValidationError

from knowingly.domain.intake import Refusal
from knowingly.domain.text import Id
from knowingly.errors import InputError

T = TypeVar("T", bound=BaseModel)

_ID = TypeAdapter(Id)

_EXPECTED = {
    "missing": "a value; it is missing",
    "extra_forbidden": "no other fields than those of {model}",
    "invalid_key": "no other fields than those of {model}",
    "timezone_aware": "a time with a zone, such as 2026-03-01T12:00:00+01:00",
    "finite_number": "a finite number",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} character",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "enum": "one of {expected}",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "datetime_type": "a time with a zone, such as 2026-03-01T12:00:00+01:00",
    "datetime_parsing": "a time with a zone, such as 2026-03-01T12:00:00+01:00",
    "datetime_from_date_parsing": "a time with a zone, such as 2026-03-01T12:00:00+01:00",
    "datetime_object_invalid": "a time with a zone, such as 2026-03-01T12:00:00+01:00",
    "string_type": "text",
    "string_unicode": "valid Unicode text",
    "model_type": "a mapping of field names to values",
    "too_long": "at most {max_length} entries",
}


_FREE_KEYS = frozenset({"attributes", "options", "prices"})


def refusal(row: int, error: ValidationError) -> Refusal:
    """The first complaint of a pydantic error, in our words and without the value itself."""
    first = error.errors(include_url=False, include_input=False)[0]
    # A field of no such name is the caller's own key, and can hold anything: it is not repeated.
    named = first["type"] not in {"extra_forbidden", "invalid_key"}
    place = ".".join(map(str, _without_keys(first["loc"]))) if named else ""
    template = _EXPECTED.get(first["type"])
    told = {"model": error.title, **first.get("ctx", {})}
    expected = template.format(**told) if template else first["msg"]
    return Refusal(row, place or "row", expected[0].lower() + expected[1:])


def _without_keys(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Up to a field whose keys the caller chooses: they can hold anything too."""
    free = (place for place, part in enumerate(loc) if part in _FREE_KEYS)
    return loc[: next(free, len(loc)) + 1]


def as_error(found: Refusal, *, row: int | None = None) -> InputError:
    """The refusal as an exception."""
    return InputError(found.field, found.expected, row=row)


def check_rows(
    model: type[T], rows: Iterable[T | Mapping[str, Any]], *, strict: bool
) -> tuple[list[tuple[int, T]], list[Refusal]]:
    """Split rows into valid values, with their row numbers, and refusals.

    Args:
        model: The value each row must become.
        rows: Values already made, or mappings of field names to values.
        strict: Raise on the first bad row instead of collecting it.

    Raises:
        InputError: A row is bad and ``strict`` is set.
    """
    good: list[tuple[int, T]] = []
    bad: list[Refusal] = []
    validate = model.__pydantic_validator__.validate_python
    for number, row in enumerate(rows):
        try:
            good.append((number, validate(row)))
        except ValidationError as error:
            found = refusal(number, error)
            if strict:
                raise as_error(found, row=number) from None
            bad.append(found)
    return good, bad


def check_iterable(given: object, field: str, expected: str) -> None:
    """Refuse what rows cannot be read from: text, and what is no iterable.

    Raises:
        InputError: It is one of those.
    """
    try:
        if not isinstance(given, str | bytes | bytearray | BaseModel):
            iter(given)  # type: ignore[call-overload]  # asked, not assumed
            return
    except TypeError:
        pass
    raise InputError(field, expected)


def one_or_many(models: tuple[type[BaseModel], ...], given: object, field: str) -> Iterable[Any]:
    """Rows as they were given; a single value or mapping as the one row it is.

    Raises:
        InputError: It is neither a row nor many.
    """
    if isinstance(given, (*models, Mapping)):
        return [given]
    names = " or ".join(model.__name__ for model in models)
    check_iterable(given, field, f"one {names}, or many, as values or mappings")
    return cast("Iterable[Any]", given)


def check_id(subject: str, field: str = "subject") -> str:
    """An app's id for a person, or for what ``field`` names, checked.

    Raises:
        InputError: It is no id; the message never repeats it.
    """
    try:
        return _ID.validate_python(subject)
    except ValidationError as error:
        raise InputError(field, refusal(0, error).expected) from None


def check_agent(agent: object) -> str:
    """A user agent, which anybody can send: any text.

    Raises:
        InputError: It is no text.
    """
    if not isinstance(agent, str):
        raise InputError("agent", "the text of a user agent, or None")
    return agent
