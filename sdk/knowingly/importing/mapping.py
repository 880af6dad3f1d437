"""The mapping file: which column of somebody else's export is which of our fields."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from knowingly.consent.past import MAX_PURPOSES, Origin, PastAction, PastChoice
from knowingly.domain.consent import Action
from knowingly.domain.event import Event
from knowingly.domain.item import Item, Variant
from knowingly.domain.order import Order, OrderLine
from knowingly.errors import FileError

MAX_BYTES = 100_000
Said = PastAction | Literal[""]
YES_AND_NO: dict[str, Said] = {
    "yes": Action.GRANT,
    "true": Action.GRANT,
    "1": Action.GRANT,
    "no": Action.REFUSE,
    "false": Action.REFUSE,
    "0": Action.REFUSE,
}
SHIPPED = ("shopify-customers", "shopify-customers-json", "shopify-orders", "shopify-products")

Column = Annotated[str, Field(strict=True, min_length=1, max_length=200)]
Constant = Annotated[bool | int | float | str, Field(union_mode="left_to_right")]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PydanticCustomError("zone", "expected a time zone such as Europe/Berlin") from None
    return name


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _spelled(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


class _Table(BaseModel, frozen=True, extra="forbid", strict=True):
    """One table of the file: unknown keys are refused."""


class Format(_Table):
    """How the file is written."""

    delimiter: Literal[",", ";", "\t", "|"] = ","
    encoding: Literal["utf-8", "cp1252", "latin-1"] = "utf-8"
    decimal: Literal[".", ","] = "."
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None
    times: Annotated[str, Field(min_length=1, max_length=60)] | None = None


class Take(_Table):
    """Where a value is taken from.

    ``column`` is one, or several that are joined by ``join``. ``values`` say what a cell stands
    for, without regard to case, ``otherwise`` what any other does, and ``empty`` what an empty one
    does where the column is there; ``above`` makes a number true or false; ``split`` makes a list,
    of what ``values`` say of its parts. ``constant`` needs no column. Of a record within a JSON
    line or a Parquet row, ``a.b`` is the ``b`` of ``a``.
    """

    column: Column | None = None
    columns: list[Column] = Field(default=[], max_length=10)
    join: str = " / "
    values: dict[str, Constant] = Field(default={}, max_length=1_000)
    otherwise: Constant | None = None
    empty: Constant | None = None
    above: float | None = None
    split: str | None = Field(default=None, min_length=1, max_length=5)
    constant: Constant | None = None

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        given = [self.column is not None, bool(self.columns), self.constant is not None]
        if sum(given) != 1:
            raise PydanticCustomError("source", "expected one of column, columns and constant")
        return self

    @property
    def reads(self) -> bool:
        """Whether a cell stands for something else than itself."""
        given = (self.otherwise, self.empty, self.above, self.split)
        return bool(self.values) or any(one is not None for one in given)

    def read(self) -> list[str]:
        """The columns that are read."""
        return self.columns or ([] if self.column is None else [self.column])


class Answer(_Table):
    """What a cell says about one purpose.

    ``values`` say what the words in it stand for, without regard to case: yes and no when left out.
    A word for ``""`` says nothing, as an empty cell does; any other word is refused.
    """

    column: Column
    values: dict[str, Said] = Field(default=YES_AND_NO, min_length=1, max_length=100)

    @property
    def words(self) -> dict[str, Said]:
        """What each word stands for, with the words as they are compared."""
        return {word.casefold(): said for word, said in self.values.items()}


Takes = Annotated[
    list[Annotated[Take, BeforeValidator(_spelled)]],
    BeforeValidator(_listed),
    Field(min_length=1, max_length=10),
]
"""One place, or several of which the first with a value counts."""

Fields = dict[str, Takes]
_MODELS: dict[str, type[BaseModel]] = {
    "items": Item,
    "events": Event,
    "orders": Order,
    "choices": PastChoice,
}
_PARTS: dict[str, tuple[str, type[BaseModel]]] = {
    "items": ("variants", Variant),
    "orders": ("lines", OrderLine),
}


class Mapping(_Table):
    """A mapping file. Rows with one value in the column ``group`` are one item, or one order.

    ``parts`` are the variants of an item or the lines of an order, one from each row that has any.
    ``origin`` says where choices come from; ``purposes`` which column is about which purpose, in
    a file with a column for each.
    """

    kind: Literal["items", "events", "orders", "choices"]
    format: Format = Format()
    group: Column | None = None
    fields: Fields
    parts: Fields = {}
    purposes: Annotated[
        dict[str, Annotated[Answer, BeforeValidator(_spelled)]], Field(max_length=MAX_PURPOSES)
    ] = {}
    origin: Origin | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        own = set(_MODELS[self.kind].model_fields)
        if self.kind in _PARTS:
            name, part = _PARTS[self.kind]
            own.discard(name)
            _known("parts", self.parts, set(part.model_fields))
        elif self.parts or self.group:
            raise PydanticCustomError(
                "parts", "{kind} have no parts and are in no group", {"kind": self.kind}
            )
        _known("fields", self.fields, own)
        if self.parts and self.group is None:
            raise PydanticCustomError("group", "parts need group, the column that rows share")
        if self.purposes and (
            self.kind != "choices" or {"action", "purposes"} & self.fields.keys()
        ):
            raise PydanticCustomError(
                "purposes", "[purposes] is for choices, in place of the fields action and purposes"
            )
        if (self.origin is not None) != (self.kind == "choices"):
            raise PydanticCustomError("origin", "choices, and nothing else, need [origin]")
        return self

    @property
    def parts_name(self) -> str:
        """What the parts are called in the value: variants, or lines."""
        return _PARTS[self.kind][0]

    @property
    def gathers_updates(self) -> bool:
        """Whether how new an order is follows from several columns, and so to the second only."""
        return len(self.fields.get("updated_at", ())) > 1

    def columns(self, *, needed: bool = False) -> set[str]:
        """Every column that is read; with ``needed``, not those that are tried in turn."""
        found = {answer.column for answer in self.purposes.values()}
        if self.group:
            found.add(self.group)
        for takes in (*self.fields.values(), *self.parts.values()):
            if len(takes) == 1 or not needed:
                found.update(column for take in takes for column in take.read())
        return found


def _known(table: str, fields: Fields, known: set[str]) -> None:
    for name in fields:
        if name not in known:
            raise PydanticCustomError(
                "field",
                "no such field in [{table}]: here stand {known}",
                {"table": table, "known": ", ".join(sorted(known))},
            )


def load_mapping(source: str | Path) -> Mapping:
    """Read a mapping file, or one that ships, by name.

    Raises:
        FileError: It cannot be read, or says what a mapping cannot say.
    """
    name = str(source)
    if name in SHIPPED:
        file = resources.files(__package__).joinpath(name.replace("-", "_") + ".toml")
        return _parse(file.read_bytes(), name)
    path = Path(source)
    if not path.is_file():
        shipped = ", ".join(SHIPPED)
        raise FileError(f"{path.name}: no such mapping file; those that ship are {shipped}")
    with path.open("rb") as opened:
        return _parse(opened.read(MAX_BYTES + 1), path.name)


def _parse(raw: bytes, name: str) -> Mapping:
    if len(raw) > MAX_BYTES:
        raise FileError(f"{name}: larger than {MAX_BYTES:,} bytes")
    try:
        return Mapping.model_validate(tomllib.loads(raw.decode("utf-8-sig")))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the mapping"
        raise FileError(f"{name}, {place}: {first['msg']}") from None
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"{name}: not TOML: {error}") from None
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise FileError(f"{name}: not TOML in UTF-8") from None
