"""Who acts through a shop is on every entry made, sealed; nobody else learns it."""

import json

import pytest

import knowingly
from knowingly.domain.actor import ACTOR
from knowingly.errors import InputError, SealError
from knowingly.ledger import log
from knowingly.store.schema import ledger_details

DPO = "zqxdpo@shop.example"
NOTICE = "2026-01/en"


def details(shop, index):
    """The details of an entry, opened with the tenant's key or the person's."""
    with shop._tenancy.read() as snapshot:
        one = (ledger_details.c.tenant == snapshot.tenant, ledger_details.c.idx == index)
        row = snapshot.connection.execute(ledger_details.select().where(*one)).one()
        keys = snapshot.connection.exec_driver_sql("SELECT key_id FROM subjects").scalars().all()
    keyring = shop._tenancy.keyring
    for cipher in (keyring.operator, *map(keyring.cipher, keys)):
        try:
            plain = cipher.open(log.DETAILS, log.row_name(index), row.body)
        except SealError:
            continue
        return json.loads(plain[log.SECRET_BYTES :])
    raise AssertionError("nobody's key opens it")


def last(shop):
    return shop.audit.entries(since=shop.audit.verify().size - 1)[0]


@pytest.fixture
def known(shop, agree):
    agree(shop, "ada")
    return shop


ACTS = {
    "consent.withdraw": lambda shop: shop.consent.withdraw("ada"),
    "consent.restrict": lambda shop: shop.rights.restrict("ada"),
    "read.export": lambda shop: shop.rights.export("ada"),
    "read.view": lambda shop: shop.audit.note_read("view", "ada"),
    "read.explain": lambda shop: shop.consent.explain(shop.recommend("ada").decision),
    "hold.placed": lambda shop: shop.rights.hold("ada", reason="a dispute"),
    "subject.resealed": lambda shop: shop.keys.reseal("ada"),
    "erasure.done": lambda shop: shop.rights.erase("ada"),
    "keys.rotated": lambda shop: shop.keys.rotate(),
}


@pytest.mark.parametrize("kind", list(ACTS))
def test_an_act_says_who_did_it(known, house, kind):
    """In its sealed details; no file of the shop holds the name in clear."""
    ACTS[kind](known.acting_as(DPO))
    entry = last(known)
    assert entry.kind == kind
    assert details(known, entry.index)[ACTOR] == {"kind": "operator", "id": DPO}
    assert DPO not in repr(entry)
    assert not [name for name, held in house.place.files().items() if DPO.encode() in held]


def test_without_a_name_it_is_staff_or_the_system(known):
    """Nobody is made up, and least of all the user of the machine."""
    known.rights.export("ada")
    assert details(known, last(known).index) == {"by": "staff"}
    known.rights.erase("ada")
    assert details(known, last(known).index) == {"by": "system"}


def test_a_view_shares_the_shop(known):
    """Rooms, counters and plugins are the same; the plain shop stays as it was."""
    view = known.acting_as("mia", kind="agent")
    assert repr(view) == repr(known)
    assert view.plugins is known.plugins
    view.recommend("ada")
    assert known.stats()["pages"] == view.stats()["pages"]
    assert view.tenant("acme").acting_as("x")._tenancy.actor.id == "x"
    assert view.tenant("acme")._tenancy.actor.id == "mia"
    known.rights.export("ada")
    assert ACTOR not in details(known, last(known).index)


def test_the_person_learns_what_was_done_and_not_by_which_employee(known):
    """The export has the kind of who acted, and no name."""
    known.acting_as(DPO).audit.note_read("view", "ada")
    told = known.rights.export("ada")
    entry = next(one for one in told["ledger_details"] if one["kind"] == "read.view")
    assert entry["details"] == {"by": "staff", ACTOR: {"kind": "operator"}}
    assert DPO not in json.dumps(told)


@pytest.mark.parametrize(
    ("name", "kind", "field"),
    [
        ("", "operator", "actor"),
        (" zqx", "operator", "actor"),
        ("z" * 201, "operator", "actor"),
        (7, "operator", "actor"),
        ("zqx", "zqxking", "kind"),
    ],
)
def test_a_bad_actor_is_refused_unrepeated(shop, name, kind, field):
    """The message says which of the two is wrong."""
    with pytest.raises(InputError, match="expected") as caught:
        shop.acting_as(name, kind=kind)
    assert caught.value.field == field
    assert "zqx" not in str(caught.value)


def test_the_actor_keeps_its_name_to_itself(known):
    """Neither the view nor an error in it repeats the name."""
    view = known.acting_as(DPO)
    assert "zqx" not in f"{view!r} {view} {view._tenancy!r} {view._tenancy.actor!r}"
    assert "zqx" not in str(view._tenancy.actor)
    with pytest.raises(knowingly.UnknownSubjectError) as caught:
        view.rights.export("nobody")
    assert "zqx" not in f"{caught.value!r} {caught.value} {vars(caught.value)}"
