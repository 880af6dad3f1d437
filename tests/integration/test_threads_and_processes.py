"""Many threads and processes at once lose nothing, and see what the others do."""

import json
import os
import threading
import time
from datetime import UTC, datetime

import pytest

from knowingly.profiles import views
from knowingly.recommend.training import publishing as training
from knowingly.vault.keyring import Keyring

SECONDS = 2.0


def real_time() -> datetime:
    return datetime.now(UTC)


def busy(shop, name: str, until: float, agree, *, erases: bool) -> dict:
    """Do everything a shop does for a while; what was acknowledged."""
    kept: dict[str, int] = {}
    erased: list[str] = []
    turn = 0
    while turn < 4 or time.monotonic() < until:
        turn += 1
        person = f"{name}-{turn % 7}"
        if turn <= 7:
            agree(shop, person, at=shop.now().replace(year=shop.now().year - 1, day=1))
            agree(shop, person)
            kept[person] = 0
        rows = [
            {"subject": person, "kind": "purchase", "item": item, "event_id": f"{turn}-{item}"}
            for item in ("assam", "chai", "mint")
        ]
        intake = shop.track(rows, strict=True)
        if person not in erased:
            assert intake.kept == 3
            kept[person] += 3
        shop.recommend(person, k=4)
        shop.recommend("t000", k=4)
        if erases and turn % 12 == 3 and person not in erased:
            shop.rights.erase(person)
            erased.append(person)
            kept.pop(person)
        if erases and turn % 20 == 11:
            shop.train()
    return {"kept": kept, "erased": erased}


def test_nothing_acknowledged_is_lost(tea_house, child, wait, agree, backend):
    """Eight threads and three processes later every acknowledged event is there, once."""
    tea_house.open()  # as an app that forks its workers has one open
    shop = tea_house.open(clock=real_time)
    until = time.monotonic() + SECONDS
    children = []
    for number in range(3):
        report = tea_house.folder / f"report{number}.json"

        def work(number=number, report=report) -> None:
            mine = shop if number else tea_house.open(clock=real_time)
            found = busy(mine, f"process{number}", until, agree, erases=number == 0)
            report.write_text(json.dumps(found))

        children.append((child(work), report))
    found, problems = [], []

    def thread(number: int) -> None:
        try:
            found.append(busy(shop, f"thread{number}", until, agree, erases=number == 0))
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=thread, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not problems
    for process, report in children:
        assert wait(process) == 0
        found.append(json.loads(report.read_text()))
    for part in found:
        for person, number in part["kept"].items():
            assert len(shop.profiles.view(person, "personalize").events) == number
        for person in part["erased"]:
            assert not shop.profiles.view(person, "personalize").events
    assert any(part["erased"] for part in found)
    verified = shop.audit.verify()
    assert verified.size == tea_house.count("ledger_entries")
    people = set(tea_house.rows("SELECT key_id FROM subjects"))
    assert people <= set(tea_house.rows("SELECT key_id FROM subject_keys", store="keys"))
    if backend == "sqlite":
        assert tea_house.rows("PRAGMA integrity_check") == [("ok",)]


def test_another_process_sees_a_training_and_a_forget(tea_house, clock, child, wait, gaps):
    """What one process trains or forgets, another serves at its next page, without reopening."""
    tea = tea_house.open()
    ask, answer = os.pipe(), os.pipe()

    def say(word: bytes = b"x") -> None:
        os.write(answer[1], word)

    def work() -> None:
        other = tea_house.open()
        other.recommend("t000")
        first = other.models.cards()[0]
        say()
        os.read(ask[0], 1)
        second = other.models.cards()[0]
        assert second.training == first.training + 1
        say()
        os.read(ask[0], 1)
        assert other.models.cards()[0].people == second.people - 1
        assert set(gaps(other).values()) == {0.0}
        assert other.recommend("t001").basis != "personal"
        say()

    process = child(work)
    os.read(answer[0], 1)
    clock.forward(hours=1)
    tea.train()
    os.write(ask[1], b"x")
    os.read(answer[0], 1)
    tea.consent.withdraw("t001")
    os.write(ask[1], b"x")
    assert os.read(answer[0], 1) == b"x"
    assert wait(process) == 0
    for end in (*ask, *answer):
        os.close(end)


