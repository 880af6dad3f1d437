"""Killed at random moments of random lives: nothing acknowledged is lost, and nothing half-done.

A child lives with a shop and says through a pipe what it begins and what is done. It is killed; on
PostgreSQL so is, at times, the server or one of its processes. A second shop, on SQLite, does what
was acknowledged and is never killed: after each kill the two must show the same, but for the one
act that was not acknowledged, which was done or was not.

A few kills of each database; ``KNOWINGLY_KILLS`` says how many, and so does ``tox run -e kills``.
"""

import json
import os
import select
import signal
import time
from collections import Counter
from random import Random
from typing import Any

import knowingly
from houses import Clock, House
from lives import BY_STEPS, WITH_SAGA, Act, Planner, differences, grown, perform, shown

KILLS = int(os.environ.get("KNOWINGLY_KILLS", "8"))
KILLS_PER_LIFE, ACTS_PER_KILL = 10, 12
LONGEST_WAIT_SECONDS = 0.06
TABLES = ("consent_records", "events", "manifests", "traits", "identities", "holds")


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def live(place: House, acts: list[Act], told: int) -> None:
    """Do the acts, and tell of each when it begins and when it is done."""

    def tell(*words: Any) -> None:
        os.write(told, (json.dumps(words, default=str) + "\n").encode())

    shop = place.open()
    for number, act in enumerate(acts):
        tell("begun", number, None)
        try:
            result = perform(shop, place.clock, act)
        except knowingly.StoreError as error:
            tell("failed", number, error.outcome_unknown)
            return
        tell("done", number, result)


class Told:
    """What a child has said so far."""

    def __init__(self, source: int) -> None:
        self._source, self._rest = source, b""
        self.done: dict[int, Any] = {}
        self.begun = -1
        self.certainly_undone = False
        self.is_over = False

    def listen(self, *, until: float | None = None) -> None:
        """Hear what comes, up to a moment, or to the end of it."""
        while not self.is_over:
            seconds = None if until is None else max(until - time.monotonic(), 0)
            ready, _, _ = select.select([self._source], [], [], seconds)
            if not ready:
                return
            heard = os.read(self._source, 65_536)
            self.is_over = not heard
            *lines, self._rest = (self._rest + heard).split(b"\n")
            for line in lines:
                self._note(*json.loads(line))
            if until is None and heard:
                return

    def _note(self, what: str, number: int, result: Any) -> None:
        if what == "begun":
            self.begun = number
        elif what == "done":
            self.done[number] = result
        else:
            self.certainly_undone = not result

    @property
    def unanswered(self) -> int | None:
        return None if self.begun in self.done or self.begun < 0 else self.begun


class Life:
    """One shop that is killed, and its twin that is not."""

    def __init__(self, place: House, twin: House, random: Random, server: Any) -> None:
        self.place, self.twin, self.random, self.server = place, twin, random, server
        grown(place)
        place.close()
        self.shop = grown(twin)
        self.planner = Planner(random, place.clock)
        self.waited = place.clock.now
        self.keys: dict[int, bytes] = {}

    def kill(self, child, wait) -> tuple[str, str]:
        """One kill, and all that must be true afterwards; how it was, and under what."""
        acts = self.planner.acts(ACTS_PER_KILL)
        how = self._how()
        source, told = os.pipe()
        process = child(lambda: live(self.place, acts, told))
        os.close(told)
        try:
            heard = Told(source)
            after = self.random.randrange(-1, len(acts) - 1)
            while after >= 0 and after not in heard.done and not heard.is_over:
                heard.listen()
            heard.listen(until=time.monotonic() + self.random.uniform(0, LONGEST_WAIT_SECONDS))
            if how != "process":
                getattr(self.server, how)(self.place.place.name)
                heard.listen(until=time.monotonic() + LONGEST_WAIT_SECONDS)
            os.kill(process, signal.SIGKILL)
            wait(process)
            while not heard.is_over:
                heard.listen()
        finally:
            os.close(source)
        begun = None if heard.unanswered is None else acts[heard.unanswered]
        self._agree(acts, heard, begun)
        return how, "nothing" if begun is None else begun.verb

    def _how(self) -> str:
        if self.server is None or not self.server.is_ours:
            return "process"
        return self.random.choices(("process", "restart", "crash"), (3, 1, 1))[0]

    def _agree(self, acts: list[Act], heard: Told, begun: Act | None) -> None:
        """The two shops show the same, and the laws hold."""
        assert list(heard.done) == list(range(len(heard.done)))
        for number, result in heard.done.items():
            said = perform(self.shop, self.twin.clock, acts[number])
            assert as_json(said) == result, acts[number]
        now = acts[max(heard.begun, 0)].at
        self.place.clock.now = self.twin.clock.now = now
        again = self.place.open()
        if begun is not None and begun.verb in BY_STEPS:
            perform(again, self.place.clock, begun)
            perform(self.shop, self.twin.clock, begun)
        found, expected = shown(self.place, again), shown(self.twin, self.shop)
        if found != expected and begun is not None and begun.verb not in BY_STEPS:
            assert not heard.certainly_undone or begun.verb in WITH_SAGA, begun
            perform(self.shop, self.twin.clock, begun)
            expected = shown(self.twin, self.shop)
        assert differences(found, expected) == {}, begun
        self._laws(again)
        self.place.close()

    def _laws(self, again: knowingly.Shop) -> None:
        again.audit.verify()
        if all(one.trained_at >= self.waited for one in again.models.cards()):
            for one in again.models.compare_with_refit():
                assert one.largest_difference == 0, one
        assert self.place.rows("SELECT 1 FROM erasures WHERE step != 'done'") == []
        people = dict(self.place.rows("SELECT subject, key_id FROM subjects"))
        kept = {key for (key,) in self.place.rows("SELECT key_id FROM subject_keys", store="keys")}
        assert set(people.values()) <= kept
        for table in TABLES:
            whose = self.place.rows(f"SELECT DISTINCT subject FROM {table}")  # noqa: S608
            assert {subject for (subject,) in whose} <= people.keys(), table
        erased = {key for subject, key in self.keys.items() if subject not in people}
        assert not erased & kept, "the key of somebody who was erased is there"
        self.keys = people

    def end(self) -> None:
        """An hour later there is a key for each person, and no other."""
        self.place.clock.forward(hours=1, seconds=1)
        self.place.open().maintain(skip=("train", "release", "retention"))
        used = set(self.place.rows("SELECT key_id FROM subjects"))
        assert used == set(self.place.rows("SELECT key_id FROM subject_keys", store="keys"))


def test_nothing_acknowledged_is_lost(  # noqa: PLR0917 - fixtures
    build, backend, tmp_path, child, wait, request, capsys
):
    """However often, and wherever, a shop's process or its server is killed."""
    server = request.getfixturevalue("server") if backend == "postgresql" else None
    killed: Counter[str] = Counter()
    under: Counter[str] = Counter()
    for number, first in enumerate(range(0, KILLS, KILLS_PER_LIFE)):
        place = build(tmp_path / f"place{number}", Clock())
        twin = House(tmp_path / f"twin{number}", Clock())
        one = Life(place, twin, Random(f"{backend} {number}"), server)
        try:
            for _ in range(min(KILLS_PER_LIFE, KILLS - first)):
                how, what = one.kill(child, wait)
                killed[how] += 1
                under[what] += 1
            one.end()
        finally:
            place.remove()
            twin.remove()
        if number % 5 == 4:
            with capsys.disabled():
                print(f"\n{backend}: killed {dict(killed)}, under {dict(under)}")  # noqa: T201
    assert killed.total() == KILLS
