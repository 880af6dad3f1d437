"""``knowingly import``: what is good goes in, what is bad is named by its line, nobody by name."""

import csv
import json
import os
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import knowingly
from knowingly.cli.app import app
from knowingly.importing import running, tables

WHO = "canary-person-7f3a"
NOW = datetime.now(UTC)
YESTERDAY = (NOW - timedelta(days=1)).isoformat()
QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}


def call(*arguments: str) -> Result:
    return CliRunner(env=QUIET).invoke(app, ["import", *arguments], catch_exceptions=False)


def files(*arguments: str, code: int = 0) -> list[dict]:
    result = call(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)["files"]


def write(name: str, header: str, *rows: tuple) -> str:
    with Path(name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
    return name


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch, shop_url) -> Path:
    """An empty shop in which one person agreed to everything, two days ago."""
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(app, ["init"])
    with knowingly.open(os.environ["KNOWINGLY_SHOP"]) as opened:
        opened.items.upsert([{"id": "tea"}])
        opened.consent.grant(WHO, ["personalize"], notice="2026-01/en", at=NOW - timedelta(days=2))
    return tmp_path


def events_of(who: str = WHO) -> int:
    with knowingly.open(os.environ["KNOWINGLY_SHOP"]) as opened:
        return len(opened.profiles.view(who, "personalize").events)


def items() -> int:
    with knowingly.open(os.environ["KNOWINGLY_SHOP"]) as opened:
        return len(opened.items)


BAD_ITEMS = [
    (("", "No id"), "id"),
    (("a", "Price", "nan"), "price"),
    (("b", "Naive", "", "2026-03-01T12:00:00"), "published_at"),
    (("c", "A number is no time", "", "1767225600"), "published_at"),
    (("d", "x" * 1_001), "title"),
    (("e\0e", "NUL"), "id"),
    ((unicodedata.normalize("NFD", "thé"), "NFD id"), "id"),
    (("f", "Too few"), "row"),
]


def test_each_bad_item_is_named_by_its_line_and_the_rest_goes_in():
    width = 4
    rows = [
        (*row, *[""] * (width - len(row))) if field != "row" else row for row, field in BAD_ITEMS
    ]
    name = write("items.csv", "id,title,price,published_at", ("ok", "Good", "1.5", ""), *rows)
    (report,) = files(name, code=3)
    assert report["kept"] == 1
    assert [(one["line"], one["field"]) for one in report["refused"]] == [
        (line, field) for line, (_, field) in enumerate(BAD_ITEMS, start=3)
    ]
    assert sum(report["refused_by_reason"].values()) == len(BAD_ITEMS)
    assert items() == 2


BAD_EVENTS = [
    (("", "view", "tea", YESTERDAY), "subject"),
    ((WHO, "stare", "tea", YESTERDAY), "kind"),
    ((WHO, "view", "", YESTERDAY), "item"),
    ((WHO, "view", "no-such-thing", YESTERDAY), "item"),
    ((WHO, "view", "tea", "2026-03-01T12:00:00"), "at"),
    ((WHO, "view", "tea", (NOW + timedelta(days=9)).isoformat()), "at"),
    ((WHO, "view", "tea", "2026"), "at"),
    ((WHO, "view", "tea", YESTERDAY, "e\x00"), "event_id"),
    ((WHO, "view", "tea", YESTERDAY, "", "0"), "quantity"),
    ((WHO, "view", "tea", YESTERDAY, "", "", "-inf"), "price"),
    ((unicodedata.normalize("NFD", "Zoé"), "view", "tea", YESTERDAY), "subject"),
    ((WHO, "view", "tea", YESTERDAY, "", "", "", "", "one too many"), "row"),
]
EVENT_COLUMNS = "subject,kind,item,at,event_id,quantity,price,order"


def bad_events() -> str:
    rows = [(*row, *[""] * (8 - len(row))) for row, _ in BAD_EVENTS]
    good = (WHO, "purchase", "tea", YESTERDAY, "e1", "2", "3.5", "o1")
    return write("events.csv", EVENT_COLUMNS, good, *rows)


def test_each_bad_event_is_named_by_its_line_and_nobody_by_name():
    (report,) = files(bad_events(), code=3)
    assert report["kept"] == 1
    assert [(one["line"], one["field"]) for one in report["refused"]] == [
        (line, field) for line, (_, field) in enumerate(BAD_EVENTS, start=3)
    ]
    human = call("events.csv")
    assert human.exit_code == 3
    assert "1 there already" in human.stdout
    assert WHO not in human.output


def test_an_event_id_is_kept_once_within_a_file_and_between_two():
    rows = [(WHO, "view", "tea", YESTERDAY, "same")] * 2
    name = write("events.csv", "subject,kind,item,at,event_id", *rows)
    (first,) = files(name)
    assert (first["kept"], first["duplicates"]) == (1, 1)
    (second,) = files(name)
    assert (second["kept"], second["duplicates"]) == (0, 2)
    assert events_of() == 1


def test_what_nobody_agreed_to_is_dropped_by_reason_and_no_error():
    (report,) = files(write("e.csv", "subject,kind,item", ("stranger", "view", "tea")))
    assert report["dropped"] == {"no_record": 1}
    assert "dropped for want of consent (no_record): 1" in call("e.csv").stdout


def test_only_twenty_refused_rows_are_listed_and_all_are_counted():
    name = write("items.csv", "id,price", *[(f"i{number}", "nan") for number in range(25)])
    human = call(name)
    assert human.exit_code == 3
    assert human.stdout.count("a finite number") == 21
    assert "and 5 more" in human.stdout
    assert "price: expected a finite number: 25" in human.stdout
    assert len(files(name, code=3)[0]["refused"]) == 25


