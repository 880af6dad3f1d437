"""What an expression says of many items at once is what it says of each item by itself."""

from contextlib import suppress

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from knowingly.items.table import ItemTable
from knowingly.policy.expression import All, Either, Not, parse
from knowingly.recommend.pages.where import Matched, matches

WORDS = st.sampled_from(["", "a", "b", "vegan"])
NUMBERS = st.sampled_from([0.0, 1.0, 2.5, -1.0])
VALUES = st.one_of(NUMBERS, WORDS, st.booleans(), st.integers(0, 2))
ITEMS = st.lists(
    st.fixed_dictionaries(
        {
            "price": st.none() | NUMBERS,
            "brand": WORDS,
            "title": WORDS,
            "tags": st.lists(WORDS.filter(bool), max_size=2).map(tuple),
            "categories": st.lists(WORDS.filter(bool), max_size=2).map(tuple),
            "attributes": st.dictionaries(st.sampled_from(["size", "net weight"]), VALUES),
        }
    ),
    max_size=8,
)


def quoted(value):
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else f'"{value}"'


ORDERS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
SAMES = st.sampled_from(["==", "!="])
FIELDS = st.sampled_from(["attributes.size", 'attributes["net weight"]'])
TESTS = st.one_of(
    st.tuples(st.just("price"), ORDERS, NUMBERS),
    st.tuples(st.sampled_from(["brand", "title"]), SAMES, WORDS),
    st.tuples(FIELDS, SAMES, VALUES),
    st.tuples(FIELDS, ORDERS, NUMBERS),
).map(lambda parts: f"{parts[0]} {parts[1]} {quoted(parts[2])}") | st.tuples(
    WORDS, st.sampled_from(["in", "not in"]), st.sampled_from(["tags", "categories"])
).map(lambda parts: f'"{parts[0]}" {parts[1]} {parts[2]}')
EXPRESSIONS = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
        ),
    ),
    max_leaves=6,
)


def table_of(items):
    columns = {name: [one[name] for one in items] for name in ("brand", "title")}
    price = np.array([np.nan if one["price"] is None else one["price"] for one in items])
    return ItemTable(
        title=columns["title"],
        brand=columns["brand"],
        categories=[one["categories"] for one in items],
        tags=[one["tags"] for one in items],
        attributes=[one["attributes"] for one in items],
        price=price.astype(float),
    )


def says(expression, item):
    """The meaning, item by item, in plain words of Python."""
    if isinstance(expression, Not):
        return not says(expression.inner, item)
    if isinstance(expression, All | Either):
        together = all if isinstance(expression, All) else any
        return together(says(part, item) for part in expression.parts)
    found = item[expression.field.name]
    if expression.field.attribute:
        found = found.get(expression.field.attribute)
    return compared(found, expression.operator, expression.value)


def compared(found, operator, value):
    if operator == "has":
        return value in found
    if not isinstance(value, float):
        return type(found) is type(value) and found == value
    if found is None or isinstance(found, bool | str):
        return False
    return {
        "==": found == value,
        "<": found < value,
        "<=": found <= value,
        ">": found > value,
        ">=": found >= value,
    }[operator]


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, ITEMS)
def test_a_mask_is_the_answer_for_each_item(text, items):
    """Whatever is asked of whatever items, with and without values."""
    expression = parse(text)
    expected = [says(expression, item) for item in items]
    assert matches(expression, table_of(items)).tolist() == expected


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text("()[]\"'.<>=! andortiprcegs0123", max_size=60))
def test_any_text_is_an_expression_or_is_refused(text):
    """Nothing else comes of it, whatever it is."""
    with suppress(PydanticCustomError):
        parse(text)


def test_a_mask_fits_the_catalogue():
    """An item newer than the table matches nothing, so that a filter keeps it off the page."""
    matched = Matched(table_of([]))
    assert matched.mask("not price > 3", 2).tolist() == [False, False]


def test_a_mask_is_worked_out_once():
    """The same array is given until the items change."""
    matched = Matched(ItemTable.blank(3))
    first = matched.mask("price > 3", 3)
    assert matched.mask("price > 3", 3) is first
