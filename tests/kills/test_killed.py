"""Killed at every statement and commit: afterwards the shop is as before, or as it should be."""

import os
import signal
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event

import knowingly
from killing import arm
from knowingly.governance import noise
from knowingly.governance.claims import Claims
from knowingly_plugins.notification_folder import NotificationFolder

TABLES = (
    "items",
    "subjects",
    "consent_records",
    "events",
    "tombstones",
    "ledger_entries",
    "ledger_details",
    "trainings",
    "models",
    "model_rows",
    "model_counts",
    "manifests",
    "charges",
    "releases",
    "erasures",
    "traits",
    "identities",
    "claims",
)
PEOPLE = 14
ITEMS = 8
DAYS = 90


@pytest.fixture(scope="module")
def small(build, tmp_path_factory, agree):
    """A shop of 14 people and 8 items, trained, with one newcomer who is not in the model yet."""
    place = build(tmp_path_factory.mktemp("small") / "house")
    clock = place.clock
    place.with_policy(
        aggregates={"min_people": 5, "top": 3}, evidence={"keep_days_after_erasure": DAYS}
    )
    size = {"title": "Size", "purposes": ["personalize"], "kind": "number"}
    place.policy = place.policy.model_copy(update={"data": {"size": size}})
    shop = place.open()
    shop.items.upsert([{"id": f"i{n}", "title": f"Item {n}"} for n in range(ITEMS)])
    for n in range(PEOPLE):
        agree(shop, f"p{n}", at=clock.ago(days=10))
    rows = [
        {"subject": f"p{n}", "kind": "purchase", "item": f"i{(n + k) % ITEMS}"}
        for n in range(PEOPLE)
        for k in range(5)
    ]
    shop.track([{**row, "at": clock.ago(days=1)} for row in rows], strict=True)
    shop.train()
    clock.forward(hours=1)
    shop.train()
    clock.forward(hours=1)
    agree(shop, "newcomer", at=clock.ago(days=2))
    shop.track("newcomer", "view", "i1", at=clock.ago(hours=1))
    shop.profiles.set("p5", {"size": 42})
    shop.profiles.link("p5", "email", "p5@example.org")
    shop.consent.refuse("p5", ["measure"], at=clock.ago(minutes=30))
    agree(shop, "gone", at=clock.ago(days=1))
    shop.rights.erase("gone")
    place.close()
    # The noise library starts up once, here, and not in every child.
    noise.rho_for(1.0, 1e-6)
    yield place
    place.remove()


def end_claims(shop) -> None:
    """Let the days of evidence pass, and destroy it."""
    shop._tenancy.clock.forward(days=DAYS, seconds=1)
    Claims(shop._tenancy).end_due()


VERBS = {
    "grant": lambda shop: shop.consent.grant("stranger", ["train"], notice="2026-01/en"),
    "track": lambda shop: shop.track(
        [
            {"subject": f"p{n}", "kind": "view", "item": "i2", "event_id": f"new{n}"}
            for n in range(4)
        ]
    ),
    "withdraw": lambda shop: shop.consent.withdraw("p3"),
    "train": lambda shop: shop.train(),
    "roll back": lambda shop: shop.models.rollback(),
    "erase": lambda shop: shop.rights.erase("p4"),
    "set": lambda shop: shop.profiles.set("p6", {"size": 41}),
    "merge": lambda shop: shop.profiles.merge("p5", into="newcomer"),
    "release": lambda shop: shop.aggregates.release_bestsellers(),
    "upsert": lambda shop: shop.items.upsert(
        [{"id": "i0", "title": "Renamed"}, {"id": "fresh", "title": "Fresh"}]
    ),
    "maintain": lambda shop: shop.maintain(),
    "end claims": end_claims,
}


def run_killed(place, verb: str, limit: int | None, child, wait) -> int:
    """Run one verb in a child that dies at point ``limit``; the points passed, without one."""
    counted = place.folder / "points"

    def work() -> None:
        shop = place.open()
        points = arm(limit)
        VERBS[verb](shop)
        passed = points()
        counted.write_text(str(passed))
        os._exit(0)  # a tidy close would checkpoint; a process that ends does not

    code = wait(child(work))
    assert code == (0 if limit is None else -signal.SIGKILL)
    return int(counted.read_text()) if limit is None else limit


def state(place) -> tuple[object, ...]:
    """What the data holds, without what is random in it."""
    counts = tuple(
        place.rows(" UNION ALL ".join(f"SELECT '{one}', count(*) FROM {one}" for one in TABLES))  # noqa: S608
    )
    [head] = place.rows(
        "SELECT ledger_size, item_epoch, model_epoch, release_epoch, training FROM tenants"
    )
    used = place.rows("SELECT sum(purposes), count(*) FROM events")
    title = place.rows("SELECT title FROM items WHERE item_id = 'i0'")
    states = place.rows("SELECT state, count(*) FROM subjects GROUP BY state ORDER BY state")
    return tuple(number for _, number in sorted(counts)), head, (used, title, states)