def test_strict_refuses_a_whole_file_also_when_the_last_row_of_many_batches_is_bad(monkeypatch):
    monkeypatch.setattr(tables, "ROWS_PER_BATCH", 10)
    rows = [(f"i{number}", "1") for number in range(35)]
    name = write("items.csv", "id,price", *rows, ("last", "nan"))
    result = call(name, "--strict")
    assert result.exit_code == 1
    assert "items.csv was refused whole, for 1 of its 36 rows" in result.stderr
    assert items() == 1
    told = json.loads(call(name, "--strict", "--json").stdout)
    assert told["files"][0]["written"] is False
    assert told["error"]["type"] == "InputError"
    (good,) = files(write("items.csv", "id,price", *rows), "--strict")
    assert (good["written"], good["kept"], items()) == (True, 35, 36)


def test_strict_finds_in_advance_every_event_that_the_shop_would_refuse():
    result = call(bad_events(), "--strict", "--json")
    assert result.exit_code == 1
    (report,) = json.loads(result.stdout)["files"]
    assert [one["field"] for one in report["refused"]] == [field for _, field in BAD_EVENTS]
    assert events_of() == 0


def test_strict_leaves_the_files_after_a_refused_one_alone():
    bad = write("items.csv", "id,price", ("x", "nan"))
    good = write("e.csv", "subject,kind,item", (WHO, "view", "tea"))
    call(good, bad, "--strict")
    assert events_of() == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (f"{WHO},view,tea\n", "not the header"),
        ("id,name\nx,y\n", "id, title, categories, brand"),
        ("", "not the header"),
        ("id,id\nx,y\n", "twice"),
        ("id;title\nx;y\n", "not the header"),
    ],
)
def test_an_unknown_header_names_the_columns_and_repeats_nothing(content, says):
    Path("odd.csv").write_text(content)
    result = call("odd.csv")
    assert result.exit_code == 1
    assert "odd.csv, line" in result.stderr
    assert says in result.stderr
    assert WHO not in result.output


def test_a_bad_header_stops_the_import_before_anything_is_written():
    good = write("items.csv", "id", ("x",))
    Path("odd.csv").write_text("who,what\n")
    assert call(good, "odd.csv").exit_code == 1
    assert items() == 1


def test_bytes_that_are_not_utf8_are_named_by_line_with_what_is_in_already(monkeypatch):
    monkeypatch.setattr(tables, "ROWS_PER_BATCH", 2)
    Path("items.csv").write_bytes(b"id,title\na,A\nb,B\nc,\xe9\n")
    result = call("items.csv")
    assert result.exit_code == 1
    assert "items.csv, line 4: not UTF-8 text: save the file as UTF-8" in result.stderr
    assert "is in up to line 3" in result.stderr
    assert items() == 3


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (b'"never closed\n', "not CSV"),
        (b'"a"b,c\n', "not CSV"),
        (b'x,"' + b"yyyyyyyyy\n" * 110_000 + b'"\n', "larger than field limit (1000000)"),
        (b"z" * 1_000_001 + b"\n", "longer than 1,000,000 bytes"),
    ],
)
def test_what_is_no_csv_is_named_by_line_and_bounded(row, says):
    before = csv.field_size_limit(77_777)
    Path("items.csv").write_bytes(b"id,title\n" + row)
    result = call("items.csv")
    mine = csv.field_size_limit(before)
    assert result.exit_code == 1
    assert "items.csv, line 2" in result.stderr
    assert says in result.stderr
    assert mine == 77_777, "the caller's own limit is back"


def test_a_byte_order_mark_blank_lines_and_cells_of_several_lines_keep_the_line_numbers():
    content = '\ufeffid,title\r\n\r\na,"two\nlines"\r\nb,B\r\n,no id\r\n'
    Path("items.csv").write_bytes(content.encode())
    (report,) = files("items.csv", code=3)
    assert [(one["line"], one["field"]) for one in report["refused"]] == [(3, "title"), (6, "id")]


def test_categories_are_split_and_empty_cells_are_not_given(monkeypatch):
    seen = []
    real = running.put

    def put(owner, rows, **options):
        seen.extend(rows)
        return real(owner, rows, **options)

    monkeypatch.setattr(running, "put", put)
    name = write("i.csv", "id,title,categories,in_stock", ("x", "", "green| loose |", "no"))
    assert files(name)[0]["kept"] == 1
    assert seen == [{"id": "x", "categories": ("green", "loose"), "in_stock": "no"}]


def test_an_interrupted_import_says_up_to_where_it_is_in(monkeypatch):
    monkeypatch.setattr(tables, "ROWS_PER_BATCH", 2)
    real, calls = running.track, []

    def track(*given, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*given, **options)

    monkeypatch.setattr(running, "track", track)
    rows = [(WHO, "view", "tea", YESTERDAY, f"e{number}") for number in range(5)]
    name = write("events.csv", "subject,kind,item,at,event_id", *rows)
    result = call(name)
    assert result.exit_code == 130
    assert "events.csv is in up to line 3" in result.stderr
    assert events_of() == 2
    assert "went on after line 3" in call(name).stdout
    assert events_of() == 5


def test_a_folder_or_a_missing_file_is_a_wrong_command_line():
    assert call(".").exit_code == 2
    assert call("missing.csv").exit_code == 2
    assert call().exit_code == 2
