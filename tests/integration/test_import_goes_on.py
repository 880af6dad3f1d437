"""An import that was stopped goes on where it was: nothing is lost, doubled or told twice."""

import csv
import json
import os
import signal
from dataclasses import replace

import pyarrow
import pytest
from pyarrow import parquet

import knowingly
from killing import arm
from knowingly.consent.past import PastChoices
from knowingly.importing import running, tables

WHO = "canary-ann"
NOTICE = "2026-01/en"
ITEMS = ["tea", "cup", "tin"]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(tables, "ROWS_PER_BATCH", 2)


@pytest.fixture
def ready(house):
    """A shop of three items in which one person agreed."""
    shop = house.open()
    shop.items.upsert([{"id": one} for one in ITEMS])
    shop.consent.grant(WHO, ["personalize"], notice=NOTICE, at=house.clock.ago(days=20))
    return house


def when(house, hours: int) -> str:
    return house.clock.ago(hours=hours).isoformat()


def as_csv(path, columns, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def item_lines(house, folder):
    """Cells of several lines, of many bytes, and blank lines: a boundary is where a record ends."""
    path = folder / "items.csv"
    text = '\ufeffid,title\r\na,"Thé\r\n"\r\nb,"Grün, ""gut"""\r\n\r\nc,日本茶\r\n'
    text += 'd,D\r\ntoo,many,cells\r\ne,"\n"\r\n\r\n\r\nf,F\r\ng,"G "\r\nh,H'
    path.write_bytes(text.encode())
    return path, None


def event_lines(house, folder):
    """Events without ids, of which some lines are no events."""
    path = folder / "events.jsonl"
    rows = [
        {"subject": WHO, "kind": "view", "item": ITEMS[n % 3], "at": when(house, 99 - n)}
        for n in range(9)
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    lines[3] = "no JSON"
    lines[4] = json.dumps({**rows[4], "item": "unknown"})
    lines[6] = json.dumps({**rows[6], "subject": "stranger"})
    path.write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    return path, None


def event_groups(house, folder):
    """Parquet, in row groups that no batch fits."""
    path = folder / "events.parquet"
    names = ["tea", "cup", None, "tin", "unknown", "tea", "cup", "tea"]
    columns = {
        "subject": [WHO] * 8,
        "kind": ["view"] * 8,
        "item": names,
        "at": [when(house, 99 - n) for n in range(8)],
    }
    parquet.write_table(pyarrow.table(columns), path, row_group_size=3)
    return path, None


def order_groups(house, folder):
    """Orders of several rows, a broken row amidst one, and a cell that is no time."""
    mapping = folder / "orders.toml"
    mapping.write_text(
        'kind = "orders"\ngroup = "no"\n[fields]\nsubject = "who"\nid = "no"\nat = "at"\n'
        '[parts]\nitem = "what"\nquantity = "n"\n'
    )
    path = folder / "orders.csv"
    rows = []
    for number in range(5):
        at = when(house, 99 - number) if number != 2 else "once"
        rows += [(f"o{number}", WHO, at, "tea", 1), ("", "", "", "cup", 2)]
        if number in {1, 3}:
            rows.append(("broken",))
        rows.append((f"o{number}", "", "", "unknown" if number == 4 else "tin", 1))
    as_csv(path, ["no", "who", "at", "what", "n"], rows)
    return path, mapping


def choice_rows(house, folder):
    """Old choices: good ones, weak ones, one twice, and some that are none."""
    mapping = folder / "choices.toml"
    mapping.write_text(
        'kind = "choices"\n[origin]\nsystem = "CMP"\nquality = "documented"\n'
        "exported = 2026-02-01\n[fields]\n"
        + "".join(f'{name} = "{name}"\n' for name in ("subject", "action", "purposes", "at"))
        + 'notice = "notice"\nmethod = "method"\n'
    )
    path = folder / "choices.csv"
    yes = (WHO, "grant", "train", when(house, 99), NOTICE, "button")
    rows = [yes, ("bob", *yes[1:3], "", "", ""), yes, ("", *yes[1:]), (*yes[:3], "later", *yes[4:])]
    rows += [(f"p{n}", "refuse", "", "", "\nodd", "") for n in range(3)]
    as_csv(path, ["subject", "action", "purposes", "at", "notice", "method"], rows)
    return path, mapping


FILES = {
    "choices, csv": (choice_rows, [5, 6]),
    "items, csv": (item_lines, [2, 8, 9]),
    "events, jsonl": (event_lines, [4, 5]),
    "events, parquet": (event_groups, [3, 5]),
    "orders, csv": (order_groups, [7, 9, 14, 18]),
}
"""How each is written, and the lines that are refused."""


def stored(house) -> tuple:
    """What came of a file: the person's events and the shop's items, and nothing of the import."""
    shop = house.open()
    view = shop.profiles.view(WHO, "personalize").events
    events = sorted((one.kind.value, one.item, one.quantity, one.at_us) for one in view)
    items = [(one, shop.items.get(one).title) for one in sorted(shop.items.view().ids)]
    assert (house.count("imports"), house.count("import_refusals")) == (0, 0)
    shop.audit.verify()
    return events, items, house.count("events"), house.count("consent_records")


def stop_before_batch(monkeypatch, number: int) -> None:
    """As somebody who presses Ctrl-C would."""
    for owner, name in ((running, "track"), (running, "put"), (PastChoices, "take_in")):
        real = getattr(owner, name)
        left = iter(range(number))

        def interrupted(*given, real=real, left=left, **options):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return real(*given, **options)

        monkeypatch.setattr(owner, name, interrupted)


@pytest.mark.parametrize("kind", FILES)
def test_an_import_ends_alike_wherever_it_is_stopped(kind, ready, tmp_path):
    """In its report, in what is stored, and in how little is read again."""
    write, refused = FILES[kind]
    path, mapping = write(ready, tmp_path)
    whole = ready.copy(tmp_path / "whole")
    report = whole.open().import_file(path, mapping=mapping)
    expected = stored(whole)
    whole.remove()
    assert [one.row for one in report.refused] == refused
    assert report.duplicates == (kind == "choices, csv")
    batches = 0
    lines = []
    while not lines or lines[-1] is not None:
        place = ready.copy(tmp_path / f"stopped{batches}")
        shop = place.open()
        lines.append(None)
        with pytest.MonkeyPatch.context() as patch:
            stop_before_batch(patch, batches)
            try:
                again = shop.import_file(path, mapping=mapping)
            except KeyboardInterrupt as stopped:
                lines[-1] = stopped.__notes__
        if lines[-1] is not None:
            again = place.open().import_file(path, mapping=mapping)
            assert bool(again.resumed_after) == bool(batches)
            assert (f"line {again.resumed_after};" in lines[-1][0]) == bool(batches)
        assert replace(again, resumed_after=0) == report
        assert stored(place) == expected
        place.remove()
        batches += 1
    assert batches > 3


def test_a_killed_import_lost_and_doubled_nothing(ready, tmp_path, child, wait, backend):
    """The place that is saved and the rows that are in agree at every point."""
    path, _ = event_lines(ready, tmp_path)
    counted = tmp_path / "points"

    def run(place, limit):
        def work():
            shop = place.open()
            points = arm(limit)
            shop.import_file(path)
            counted.write_text(str(points()))
            os._exit(0)

        assert wait(child(work)) == (0 if limit is None else -signal.SIGKILL)

    whole = ready.copy(tmp_path / "whole")
    run(whole, None)
    total, expected = int(counted.read_text()), stored(whole)
    whole.remove()
    resumed = set()
    step = 1 if backend == "sqlite" else max(1, total // 15)
    for limit in range(0, total, step):
        place = ready.copy(tmp_path / f"at{limit}")
        run(place, limit)
        # Killed behind its end, it is a new import of the same file.
        ended = place.count("events") == expected[2] and not place.count("imports")
        report = place.open().import_file(path)
        assert (report.kept, report.duplicates) == ((0, 6) if ended else (6, 0))
        assert report.rows == 9
        assert report.dropped == {"no_record": 1}
        assert [one.row for one in report.refused] == [4, 5]
        assert stored(place) == expected
        resumed.add(report.resumed_after)
        place.remove()
    assert len(resumed) >= 4


def stopped(shop, path, batches=2, **options) -> None:
    with pytest.MonkeyPatch.context() as patch:
        stop_before_batch(patch, batches)
        with pytest.raises(KeyboardInterrupt):
            shop.import_file(path, **options)


def test_a_file_that_changed_is_told_and_nothing_is_read(ready, tmp_path):
    """Its bytes, its mapping and how it is imported; ``restart`` is the way out."""
    path, mapping = order_groups(ready, tmp_path)
    shop = ready.open()
    stopped(shop, path, mapping=mapping)
    text, map_text = path.read_text(), mapping.read_text()
    for change, back in (
        (lambda: path.write_text(text + "o9,x,,tea,1\n"), lambda: path.write_text(text)),
        (
            lambda: mapping.write_text(map_text.replace('quantity = "n"\n', "")),
            lambda: mapping.write_text(map_text),
        ),
    ):
        change()
        with pytest.raises(
            knowingly.FileError, match=r"line 15, .*has changed.*--restart"
        ) as caught:
            shop.import_file(path, mapping=mapping)
        assert WHO not in str(caught.value)
        back()
    with pytest.raises(knowingly.FileError, match="has changed"):
        shop.import_file(path, mapping=mapping, strict=True)
    path.write_text(text.replace("o0", "o9"))
    report = shop.import_file(path, mapping=mapping, restart=True)
    assert report.resumed_after == 0
    assert (ready.count("imports"), ready.count("import_refusals")) == (0, 0)


def test_a_rehearsal_leaves_the_place_alone(ready, tmp_path):
    """It reads the whole file and forgets nothing."""
    path, _ = event_lines(ready, tmp_path)
    shop = ready.open()
    stopped(shop, path)
    assert shop.import_file(path, dry_run=True).rows == 9
    assert ready.count("imports") == 1
    assert shop.import_file(path).resumed_after == 4


def test_a_strict_import_goes_on_without_checking_again(ready, tmp_path):
    """It was found good before its first row went in."""
    path = tmp_path / "events.csv"
    rows = [(WHO, "view", "tea", when(ready, 99 - n)) for n in range(7)]
    as_csv(path, ["subject", "kind", "item", "at"], rows)
    shop = ready.open()
    stopped(shop, path, strict=True)
    told = []
    report = shop.import_file(path, strict=True, progress=lambda *step: told.append(step))
    assert (report.resumed_after, report.kept, report.duplicates) == (5, 7, 0)
    size = path.stat().st_size
    assert [one[0] for one in told] == ["events.csv"] * 2
    assert told[-1] == ("events.csv", size, size)


def test_of_two_imports_of_one_file_one_goes_on(ready, tmp_path, monkeypatch):
    """Otherwise each would save its own place over the other's."""
    path, _ = event_lines(ready, tmp_path)
    first, second = ready.open(), ready.open()
    real, calls = running.track, []

    def track(*given, **options):
        calls.append(1)
        if len(calls) == 2:
            assert second.import_file(path, restart=True).kept == 4
        return real(*given, **options)

    monkeypatch.setattr(running, "track", track)
    with pytest.raises(knowingly.FileError, match="another import of it is under way"):
        first.import_file(path)


def test_an_import_nobody_goes_on_with_is_forgotten(ready, tmp_path):
    """After a month, by ``maintain``; a younger one stays."""
    path, _ = event_lines(ready, tmp_path)
    shop = ready.open()
    stopped(shop, path, batches=3)
    skip = ("train", "release", "retention")
    ready.clock.forward(days=30)
    assert shop.maintain(skip=skip).imports_forgotten == 0
    ready.clock.forward(seconds=1)
    assert shop.maintain(skip=skip).imports_forgotten == 1
    assert (ready.count("imports"), ready.count("import_refusals")) == (0, 0)


def test_a_place_is_the_merchants_own(ready, tmp_path):
    """Another merchant who imports the same file begins it."""
    path, _ = event_lines(ready, tmp_path)
    shop = ready.open()
    stopped(shop, path)
    theirs = shop.tenant("acme").import_file(path)
    assert theirs.resumed_after == 0
    assert shop.import_file(path).resumed_after == 4


def test_nothing_of_the_path_or_a_person_is_in_what_is_saved(ready, tmp_path):
    """The place is found by a keyed hash."""
    folder = tmp_path / "canary-folder"
    folder.mkdir()
    path, _ = event_lines(ready, folder)
    stopped(ready.open(), path, batches=3)
    saved = repr(ready.rows("SELECT * FROM imports") + ready.rows("SELECT * FROM import_refusals"))
    assert "canary" not in saved
    assert "events.jsonl" not in saved