def check_laws(place, gaps) -> None:
    """The log is whole, the models are exact, the budget holds, every person has a key."""
    shop = place.open()
    shop.audit.verify()
    assert set(gaps(shop).values()) == {0.0}
    budget = shop.aggregates.budget()
    assert all(spent <= budget.per_period * (1 + 1e-9) for spent in budget.spent.values())
    used = set(place.rows("SELECT key_id FROM subjects"))
    used |= set(place.rows("SELECT key_id FROM claims"))
    assert place.rows("SELECT 1 FROM erasures WHERE step != 'done'") == []
    assert used <= set(place.rows("SELECT key_id FROM subject_keys", store="keys"))
    place.clock.now += timedelta(hours=1, seconds=1)
    shop.maintain(skip=("train", "release", "retention"))
    held = set(place.rows("SELECT key_id FROM subject_keys", store="keys"))
    assert used == held, "a key that nobody uses outlived its hour"
    place.close()


def sweep(  # noqa: PLR0917 - fixtures, handed on
    small, tmp_path, verb, child, wait, gaps, backend, *, at_most: int = 1_000
) -> list[tuple]:
    """Kill a verb at each of its points; the states found, in order, begin and end included."""
    whole = small.copy(tmp_path / "whole")
    before = state(whole)
    total = run_killed(whole, verb, None, child, wait)
    whole.open()
    whole.close()
    after = state(whole)
    whole.remove()
    assert after != before
    found = [before]
    if backend == "postgresql":
        # Each copy is two databases: some of the points here, all of them on SQLite.
        at_most = min(at_most, 15)
    step = max(1, total // at_most)
    for limit in range(0, total, step):
        place = small.copy(tmp_path / f"at{limit}")
        run_killed(place, verb, limit, child, wait)
        place.open()
        place.close()
        found.append(state(place))
        check_laws(place, gaps)
        place.remove()
    return [*found, after]


def without_repeats(states: list[tuple]) -> list[tuple]:
    return [one for place, one in enumerate(states) if place == 0 or one != states[place - 1]]


@contextmanager
def restarting(server, limit: int):
    """Kill the server, and start it again, before the statement or commit number ``limit``."""
    seen = 0

    def point(*_args: object) -> None:
        nonlocal seen
        seen += 1
        if seen == limit:
            server.restart()

    for name in ("before_cursor_execute", "commit"):
        event.listen(Engine, name, point)
    try:
        yield
    finally:
        for name in ("before_cursor_execute", "commit"):
            event.remove(Engine, name, point)


@pytest.mark.only_postgresql
@pytest.mark.parametrize("limit", [1, 2, 4, 7, 9])
@pytest.mark.parametrize("verb", ["grant", "track", "withdraw", "erase"])
def test_a_server_is_killed_under_a_verb(  # noqa: PLR0917 - fixtures
    verb, limit, small, tmp_path, gaps, server
):
    """The verb is done, or its error tells the truth; the shop goes on without being reopened."""
    if not server.is_ours:
        pytest.skip("the named server is not ours to kill")
    place = small.copy(tmp_path / "place")
    before = state(place)
    shop = place.open()
    error = None
    with restarting(server, limit):
        try:
            VERBS[verb](shop)
        except knowingly.StoreError as found:
            error = found
    if error is None:
        assert state(place) != before
    elif not error.outcome_unknown and verb != "erase":
        assert state(place) == before
    assert shop.recommend("p0").basis == "personal"
    shop.maintain(skip=("train", "release", "retention"))
    place.close()
    check_laws(place, gaps)
    place.remove()


@pytest.mark.parametrize(
    "verb", ["grant", "track", "withdraw", "upsert", "set", "erase", "merge", "end claims"]
)
def test_a_verb_is_done_or_not_begun(  # noqa: PLR0917 - fixtures
    verb, small, tmp_path, child, wait, gaps, backend
):
    """Wherever it is killed, a verb has happened or has not; an erasure that began is finished."""
    states = sweep(small, tmp_path, verb, child, wait, gaps, backend)
    assert len(without_repeats(states)) == 2


def test_a_training_is_published_or_not(  # noqa: PLR0917 - fixtures
    small, tmp_path, child, wait, gaps, backend
):
    """A killed training leaves the training before it in place, whole.

    What was learned is stored before, and that of the version that made room is swept after it.
    """
    states = sweep(small, tmp_path, "train", child, wait, gaps, backend, at_most=25)
    kinds, manifests = without_repeats(states), sorted(TABLES).index("manifests")
    assert len(without_repeats([head for _, head, _ in kinds])) == 2
    stored = [counts[manifests] for counts, *_ in kinds]
    assert len(stored) == 4
    assert stored[0] < stored[1] == stored[2] > stored[3]


def test_a_version_is_gone_back_to_or_not(  # noqa: PLR0917 - fixtures
    small, tmp_path, child, wait, gaps, backend
):
    """A killed rollback leaves one version in service, whole: the one, or the other."""
    states = sweep(small, tmp_path, "roll back", child, wait, gaps, backend, at_most=25)
    assert len(without_repeats(states)) == 2


def test_a_release_is_paid_for_before_it_exists(  # noqa: PLR0917 - fixtures
    small, tmp_path, child, wait, gaps, backend
):
    """A killed release can waste budget; it is never there without its charge."""
    states = sweep(small, tmp_path, "release", child, wait, gaps, backend, at_most=25)
    charges, releases = sorted(TABLES).index("charges"), sorted(TABLES).index("releases")
    steps = [(one[0][charges], one[0][releases]) for one in without_repeats(states)]
    assert steps == [(0, 0), (1, 0), (1, 1)]


def test_maintain_can_be_killed_and_run_again(  # noqa: PLR0917 - fixtures
    small, tmp_path, child, wait, gaps, backend
):
    """Between its steps maintain can stop anywhere, and the next run ends where it should."""
    states = sweep(small, tmp_path, "maintain", child, wait, gaps, backend, at_most=25)
    kinds = without_repeats(states)
    sizes = [one[1][0] for one in kinds]
    assert sizes == sorted(sizes)
    assert 3 <= len(kinds) <= 6


def test_the_killed_person_is_gone(small, tmp_path, child, wait):
    """An erasure that was interrupted after it began is finished when the shop is opened."""
    place = small.copy(tmp_path / "whole")
    total = run_killed(place, "erase", None, child, wait)
    place.remove()
    finished = 0
    for limit in range(0, total, 3):
        place = small.copy(tmp_path / f"at{limit}")
        run_killed(place, "erase", limit, child, wait)
        begun = place.count("erasures") > 1
        shop = place.open()
        view = shop.profiles.view("p4", "personalize")
        if begun:
            finished += 1
            assert not view.events
            assert view.decision.reason == "no_record"
            assert shop.recommend("p4").basis != "personal"
            kinds = [one.kind for one in shop.audit.entries(limit=1_000)]
            assert kinds.count("erasure.done") == 2
            assert len(shop.rights.claims_evidence("p4")[0].choices) == 1
            # One key less for the person; one more each for their evidence and that of another.
            assert place.count("subject_keys", store="keys") == PEOPLE + 2
        else:
            assert len(view.events) == 5
        place.remove()
    assert finished >= 5


def test_a_recipient_is_told_wherever_an_erasure_is_killed(small, tmp_path, child, wait):
    """Once begun it ends with one file of one name, however often it was written."""
    told = small.copy(tmp_path / "told")
    mailer = {"name": "Mailer Ltd", "role": "processor", "country": "IE"}
    told.policy = told.policy.model_copy(update={"recipients": {"mailer": mailer}})
    told.open().rights.disclosed("p4", "mailer", "an address", purpose="measure")
    told.close()

    def opened(place):
        shop = place.open()

        class Folder:
            @knowingly.hookimpl
            def knowingly_destinations(self):
                return {"mailer": NotificationFolder(place.folder / "out")}

        shop.plugins.add("folder", Folder())
        return shop

    def work(place, limit):
        shop = opened(place)
        points = arm(limit)
        shop.rights.erase("p4")
        (place.folder / "points").write_text(str(points()))
        os._exit(0)

    whole = told.copy(tmp_path / "whole")
    assert wait(child(lambda: work(whole, None))) == 0
    total, seen = int((whole.folder / "points").read_text()), set()
    for limit in range(1, total, max(1, total // 16)):
        place = told.copy(tmp_path / f"at{limit}")
        wait(child(lambda place=place, limit=limit: work(place, limit)))
        begun = place.count("erasures") > 1
        shop = opened(place)
        shop.maintain(skip=("train", "release", "retention"))
        files = list((place.folder / "out").glob("mailer/*.json"))
        assert len(files) == (1 if begun else 0)
        assert place.count("notifications") == 0
        shop.audit.verify()
        seen.add(begun)
        if begun:
            certificate = shop.rights.certificates()[-1]
            assert certificate.is_genuine()
            assert certificate.statement["recipients"][0]["told"]
        place.remove()
    assert seen == {False, True}


def test_a_killed_merge_leaves_one_person_or_two(small, tmp_path, child, wait):
    """Never a bit of both: the account has all that both allow, or nothing of it yet."""
    place = small.copy(tmp_path / "whole")
    total = run_killed(place, "merge", None, child, wait)
    seen = set()
    for limit in range(0, total, 2):
        place = small.copy(tmp_path / f"at{limit}")
        run_killed(place, "merge", limit, child, wait)
        shop = place.open()
        shop.audit.verify()
        account = shop.profiles.view("newcomer", "personalize")
        found = shop.profiles.find("email", "p5@example.org")
        allowed = shop.consent.status("newcomer")["measure"].allowed
        seen.add((shop.knows("p5"), len(account.events), len(account.traits), found, allowed))
        if shop.knows("p5"):
            shop.profiles.merge("p5", into="newcomer")
            assert len(shop.profiles.view("newcomer", "personalize").events) == 6
        place.close()
    assert seen == {(True, 1, 0, "p5", True), (False, 6, 1, "newcomer", False)}
