"""Expressions are read by a parser of their own, and what is wrong with one is said with a cure."""

import pytest
from pydantic_core import PydanticCustomError

from knowingly.policy.expression import All, Comparison, Either, Field, Not, parse

PRICE, TAGS, BRAND = Field("price"), Field("tags"), Field("brand")
CHEAP, VEGAN, ACME = (
    Comparison(PRICE, "<=", 30.0),
    Comparison(TAGS, "has", "vegan"),
    Comparison(BRAND, "==", "Acme"),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("price <= 30", CHEAP),
        ("price<=30.0", CHEAP),
        ("'vegan' in tags", VEGAN),
        ('"a\\"b" in tags', Comparison(TAGS, "has", 'a"b')),
        ('"vegan" not in tags', Not(VEGAN)),
        ('brand != "Acme"', Not(ACME)),
        ('brand in ["Acme", "Bolt"]', Either((ACME, Comparison(BRAND, "==", "Bolt")))),
        ('brand not in ["Acme"]', Not(ACME)),
        ("price > -1.5", Comparison(PRICE, ">", -1.5)),
        ("attributes.size == 3", Comparison(Field("attributes", "size"), "==", 3.0)),
        ("attributes.in == true", Comparison(Field("attributes", "in"), "==", True)),
        ('attributes["net weight"] > 3', Comparison(Field("attributes", "net weight"), ">", 3.0)),
        ("not price <= 30", Not(CHEAP)),
        ("not not price <= 30", Not(Not(CHEAP))),
        (
            'price <= 30 or "vegan" in tags and not brand == "Acme"',
            Either((CHEAP, All((VEGAN, Not(ACME))))),
        ),
        (
            '(price <= 30 or "vegan" in tags) and brand == "Acme"',
            All((Either((CHEAP, VEGAN)), ACME)),
        ),
    ],
)
def test_an_expression_is_read_by_precedence(text, expected):
    """``or`` binds less than ``and``, and that less than ``not``."""
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "column 1 of the expression: expected a field of an item: price, brand"),
        ("price = 30", "column 7 of the expression: write == to compare"),
        ("price", "compare it with a value"),
        ("price <=", "column 9 of the expression: expected a value, such as 30"),
        (
            'price <= "30"',
            "column 10 of the expression: price is a number: write it without quotes",
        ),
        ("10 < price", "a comparison begins with its field"),
        ("10 in tags", "text can be in categories or tags"),
        ('"a" in brand', "text can be in categories or tags"),
        ("price > 10 < 30", "one comparison at a time"),
        ("price > 10 price", "expected 'and', 'or' or the end"),
        ('tags == "vegan"', 'tags is a list: write "…" in tags'),
        ("tags", 'tags is a list: write "…" in tags'),
        ('tags in ["a"]', "expected a list, such as brand in"),
        ('brand in "a"', "expected a list, such as brand in"),
        ("brand in []", "expected a value"),
        ('brand in ["a" "b"]', "expected ]"),
        ("brand == 3", "brand is text: write brand =="),
        ('brand < "b"', "brand is text: write brand =="),
        ('attributes.size < "b"', "< compares numbers"),
        ("attributes.size < true", "< compares numbers"),
        ("attributes == 3", "expected ."),
        ("attributes. == 3", "name the attribute"),
        ("attributes[3] == 3", "name the attribute"),
        ('attributes["a" == 3', "expected ]"),
        ("(price > 3", "expected )"),
        ("price > 3)", "expected 'and', 'or' or the end"),
        ('brand == "Ac', "this text has no closing quote"),
        ("price > 3; drop", "this character means nothing here"),
        ("__import__('os')", "expected a field of an item"),
        ("price.real > 3", "compare it with a value"),
        ("id == 3", "expected a field of an item"),
        ("price > " + "9" * 400, "the number is too large"),
        ("(" * 21 + "price > 3" + ")" * 21, "nested more than 20 deep"),
        ("not " * 21 + "price > 3", "nested more than 20 deep"),
        ("price > 3 or " * 80 + "price > 3", "longer than 1000 characters"),
    ],
)
def test_what_is_no_expression_is_refused_with_a_cure(text, what):
    """It says in which column, and what to write instead."""
    with pytest.raises(PydanticCustomError) as caught:
        parse(text)
    assert what in str(caught.value)


def test_depth_ends_where_a_bracket_closes():
    """Many brackets side by side are not deep."""
    assert parse(" and ".join(["(price > 3)"] * 30))
