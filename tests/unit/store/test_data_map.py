"""Law 6: one map of every column drives export, erasure and retention."""

import pytest

from knowingly.governance.export import SECTIONS
from knowingly.profiles.datamap import FIELDS, tables_to_erase, tables_to_export
from knowingly.store import key_schema, schema

COLUMNS = {
    (table.name, column.name)
    for metadata in (schema.metadata, key_schema.metadata)
    for table in metadata.tables.values()
    for column in table.columns
}
PERSONAL = {(field.table, field.column) for field in FIELDS if field.personal}


def test_the_map_has_every_column_once_and_nothing_else():
    """Of the data and of the key store."""
    mapped = [(field.table, field.column) for field in FIELDS]
    assert len(mapped) == len(set(mapped))
    assert set(mapped) == COLUMNS


def test_every_personal_column_is_exported_or_says_why_not():
    """And what is not personal is not exported."""
    exported = {(field.table, field.column) for field in FIELDS if field.exported}
    justified = {
        (field.table, field.column)
        for field in FIELDS
        if field.personal and not field.exported and field.note
    }
    assert exported | justified == PERSONAL
    assert not exported & justified


def test_every_personal_column_is_erased_or_says_why_it_stays():
    """The same set as above: export and erasure are symmetric."""
    erased = {(field.table, field.column) for field in FIELDS if field.erase == "deleted"}
    kept = {
        (field.table, field.column)
        for field in FIELDS
        if field.personal and field.erase == "kept" and field.note
    }
    assert erased | kept == PERSONAL
    assert not erased & kept
    assert {table for table, _ in kept} == {"tombstones", "claims", "notifications"}


def test_a_personal_column_in_clear_says_why():
    """Sealed is the rule."""
    for field in FIELDS:
        if field.personal and field.form == "clear":
            assert field.note, field


def test_every_table_with_a_persons_number_is_erased():
    """Erasures apart: it forgets the number when it is done (see the next test)."""
    with_subject = {name for name, table in schema.metadata.tables.items() if "subject" in table.c}
    assert with_subject - {"erasures"} == set(tables_to_erase())
    assert tables_to_erase()[-1] == "subjects"


def test_every_exported_table_has_a_section():
    """And no section is left over."""
    assert set(SECTIONS) == set(tables_to_export())


@pytest.fixture
def erased(tea):
    with tea._tenancy.read() as snapshot:
        lookup = tea._tenancy.keyring.lookup("t001")
        row = snapshot.connection.exec_driver_sql(
            "SELECT subject, key_id FROM subjects WHERE lookup=?", (lookup,)
        ).one()
    tea.consent.withdraw("t001", ["measure"])
    tea.rights.export("t001")
    certificate = tea.rights.erase("t001")
    return tea, row.subject, row.key_id, lookup, certificate


def test_no_row_of_an_erased_person_is_left(erased):
    """In any column called subject, key_id or lookup of either database, tombstones apart."""
    shop, subject, key_id, lookup, _ = erased
    names = {"subject": subject, "key_id": key_id, "lookup": lookup}
    for database, metadata in (
        (shop._files.data, schema.metadata),
        (shop._files.keys, key_schema.metadata),
    ):
        with database.reading() as connection:
            for table in metadata.tables.values():
                for column in names.keys() & set(table.c.keys()):
                    if table.name == "tombstones":
                        continue
                    found = connection.execute(
                        table.select().where(table.c[column] == names[column])
                    ).all()
                    assert not found, (table.name, column)


def test_the_certificate_counts_what_was_there(erased):
    """It names every table that was erased, and what is kept, why and until when."""
    _, _, _, _, certificate = erased
    removed = certificate.statement["removed"]
    assert set(removed) == {*tables_to_erase(), "subject_keys"}
    assert removed["subjects"] == removed["manifests"] == removed["subject_keys"] == 1
    assert removed["events"] > 0
    # A grant of three purposes, the withdrawal of one; an entry for each, and one for the export.
    assert (removed["consent_records"], removed["ledger_details"]) == (4, 3)
    assert all(kept["why"] and kept["until"] for kept in certificate.statement["kept"])
