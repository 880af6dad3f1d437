"""Sixteen writers and sixteen readers, in four processes: nothing acknowledged is lost.

Five seconds of it; with ``KNOWINGLY_LONG=1``, or by ``tox run -e soak``, a minute.
"""

import json
import os
import threading
import time
from collections import Counter

import knowingly

SECONDS = 60.0 if os.environ.get("KNOWINGLY_LONG") else 5.0
PROCESSES, WRITERS, READERS = 4, 4, 4
ITEMS = ("assam", "chai", "mint", "oolong")
NOTICE = "2026-01/en"


class Writer:
    """Writes for people of its own, and notes what was acknowledged."""

    def __init__(self, shop: knowingly.Shop, name: str) -> None:
        self.shop, self.name = shop, name
        self.events: Counter[str] = Counter()
        self.entries = 0
        self.sent = 0

    def work(self) -> None:
        person = f"{self.name}-{self.sent % 5}"
        if person not in self.events:
            self.shop.consent.grant(person, ["personalize", "train"], notice=NOTICE)
            self.events[person] = 0
            self.entries += 1
        for item in ITEMS:
            self.sent += 1
            intake = self.shop.track(person, "purchase", item, event_id=f"e{self.sent}")
            self.events[person] += intake.kept
        if self.sent % 40 == 0:
            self.shop.consent.withdraw(person, ["train"])
            self.entries += 1
            self.shop.consent.grant(person, ["train"], notice=NOTICE)
            self.entries += 1


class Reader:
    """Asks for pages and figures; what it finds must always fit together."""

    def __init__(self, shop: knowingly.Shop, number: int) -> None:
        self.shop, self.number = shop, number
        self.pages = 0

    def work(self) -> None:
        page = self.shop.recommend(f"t{self.number:03}", k=4)
        assert len(page) == 4
        assert page.basis == "personal"
        self.pages += 1
        if self.pages % 20 == 0:
            size = self.shop.stats()["ledger_entries"]
            assert self.shop.audit.verify().size >= size


def run_all(workers: list, until: float) -> None:
    """Each worker in a thread of its own, until the time is over; the first problem is raised."""
    problems: list[BaseException] = []

    def run(worker) -> None:
        try:
            while time.monotonic() < until and not problems:
                worker.work()
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=run, args=(worker,)) for worker in workers]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    if problems:
        raise problems[0]


def test_many_writers_and_readers_lose_nothing(tea_house, child, wait):
    """Each acknowledged event is there once, each choice is in the log, and the log is whole."""
    shop = tea_house.open()
    before = shop.audit.verify().size
    reports = [tea_house.folder / f"report{number}.json" for number in range(PROCESSES)]
    until = time.monotonic() + SECONDS

    def process(number: int) -> None:
        writers = [Writer(shop, f"p{number}w{one}") for one in range(WRITERS)]
        readers = [Reader(shop, one) for one in range(READERS)]
        run_all([*writers, *readers], until)
        found = {
            "events": {who: count for one in writers for who, count in one.events.items()},
            "entries": sum(one.entries for one in writers),
            "pages": sum(one.pages for one in readers),
        }
        reports[number].write_text(json.dumps(found))

    children = [child(lambda number=number: process(number)) for number in range(PROCESSES)]
    assert [wait(one) for one in children] == [0] * PROCESSES
    found = [json.loads(report.read_text()) for report in reports]
    assert all(one["pages"] > 0 for one in found)
    stored = 0
    for one in found:
        assert len(one["events"]) >= WRITERS
        for who, count in one["events"].items():
            assert len(shop.profiles.view(who, "personalize").events) == count
            stored += count
    assert stored > 0
    size = shop.audit.verify().size
    assert size == before + sum(one["entries"] for one in found)
    assert size == tea_house.count("ledger_entries")
    people = set(tea_house.rows("SELECT key_id FROM subjects"))
    assert people <= set(tea_house.rows("SELECT key_id FROM subject_keys", store="keys"))
