"""Fixtures that every room's tests share: shops in folders of their own, and a clock to move."""

import os
import shutil
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import knowingly
from houses import Clock, Databases, Files, House
from knowingly.samples import tea_shop
from knowingly.store import migrate
from knowingly.store.database import Database
from servers import Server

IN_MEMORY, ROOM = Path("/dev/shm"), 8_000_000_000  # noqa: S108 - a file system, used as below
if "TMPDIR" not in os.environ and IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ROOM:
    # Thousands of small databases are made and dropped, which takes a disk longer than the tests.
    os.environ["TMPDIR"] = str(IN_MEMORY)
    tempfile.tempdir = None

NOTICE = "2026-01/en"
EVERYTHING = ("personalize", "train", "measure")


BOTH = ("integration", "kills", "privacy", "property")
"""The folders whose tests run on both databases; the others look at parts, on SQLite."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that has a shop on both databases, unless it says why on SQLite alone."""
    if "backend" in metafunc.fixturenames:
        folder = Path(metafunc.definition.path).relative_to(Path(__file__).parent).parts[0]
        kinds = [
            backend
            for backend, other in (("sqlite", "postgresql"), ("postgresql", "sqlite"))
            if metafunc.definition.get_closest_marker(f"only_{other}") is None
            and (backend == "sqlite" or folder in BOTH)
        ]
        metafunc.parametrize("backend", kinds, indirect=True, scope="session")


def start_child(work: Callable[[], None]) -> int:
    """Fork; the child does ``work`` and leaves at once. Its process id."""
    with warnings.catch_warnings():
        # Newer Pythons warn of any fork with threads about; numpy's are, and sleep.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return child


def wait_for(child: int) -> int:
    """The exit code of a child; minus the signal's number where one ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def differences(shop: knowingly.Shop) -> dict[str, float]:
    """How far each served model is from a refit."""
    return {one.algorithm: one.largest_difference for one in shop.models.compare_with_refit()}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: tests often wait for the disk."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> str:
    """The database a test runs on."""
    return request.param


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server, started once; without one the tests fail, they are not skipped."""
    running = Server()
    yield running
    running.close()


@pytest.fixture(scope="session")
def migrated_files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Two SQLite files with their tables and nothing else: making those takes most of a test."""
    made = Files(tmp_path_factory.mktemp("migrated"))
    for schema, url in (("data", made.url), ("keys", made.keys_url)):
        database = Database(url)
        migrate.prepare(database, schema)
        database.close()
    return made


@pytest.fixture(scope="session")
def build(backend: str, request: pytest.FixtureRequest) -> Callable[..., House]:
    """Make a folder with a key, and databases that have their tables and no shop yet."""

    def make(folder: Path, clock: Clock | None = None, *, bare: bool = False) -> House:
        if backend == "sqlite":
            if not bare:
                shutil.copytree(request.getfixturevalue("migrated_files").folder, folder)
            return House(folder, clock or Clock())
        running = request.getfixturevalue("server")
        return House(folder, clock or Clock(), Databases(running, running.migrated_pair()))

    return make


@pytest.fixture
def empty_place(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Files | Databases]:
    """Where nothing is yet, of the same kind as a test's own shop and beside it."""
    if backend == "sqlite":
        (tmp_path / "there").mkdir()
        yield Files(tmp_path / "there")
    else:
        running = request.getfixturevalue("server")
        place = Databases(running, running.pair())
        yield place
        place.remove()


@pytest.fixture
def house(build: Callable[..., House], tmp_path: Path, clock: Clock) -> Iterator[House]:
    """A folder with a key and no shop yet."""
    place = build(tmp_path / "house", clock)
    yield place
    place.remove()


@pytest.fixture
def bare_house(build: Callable[..., House], tmp_path: Path, clock: Clock) -> Iterator[House]:
    """A folder with a key; in SQLite the files are not there yet either."""
    place = build(tmp_path / "house", clock, bare=True)
    yield place
    place.remove()


@pytest.fixture
def shop_url(house: House, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a shop that is not there yet, as the environment tells the command line."""
    for name in ("KNOWINGLY_KEY_STORE", "KNOWINGLY_ROOT_KEY"):
        monkeypatch.delenv(name, raising=False)
    url = "sqlite:///shop.db" if isinstance(house.place, Files) else house.url
    monkeypatch.setenv("KNOWINGLY_SHOP", url)
    return url


@pytest.fixture
def shop(house: House) -> knowingly.Shop:
    """An empty shop; move ``clock`` to let time pass."""
    return house.open()


@pytest.fixture(scope="session")
def tea_files(
    build: Callable[..., House], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """The tea shop, loaded and trained once; tests work on copies."""
    place = build(tmp_path_factory.mktemp("tea") / "house")
    shop = place.open()
    tea_shop(shop)
    shop.train()
    place.close()
    yield place
    place.remove()


@pytest.fixture
def tea_house(tea_files: House, tmp_path: Path, clock: Clock) -> Iterator[House]:
    """A copy of the tea shop, not open yet."""
    place = tea_files.copy(tmp_path / "tea")
    place.clock = clock
    yield place
    place.remove()


@pytest.fixture
def tea(tea_house: House) -> knowingly.Shop:
    """The tea shop, trained: t000 to t199, of whom those with n % 20 < 14 agreed."""
    return tea_house.open()


@pytest.fixture(scope="session")
def child() -> Callable[[Callable[[], None]], int]:
    """Fork a child that does some work; ``child.wait`` is given separately as ``wait``."""
    return start_child


@pytest.fixture(scope="session")
def wait() -> Callable[[int], int]:
    """Wait for a child's exit code."""
    return wait_for


@pytest.fixture(scope="session")
def gaps() -> Callable[[knowingly.Shop], dict[str, float]]:
    """How far each served model is from a refit."""
    return differences


@pytest.fixture(scope="session")
def agree() -> Callable[..., knowingly.Receipt]:
    """Record that someone agrees, to all that pages and models need where nothing is named."""

    def grant(shop: knowingly.Shop, subject: str, purposes=EVERYTHING, **options: Any):
        return shop.consent.grant(subject, list(purposes), notice=NOTICE, **options)

    return grant
