"""Lines of keys in a TOML text."""

import tomllib

import pytest

from knowingly.policy import default_policy_text
from knowingly.policy.lines import KeyLines

TEXT = '''\
# [no] table
top = 1
a.b . "c d" = [
  "]", # ] not yet
  [1, 2],
]
[t.u]   # a header
x = """
[t.u.v]
y = 1 \\""" still
"""
z = { p = 1, q = "=" }
[[rows]]
k = 'one = "'
[rows.sub]
m = 1
[[rows]]
k = 2.5'''


@pytest.mark.parametrize(
    ("loc", "line"),
    [
        ((), 1),
        (("no",), 1),
        (("top",), 2),
        (("a", "b", "c d"), 3),
        (("a", "b", "c d", 1, 0), 3),
        (("t", "u"), 7),
        (("t", "u", "x"), 8),
        (("t", "u", "v"), 7),
        (("t", "u", "z", "q"), 12),
        (("rows", 0), 13),
        (("rows", 0, "k"), 14),
        (("rows", 0, "sub", "m"), 16),
        (("rows", 1), 17),
        (("rows", 1, "k"), 18),
        (("rows", 1, "sub", "m"), 17),
    ],
)
def test_a_key_is_found_on_its_line(loc, line):
    assert KeyLines(TEXT).of(loc) == line


def test_what_a_list_holds_is_not_taken_for_keys_or_tables():
    assert KeyLines('[t]\na = [\n"x",\n["y"],\n]\nb = 1\n').of(("t", "b")) == 6


def test_every_key_of_the_shipped_file_is_found_where_it_is_written():
    text = default_policy_text()
    written, lines = text.splitlines(), KeyLines(text)

    def walk(loc, value):
        if isinstance(value, dict):
            for key, inner in value.items():
                assert key in written[lines.of((*loc, key)) - 1]
                walk((*loc, key), inner)

    walk((), tomllib.loads(text))
