"""A database that fails: a clear ``StoreError``, nothing half-done, and afterwards it works."""

import os
import resource
import signal
import socket
import threading
import traceback
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text

import knowingly
from knowingly.store import postgres, subjects
from knowingly.store.doors import Store

CANARY = "canary-who-4471"
only_a_file = pytest.mark.only_sqlite("it is about a file")


def sizes(house):
    return [house.count(one) for one in ("events", "ledger_entries", "consent_records")]


@contextmanager
def refused(house, reason: str, *, retryable: bool | None = None):
    """The block raises a ``StoreError`` of that reason, says nobody's name, and writes nothing."""
    before = sizes(house)
    with pytest.raises(knowingly.StoreError) as caught:
        yield caught
    said = "".join(traceback.format_exception(caught.value))
    assert caught.value.reason == reason
    assert "nothing was written" in str(caught.value)
    assert CANARY not in said
    assert not caught.value.outcome_unknown
    if retryable is not None:
        assert caught.value.retryable is retryable
    assert sizes(house) == before


@contextmanager
def in_the_body(action):
    """Do something after the first statements of a write and before its end."""
    real = Store.write

    @contextmanager
    def write(self, tenant, actor=None):
        with real(self, tenant, actor) as tx:
            yield tx
            action()
            tx.connection.execute(text("SELECT 1"))

    Store.write = write
    try:
        yield
    finally:
        Store.write = real


def works_again(shop):
    before = shop.audit.verify().size
    assert shop.track("t000", "view", "assam").kept == 1
    shop.consent.withdraw("t001", ["measure"])
    assert shop.audit.verify().size == before + 1


# Both databases


def test_a_database_that_became_read_only(tea_house, backend):
    """Pages go on; a write says what is wrong."""
    tea = tea_house.open()
    engine = tea._files.data.engine

    def read_only(connection, _record):
        word = (
            "PRAGMA query_only = 1"
            if backend == "sqlite"
            else ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        )
        connection.execute(word)
        if backend != "sqlite":
            connection.commit()

    event.listen(engine, "connect", read_only)
    engine.dispose()
    with refused(tea_house, "read_only", retryable=False):
        tea.track("t000", "view", "assam")
    assert tea.recommend("t000").basis == "personal"
    event.remove(engine, "connect", read_only)
    engine.dispose()
    works_again(tea)


def test_a_writer_that_never_ends_makes_the_next_one_give_up(tea_house, backend, monkeypatch):
    """After a while, with words; pages go on meanwhile."""
    monkeypatch.setattr("knowingly.store.sqlite.TURN_SECONDS", 0.3)
    monkeypatch.setattr(postgres, "LOCK_SECONDS", 0.3)
    tea = tea_house.open()
    slow, ready = threading.Event(), threading.Event()

    def hold():
        with tea._tenancy.write():
            ready.set()
            slow.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    ready.wait(30)
    try:
        with refused(tea_house, "busy", retryable=True):
            tea.track("t000", "view", "assam")
        assert tea.recommend("t000").basis == "personal"
    finally:
        slow.set()
        holder.join()
    works_again(tea)


def test_every_connection_is_in_use(tea_house, monkeypatch):
    """A thread that gets no connection is told; those that have one go on."""
    tea = tea_house.open()
    pool = tea._files.data.engine.pool
    monkeypatch.setattr(pool, "_timeout", 0.2)
    monkeypatch.setattr(pool, "_max_overflow", 0)
    held = []
    try:
        while True:
            try:
                held.append(tea._files.data.engine.connect())
            except Exception:
                break
        with refused(tea_house, "crowded", retryable=True):
            tea.track("t000", "view", "assam")
    finally:
        for one in held:
            one.close()
    works_again(tea)


def test_a_disk_that_is_full(tea_house, backend):
    """The database has no more room for this; what was written before stays."""
    tea = tea_house.open()
    if backend == "postgresql":
        # Filling a disk takes rights (test_full_disk); what a server answers then, it answers here.
        def full():
            raise_in(tea, "53100")
    else:
        with tea._tenancy.write() as tx:
            pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar()

        def limit(connection, _record):
            connection.execute(f"PRAGMA max_page_count = {pages}")

        event.listen(tea._files.data.engine, "connect", limit)
        tea._files.data.engine.dispose()

        def full():
            many = [{"subject": "t000", "kind": "view", "item": "assam"}] * 5_000
            tea.track(many, strict=True)

    with refused(tea_house, "full", retryable=False):
        full()
    if backend == "sqlite":
        event.remove(tea._files.data.engine, "connect", limit)
        tea._files.data.engine.dispose()
    works_again(tea)


