"""A PostgreSQL server that has no room left, on a disk of its own: a few megabytes of memory.

Mounting one takes root's rights, and the server has to be the one of the tests. Only the tables are
on it: a server that has no room for its log of changes stops, which is a server that went away.
"""

import csv
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import knowingly
from houses import House
from knowingly.importing import tables

PLENTY, ROWS = 100_000_000, 6_000
TABLESPACE = "knowingly_small_disk"


class SmallDisk:
    """A disk in memory whose size can be changed."""

    def __init__(self, owner: str | None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="knowingly-disk-"))
        self._folder.chmod(0o755)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={PLENTY}", "tmpfs", str(self._folder)]
        try:
            done = subprocess.run(mount, capture_output=True, check=False)
        except FileNotFoundError:
            done = None
        if done is None or done.returncode != 0:
            self._folder.rmdir()
            pytest.skip("this machine does not let the tests mount a disk")
        self.path = self._folder / "space"
        self.path.mkdir(0o700)
        if owner is not None:
            shutil.chown(self.path, pwd.getpwnam(owner).pw_uid)

    def leave(self, free: int) -> None:
        """Have this many bytes of room from now on."""
        found = os.statvfs(self._folder)
        size = (found.f_blocks - found.f_bfree) * found.f_frsize + free
        again = ["mount", "-o", f"remount,size={size}", str(self._folder)]
        subprocess.run(again, capture_output=True, check=True)

    def remove(self) -> None:
        unmount = ["umount", str(self._folder)]
        subprocess.run(unmount, check=True)
        self._folder.rmdir()


@contextmanager
def on_a_small_disk(house: House) -> Iterator[SmallDisk]:
    """The shop's data, not its keys, on a disk with room to take away."""
    server, name = house.place.server, house.place.name
    if not server.is_ours:
        pytest.skip("the disk of a server that is named cannot be filled")
    disk = SmallDisk(server.user)
    try:
        server.execute(f"CREATE TABLESPACE {{}} LOCATION '{disk.path}'", TABLESPACE)
        server.execute("ALTER DATABASE {} SET TABLESPACE {}", name, TABLESPACE)
        yield disk
    finally:
        disk.leave(PLENTY)
        house.close()
        server.hang_up(name)
        server.execute("ALTER DATABASE {} SET TABLESPACE {}", name, "pg_default")
        server.execute("DROP TABLESPACE IF EXISTS {}", TABLESPACE)
        disk.remove()


@contextmanager
def no_room() -> Iterator[None]:
    with pytest.raises(knowingly.StoreError) as caught:
        yield
    assert (caught.value.reason, caught.value.retryable) == ("full", False)
    assert not caught.value.outcome_unknown


@pytest.mark.only_postgresql("SQLite's way of being full is tested without a disk")
def test_a_disk_that_is_full_stops_writes_and_nothing_else(tea_house, tmp_path, monkeypatch):
    """A batch is in whole or not at all; pages go on; with room again an import goes on."""
    monkeypatch.setattr(tables, "ROWS_PER_BATCH", ROWS // 6)
    path = tmp_path / "events.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["subject", "kind", "item"])
        writer.writerows([f"t{number % 14:03}", "view", "assam"] for number in range(ROWS))
    with on_a_small_disk(tea_house) as disk:
        tea = tea_house.open()
        before = tea_house.count("events"), tea.audit.verify().size
        disk.leave(500_000)
        with no_room():
            tea.import_file(path)
        taken = tea_house.count("events") - before[0]
        assert taken in range(ROWS // 6, ROWS, ROWS // 6)
        with no_room():
            tea.track([{"subject": "t000", "kind": "view", "item": "assam"}] * ROWS, strict=True)
        assert tea_house.count("events") == before[0] + taken
        assert tea.recommend("t000").basis == "personal"
        assert tea.audit.verify().size == before[1]
        disk.leave(PLENTY)
        report = tea.import_file(path)
        assert (report.kept, report.duplicates, report.refused) == (ROWS, 0, [])
        assert report.resumed_after == 1 + taken
        assert tea_house.count("events") == before[0] + ROWS
        tea.consent.withdraw("t001", ["measure"])
        assert tea.audit.verify().size == before[1] + 1
