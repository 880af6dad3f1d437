"""Whatever was chosen in whatever order, the log still gives every answer that was given."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import knowingly
from houses import House
from knowingly import ConsentStatus, Decision
from knowingly.errors import KnowinglyError

NOTICE = "2026-01/en"
PURPOSES = ("train", "measure")
PEOPLE = ("ann", "bob")
DEVICES = (None, "phone")
VALID_DAYS = 30
NOT_ERASED = datetime.min.replace(tzinfo=UTC)

people = st.sampled_from(PEOPLE)
purposes = st.sets(st.sampled_from(PURPOSES), min_size=1).map(sorted)
devices = st.sampled_from((None, None, "phone"))
OPERATIONS = st.one_of(
    st.tuples(
        st.sampled_from(["grant", "refuse", "withdraw", "object"]),
        people,
        purposes,
        devices,
        st.sampled_from((0, 0, 0, 90, 60 * 24 * 3)),
    ),
    st.tuples(st.sampled_from(["restrict", "lift_restriction", "erase"]), people),
    st.tuples(st.just("wait"), st.integers(1, 40)),
)


@dataclass
class Told:
    """What was answered when, and who was erased when."""

    answers: list[tuple[datetime, str, str | None, dict[str, Decision]]] = field(
        default_factory=list
    )
    erased: dict[str, datetime] = field(default_factory=dict)


slowly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
lives = given(st.lists(OPERATIONS, min_size=1, max_size=14))


@pytest.mark.only_sqlite("thirty lives here, six on a server, where each takes longer")
@settings(slowly, max_examples=30)
@lives
def test_the_log_gives_every_answer_again(build: Callable[..., House], operations):
    """``explain`` for a past moment is what ``status`` said at it."""
    live(build, operations)


@pytest.mark.only_postgresql
@settings(slowly, max_examples=6)
@lives
def test_the_log_gives_every_answer_again_on_a_server(build: Callable[..., House], operations):
    """The same, on PostgreSQL."""
    live(build, operations)


def live(build: Callable[..., House], operations: list[tuple]) -> None:
    """Live one life, noting every answer; then ask for all of them again."""
    with tempfile.TemporaryDirectory() as folder:
        house = build(Path(folder) / "house")
        for purpose in PURPOSES:
            house.with_purpose(purpose, valid_days=VALID_DAYS)
        shop, told = house.open(), Told()
        try:
            for operation in operations:
                house.clock.forward(minutes=1)
                _do(shop, house, told, *operation)
                house.clock.forward(minutes=1)
                _note(shop, house, told)
            house.clock.forward(days=400)
            for moment, person, device, said in told.answers:
                for purpose in PURPOSES:
                    again = shop.consent.explain(person, purpose, at=moment, device=device)
                    _same(again, said[purpose], moment, told.erased.get(person, NOT_ERASED))
        finally:
            house.remove()


def _do(shop: knowingly.Shop, house: House, told: Told, verb: str, *given_) -> None:
    if verb == "wait":
        house.clock.forward(days=given_[0])
    elif verb == "erase":
        if shop.knows(given_[0]):
            shop.rights.erase(given_[0])
            told.erased[given_[0]] = house.clock.now
    elif verb in {"restrict", "lift_restriction"}:
        if shop.knows(given_[0]):
            getattr(shop.rights, verb)(given_[0])
    else:
        person, named, device, minutes_ago = given_
        more = {"notice": NOTICE} if verb == "grant" else {}
        how = {"device": device, "at": house.clock.ago(minutes=minutes_ago), **more}
        try:
            getattr(shop.consent, verb)(person, named, **how)
        except KnowinglyError as error:
            assert getattr(error, "reason", "") == "erased"  # noqa: PT017 - dated before it


def _note(shop: knowingly.Shop, house: House, told: Told) -> None:
    for person in PEOPLE:
        for device in DEVICES:
            said = shop.consent.status(person, device=device)
            told.answers.append((house.clock.now, person, device, said))


def _same(again: knowingly.Explanation, said: Decision, moment: datetime, erased: datetime) -> None:
    if moment <= erased:
        assert (again.decision.allowed, again.decision.reason) == (False, "erased")
    elif again.decision.reason == "erased":
        assert (said.allowed, said.reason) == (False, "no_record")
    else:
        assert again.decision == said
    assert [one.index for one in again.entries] == list(again.decision.rests_on)
    given_ = {ConsentStatus.CONSENT_GIVEN, ConsentStatus.RENEWED_CONSENT_GIVEN}
    assert (again.status in given_) == again.decision.allowed
    assert again.at == moment
    assert all(one.at <= moment for one in again.entries)