def raise_in(shop, sqlstate: str) -> None:
    """Let the server answer a write with an error of this kind, after other statements."""
    raising = text(
        "DO $$ BEGIN RAISE EXCEPTION 'canary-who-4471' USING ERRCODE = '" + sqlstate + "'; END $$"
    )
    with shop._tenancy.write() as tx:
        tx.connection.execute(text("DELETE FROM events"))
        tx.connection.execute(raising)


def test_the_same_person_is_not_written_twice_after_an_unknown_outcome(tea_house, backend):
    """Sent again with the same event ids, nothing is counted twice."""
    tea = tea_house.open()
    rows = [{"subject": "t000", "kind": "view", "item": "assam", "event_id": "once"}]
    assert tea.track(rows).kept == 1
    again = tea.track(rows)
    assert (again.kept, again.duplicates) == (0, 1)


# SQLite


@only_a_file
def test_a_file_that_may_not_grow(tea_house, child, wait):
    """A limit of the operating system, met in the middle of a write; the file stays whole."""
    limit = max(path.stat().st_size for path in tea_house.folder.iterdir()) + 200_000

    def work():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        shop = tea_house.open()
        many = [{"subject": "t000", "kind": "view", "item": "assam"}] * 20_000
        with pytest.raises(knowingly.StoreError) as caught:
            shop.track(many, strict=True)
        assert caught.value.reason in {"full", "disk"}
        os._exit(0)

    before = sizes(tea_house)
    assert wait(child(work)) == 0
    assert sizes(tea_house) == before
    assert tea_house.rows("PRAGMA integrity_check") == [("ok",)]
    works_again(tea_house.open())


@only_a_file
def test_a_damaged_file_is_named_as_such(tea_house):
    """Pages of the file overwritten with anything."""
    tea_house.open().close()
    size = tea_house.data.stat().st_size
    with tea_house.data.open("r+b") as file:
        for place in range(0, size, 4_096):
            file.seek(place)
            file.write(b"anything" * 512)
    with pytest.raises(knowingly.StoreError, match="not a database, or is damaged") as caught:
        tea_house.open()
    assert caught.value.reason == "corrupt"


@only_a_file
def test_another_process_that_keeps_the_file_locked(tea_house, monkeypatch):
    """The busy time-out ends in words."""
    tea = tea_house.open()
    event.listen(
        tea._files.data.engine,
        "connect",
        lambda connection, _record: connection.execute("PRAGMA busy_timeout = 20"),
    )
    tea._files.data.engine.dispose()
    with tea_house.place.connected("data") as other:
        other.execute("BEGIN IMMEDIATE")
        with refused(tea_house, "busy", retryable=True):
            tea.track("t000", "view", "assam")
        other.rollback()
    works_again(tea)


# PostgreSQL


@pytest.mark.only_postgresql("its isolation levels")
def test_a_transaction_is_of_its_own_kind_whatever_the_server_prefers(tea_house):
    """Also where every transaction is serializable unless it says otherwise.

    A writer has to see what the one it waited for did, and a reader one state.
    """
    shop = tea_house.open()
    ask = text("SHOW transaction_isolation")
    with shop._tenancy.write() as tx:
        strict = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE"
        tx.connection.execute(text(strict))
    with shop._tenancy.write() as tx:
        assert tx.connection.execute(ask).scalar() == "read committed"
    with shop._tenancy.read() as snapshot:
        assert snapshot.connection.execute(ask).scalar() == "repeatable read"


@pytest.mark.only_postgresql
def test_an_idle_connection_that_died_is_not_noticed(tea_house, server):
    """The pool looks before it hands one out."""
    tea = tea_house.open()
    for turn in range(3):
        tea.recommend("t000")
        assert server.hang_up(tea_house.place.name) >= 1
        assert tea.recommend("t000").basis == "personal"
        assert server.hang_up(f"{tea_house.place.name}_keys") >= 1
        tea.consent.grant(f"newcomer-{turn}", ["personalize"], notice="2026-01/en")
        server.hang_up(tea_house.place.name)
        assert tea.track("t000", "view", "assam").kept == 1


