"""The fields that may be kept of a person: those of the policy file, then those of plugins."""

from collections.abc import Mapping
from datetime import date

from knowingly.domain.consent import Decision
from knowingly.domain.text import MAX_ID_CHARS
from knowingly.errors import InputError
from knowingly.policy import DataField, Policy
from knowingly.tenancy import Tenancy

Value = str | bool | int | float
MAX_NUMBER = 1e15


class Fields:
    """What the data map declares. The policy file has the last word on a name.

    ``from_plugins`` is looked at each time: a plugin can be added to an open shop.
    """

    def __init__(self, policy: Policy, from_plugins: Mapping[str, DataField]) -> None:
        self._policy = policy
        self._from_plugins = from_plugins

    def all(self) -> dict[str, DataField]:
        """Every field by name."""
        return {**self._from_plugins, **self._policy.data}

    def named(self, name: str) -> DataField:
        """The field of that name.

        Raises:
            InputError: There is none; it says which there are and never repeats the name.
        """
        found = self.all()
        if name not in found:
            known = ", ".join(sorted(found)) or "none yet"
            raise InputError(
                "field",
                f"one of the data map, which has {known}; "
                "declare others as [data.<field>] in the policy file",
            )
        return found[name]

    def checked(self, values: object, source: str | None = None) -> dict[str, Value]:
        """Values that fit their fields, ready to be stored.

        Raises:
            InputError: A field is not declared, or a value or the source does not fit it.
        """
        if not isinstance(values, Mapping) or not values:
            raise InputError("values", "a mapping of at least one field name to its value")
        checked = {}
        for name, value in values.items():
            field = self.named(name if isinstance(name, str) else "")
            if source is not None and source != field.source:
                raise InputError("source", f'"{field.source}", as the data map says of {name}')
            checked[name] = _fitting(name, field, value)
        return checked


def mask_of(tenancy: Tenancy, field: DataField) -> int:
    """The purposes of a field as bits; one the policy does not declare counts for nothing."""
    return sum(tenancy.masks.get(purpose, 0) for purpose in field.purposes)


def may_see(field: DataField, decision: Decision) -> bool:
    """Whether a decision lets its purpose see a field; a special one takes an explicit yes."""
    if decision.purpose not in field.purposes or not decision.allowed:
        return False
    return decision.reason == "granted" if field.special else True


def _fitting(name: str, field: DataField, value: object) -> Value:
    if field.kind == "flag" and isinstance(value, bool):
        return value
    if field.kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        # No comparison with NaN is true.
        if abs(value) <= MAX_NUMBER:
            return value
    elif field.kind == "date" and type(value) is date:
        return value.isoformat()
    elif isinstance(value, str) and _fits_text(field, value):
        return value
    raise InputError(name, _expected(field))


def _fits_text(field: DataField, value: str) -> bool:
    if field.kind == "choice":
        return value in field.choices
    if field.kind == "date":
        try:
            return date.fromisoformat(value).isoformat() == value
        except ValueError:
            return False
    is_text = not any("\ud800" <= character <= "\udfff" for character in value)
    return field.kind == "text" and 0 < len(value) <= field.max_chars and is_text


def _expected(field: DataField) -> str:
    return {
        "text": f"1 to {field.max_chars} characters of text",
        "number": f"a finite number, at most {MAX_NUMBER:.0e}",
        "flag": "True or False",
        "date": "a date, or one as text such as 2026-03-01",
        "choice": f"one of {', '.join(field.choices)}",
    }[field.kind]


def check_origin(origin: object) -> str:
    """Where a value came from, in a few words of the app's own.

    Raises:
        InputError: It is no short text.
    """
    if not isinstance(origin, str) or len(origin) > MAX_ID_CHARS or not origin.isprintable():
        raise InputError("origin", f"up to {MAX_ID_CHARS} characters in one line")
    return origin
