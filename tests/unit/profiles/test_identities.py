"""Identities lead to a person by a keyed hash; values and app's ids are sealed."""

import pytest

from knowingly import HoldError, InputError, UnknownSubjectError

NOTICE = "2026-01/en"


@pytest.fixture
def people(shop):
    for person in ("ada", "bob"):
        shop.consent.refuse(person, notice=NOTICE)
    return shop


def test_a_person_is_found_by_what_was_linked(people):
    """By the app's id, whatever they allow: an identity has no purpose but to find."""
    people.profiles.link("ada", "email", "Ada@Example.ORG")
    people.profiles.link("ada", "phone", "+44 20 7946-0000")
    people.profiles.link("ada", "customer_id", "C-17")
    assert people.profiles.find("email", " Ada@example.org ") == "ada"
    assert people.profiles.find("phone", "+44 (20) 7946.0000") == "ada"
    assert people.profiles.find("customer_id", "C-17") == "ada"
    assert people.profiles.find("customer_id", "c-17") is None


def test_only_what_is_surely_the_same_is_made_alike(people):
    """The part before the @ keeps its case: two mailboxes may differ in it alone."""
    people.profiles.link("ada", "email", "ada@example.org")
    people.profiles.link("bob", "email", "ADA@example.org")
    assert people.profiles.find("email", "ada@EXAMPLE.org") == "ada"
    assert people.profiles.find("email", "ADA@EXAMPLE.org") == "bob"


def test_kinds_do_not_meet(people):
    """The same text as another kind is another identity."""
    people.profiles.link("ada", "email", "x@y.zz")
    assert people.profiles.find("customer_id", "x@y.zz") is None


def test_an_identity_has_one_person(people):
    """In a tenant; another tenant's is another."""
    people.profiles.link("ada", "email", "zqx@example.org")
    people.profiles.link("ada", "email", "zqx@example.org")
    with pytest.raises(InputError, match="email: expected one that is not linked") as caught:
        people.profiles.link("bob", "email", "zqx@example.org")
    assert "zqx" not in str(caught.value)
    acme = people.tenant("acme")
    acme.consent.refuse("eve", notice=NOTICE)
    assert acme.profiles.find("email", "zqx@example.org") is None
    acme.profiles.link("eve", "email", "zqx@example.org")
    assert people.profiles.find("email", "zqx@example.org") == "ada"


def test_unlink_takes_only_ones_own(people):
    """And then the value is free."""
    people.profiles.link("ada", "email", "a@b.cc")
    assert not people.profiles.unlink("bob", "email", "a@b.cc")
    assert people.profiles.unlink("ada", "email", "a@b.cc")
    assert not people.profiles.unlink("ada", "email", "a@b.cc")
    people.profiles.link("bob", "email", "a@b.cc")
    people.rights.hold("bob", reason="x")
    with pytest.raises(HoldError):
        people.profiles.unlink("bob", "email", "a@b.cc")


def test_each_act_is_an_entry_without_a_value(people):
    """Looking somebody up is a staff read, found or not."""
    size = people.audit.verify().size
    people.profiles.link("ada", "email", "zqx@b.cc")
    people.profiles.find("email", "zqx@b.cc")
    people.profiles.find("email", "none@b.cc")
    people.profiles.unlink("ada", "email", "zqx@b.cc")
    entries = people.audit.entries(since=size)
    kinds = ["identity.linked", "read.identity", "read.identity", "identity.unlinked"]
    assert [one.kind for one in entries] == kinds
    assert all(dict(one.facts) == {"identity": "email"} for one in entries)


def test_an_erased_person_is_not_found(people):
    """The row goes with the person."""
    people.profiles.link("ada", "email", "a@b.cc")
    assert people.rights.erase("ada").statement["removed"]["identities"] == 1
    assert people.profiles.find("email", "a@b.cc") is None
    with pytest.raises(UnknownSubjectError):
        people.profiles.link("ada", "email", "a@b.cc")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("zqx", "a", "one of customer_id, email, phone"),
        (3, "a", "one of customer_id, email, phone"),
        ("email", "zqx", "name@example.org"),
        ("email", "zqx@", "name@example.org"),
        ("email", "z qx@b.cc", "name@example.org"),
        ("email", "zqx@a@b.cc", "name@example.org"),
        ("email", "zqx\x00@b.cc", "name@example.org"),
        ("email", "zqx" * 200 + "@b.cc", "at most 320"),
        ("email", None, "at most 320"),
        ("phone", "020 7946 0000", "with its country"),
        ("phone", "+zqx", "with its country"),
        ("customer_id", "zqx\n", "expected"),
    ],
)
def test_a_bad_identity_is_refused_and_not_repeated(people, kind, value, expected):
    """With what was expected."""
    for call in (
        lambda: people.profiles.link("ada", kind, value),
        lambda: people.profiles.find(kind, value),
        lambda: people.profiles.unlink("ada", kind, value),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert expected in str(caught.value)
        assert "zqx" not in str(caught.value)
