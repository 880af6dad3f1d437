"""A rotation and a new key for one person, killed anywhere, are finished; others keep working."""

import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import Engine, Pool, event

from knowingly.vault import key_file, rewrap

PEOPLE = ("ada", "bob", "cas", "dan", "eve")


@pytest.fixture
def small(house, agree):
    """Five people in one tenant, one in another, two keys to a batch."""
    shop = house.open()
    shop.items.upsert([{"id": "tea"}])
    for person in PEOPLE:
        agree(shop, person)
        shop.track(person, "view", "tea", event_id="e1")
    agree(shop.tenant("acme"), "flo")
    house.close()
    return house


def arm(limit, monkeypatch):
    """Kill this process at a statement, a commit or a step with the key file; or count them."""
    seen = 0

    def point(*_args):
        nonlocal seen
        if seen == limit:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    for what, name in (
        *((Engine, "before_cursor_execute"), (Engine, "commit")),
        *((Pool, "checkout"), (Pool, "checkin")),
    ):
        event.listen(what, name, point)

    def pointed(real):
        def step(*args, **options):
            point()
            return real(*args, **options)

        return step

    for owner, name in (
        *((os, "fsync"), (os, "link"), (os, "open")),
        *((Path, "replace"), (Path, "unlink")),
    ):
        monkeypatch.setattr(owner, name, pointed(getattr(owner, name)))
    monkeypatch.setattr(rewrap, "KEYS_AT_ONCE", 2)
    return lambda: seen


VERBS = {
    "rotate": lambda shop: shop.keys.rotate(destroy_old=True),
    "reseal": lambda shop: shop.keys.reseal("ada"),
}


def killed(place, verb, limit, start):
    """Run a verb in a child that dies at a point; without one, how many points it passes."""
    child, wait, monkeypatch = start
    counted = place.folder / "points"

    def work():
        shop = place.open()
        points = arm(limit, monkeypatch)
        VERBS[verb](shop)
        counted.write_text(str(points()))
        os._exit(0)

    code = wait(child(work))
    assert code == (0 if limit is None else -signal.SIGKILL)
    if limit is not None:
        return limit
    passed = int(counted.read_text())
    counted.unlink()
    return passed


@pytest.fixture
def places(backend):
    """At how many of its points a verb is killed; each is a copy of two databases on a server."""
    return 1_000 if backend == "sqlite" else 15


def counted(small, tmp_path, verb, start):
    """How many points a verb passes."""
    place = small.copy(tmp_path / "whole")
    total = killed(place, verb, None, start)
    place.remove()
    return total


def check_usable(shop, agree):
    """Everyone is read, a duplicate is found, and somebody new can come."""
    for person in PEOPLE:
        assert len(shop.profiles.view(person, "personalize").events) == 1
        assert shop.track(person, "view", "tea", event_id="e1").duplicates == 1
    agree(shop, "new")
    assert shop.track("new", "view", "tea").kept == 1


def check_rotated(place, shop):
    """One version for each tenant under one root key; the log has each act once."""
    [(root,)] = place.rows("SELECT root FROM root_versions WHERE retired_us IS NULL", store="keys")
    live = place.rows(
        "SELECT tenant, version, root FROM tenant_keys WHERE wrapped IS NOT NULL", store="keys"
    )
    assert {(tenant, name) for tenant, _, name in live} == {("acme", root), ("default", root)}
    assert len(live) == 2
    versions = {tenant: version for tenant, version, _ in live}
    used = set(place.rows("SELECT tenant, tenant_version FROM subject_keys", store="keys"))
    assert used <= set(versions.items())
    left = "SELECT root FROM root_versions WHERE retired_us IS NOT NULL AND destroyed_us IS NULL"
    assert place.rows(left, store="keys") == []
    assert shop._roots.keys.versions == [root]
    for one in (shop, shop.tenant("acme")):
        one.audit.verify()
        acts = Counter(
            (entry.kind, entry.facts.get("version"), entry.facts["root"])
            for entry in one.audit.entries(limit=1_000)
            if entry.kind in {"keys.rotated", "root.destroyed"}
        )
        assert set(acts.values()) == {1}
        said = {version for kind, version, _ in acts if kind == "keys.rotated"}
        assert said == set(range(2, versions[one.name] + 1))
        gone = {name for kind, _, name in acts if kind == "root.destroyed"}
        destroyed = place.rows(
            "SELECT root FROM root_versions WHERE destroyed_us IS NOT NULL", store="keys"
        )
        assert gone == {name for (name,) in destroyed}


