"""The page of the policy file says what the code says; run this file to write it anew."""

import ast
import inspect
import json
import typing
from functools import cache
from pathlib import Path

from pydantic.fields import FieldInfo

from knowingly.policy import Policy, cures, default_policy_text
from knowingly.policy.section import Section
from knowingly.policy.slots import STEP_KINDS, Blend, Slot

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "policy-file.md"
HEAD = """# The policy file

`policy.toml` says what the data of people may be used for, and how. `knowingly init` writes one
with every default in it, and comments. This page is made from the code that checks the file: each
key, what it may be, and what it is when left out. Unknown keys are refused. The file is UTF-8 text
of at most 1,000,000 bytes. [Change a purpose](../how-to/change-a-purpose.md) says what a change
means for people.

`knowingly policy check` tells every error with its line and what to write instead,
`knowingly policy show` what holds, and `knowingly policy diff` what a change means.

What a purpose lists under `data` is what people are told. It does not filter: an event is kept for
every purpose that its person allows, and a field of `[data]` for those that it names. The category
of a field counts as the purpose's, listed or not.

In a notice, `file` may stand in place of `text`: the path of UTF-8 text inside the folder of the
policy file. The words are part of the policy and of its digest, wherever they stand.
"""
HERE = {"data": "Its keys are on [a page of their own](fields.md).\n"}
AGES = """From which age people may agree by themselves (GDPR art. 8, COPPA). A line of your own
stands over the one that ships, and a line left out never lowers an age. Laws change: check them."""
PLACES = {"purposes": "purposes.<id>", "recipients": "recipients.<id>", "slots": "slots.<name>"}


def page() -> str:
    """The page, in Markdown."""
    parts = [HEAD]
    for name, field in Policy.model_fields.items():
        head, section, loc = _place(name, field)
        parts.append(f"## `{head}`\n")
        if name in HERE:
            parts.append(f"{_first_line(section)}\n\n{HERE[name]}")
        elif section is None:
            parts.append(f"{AGES}\n\n{_ages(field)}\n")
        else:
            parts.append(f"{_first_line(section)}\n\n{_table(section, loc)}\n")
    return "\n".join(parts)


def _place(name: str, field: FieldInfo) -> tuple[str, type[Section] | None, tuple[str | int, ...]]:
    """A heading, the section behind it, and where a key of it stands."""
    section = _section(field.annotation)
    if name == "notices":
        return f"[[{name}]]", section, (name, 0)
    if typing.get_origin(field.annotation) is dict:
        return f"[{PLACES.get(name, f'{name}.<field>' if section else name)}]", section, (name, "x")
    return f"[{name}]", section, (name,)


def _section(annotation: object) -> type[Section] | None:
    """The section that a value is, or that its values are."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    found = map(_section, typing.get_args(annotation))
    return next((one for one in found if one is not None), None)


def _first_line(section: type[Section]) -> str:
    return (section.__doc__ or "").partition("\n\n")[0].replace("\n    ", " ").replace("``", "`")


def _table(section: type[Section], loc: tuple[str | int, ...]) -> str:
    rows = ["| key | may be | left out | means |", "|---|---|---|---|"]
    for key, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            for sub, subfield in inner.model_fields.items():
                rows.append(_row(f"{key}.{sub}", subfield, (*loc, key, sub), _meanings(inner)[sub]))
        else:
            rows.append(_row(key, field, (*loc, key), _meanings(section)[key]))
            rows += _tables_inside(section, key, field, (*loc, key))
    return "\n".join(rows)


def _tables_inside(
    section: type[Section], key: str, field: FieldInfo, loc: tuple[str | int, ...]
) -> list[str]:
    """The keys of a table that stands in the place of a value, or in a list of them."""
    inner = _section(field.annotation) if section is Slot else None
    if inner is None:
        return []
    path, name = loc, f"{key}.{{}}"
    if typing.get_origin(field.annotation) is tuple:
        path, name = (*loc, 0), f"{key}[].{{}}"
    path = (*path, STEP_KINDS[1]) if inner is Blend else path
    return [
        _row(name.format(sub), subfield, (*path, sub), _meanings(inner)[sub])
        for sub, subfield in inner.model_fields.items()
    ]


def _row(key: str, field: FieldInfo, loc: tuple[str | int, ...], means: str) -> str:
    schema = cures._schema_at(loc)
    expected = cures._expected(schema)
    if schema.get("items"):
        expected += f"; each {cures._expected(cures._schema_at((*loc, 0)))}"
    cells = (f"`{key}`", expected, _default(field), means)
    return f"| {' | '.join(cell.replace('|', 'or') for cell in cells)} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be there"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "not set"
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value)}`"


def _ages(field: FieldInfo) -> str:
    rows = ["| key | may be | left out |", "|---|---|---|"]
    ages = field.get_default(call_default_factory=True)
    expected = cures._expected(cures._schema_at(("age", "default")))
    rows += [f"| `{key}` | {expected} | `{years}` |" for key, years in ages.items()]
    others = (
        "| another jurisdiction, such as `PT` or `US-CA` | {} | that of its country, or `default` |"
    )
    return "\n".join([*rows, others.format(expected)])


@cache
def _meanings(section: type[Section]) -> dict[str, str]:
    """What stands in quotes under each key of a section's class."""
    [body] = ast.parse(inspect.getsource(section)).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for key, words in zip(body.body, body.body[1:], strict=False):
        if isinstance(key, ast.AnnAssign) and isinstance(words, ast.Expr):
            found[ast.unparse(key.target)] = " ".join(
                ast.literal_eval(words.value).replace("``", "`").split()
            )
    return found


def test_the_page_is_what_the_code_says():
    """Nobody has to remember to update it."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_section_of_the_file_is_on_the_page():
    text = page()
    for line in default_policy_text().splitlines():
        if line.startswith("["):
            name = line.strip("[").partition("]")[0].partition(".")[0]
            assert f"[{name}" in text, line


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
