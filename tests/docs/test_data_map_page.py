"""The data map's page says what the data map says; run this file to write it anew."""

from itertools import groupby
from pathlib import Path

from knowingly.policy import DataField
from knowingly.profiles.datamap import FIELDS, TABLES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "data-map.md"
HEAD = """# The data map

Every column that is stored, in which form, and what becomes of it. Export, erasure and this page
are driven by one table in the code; a column that is missing from it fails the build.

*Sealed* values about a person open only with that person's own key, others with the shop's. A
*keyed hash* finds a row without saying whose it is. What stays *in clear* of a person says why in
its row; of all other columns, the sentence above the table does.
"""


def page() -> str:
    """The page, in Markdown."""
    parts = [HEAD]
    for table, fields in groupby(FIELDS, key=lambda field: field.table):
        parts.append(f"## {table}\n\n{TABLES[table]}\n")
        parts.append("| column | form | about a person | exported | erasure | why |")
        parts.append("|---|---|---|---|---|---|")
        parts += [
            f"| {field.column} | {field.form} | {'yes' if field.personal else ''} | "
            f"{'yes' if field.exported else ''} | {field.erase if field.personal else ''} | "
            f"{field.note} |"
            for field in fields
        ]
        parts.append("")
    return "\n".join(parts)


def test_the_page_is_the_data_map():
    """Nobody has to remember to update it."""
    assert PAGE.read_text() == page()


def test_every_table_says_what_it_is_for_and_every_clear_value_of_a_person_why():
    """So that nothing stays in clear without a reason."""
    assert list(TABLES) == list(dict.fromkeys(field.table for field in FIELDS))
    silent = [one for one in FIELDS if one.personal and one.form == "clear" and not one.note]
    assert silent == []


def test_the_page_of_fields_has_every_key_of_a_field():
    """With what it is when left out, in the words of the code."""
    text = (PAGE.parent / "fields.md").read_text()
    for key in DataField.model_fields:
        assert f"| `{key}` |" in text, key


if __name__ == "__main__":
    PAGE.write_text(page())
