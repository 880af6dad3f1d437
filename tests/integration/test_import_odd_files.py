"""Files as shops really have them: a rehearsal tells what the import does, and nothing stops it."""

import csv
import json
from datetime import timedelta
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from knowingly.importing import tables

WHO = "canary.ann@example.com"


@pytest.fixture
def stocked(house, tmp_path, monkeypatch, agree):
    """A shop with two items, and one person who agreed a month ago."""
    monkeypatch.chdir(tmp_path)
    shop = house.open()
    shop.items.upsert([{"id": "tea"}, {"id": "shirt", "variants": [{"id": "S"}]}], strict=True)
    agree(shop, WHO, at=house.clock.ago(days=30))
    return shop


def lines(name: str, *rows: dict) -> str:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def bought(shop) -> list:
    view = shop.profiles.view(WHO, "personalize").events
    return sorted((one.kind.value, one.item, one.quantity) for one in view)


def told(report) -> list:
    return [(one.row, one.field) for one in report.refused]


def test_a_rehearsal_refuses_the_rows_that_the_import_refuses(stocked, house, monkeypatch):
    """Ids that clash, within a batch, with an earlier batch or with the shelf; and bad tokens."""
    monkeypatch.setattr(tables, "ROWS_PER_BATCH", 3)
    items = lines(
        "items.jsonl",
        {"id": "a", "variants": [{"id": "a1"}]},
        {"id": "S"},
        {"id": "b", "variants": [{"id": "tea"}]},
        {"id": "a1"},
        {"id": "c", "variants": [{"id": "a"}]},
        {"id": "d", "variants": [{"id": "d1"}]},
    )
    day = house.clock.ago(days=1).isoformat()
    seen = {"subject": WHO, "kind": "view", "item": "tea", "at": day}
    events = lines("events.jsonl", seen, {**seen, "decision": "no token"}, {**seen, "item": "no"})
    gone = {"subject": WHO, "id": "1", "at": day, "lines": [{"item": "no"}], "cancelled": True}
    orders = lines("orders.jsonl", gone, {**gone, "id": "2", "cancelled": False})
    expected = {
        items: [
            (2, "id"),
            (3, "variants.0.id"),
            (4, "id"),
            (5, "variants.0.id"),
        ],
        events: [(2, "decision"), (3, "item")],
        orders: [(2, "lines.0.item")],
    }
    for name, refused in expected.items():
        rehearsed = stocked.import_file(name, dry_run=True)
        report = stocked.import_file(name)
        assert told(rehearsed) == told(report) == refused
        assert rehearsed.refused == report.refused


@pytest.mark.parametrize("last", ["clash", "token"])
def test_strict_takes_all_of_a_file_or_nothing(stocked, monkeypatch, last):
    """Also where only the last batch shows that a row cannot go in."""
    monkeypatch.setattr(tables, "ROWS_PER_BATCH", 2)
    if last == "clash":
        good, bad = [{"id": f"i{number}"} for number in range(4)], {"id": "S"}
    else:
        seen = {"subject": WHO, "kind": "view", "item": "tea"}
        good, bad = [seen] * 4, {**seen, "decision": "no token"}
    report = stocked.import_file(lines("rows.jsonl", *good, bad), strict=True)
    assert (report.written, [row for row, _ in told(report)]) == (False, [5])
    assert (len(stocked.items), bought(stocked)) == (2, [])


def test_a_file_of_json_lines_holds_one_kind(stocked, house):
    """An event among orders had no id that follows from its line, and counted again each time."""
    day = house.clock.ago(days=1).isoformat()
    order = {"subject": WHO, "id": "o1", "at": day, "lines": [{"item": "tea"}]}
    seen = {"subject": WHO, "kind": "view", "item": "tea", "at": day}
    for name, rows in (("orders.jsonl", (order, seen)), ("events.jsonl", (seen, order))):
        rehearsed = stocked.import_file(lines(name, *rows), dry_run=True)
        for _ in range(2):
            report = stocked.import_file(name)
            assert told(report) == told(rehearsed) == [(2, "lines")]
    assert bought(stocked) == [("purchase", "tea", 1), ("view", "tea", 1)]


def test_a_key_said_twice_counts_for_neither_answer(stocked):
    """Python's reader takes the last: a no could hide behind a yes."""
    Path("map.toml").write_text(
        'kind = "choices"\n[origin]\nsystem = "old"\nquality = "documented"\n'
        '[fields]\nsubject = "who"\naction = "said"\npurposes = "what"\nat = "at"\n'
        'notice = "notice"\nmethod = { constant = "banner" }\n'
    )
    Path("choices.jsonl").write_text(
        '{"who": "bob", "said": "refuse", "said": "grant", "what": ["personalize"],'
        ' "at": "2026-01-05T00:00:00Z", "notice": "2026-01/en"}\n'
    )
    report = stocked.import_file("choices.jsonl", mapping="map.toml")
    assert told(report) == [(1, "row")]
    assert not stocked.knows("bob")


