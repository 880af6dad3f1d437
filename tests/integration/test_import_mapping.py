"""``knowingly import`` with mappings, JSON lines and Parquet; and Shopify's own exports."""

import csv
import json
import sys
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

import knowingly
from knowingly import importing
from knowingly.cli.app import app
from knowingly.demo.year import data_folder
from knowingly.importing import running, sources, tables
from knowingly.importing.mapping import SHIPPED, load_mapping

WHO = "canary.ann@example.com"
NOW = datetime.now(UTC)
QUIET = {"NO_COLOR": "1", "FORCE_COLOR": None, "TERM": "dumb", "COLUMNS": "200"}

PRODUCT_HEADER = (
    "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,"
    "Option1 Value,Option2 Name,Option2 Value,Option3 Name,Option3 Value,Variant SKU,"
    "Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,"
    "Variant Fulfillment Service,Variant Price,Variant Compare At Price,"
    "Variant Requires Shipping,Variant Taxable,Variant Barcode,Image Src,Image Position,"
    "Image Alt Text,Gift Card,SEO Title,SEO Description,Variant Image,Variant Weight Unit,"
    "Variant Tax Code,Cost per item,Status"
)
ORDER_HEADER = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,"
    "Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,"
    "Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,"
    "Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,"
    "Billing Name,Cancelled at,Refunded Amount,Id,Tags,Source,Lineitem discount,Phone"
)
PRODUCT_COLUMNS, ORDER_COLUMNS = csv.reader([PRODUCT_HEADER, ORDER_HEADER])


