"""Expressions over what an item is, such as ``price <= 30 and "vegan" in tags``.

Read by a parser of their own into values; nothing here is ever run as code. What an expression says
of an item is worked out where the items are.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from pydantic_core import PydanticCustomError

MAX_CHARS = 1_000
MAX_DEPTH = 20

Operator = Literal["==", "<", "<=", ">", ">=", "has"]
Value = bool | float | str

_TOKEN = re.compile(
    r"""
      (?P<space> \s+ )
    | (?P<number> -?\d+(?:\.\d+)? )
    | (?P<text> "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' )
    | (?P<name> [A-Za-z_][A-Za-z0-9_]* )
    | (?P<mark> <=|>=|==|!=|[<>()\[\],.] )
    """,
    re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(.)")
_WORDS = frozenset({"and", "or", "not", "in", "true", "false"})
_ORDER = frozenset({"<", "<=", ">", ">="})
_TEXTS, _LISTS = ("brand", "title"), ("categories", "tags")
_FIELDS = ("price", *_TEXTS, *_LISTS, "attributes")
_A_VALUE = 'a value, such as 30, "vegan" or true'


@dataclass(frozen=True, slots=True)
class Field:
    """What of an item is looked at; ``attribute`` names one of ``attributes``."""

    name: str
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison; ``has`` asks whether a list holds the value."""

    field: Field
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    inner: "Expression"


@dataclass(frozen=True, slots=True)
class All:
    """Every part."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part."""

    parts: tuple["Expression", ...]


Expression = Comparison | Not | All | Either


@lru_cache(maxsize=256)
def parse(text: str) -> Expression:
    """The expression that a text is.

    Raises:
        PydanticCustomError: It is none; says where, and what to write instead.
    """
    if len(text) > MAX_CHARS:
        raise PydanticCustomError(
            "expression", f"is longer than {MAX_CHARS} characters: shorten it"
        )
    return _Parser(text).whole()


def checked(text: str) -> str:
    """The text, which must be an expression."""
    parse(text)
    return text


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _wrong(at, _cure_of(text[at]))
        kind = str(match.lastgroup)
        if kind != "space":
            word = match.group()
            yield _Token("word" if word in _WORDS else kind, word, at)
        at = match.end()
    yield _Token("end", "", at)


def _cure_of(character: str) -> str:
    if character == "=":
        return "write == to compare"
    if character in "\"'":
        return "this text has no closing quote"
    return "this character means nothing here"


def _wrong(at: int, what: str) -> PydanticCustomError:
    return PydanticCustomError("expression", f"column {at + 1} of the expression: {what}")


class _Parser:
    """Recursive descent: ``or`` binds less than ``and``, and that less than ``not``."""

    def __init__(self, text: str) -> None:
        self._left = list(_tokens(text))
        self._left.reverse()
        self._depth = 0

    def whole(self) -> Expression:
        found = self._or()
        if self._next.kind != "end":
            what = "expected 'and', 'or' or the end"
            if self._next.kind == "mark" and self._next.text in {*_ORDER, "==", "!="}:
                what = "one comparison at a time: write price > 10 and price < 30"
            raise _wrong(self._next.at, what)
        return found

    @property
    def _next(self) -> _Token:
        return self._left[-1]

    def _take(self, *texts: str) -> _Token | None:
        """The next token, if it is one of these."""
        if self._next.kind in {"word", "mark"} and self._next.text in texts:
            return self._left.pop()
        return None

    def _need(self, text: str) -> None:
        if self._take(text) is None:
            raise _wrong(self._next.at, f"expected {text}")

    def _or(self) -> Expression:
        parts = [self._and()]
        while self._take("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _and(self) -> Expression:
        parts = [self._not()]
        while self._take("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _not(self) -> Expression:
        token = self._take("not", "(")
        if token is None:
            return self._test()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _wrong(token.at, f"is nested more than {MAX_DEPTH} deep: write it flatter")
        if token.text == "not":
            found: Expression = Not(self._not())
        else:
            found = self._or()
            self._need(")")
        self._depth -= 1
        return found

    def _test(self) -> Expression:
        token = self._next
        if token.kind in {"number", "text"} or token.text in {"true", "false"}:
            return self._membership(token)
        field = self._field()
        if self._next.text in {"not", "in"}:
            return self._among(field)
        operator = self._take("==", "!=", *_ORDER)
        if operator is None or field.name in _LISTS:
            raise _wrong(token.at, _how_to_ask(field))
        at, value = self._next.at, self._value()
        _check_types(field, operator.text, value, at)
        if operator.text == "!=":
            return Not(Comparison(field, "==", value))
        return Comparison(field, operator.text, value)  # type: ignore[arg-type] # one of those taken

    def _membership(self, token: _Token) -> Expression:
        """``"vegan" in tags``."""
        value, opposite = self._value(), self._take("not")
        if self._take("in") is None:
            raise _wrong(token.at, "a comparison begins with its field: write price <= 30")
        at, field = self._next.at, self._field()
        if field.name not in _LISTS or not isinstance(value, str):
            raise _wrong(at, f'text can be in {" or ".join(_LISTS)}: write "vegan" in tags')
        found = Comparison(field, "has", value)
        return Not(found) if opposite else found

    def _among(self, field: Field) -> Expression:
        """``brand in ["A", "B"]``."""
        opposite = self._take("not")
        self._need("in")
        at = self._next.at
        if field.name in _LISTS or self._take("[") is None:
            raise _wrong(at, 'expected a list, such as brand in ["A", "B"]')
        tests: list[Expression] = []
        while not tests or self._take(","):
            at, value = self._next.at, self._value()
            _check_types(field, "==", value, at)
            tests.append(Comparison(field, "==", value))
        self._need("]")
        found = tests[0] if len(tests) == 1 else Either(tuple(tests))
        return Not(found) if opposite else found

    def _field(self) -> Field:
        token = self._left.pop() if self._next.kind == "name" else self._next
        if token.text not in _FIELDS:
            raise _wrong(token.at, f"expected a field of an item: {', '.join(_FIELDS)}")
        if token.text != "attributes":
            return Field(token.text)
        if self._take("["):
            name = self._value()
            self._need("]")
        else:
            self._need(".")
            name = self._left.pop().text if self._next.kind in {"name", "word"} else ""
        if not isinstance(name, str) or not name:
            raise _wrong(
                token.at, 'name the attribute: attributes.size or attributes["net weight"]'
            )
        return Field(token.text, name)

    def _value(self) -> Value:
        token = self._next
        if token.kind == "number":
            number = float(token.text)
            if not math.isfinite(number):
                raise _wrong(token.at, "the number is too large")
            self._left.pop()
            return number
        if token.kind == "text":
            self._left.pop()
            return _ESCAPED.sub(r"\1", token.text[1:-1])
        if self._take("true", "false"):
            return token.text == "true"
        raise _wrong(token.at, f"expected {_A_VALUE}")


def _how_to_ask(field: Field) -> str:
    if field.name in _LISTS:
        return f'{field.name} is a list: write "…" in {field.name}'
    name = f"attributes.{field.attribute}" if field.attribute else field.name
    return f"compare it with {_A_VALUE}: write {name} == …"


def _check_types(field: Field, operator: str, value: Value, at: int) -> None:
    number = isinstance(value, float)
    if field.name == "price" and not number:
        raise _wrong(at, "price is a number: write it without quotes, such as 30")
    if field.name in _TEXTS and (operator in _ORDER or not isinstance(value, str)):
        raise _wrong(at, f'{field.name} is text: write {field.name} == "…" or in ["…", "…"]')
    if operator in _ORDER and not number:
        raise _wrong(at, f"{operator} compares numbers: write one here, such as 30")
