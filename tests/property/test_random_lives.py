"""Random lives of small shops: after each one the log is whole and every model equals a refit.

A dozen of them; with ``KNOWINGLY_LONG=1``, or by ``tox run -e soak``, ten times as many.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from houses import House
from known import PURPOSES
from living import GUESTS, ITEMS, MINUTE, PEOPLE, Life

KINDS = ("view", "purchase", "return", "hide", "like")

people = st.sampled_from(PEOPLE)
purposes = st.sets(st.sampled_from(PURPOSES), min_size=1).map(sorted)
lines = st.lists(st.tuples(st.sampled_from(ITEMS), st.integers(1, 3)), max_size=3)
some_lines = lines.filter(bool)
which = st.integers(0, 2)
"""An order, counted from the last one that was placed."""
OPERATIONS = st.one_of(
    st.tuples(st.just("grant"), people, purposes),
    st.tuples(st.sampled_from(["refuse", "withdraw", "object"]), people, purposes),
    st.tuples(
        st.just("track"),
        people,
        st.sampled_from(KINDS),
        st.sampled_from(ITEMS),
        st.integers(0, 90),
    ),
    st.tuples(st.just("order"), people, some_lines, st.sampled_from([0, 0, 20])),
    st.tuples(st.just("amend"), which, lines, st.booleans()),
    st.tuples(
        st.just("undo"),
        which,
        st.sampled_from(["return", "cancel"]),
        st.sampled_from([*ITEMS, None]),
        st.integers(1, 3),
    ),
    st.tuples(st.just("again"), st.integers(0, 5)),
    st.tuples(st.sampled_from(["erase", "reseal"]), people),
    st.tuples(st.just("wait"), st.integers(1, 70)),
    st.tuples(st.sampled_from(["train", "maintain", "upkeep", "reopen", "rotate"])),
    st.tuples(st.sampled_from(["rollback", "rollback", "train", "save", "restore"])),
    st.tuples(st.just("visit"), st.sampled_from(GUESTS), st.sampled_from(ITEMS)),
    st.tuples(st.just("merge"), st.sampled_from(GUESTS)),
    st.tuples(
        st.just("crash"),
        st.one_of(
            st.tuples(st.just("train")),
            st.tuples(st.just("erase"), people),
            st.tuples(st.just("withdraw"), people, purposes),
            st.tuples(
                st.just("track"), people, st.just("hide"), st.sampled_from(ITEMS), st.just(0)
            ),
            st.tuples(st.just("merge"), st.sampled_from(GUESTS)),
            st.tuples(st.sampled_from(["upkeep", "rollback"])),
        ),
    ),
)

OF_ORDERS = [
    ("grant", "ann", list(PURPOSES)),
    ("grant", "bob", list(PURPOSES)),
    ("save",),
    ("order", "ann", [("cup", 1), ("pot", 2)], 0),
    ("order", "bob", [("cup", 2), ("tin", 1)], 0),
    ("train",),
    ("withdraw", "ann", ["train"]),
    ("restore",),
    ("again", 0),
    ("again", 2),
    ("train",),
    ("save",),
    ("erase", "bob"),
    ("restore",),
    ("again", 1),
    ("amend", 1, [("pot", 1), ("tin", 3)], False),
    ("amend", 1, [("cup", 1), ("tin", 1)], True),
    ("train",),
    ("undo", 1, "cancel", "tin", 2),
    ("undo", 1, "return", "tin", 1),
    ("train",),
    ("rollback",),
    ("crash", ("erase", "ann")),
    ("amend", 1, [], False),
    ("train",),
]
"""What chance seldom does: orders that are lost with a backup, sent again, amended and undone."""

OF_UNDOING = [
    ("grant", "ann", list(PURPOSES)),
    ("grant", "bob", list(PURPOSES)),
    ("track", "bob", "view", "tin", 0),
    ("order", "ann", [("cup", 1), ("pot", 2)], 0),
    ("order", "bob", [("cup", 2), ("tin", 1)], 0),
    ("train",),
    ("wait", 20),
    ("grant", "cay", list(PURPOSES)),
    ("order", "cay", [("cup", 2), ("pot", 1)], 0),
    ("train",),
    ("upkeep",),
    ("amend", 1, [("cup", 1), ("pot", 1)], False),
    ("crash", ("track", "bob", "hide", "cup", 0)),
    ("track", "bob", "hide", "cup", 0),
    ("undo", 0, "return", "pot", 1),
    ("rollback",),
    ("undo", 2, "cancel", None, 1),
    ("wait", 50),
    ("crash", ("upkeep",)),
    ("upkeep",),
    ("crash", ("rollback",)),
    ("rollback",),
    ("wait", 20),
    ("upkeep",),
    ("visit", "eve", "cup"),
    ("merge", "eve"),
    ("visit", "fay", "pot"),
    ("crash", ("train",)),
    ("undo", 2, "return", "cup", 1),
    ("train",),
    ("crash", ("merge", "fay")),
    ("merge", "fay"),
]
"""What is undone or grows too old between trainings, and crashes where it is subtracted."""

TIMES = 10 if os.environ.get("KNOWINGLY_LONG") else 1
lives = given(st.lists(OPERATIONS, min_size=1, max_size=25))
slowly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.only_sqlite("twelve lives here, three on a server, where each takes longer")
@settings(slowly, max_examples=12 * TIMES)
@lives
@example(OF_ORDERS)
@example(OF_UNDOING)
def test_any_life_keeps_the_laws(build: Callable[..., House], operations):
    """Whatever happens in whatever order, consent, forgetting and the log hold."""
    live(build, operations)


@pytest.mark.only_postgresql
@settings(slowly, max_examples=3 * TIMES)
@lives
@example(OF_ORDERS)
@example(OF_UNDOING)
def test_any_life_keeps_the_laws_on_a_server(build: Callable[..., House], operations):
    """The same, on PostgreSQL."""
    live(build, operations)


def live(build: Callable[..., House], operations: list[tuple]) -> None:
    """Live one life, checking the laws after each step."""
    with tempfile.TemporaryDirectory() as folder:
        life = Life(build(Path(folder) / "house"))
        life.train()
        try:
            for operation in operations:
                life.run(operation)
                life.check()
            life.pass_time(MINUTE)
            life.maintain()
            life.pass_time(MINUTE)
            assert not life.is_due
            life.check()
            assert not [one for one in life.shop.audit.unfounded() if one.found]
        finally:
            life.shop.close()
            life.house.remove()
