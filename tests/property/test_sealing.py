"""What is sealed opens where it was sealed, and nowhere else, with one message for everything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowingly.errors import SealError
from knowingly.vault.seal import Cipher, place

MESSAGE = "a sealed value does not open"
keys = st.binary(min_size=32, max_size=32)
names = st.text("ab", max_size=3)
rows = st.binary(max_size=5)
plains = st.binary(max_size=60)


def refused(cipher, table, row, sealed):
    with pytest.raises(SealError) as caught:
        cipher.open(table, row, sealed)
    assert str(caught.value) == MESSAGE
    with pytest.raises(SealError) as caught:
        cipher.open_all(table, [(row, sealed)])
    assert str(caught.value) == MESSAGE
    assert caught.value.__cause__ is None


@given(keys, names, rows, plains)
def test_what_was_sealed_opens_in_its_place(key, table, row, plain):
    """Alone or among others, and never twice as the same bytes."""
    cipher = Cipher(key, tenant="t", key_id=b"k")
    sealed, again = cipher.seal(table, row, plain), cipher.seal(table, row, plain)
    assert cipher.open(table, row, sealed) == plain
    assert cipher.open_all(table, [(row, sealed), (row, again)]) == [plain, plain]
    assert sealed != again
    assert len(plain) < 8 or plain not in sealed


@given(keys, keys, st.tuples(names, names), st.tuples(names, names), st.tuples(rows, rows))
def test_a_sealed_value_cannot_be_moved(key, other, tenants, tables, row):
    """Another key, key id, tenant, table or row, however the parts are cut."""
    at_home = Cipher(key, tenant=tenants[0], key_id=b"k")
    sealed = at_home.seal(tables[0], row[0], b"plain")
    if key != other:
        refused(Cipher(other, tenant=tenants[0], key_id=b"k"), tables[0], row[0], sealed)
    refused(Cipher(key, tenant=tenants[0], key_id=b"kk"), tables[0], row[0], sealed)
    if tenants[0] != tenants[1]:
        refused(Cipher(key, tenant=tenants[1], key_id=b"k"), tables[0], row[0], sealed)
    if (tables[0], row[0]) != (tables[1], row[1]):
        refused(at_home, tables[1], row[1], sealed)


@given(keys, plains, st.data())
def test_changed_bytes_do_not_open(key, plain, data):
    """Any one byte changed, any shorter or longer value, and another version."""
    cipher = Cipher(key, tenant="t", key_id=b"k")
    sealed = cipher.seal("events", b"row", plain)
    at = data.draw(st.integers(0, len(sealed) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = sealed[:at] + bytes([sealed[at] ^ flip]) + sealed[at + 1 :]
    refused(cipher, "events", b"row", changed)
    refused(cipher, "events", b"row", sealed[:at])
    refused(cipher, "events", b"row", sealed + b"\0")
    refused(Cipher(key, tenant="t", key_id=b"k", version=2), "events", b"row", sealed)


@given(st.lists(rows, max_size=4), st.lists(rows, max_size=4))
def test_two_lists_of_parts_never_join_to_the_same_bytes(one, other):
    """Each part has its length in front."""
    assert (place(*one) == place(*other)) == (one == other)


def test_places_with_the_same_letters_are_different_places():
    """Where one part ends and the next begins is sealed too."""
    header = "\x01\x00\x01"
    places = [
        ("ab", b"c", "d", b""),
        ("a", b"bc", "d", b""),
        ("a", b"b", "cd", b""),
        ("ab", b"c", f"d{header}", b""),
        ("ab", b"c", "d", header.encode()),
    ]
    for home in places:
        tenant, key_id, table, row = home
        sealed = Cipher(b"k" * 32, tenant=tenant, key_id=key_id).seal(table, row, b"plain")
        for tenant, key_id, table, row in places:
            cipher = Cipher(b"k" * 32, tenant=tenant, key_id=key_id)
            if (tenant, key_id, table, row) == home:
                assert cipher.open(table, row, sealed) == b"plain"
            else:
                refused(cipher, table, row, sealed)
