"""What to write instead: a complaint about a policy file, in the words of the file."""

import difflib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pydantic_core import ErrorDetails

from knowingly.policy.lines import Loc
from knowingly.policy.model import Policy
from knowingly.policy.slots import STEP_KINDS

_NOUNS = {
    "integer": "an integer",
    "number": "a number",
    "string": 'text in "quotes"',
    "boolean": "true or false",
    "array": "a list in [brackets]",
    "object": "a table",
}
_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "minLength": "not empty",
    "minItems": "not empty",
    "minProperties": "not empty",
    "maxLength": "at most {} characters",
    "maxItems": "at most {} entries",
    "maxProperties": "at most {} entries",
}
_OURS = frozenset({"misfit", "catalog", "blank", "field", "blend", "expression"})
_RENAMED = {("shop",): "is called [controller] now: rename the table"}
_NAME = "a name of small letters, digits, - and _ that begins with a letter, at most 40 characters"
_PLACE = 'a country such as "DE", a part of one such as "US-CA", "gdpr" or "everywhere"'
_PATTERNS = {
    "date": "a day such as 2026-12-24, without quotes",
    r"^([A-Z]{2}(-[A-Z0-9]{1,3})?|gdpr|everywhere)$": _PLACE,
    r"^[a-z][a-z0-9_-]{0,39}$": _NAME,
    r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,79}$": 'an id such as "2026-01/en", at most 80 characters',
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$": 'an edition such as "2026-01", at most 40 characters',
    r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$": 'a language such as "en" or "pt-BR" (BCP 47)',
    r"^[A-Z][A-Za-z0-9]{1,79}$": 'a term of the Data Privacy Vocabulary, such as "Personalisation"',
    r"^[A-Z]{2}$": 'a country of two capital letters, such as "DE"',
    r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$": 'a jurisdiction such as "DE" or "US-CA"',
    r"^(default|[A-Z]{2}(-[A-Z0-9]{1,3})?)$": 'default, or a jurisdiction such as DE or "US-CA"',
}


def cure(complaint: ErrorDetails) -> str:
    """What is wrong with one value, and what would be right; never the value itself."""
    kind, loc = complaint["type"], complaint["loc"]
    if kind in _OURS:
        return complaint["msg"]
    if kind == "extra_forbidden":
        if loc in _RENAMED:
            return _RENAMED[loc]
        return _unknown_key(str(loc[-1]), _known_at(loc[:-1]))
    if loc and loc[-1] == "[key]":
        return f"expected {_key_of(_schema_at(loc[:-2]))}"
    expected = _expected(_schema_at(loc))
    if kind == "missing":
        return f"is missing: add {loc[-1]} = {expected}"
    return f"expected {expected}"


def _unknown_key(key: str, known: Iterable[str]) -> str:
    if close := difflib.get_close_matches(key, known, n=1):
        return f"unknown key: did you mean {close[0]!r}?"
    return f"unknown key: here stand {', '.join(known)}"


def _known_at(loc: Loc) -> Iterable[str]:
    """The keys that may stand in a table."""
    known = list(_schema_at(loc).get("properties", {}))
    # The words of a notice may stand in a file, which is read before anything is checked.
    return [*known, "file"] if loc[:1] == ("notices",) and len(loc) == 2 else known


def _key_of(table: Mapping[str, Any]) -> str:
    """What the keys of a table are."""
    return _PATTERNS[next(iter(table["patternProperties"]))]


def _expected(schema: Mapping[str, Any]) -> str:
    """A JSON schema in words."""
    if "anyOf" in schema or "oneOf" in schema:
        # TOML has no null: that choice is made by leaving the key out.
        ways = schema.get("anyOf") or schema["oneOf"]
        return " or ".join(_expected(way) for way in ways if way.get("type") != "null")
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return f"one of {', '.join(map(json.dumps, schema['enum']))}"
    if "$ref" in schema:
        return _expected(_schema_of(schema))
    said = schema.get("pattern", schema.get("format"))
    if said in _PATTERNS:
        return _PATTERNS[said]
    bounds = [words.format(schema[bound]) for bound, words in _BOUNDS.items() if bound in schema]
    return ", ".join([_NOUNS.get(schema.get("type", ""), "another value"), *bounds])


def _schema_at(loc: Loc) -> Mapping[str, Any]:
    """The part of the policy's JSON schema that speaks of ``loc``."""
    node: Mapping[str, Any] = _root_schema()
    for part in loc:
        if isinstance(part, int):
            node = node.get("items", {})
        elif part in STEP_KINDS:
            node = node["oneOf"][STEP_KINDS.index(part)]
        elif part in node.get("properties", {}):
            node = node["properties"][part]
        else:
            node = next(iter(node.get("patternProperties", {}).values()), {})
        node = _schema_of(node)
    return node


def _schema_of(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of the schema, where another part stands for it."""
    if "anyOf" in node and "$ref" in node["anyOf"][0]:
        node = node["anyOf"][0]
    if "$ref" in node:
        found: Mapping[str, Any] = _root_schema()["$defs"][node["$ref"].rpartition("/")[2]]
        return found
    return node


@cache
def _root_schema() -> dict[str, Any]:
    return Policy.model_json_schema()