@pytest.mark.only_postgresql
def test_a_server_that_says_nothing_any_more(tea_house):
    """A connection that breaks without a word is a lost one, and a page is asked again."""
    tea = tea_house.open()

    def wire_of(snapshot):
        descriptor = snapshot.connection.connection.driver_connection.fileno()
        return socket.socket(fileno=os.dup(descriptor))

    with refused(tea_house, "connection_lost", retryable=True), tea._tenancy.read() as snapshot:
        with wire_of(snapshot) as wire:
            wire.shutdown(socket.SHUT_RDWR)
        subjects.find_many(snapshot, [b"nobody"])
    with tea._tenancy.read() as snapshot:
        wire = wire_of(snapshot)
    with wire:
        wire.shutdown(socket.SHUT_RDWR)
    assert tea.recommend("t000").basis == "personal"


@pytest.mark.only_postgresql
def test_a_connection_lost_in_a_transaction(tea_house, server):
    """After its first statements: nothing was written, and we do not repeat what ran."""
    tea = tea_house.open()
    with (
        refused(tea_house, "connection_lost", retryable=True),
        in_the_body(lambda: server.hang_up(tea_house.place.name)),
    ):
        tea.track("t000", "view", "assam")
    works_again(tea)


@pytest.mark.only_postgresql
def test_a_lost_answer_to_commit_is_said(tea_house, server, monkeypatch):
    """Whether it was written cannot be known, so the error does not say that it was not."""
    tea = tea_house.open()
    engine = tea._files.data.engine
    before = sizes(tea_house)

    def hang_up(_connection):
        server.hang_up(tea_house.place.name)

    event.listen(engine, "commit", hang_up, once=True)
    with pytest.raises(knowingly.StoreError, match="may or may not have been written") as caught:
        tea.track("t000", "view", "assam", event_id="perhaps")
    assert caught.value.outcome_unknown
    assert not caught.value.retryable
    assert "nothing was written" not in str(caught.value)
    assert sizes(tea_house) in (before, [before[0] + 1, *before[1:]])
    tea.track("t000", "view", "assam", event_id="perhaps")
    assert sizes(tea_house) == [before[0] + 1, *before[1:]]


@pytest.mark.only_postgresql
def test_a_page_is_asked_again_when_its_connection_breaks(tea_house, server, monkeypatch):
    """Once, from the start: it writes nothing. A second time it is an error."""
    tea = tea_house.open()
    tea.recommend("t000")
    real, calls = tea._tenancy.catalogue.at, []

    def broken(snapshot):
        calls.append(None)
        if len(calls) <= times:
            server.hang_up(tea_house.place.name)
        return real(snapshot)

    monkeypatch.setattr(tea._tenancy.catalogue, "at", broken)
    times = 1
    assert tea.recommend("t000").basis == "personal"
    calls.clear()
    assert tea.stats()["items"] == 40
    calls.clear()
    times = 2
    with refused(tea_house, "connection_lost", retryable=True):
        tea.recommend("t000")
    assert tea.recommend("t000").basis == "personal"


@pytest.mark.only_postgresql
def test_a_server_that_restarts_in_mid_flight(tea_house, server):
    """As after its crash: what was acknowledged is there, the rest is not, and it goes on."""
    if not server.is_ours:
        pytest.skip("the named server is not ours to restart")
    tea = tea_house.open()
    assert tea.track("t000", "view", "assam").kept == 1
    with (
        refused(tea_house, "connection_lost", retryable=True),
        in_the_body(server.restart),
    ):
        tea.track("t000", "view", "assam")
    works_again(tea)


@pytest.mark.only_postgresql
@pytest.mark.parametrize(
    ("sqlstate", "reason", "retryable"),
    [
        ("40001", "conflict", True),
        ("40P01", "conflict", True),
        ("42501", "no_right", False),
        ("53100", "full", False),
        ("53300", "crowded", True),
        ("55P03", "busy", True),
        ("57014", "cancelled", False),
        ("XX000", "unknown", False),
    ],
)
def test_each_answer_of_the_server_has_words(tea_house, sqlstate, reason, retryable):
    """With its code, never with its message; what the transaction did before is undone."""
    tea = tea_house.open()
    with refused(tea_house, reason, retryable=retryable) as caught:
        raise_in(tea, sqlstate)
    assert sqlstate in str(caught.value)
    works_again(tea)