def call(*arguments: str, code: int = 0):
    result = CliRunner(env=QUIET).invoke(app, ["import", *arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    assert "canary" not in result.output
    return result


def files(*arguments: str, code: int = 0) -> list[dict]:
    return json.loads(call(*arguments, "--json", code=code).stdout)["files"]


def table(name: str, columns: list[str], *rows: dict) -> str:
    with Path(name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return name


@pytest.fixture(autouse=True)
def house_of_one(tmp_path, monkeypatch):
    """A shop in which one person agreed, a year ago."""
    for name in ("KNOWINGLY_SHOP", "KNOWINGLY_KEY_STORE", "KNOWINGLY_ROOT_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(app, ["init"])
    with knowingly.open("sqlite:///shop.db") as shop:
        shop.items.upsert([{"id": "tea"}])
        shop.consent.grant(WHO, ["personalize"], notice="2026-01/en", at=NOW - timedelta(days=365))


def events() -> list:
    with knowingly.open("sqlite:///shop.db") as shop:
        view = shop.profiles.view(WHO, "personalize").events
        return sorted((one.kind.value, one.item, one.quantity, one.price) for one in view)


def item(item_id: str):
    with knowingly.open("sqlite:///shop.db") as shop:
        return shop.items.get(item_id)


def shopify_products() -> str:
    common = {"Handle": "linen-shirt"}
    return table(
        "products_export.csv",
        PRODUCT_COLUMNS,
        {
            **common,
            "Title": "Linen shirt",
            "Vendor": "Acme",
            "Type": "Shirts",
            "Tags": "linen, summer",
            "Published": "true",
            "Option1 Name": "Size",
            "Option1 Value": "S",
            "Variant SKU": "LS-S",
            "Variant Inventory Tracker": "shopify",
            "Variant Inventory Qty": "0",
            "Variant Inventory Policy": "deny",
            "Variant Price": "20.00",
            "Image Src": "https://cdn.example/1.jpg",
            "Status": "active",
        },
        {
            **common,
            "Option1 Value": "M",
            "Variant SKU": "LS-M",
            "Variant Inventory Qty": "-2",
            "Variant Inventory Policy": "continue",
            "Variant Price": "21.00",
            "Image Src": "https://cdn.example/2.jpg",
        },
        {**common, "Image Src": "https://cdn.example/3.jpg"},
        {
            "Handle": "mug",
            "Title": "Mug",
            "Published": "true",
            "Option1 Name": "Title",
            "Option1 Value": "Default Title",
            "Variant SKU": "MUG",
            "Variant Price": "free",
            "Status": "active",
        },
        {"Handle": "draft", "Title": "Draft", "Published": "false", "Status": "draft"},
    )


def test_shopifys_products_become_items_with_variants():
    """Rows of one handle are one product; one that is not published is on no page."""
    (report,) = files(shopify_products(), "--mapping", "shopify-products", code=3)
    assert report["kept"] == 2
    assert [(one["line"], one["field"]) for one in report["refused"]] == [(5, "price")]
    shirt = item("LS-M")
    assert (shirt.id, shirt.title, shirt.brand, shirt.price) == (
        "linen-shirt",
        "Linen shirt",
        "Acme",
        20.0,
    )
    assert (shirt.tags, shirt.categories) == (("linen", "summer"), ("Shirts",))
    assert [image[-5:] for image in shirt.images] == ["1.jpg", "2.jpg", "3.jpg"]
    assert [(one.id, one.title, one.price, one.in_stock) for one in shirt.variants] == [
        ("LS-S", "S", 20.0, False),
        ("LS-M", "M", 21.0, True),
    ]
    with knowingly.open("sqlite:///shop.db") as shop:
        assert {hit.item for hit in shop.recommend()} == {"tea", "linen-shirt"}


def shopify_orders() -> str:
    def at(days: int) -> str:
        return (NOW - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S -0400")

    first = {"Name": "#1001", "Email": WHO, "Created at": at(9), "Financial Status": "paid"}
    line = {"Lineitem quantity": "2", "Lineitem price": "20.00", "Lineitem discount": "4.00"}
    return table(
        "orders_export.csv",
        ORDER_COLUMNS,
        {**first, **line, "Lineitem sku": "LS-S", "Accepts Marketing": "yes"},
        {"Name": "#1001", "Email": WHO, "Lineitem quantity": "1", "Lineitem sku": "LS-M"},
        {**first, **line, "Name": "#1002", "Lineitem sku": "LS-M", "Cancelled at": at(8)},
        {**first, **line, "Name": "#1003", "Lineitem sku": "no-such-sku"},
        {**first, **line, "Name": "#1004", "Lineitem sku": "LS-S", "Created at": "yesterday"},
        {**first, **line, "Name": "#1005", "Lineitem sku": "LS-S", "Created at": at(400)},
        {**first, **line, "Name": "#1006", "Lineitem sku": "LS-S", "Email": ""},
    )


def test_shopifys_orders_become_purchases_of_variants():
    """By SKU; what is cancelled is no purchase, and consent decides as for every other event."""
    call(shopify_products(), "--mapping", "shopify-products", code=3)
    name = shopify_orders()
    (report,) = files(name, "--mapping", "shopify-orders", code=3)
    assert [(one["line"], one["field"]) for one in report["refused"]] == [
        (5, "lines.0.item"),
        (6, "at"),
        (8, "subject"),
    ]
    assert report["dropped"] == {"before_consent": 1}
    assert events() == [
        ("cancel", "", 1, None),
        ("purchase", "linen-shirt", 1, None),
        ("purchase", "linen-shirt", 2, 18.0),
    ]
    (again,) = files(name, "--mapping", "shopify-orders", code=3)
    assert (again["kept"], again["duplicates"]) == (0, 3)
    assert len(events()) == 3
    with knowingly.open("sqlite:///shop.db") as shop:
        assert not shop.consent.status(WHO)["marketing"].allowed


def test_an_order_whose_lines_name_no_item_is_refused_and_never_a_cancellation():
    """What is left out of an order is told by line; only a cancelled one may have no lines."""
    call(shopify_products(), "--mapping", "shopify-products", code=3)
    day = (NOW - timedelta(days=9)).strftime("%Y-%m-%d %H:%M:%S +0000")
    head = {"Email": WHO, "Created at": day, "Financial Status": "paid"}
    line = {"Lineitem quantity": "1", "Lineitem name": "Gift wrap"}
    name = table(
        "orders_export.csv",
        ORDER_COLUMNS,
        {**head, **line, "Name": "#1"},
        {"Name": "#1", **line},
        {**head, **line, "Name": "#2", "Lineitem sku": "LS-S"},
        {"Name": "#2", **line},
        {"Name": "#2"},
        {**head, **line, "Name": "#3", "Cancelled at": day},
        {**head, **line, "Name": "#4", "Financial Status": "refunded"},
    )
    for more in (["--dry-run"], []):
        (report,) = files(name, "--mapping", "shopify-orders", *more, code=3)
        assert [(one["line"], one["field"]) for one in report["refused"]] == [
            (2, "lines"),
            (5, "item"),
        ]
        assert all("Lineitem sku" in one["expected"] for one in report["refused"])
    assert events() == [
        ("cancel", "", 1, None),
        ("cancel", "", 1, None),
        ("purchase", "linen-shirt", 1, None),
    ]


def test_a_row_that_only_says_whose_order_it_is_has_no_line():
    """Other shops' exports head an order with a row of its own."""
    Path("map.toml").write_text(
        'kind = "orders"\ngroup = "o"\n[fields]\nsubject = "who"\nid = "o"\nat = "t"\n'
        'cancelled = "off"\n[parts]\nitem = "sku"\nquantity = "n"\nprice = {constant = 2}\n'
    )
    head = {"who": WHO, "t": (NOW - timedelta(days=9)).isoformat()}
    name = table(
        "o.csv",
        ["o", "who", "t", "off", "sku", "n"],
        {"o": "a", **head},
        {"o": "a", "sku": "tea", "n": "3"},
        {"o": "b", **head, "off": "false"},
        {"o": "c", **head, "off": "true"},
    )
    (report,) = files(name, "--mapping", "map.toml", code=3)
    assert [(one["line"], one["field"]) for one in report["refused"]] == [(4, "lines")]
    assert events() == [("cancel", "", 1, None), ("purchase", "tea", 3, 2.0)]


def test_an_older_export_changes_nothing_and_the_same_dates_are_read_anew():
    """How new an order is its dates say; what is mended in a file and imported again counts."""
    call(shopify_products(), "--mapping", "shopify-products", code=3)

    def stored(quantity: str, **dates: str) -> list:
        order = {"Name": "#1", "Email": WHO, "Created at": at(9), "Lineitem quantity": quantity}
        row = {**order, "Lineitem sku": "LS-S", **dates}
        files(table("o.csv", ORDER_COLUMNS, row), "--mapping", "shopify-orders")
        return [event[:3:2] for event in events()]

    def at(days: int) -> str:
        return (NOW - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S +0000")

    paid, sent = {"Paid at": at(8)}, {"Paid at": at(8), "Fulfilled at": at(7)}
    for quantity in "1213":
        assert stored(quantity, **paid) == [("purchase", int(quantity))]
    assert stored("4", **sent) == [("purchase", 4)]
    assert stored("5", **paid) == [("purchase", 4)]
    # Nothing in the file says when money went back.
    assert stored("4", **sent, **{"Financial Status": "refunded"}) == [("cancel", 1)]
    assert stored("4", **sent) == [("cancel", 1)]
    assert stored("6", **paid) == [("cancel", 1)]


def test_an_older_export_brings_no_cancelled_order_back():
    """Nor does one that knew of other lines."""
    call(shopify_products(), "--mapping", "shopify-products", code=3)
    day, later = ((NOW - timedelta(days=n)).strftime("%Y-%m-%d %H:%M:%S +0000") for n in (9, 8))
    order = {"Name": "#1", "Email": WHO, "Created at": day, "Lineitem quantity": "1"}
    order["Lineitem sku"] = "LS-S"
    old = table("old.csv", ORDER_COLUMNS, order)
    new = table("new.csv", ORDER_COLUMNS, {**order, "Cancelled at": later})
    for name in (old, new, old):
        (report,) = files(name, "--mapping", "shopify-orders")
    assert (report["kept"], report["duplicates"]) == (0, 1)
    assert events() == [("cancel", "", 1, None)]


def test_a_customer_id_serves_as_the_person_where_the_app_knows_it():
    """By a copy of the mapping; nothing is stored under the address then."""
    call(shopify_products(), "--mapping", "shopify-products", code=3)
    with Path(shopify_orders()).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:2]
    columns = [*ORDER_COLUMNS, "Customer ID"]
    name = table("orders.csv", columns, *[{**row, "Customer ID": "6940095564"} for row in rows])
    shipped = resources.files(importing).joinpath("shopify_orders.toml").read_text("utf-8")
    Path("orders.toml").write_text(shipped.replace('subject = "Email"', 'subject = "Customer ID"'))
    with knowingly.open("sqlite:///shop.db") as shop:
        agreed = NOW - timedelta(days=365)
        shop.consent.grant("6940095564", ["personalize"], notice="2026-01/en", at=agreed)
    assert files(name, "--mapping", "orders.toml")[0]["kept"] == 2
    assert events() == []
    with knowingly.open("sqlite:///shop.db") as shop:
        assert len(shop.profiles.view("6940095564", "personalize").events) == 2


def test_columns_that_a_mapping_does_not_read_are_told_once():
    """By name, the first twenty; a file without a mapping must have none."""
    call(shopify_products(), "--mapping", "shopify-products", code=3)
    name = shopify_orders()
    told = call(name, "--mapping", "shopify-orders", code=3).stdout
    line = "orders_export.csv: 21 columns are not read: Fulfillment Status, "
    assert told.count("are not read") == 1
    assert line in told
    (report,) = files(name, "--mapping", "shopify-orders", code=3)
    assert len(report["unread_columns"]) == 21
    assert "Email" not in report["unread_columns"]


def test_events_without_an_id_are_kept_once_however_often_a_file_is_begun(monkeypatch):
    """An interrupted import goes on, and a file that was changed is another one."""
    monkeypatch.setattr(tables, "ROWS_PER_BATCH", 2)
    rows = [{"subject": WHO, "kind": "view", "item": "tea"}] * 5
    name = table("events.csv", ["subject", "kind", "item"], *rows)
    real, calls = running.track, []

    def track(*given, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*given, **options)

    monkeypatch.setattr(running, "track", track)
    stopped = call(name, code=130)
    assert "is in up to line 3" in stopped.stderr
    (report,) = files(name, "--restart")
    assert (report["resumed_after"], report["kept"], report["duplicates"]) == (0, 3, 2)
    table("events.csv", ["subject", "kind", "item"], *rows, rows[0])
    assert files(name)[0]["kept"] == 6


MAPPING = """
kind = "events"
[format]
delimiter = ";"
encoding = "cp1252"
decimal = ","
time_zone = "Europe/Berlin"
times = "%d.%m.%Y %H:%M"
[fields]
subject = "Kunde"
item = "Artikel"
kind = { column = "Vorgang", values = { Kauf = "purchase", Retoure = "return" } }
at = "Wann"
price = "Preis"
order = { constant = "all-one" }
"""


def test_a_mapping_says_how_a_file_is_written_and_what_its_words_mean():
    """Semicolons, a code page, decimal commas, local times and kinds of its own."""
    Path("map.toml").write_text(MAPPING)
    day = (NOW - timedelta(days=3)).strftime("%d.%m.%Y 10:00")
    text = f"Kunde;Artikel;Vorgang;Wann;Preis;Grüße\n{WHO};tea;KAUF;{day};1.234,50;ä\n"
    Path("e.csv").write_bytes(f"{text}{WHO};tea;Umtausch;{day};1;ä\n".encode("cp1252"))
    (report,) = files("e.csv", "--mapping", "map.toml", code=3)
    assert [(one["line"], one["field"]) for one in report["refused"]] == [(3, "kind")]
    assert events() == [("purchase", "tea", 1, 1234.5)]


BAD_MAPPINGS = {
    "kind": ('kind = "people"\n[fields]\nid = "x"', "kind"),
    "field": ('kind = "items"\n[fields]\nname = "x"', "fields"),
    "parts of events": ('kind = "events"\n[fields]\nitem = "x"\n[parts]\nid = "y"', "events"),
    "parts without group": ('kind = "items"\n[fields]\nid = "x"\n[parts]\nid = "y"', "group"),
    "two sources": (
        'kind = "items"\n[fields]\nid = { column = "x", constant = "y" }',
        "one of column, columns and constant",
    ),
    "zone": (
        'kind = "items"\n[format]\ntime_zone = "Mars/Base"\n[fields]\nid = "x"',
        "Europe/Berlin",
    ),
    "no TOML": ("kind", "not TOML"),
    "unknown key": ('kind = "items"\ncolour = 1\n[fields]\nid = "x"', "colour"),
}


@pytest.mark.parametrize("name", BAD_MAPPINGS)
def test_a_bad_mapping_says_where(name):
    """Before any file is read."""
    text, says = BAD_MAPPINGS[name]
    Path("map.toml").write_text(text)
    table("items.csv", ["id"], {"id": "new"})
    assert says in call("items.csv", "--mapping", "map.toml", code=1).stderr
    assert item("new") is None


def test_a_missing_mapping_names_those_that_ship_and_they_are_good():
    """And a column that is not there is named."""
    assert ", ".join(SHIPPED) in call("policy.toml", "--mapping", "nope", code=1).stderr
    for name in SHIPPED:
        load_mapping(name)
    told = call(table("o.csv", ["Name", "Email"]), "--mapping", "shopify-orders", code=1).stderr
    assert "a column of the mapping is missing: Created at, Lineitem" in told


def test_json_lines_hold_items_events_or_orders():
    """Whole ones, with variants and lines; a bad line is refused and the others go in."""
    day = (NOW - timedelta(days=1)).isoformat()
    shirt = {"id": "shirt", "prices": {"DE": 2}, "variants": [{"id": "s"}]}
    order = {"subject": WHO, "id": "o", "at": day, "lines": [{"item": "s", "price": 2}]}
    deep = '{"id": ' + "[" * 5_000 + "]" * 5_000 + "}"
    wide = json.dumps({"id": "x", "attributes": {"a": [[[[[[[1]]]]]]]}})
    lines = [json.dumps(shirt), "", "{", "[]", deep, wide, '{"id": "y", "price": NaN}']
    Path("items.jsonl").write_text("\ufeff" + "\n".join(lines))
    Path("orders.jsonl").write_text(json.dumps(order) + "\n")
    first, second = files("orders.jsonl", "items.jsonl", code=3)
    assert (first["kind"], second["kind"]) == ("items", "orders")
    assert [one["line"] for one in first["refused"]] == [3, 4, 5, 6, 7]
    assert (first["kept"], second["kept"]) == (1, 1)
    assert events() == [("purchase", "shirt", 1, 2.0)]
    assert item("s").prices == {"DE": 2}


def test_the_first_line_may_be_bad_and_numbers_may_be_ids():
    """What a file holds is told by its first good line; no number stops the import."""
    Path("items.jsonl").write_text('{\n{"id": "a", "colour": 1}\n{"id": "b"}\n')
    (report,) = files("items.jsonl", code=3)
    assert [(one["line"], one["field"]) for one in report["refused"]] == [(1, "row"), (2, "row")]
    Path("map.toml").write_text('kind = "items"\n[fields]\nid = "sku"\nprice = "p"\n')
    rows = ['{"sku": 7.0, "p": 1}', '{"sku": 1e999}', '{"sku": 8, "p": 1e999}', '{"sku": [1]}']
    Path("skus.jsonl").write_text("\n".join(rows))
    (report,) = files("skus.jsonl", "--mapping", "map.toml", code=3)
    assert [(one["line"], one["field"]) for one in report["refused"]] == [(3, "price"), (4, "id")]
    assert item("7").price == 1


def test_parquet_that_names_a_column_twice_is_refused():
    """One of the two would be lost."""
    both = pyarrow.Table.from_arrays([pyarrow.array(["a"])] * 2, names=["id", "id"])
    parquet.write_table(both, "items.parquet")
    assert "names a column twice" in call("items.parquet", code=1).stderr


def test_a_line_of_json_is_bounded():
    """As one of CSV is."""
    Path("items.jsonl").write_text('{"id": "a"}\n{"id": "' + "x" * 1_000_001 + '"}\n')
    assert "line 2: longer than" in call("items.jsonl", code=1).stderr


def test_a_dry_run_checks_all_and_writes_nothing_and_refused_rows_make_a_file():
    """The file says where and what, and never what stood there."""
    rows = [{"subject": WHO, "kind": "view", "item": one} for one in ("tea", "canary", "tea")]
    name = table("events.csv", ["subject", "kind", "item"], *rows)
    told = call(name, "--dry-run", "--refused", "refused.csv", code=3).stdout
    assert "1 of 3 events would be refused; nothing was written" in told
    assert events() == []
    text = Path("refused.csv").read_text()
    header, line = text.splitlines()
    assert header == "file,line,field,expected"
    assert line == "events.csv,3,item,an item of this shop (add it with items.upsert first)"
    assert "exists already" in call(name, "--refused", "refused.csv", code=1).stderr
    assert events() == []


def test_parquet_is_read_by_row_group_and_bounded(monkeypatch):
    """A real shop's products go through a mapping; an absurd or broken file is told."""
    (products,) = data_folder().glob("products.parquet")
    Path("map.toml").write_text(
        'kind = "items"\n[fields]\nid = "product_id"\nbrand = "brand"\n'
        'title = "product_type"\ncategories = "department"\n'
    )
    (report,) = files(str(products), "--mapping", "map.toml")
    table_ = parquet.read_table(products)
    assert (report["kept"], report["refused"]) == (table_.num_rows, [])
    first = table_.slice(0, 1).to_pylist()[0]
    stored = item(str(first["product_id"]))
    assert (stored.title, stored.brand) == (first["product_type"], first["brand"])
    monkeypatch.setattr(sources, "MAX_GROUP_BYTES", 100)
    assert "row group" in call(str(products), "--mapping", "map.toml", code=1).stderr
    Path("bad.parquet").write_bytes(b"PAR1" + b"\0" * 50 + b"PAR1")
    assert "not a Parquet file" in call("bad.parquet", "--mapping", "map.toml", code=1).stderr


def test_without_what_reads_parquet_the_cure_is_told(monkeypatch):
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    Path("x.parquet").write_bytes(b"PAR1")
    assert "pip install 'knowingly[parquet]'" in call("x.parquet", code=1).stderr