def test_a_fork_inherits_a_shop(tea, child, wait):
    """A child uses the shop its parent opened, with connections of its own; so does the parent."""
    tea.recommend("t000")
    size = tea.audit.verify().size

    def work() -> None:
        assert tea.recommend("t000").basis == "personal"
        assert tea.track("t000", "view", "assam").kept == 1
        tea.consent.withdraw("t002")
        tea.close()

    assert wait(child(work)) == 0
    assert tea.audit.verify().size == size + 2  # the choice, and what models forgot by it
    assert tea.recommend("t002").basis == "catalog"
    assert tea.track("t000", "view", "assam").kept == 1


def test_a_parent_and_its_child_work_at_once(tea, child, wait):
    """Neither gets the other's answers: they share no connection."""
    tea.recommend("t000")

    def read() -> None:
        for number in range(60):
            person = f"t{number % 14:03}"
            assert tea.recommend(person).basis == "personal"
            assert tea.rights.export(person)["about"] == person

    process = child(read)
    read()
    assert wait(process) == 0


def test_a_child_outlives_its_parents_shop(tea, tea_house, child, wait):
    """When the parent closes its shop, what the child writes afterwards is not lost."""
    tea.recommend("t000")
    ask, answer = os.pipe(), os.pipe()

    def work() -> None:
        tea.track("t000", "view", "assam")
        os.write(answer[1], b"x")
        os.read(ask[0], 1)
        for _ in range(3):
            assert tea.track("t000", "view", "assam").kept == 1
        os.write(answer[1], b"x")

    def stored() -> int:
        return tea_house.count("events")

    before = stored()
    process = child(work)
    os.read(answer[0], 1)
    tea_house.close()
    os.write(ask[1], b"x")
    os.read(answer[0], 1)
    assert stored() == before + 4
    assert wait(process) == 0
    for end in (*ask, *answer):
        os.close(end)


def test_a_page_sees_one_snapshot(tea, tea_house, monkeypatch):
    """A read that began before a withdrawal shows the whole of the state before it."""
    other = tea_house.open()
    real = views.decide_for

    def withdrawn_in_between(*args, **kwargs):
        answer = real(*args, **kwargs)
        monkeypatch.setattr(views, "decide_for", real)
        other.consent.withdraw("t000")
        return answer

    monkeypatch.setattr(views, "decide_for", withdrawn_in_between)
    view = tea.profiles.view("t000", "personalize")
    assert view.decision.allowed
    assert view.events
    assert not tea.profiles.view("t000", "personalize").events


@pytest.mark.parametrize("call", ["page", "view", "train"])
def test_an_erasure_in_the_middle_of_a_read_is_no_error(tea, tea_house, monkeypatch, call):
    """Whoever is erased after a read began is not there; the caller gets an answer, no error."""
    other = tea_house.open()
    real = Keyring.present
    erased = []

    def erased_in_between(self, key_ids):
        if not erased:
            erased.append("t000")
            other.rights.erase("t000")
        return real(self, key_ids)

    monkeypatch.setattr(Keyring, "present", erased_in_between)
    if call == "page":
        assert tea.recommend("t000").basis != "personal"
    elif call == "view":
        assert not tea.profiles.view("t000", "personalize").events
    else:
        assert tea.train().people == 139
    assert erased


def test_two_trainings_at_once_leave_one(tea, gaps, monkeypatch, clock):
    """Two processes train at the same time: one training is active, whole, and no other is left."""
    clock.forward(hours=1)
    real, inner = training.fit, []

    def trained_in_between(*args, **kwargs):
        if not inner:
            inner.append(None)
            inner.append(tea.train())
        return real(*args, **kwargs)

    monkeypatch.setattr(training, "fit", trained_in_between)
    outer = tea.train()
    assert outer.training == inner[1].training + 1
    assert {card.training for card in tea.models.cards()} == {outer.training}
    assert set(gaps(tea).values()) == {0.0}