@pytest.mark.only_postgresql
def test_a_real_deadlock_ends_one_of_the_two(tea_house):
    """Two tenants that wait for each other's row, which no room does: one goes on, one is told."""
    tea = tea_house.open()
    other = tea.tenant("acme")
    rows = text("SELECT 1 FROM tenants WHERE tenant = :t FOR UPDATE")
    meet, ended = threading.Barrier(2), []

    def cross(mine, yours):
        try:
            with mine._tenancy.write() as tx:
                meet.wait(30)
                tx.connection.execute(rows, {"t": yours._tenancy.number})
            ended.append("done")
        except knowingly.StoreError as error:
            ended.append(error.reason)

    threads = [threading.Thread(target=cross, args=pair) for pair in ((tea, other), (other, tea))]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(ended) == ["conflict", "done"]
    works_again(tea)


@pytest.mark.only_postgresql
def test_tenants_write_at_the_same_time(tea_house):
    """A merchant does not wait for another's transaction."""
    tea = tea_house.open()
    other = tea.tenant("acme")
    with tea._tenancy.write():
        other.items.upsert([{"id": "cup"}])
    assert len(other.items) == 1


@pytest.mark.only_postgresql
def test_a_missing_key_store_names_the_cure(house, server):
    """And nothing is made in the data."""
    server.execute("DROP DATABASE {}", f"{house.place.name}_keys")
    server.execute("DROP DATABASE {}", house.place.name)
    server.execute("CREATE DATABASE {}", house.place.name)
    with pytest.raises(knowingly.StoreError, match=f"createdb {house.place.name}_keys") as caught:
        house.open()
    assert "key_store=" in str(caught.value)
    assert house.rows("SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []


@pytest.mark.only_postgresql
def test_a_missing_database_or_server_is_named(house, server):
    """With the cure, and without host, user or password."""
    url = server.database_url("no_such_database").set(password=CANARY)
    with pytest.raises(knowingly.StoreError, match="createdb") as caught:
        knowingly.open(url.render_as_string(hide_password=False), keys=house.key)
    assert caught.value.reason == "no_database"
    host = "127.0.0.1"
    with pytest.raises(knowingly.StoreError, match="cannot be reached") as caught:
        knowingly.open(f"postgresql://{CANARY}@{host}:1/{CANARY}", keys=house.key)
    said = "".join(traceback.format_exception(caught.value))
    assert CANARY not in said
    assert host not in said
    assert caught.value.reason == "unreachable"


@pytest.mark.only_postgresql
def test_the_data_is_no_key_store(house, server):
    """Under any of its server's names."""
    longer = house.url + ("&" if "?" in house.url else "?")
    for url in (house.url, house.url.replace("postgresql+psycopg", "postgresql"), longer):
        with pytest.raises(knowingly.StoreError, match="second database"):
            house.open(key_store=url)


@pytest.mark.only_postgresql
@pytest.mark.parametrize("which", ["data", "keys"])
def test_kinds_may_be_mixed(house, which):
    """Data on a server with keys in a file, and the other way round."""
    file = f"sqlite:///{house.folder}/here.db"
    url, keys = (file, house.place.keys_url) if which == "keys" else (house.url, file)
    with knowingly.open(url, keys=house.key, key_store=keys, clock=house.clock) as shop:
        shop.items.upsert([{"id": "cup"}])
        shop.consent.grant("ann", ["personalize"], notice="2026-01/en")
        shop.track("ann", "view", "cup")
        assert len(shop.profiles.view("ann", "personalize").events) == 1
        assert shop.rights.erase("ann").is_genuine()


@pytest.mark.only_postgresql
def test_a_new_pair_is_made_by_many_at_once(server, build, tmp_path, child, wait):
    """Eight processes open the same empty databases: one makes them, all of them work."""
    house = build(tmp_path / "new")
    house.place.remove()
    house.place.name = name = server.pair()
    house.place.url = server.database_url(name).render_as_string(hide_password=False)

    def work():
        shop = house.open(tenant="acme")
        shop.items.upsert([{"id": f"cup{os.getpid()}"}])

    children = [child(work) for _ in range(8)]
    assert [wait(one) for one in children] == [0] * 8
    assert len(house.open(tenant="acme").items) == 8
    assert house.rows("SELECT count(*) FROM shop") == [(1,)]
    house.remove()