def test_a_killed_rotation_is_finished_by_the_next(  # noqa: PLR0917 - fixtures
    small, tmp_path, child, wait, monkeypatch, agree, places
):
    """Wherever it dies the shop works, and one more rotation leaves everything in order."""
    start = (child, wait, monkeypatch)
    total = counted(small, tmp_path, "rotate", start)
    assert total > 100
    resumed = 0
    for limit in range(0, total, max(3, total // places)):
        place = small.copy(tmp_path / f"at{limit}")
        killed(place, "rotate", limit, start)
        shop = place.open()
        check_usable(shop, agree)
        resumed += shop.keys.rotate(destroy_old=True).resumed
        check_usable_again(place)
        check_rotated(place, shop)
        beside = {path.name for path in place.folder.iterdir() if "knowingly" in path.name}
        assert beside == {"knowingly.key"}
        place.remove()
    assert resumed > min(10, places // 2)


def check_usable_again(place):
    """Also for whoever opens the shop anew."""
    again = place.open()
    assert all(again.profiles.view(one, "personalize").events for one in (*PEOPLE, "new"))


def test_a_killed_reseal_happened_or_did_not(  # noqa: PLR0917 - fixtures
    small, tmp_path, child, wait, monkeypatch, agree, places
):
    """The person is readable throughout; the key that is not theirs is swept after an hour."""
    start = (child, wait, monkeypatch)
    total = counted(small, tmp_path, "reseal", start)
    outcomes = []
    for limit in range(0, total, max(2, total // places)):
        place = small.copy(tmp_path / f"at{limit}")
        before = set(place.rows("SELECT key_id FROM subjects"))
        killed(place, "reseal", limit, start)
        shop = place.open()
        check_usable(shop, agree)
        shop.audit.verify()
        outcomes.append(before <= set(place.rows("SELECT key_id FROM subjects")))
        place.clock.forward(hours=1, seconds=1)
        shop.maintain(skip=("train", "release", "retention"))
        used = set(place.rows("SELECT key_id FROM subjects"))
        assert used == set(place.rows("SELECT key_id FROM subject_keys", store="keys"))
        place.remove()
    assert outcomes == sorted(outcomes, reverse=True)
    assert set(outcomes) == {True, False}


def test_another_process_opens_people_while_keys_rotate(small, child, wait, agree, tmp_path):
    """It meets versions it does not know, and nobody it opened is lost."""
    stop, count = tmp_path / "stop", tmp_path / "count"

    def work():
        shop = small.open()
        number = 0
        while not stop.exists():
            person = f"n{number}"
            agree(shop, person)
            shop.track(person, "view", "tea")
            number += 1
            count.write_text(str(number))

    process = child(work)
    shop = small.open()
    for _ in range(4):
        seen = count.read_text() if count.exists() else ""
        shop.keys.rotate(destroy_old=True)
        while (count.read_text() if count.exists() else "") == seen:
            time.sleep(0.01)
    stop.touch()
    assert wait(process) == 0
    made = int(count.read_text())
    assert made > 4
    shop._tenancy.keyring.forget()
    for number in range(made):
        assert len(shop.profiles.view(f"n{number}", "personalize").events) == 1
    assert shop.keys.status().keys_by_version == {5: made + len(PEOPLE)}
    assert len(key_file.read(small.key, "")) == 1