@pytest.mark.parametrize("name", ["text", "time", "day"])
def test_a_parquet_value_that_python_cannot_hold_refuses_its_row(stocked, house, name):
    """The error of pyarrow or of Python would say what stood there."""
    day = house.clock.ago(days=1)
    columns = {
        "subject": pyarrow.array([WHO, WHO, WHO]),
        "kind": pyarrow.array(["view"] * 3),
        "item": pyarrow.array(["tea"] * 3),
        "at": pyarrow.array([day] * 3, pyarrow.timestamp("us", "UTC")),
    }
    if name == "text":
        raw = pyarrow.array([WHO.encode(), b"canary\xff", WHO.encode()])
        columns["subject"] = pyarrow.Array.from_buffers(pyarrow.string(), 3, raw.buffers())
    elif name == "time":
        columns["at"] = pyarrow.array([day, None, day], pyarrow.timestamp("ms", "UTC"))
        columns["at"] = pyarrow.concat_arrays(
            [columns["at"][:1], pyarrow.array([2**61], columns["at"].type), columns["at"][2:]]
        )
    else:
        columns["order"] = pyarrow.array([None, 2**30, None], pyarrow.date32())
    parquet.write_table(pyarrow.table(columns), "events.parquet")
    for dry_run in (True, False):
        report = stocked.import_file("events.parquet", dry_run=dry_run)
        assert told(report) == [(2, "row")]
        assert "canary" not in repr(report)
    assert bought(stocked) == [("view", "tea", 1)] * 2


def test_what_a_shop_does_not_count_is_in_stock(stocked):
    """Shopify exports a 0, and a policy, of variants without a tracker too."""
    columns = ["Handle", "Title", "Vendor", "Type", "Tags", "Image Src", "Variant Price"]
    columns += ["Variant SKU", "Variant Inventory Tracker", "Variant Inventory Qty"]
    columns += ["Variant Inventory Policy", "Option1 Value", "Option2 Value", "Option3 Value"]
    columns += ["Body (HTML)", "Status", "Published"]
    common = {"Status": "active", "Variant Inventory Qty": "0", "Variant Inventory Policy": "deny"}
    rows = [
        {"Handle": "cup", "Variant SKU": "CUP", "Body (HTML)": "x" * 500_000},
        {"Handle": "pot", "Variant SKU": "POT", "Variant Inventory Tracker": "shopify"},
    ]
    with Path("products.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows({**common, **row} for row in rows)
    report = stocked.import_file("products.csv", mapping="shopify-products")
    assert (report.kept, report.refused) == (2, [])
    stock = [stocked.items.get(name).can_be_bought() for name in ("cup", "pot")]
    assert stock == [True, False]


def test_an_empty_cell_means_something_only_where_the_column_is_there(stocked):
    """A key that a JSON line does not have says nothing."""
    Path("map.toml").write_text(
        'kind = "items"\n[fields]\nid = "sku"\npinned = { column = "front", empty = true }\n'
    )
    name = lines("skus.jsonl", {"sku": "x", "front": ""}, {"sku": "y"}, {"sku": "z", "front": "no"})
    assert stocked.import_file(name, mapping="map.toml").kept == 3
    assert [stocked.items.get(one).pinned for one in "xyz"] == [True, False, False]


def test_the_person_of_the_file_agreed(stocked, house):
    """What the tests above compare can differ: without her yes nothing is kept."""
    day = (house.clock.now - timedelta(days=1)).isoformat()
    lines("events.jsonl", {"subject": "bob", "kind": "view", "item": "tea", "at": day})
    assert stocked.import_file("events.jsonl").dropped == {"no_record": 1}


def test_a_product_has_as_many_images_as_shopify_lets_it_have(stocked):
    """One in each row of its handle; one more than 250 is refused."""
    Path("map.toml").write_text(
        'kind = "items"\ngroup = "Handle"\n[fields]\nid = "Handle"\nimages = "Image Src"\n'
    )
    rows = [f"cup,https://cdn.example/{number}.jpg" for number in range(250)]
    rows += [f"pot,https://cdn.example/{number}.jpg" for number in range(251)]
    Path("products.csv").write_text("\n".join(["Handle,Image Src", *rows]))
    report = stocked.import_file("products.csv", mapping="map.toml")
    assert (report.kept, told(report)) == (1, [(252, "images")])
    assert len(stocked.items.get("cup").images) == 250


def test_a_number_of_any_size_where_text_belongs_stops_nothing(stocked):
    """JSON has no largest number; an id of four hundred digits is too long."""
    Path("map.toml").write_text('kind = "items"\n[fields]\nid = "sku"\n')
    Path("skus.jsonl").write_text(f'{{"sku": {10**400}}}\n{{"sku": 7.0}}\n{{"sku": {10**30}}}\n')
    report = stocked.import_file("skus.jsonl", mapping="map.toml")
    assert (report.kept, told(report)) == (2, [(1, "id")])
    assert [stocked.items.get(one).id for one in ("7", str(10**30))] == ["7", str(10**30)]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_is_of_no_year_in_utc_is_none(stocked, moment):
    """It was taken in, and the item could not be read again."""
    for field in ("published_at", "unpublished_at"):
        report = stocked.items.upsert({"id": "cup", field: moment})
        assert [one.field for one in report.refused] == [field]
    order = {"subject": WHO, "id": "o", "at": "2026-02-20T00:00:00Z", "lines": []}
    refused = stocked.track([{**order, "updated_at": moment}]).refused
    assert [one.field for one in refused] == ["updated_at"]


def test_an_order_that_says_it_is_of_the_future_is_refused(stocked, house):
    """Nothing that happens to it could ever be newer; a clock that is a little ahead may be."""
    day = house.clock.ago(days=1)
    order = {"subject": WHO, "id": "o", "at": day, "lines": [{"item": "tea"}]}
    later = house.clock.now + timedelta(days=1)
    refused = stocked.track([{**order, "updated_at": later}]).refused
    assert [(one.field, one.expected) for one in refused] == [
        ("updated_at", "a time that is not in the future")
    ]
    soon = house.clock.now + timedelta(minutes=1)
    assert stocked.track([{**order, "updated_at": soon}]).kept == 1
    house.clock.forward(minutes=2)
    stocked.track([{**order, "updated_at": house.clock.now, "cancelled": True}])
    assert bought(stocked) == [("cancel", "", 1)]
