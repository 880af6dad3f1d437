"""A hold keeps, a restriction keeps unused; neither lets anybody read."""

import pytest

from knowingly import HoldError, InputError, UnknownSubjectError

NOTICE = "2026-01/en"


@pytest.fixture
def kept(shop, agree, clock):
    """A person with an event, under a hold."""
    shop.items.upsert([{"id": "tea"}])
    agree(shop, "ada")
    clock.forward(minutes=1)
    shop.track("ada", "view", "tea")
    shop.rights.hold("ada", reason="zqx against the shop")
    clock.forward(minutes=1)
    return shop


def test_a_held_person_is_not_erased(kept):
    """A clear error, and nothing is begun; after the release it goes through."""
    size = kept.audit.verify().size
    with pytest.raises(HoldError, match="release it first") as caught:
        kept.rights.erase("ada")
    assert "zqx" not in str(caught.value)
    assert kept.audit.verify().size == size
    assert kept.knows("ada")
    kept.rights.release_hold("ada")
    assert kept.rights.erase("ada").statement["removed"]["events"] == 1


def test_a_hold_grants_nothing(kept):
    """After a withdrawal the data is there and nobody reads it."""
    kept.consent.withdraw("ada")
    done = kept.maintain(skip=["train", "release"])
    assert (done.events_deleted, done.people_held) == (0, 1)
    for purpose in kept.policy.purposes:
        view = kept.profiles.view("ada", purpose)
        assert (view.events, view.withheld) == ((), {"no_purpose": 1})
    assert kept.recommend("ada").basis == "catalog"
    assert len(kept.rights.export("ada")["events"]) == 1
    kept.rights.release_hold("ada")
    assert kept.maintain(skip=["train", "release"]).events_deleted == 1


def test_retention_leaves_held_people_whole_and_counts_them(kept, clock):
    """They lose purposes, and no row; they are not counted as late."""
    clock.forward(days=2_000)
    done = kept.retain(apply=True)
    assert (done.deleted, done.held, done.late) == ({}, 1, 0)
    assert len(kept.rights.export("ada")["events"]) == 1


def test_a_hold_is_on_record_without_its_reason(kept):
    """The reason is sealed; the log says that there was one, and when it ended."""
    kept.rights.release_hold("ada")
    kinds = [one.kind for one in kept.audit.entries()]
    assert kinds[-2:] == ["hold.placed", "hold.released"]
    assert all("zqx" not in str(one) for one in kept.audit.entries())
    kept._files.data.truncate()
    assert b"against the shop" not in b"".join(path.read_bytes() for path in _files(kept))


def _files(shop):
    from pathlib import Path  # noqa: PLC0415

    return Path(shop._files.data.url.database).parent.glob("shop.db*")


def test_one_hold_at_a_time(kept):
    """A second is refused, and so is the release of none."""
    with pytest.raises(HoldError, match="in force already"):
        kept.rights.hold("ada", reason="again")
    kept.rights.release_hold("ada")
    with pytest.raises(HoldError, match="no legal hold"):
        kept.rights.release_hold("ada")


@pytest.mark.parametrize("reason", ["", " ", "x" * 1_001, None])
def test_a_reason_is_needed(kept, reason):
    with pytest.raises(InputError, match="reason"):
        kept.rights.hold("ada", reason=reason)


def test_nobody_unknown_is_held_or_restricted(kept):
    """A restriction of a stranger would open a person."""
    for call in (
        lambda: kept.rights.hold("zelda", reason="x"),
        lambda: kept.rights.release_hold("zelda"),
        lambda: kept.rights.restrict("zelda"),
        lambda: kept.rights.lift_restriction("zelda"),
        lambda: kept.tenant("acme").rights.restrict("ada"),
    ):
        with pytest.raises(UnknownSubjectError):
            call()
    assert not kept.knows("zelda")


def test_a_restriction_keeps_and_does_not_use(kept, clock):
    """Lifted, the data is as it was; the log has both."""
    receipt = kept.rights.restrict("ada")
    assert receipt.action == "restrict"
    clock.forward(minutes=1)
    view = kept.profiles.view("ada", "personalize")
    assert (view.events, view.decision.reason) == ((), "restricted")
    assert view.withheld == {"restricted": 1}
    assert kept.track("ada", "view", "tea").dropped == {"restricted": 1}
    kept.rights.lift_restriction("ada")
    assert len(kept.profiles.view("ada", "personalize").events) == 1
    kinds = [one.kind for one in kept.audit.entries()]
    assert kinds[-2:] == ["consent.restrict", "consent.unrestrict"]
