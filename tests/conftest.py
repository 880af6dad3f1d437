"""Fixtures that every room's tests share: shops in folders of their own, and a clock to move."""

import os
import shutil
import sys
import traceback
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import knowingly
from knowingly.samples import tea_shop
from knowingly.vault.root import write_root_key

NOTICE = "2026-01/en"
EVERYTHING = ("personalize", "train", "measure")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now

    def ago(self, **by: float) -> datetime:
        return self.now - timedelta(**by)


class House:
    """A folder with a root key, and the shops opened in it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder, self.clock = folder, clock
        self.policy = knowingly.load_policy()
        self._open: list[knowingly.Shop] = []
        folder.mkdir(parents=True, exist_ok=True)
        if not self.key.exists():
            write_root_key(self.key)

    @property
    def key(self) -> Path:
        return self.folder / "knowingly.key"

    @property
    def data(self) -> Path:
        return self.folder / "shop.db"

    @property
    def keys(self) -> Path:
        return self.folder / "shop.keys.db"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.data}"

    def with_policy(self, **sections: dict[str, Any]) -> "House":
        """Change values of the policy's sections; shops opened from now on have them."""
        update = {}
        for name, values in sections.items():
            update[name] = {**getattr(self.policy, name).model_dump(), **values}
        self.policy = self.policy.model_copy(update=update)
        return self

    def with_purpose(self, name: str, **values: Any) -> "House":
        """Change one purpose of the policy."""
        purposes = dict(self.policy.purposes)
        purposes[name] = {**purposes[name].model_dump(), **values}
        self.policy = self.policy.model_copy(update={"purposes": purposes})
        return self

    def open(self, **options: Any) -> knowingly.Shop:
        given = {"policy": self.policy, "keys": self.key, "clock": self.clock, **options}
        shop = knowingly.open(self.url, **given)
        self._open.append(shop)
        return shop

    def close(self) -> None:
        while self._open:
            self._open.pop().close()

    def copy(self, folder: Path) -> "House":
        """The same files elsewhere, as a crash would leave them."""
        self.close()
        shutil.copytree(self.folder, folder)
        clock = Clock()
        clock.now = self.clock.now
        copied = House(folder, clock)
        copied.policy = self.policy
        return copied


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


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock):
    """A folder with a key and no shop yet."""
    place = House(tmp_path / "house", clock)
    yield place
    place.close()


@pytest.fixture
def shop(house: House) -> knowingly.Shop:
    """An empty shop; move ``clock`` to let time pass."""
    return house.open()


@pytest.fixture(scope="session")
def tea_files(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The tea shop, loaded and trained once; tests work on copies."""
    place = House(tmp_path_factory.mktemp("tea") / "house", Clock())
    shop = place.open()
    tea_shop(shop)
    shop.train()
    place.close()
    return place


@pytest.fixture
def tea_house(tea_files: House, tmp_path: Path, clock: Clock):
    """A copy of the tea shop's files, not open yet."""
    place = tea_files.copy(tmp_path / "tea")
    place.clock = clock
    yield place
    place.close()


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
