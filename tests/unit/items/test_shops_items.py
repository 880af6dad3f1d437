"""Items as shops have them: variants, markets, prices, dates and stock."""

from datetime import timedelta

import pytest

import knowingly
from knowingly import Item

SHIRT = {
    "id": "shirt",
    "title": "Shirt",
    "price": 20,
    "prices": {"DE": 22.5, "US": 25},
    "images": ["https://cdn.example/shirt.jpg", "https://cdn.example/back.jpg"],
    "tags": ["linen"],
    "attributes": {"sleeves": 2, "washable": True, "fit": "loose"},
    "stock": 3,
    "variants": [
        {"id": "shirt-s", "title": "S", "options": {"size": "S"}, "in_stock": False},
        {"id": "shirt-m", "title": "M", "price": 21, "options": {"size": "M"}},
    ],
}


def shown(shop, **request):
    return {hit.item for hit in shop.recommend(**request)}


def test_all_that_was_said_of_an_item_comes_back(shop):
    """By its own id and by a variant's."""
    assert shop.items.upsert(SHIRT, strict=True).kept == 1
    item = shop.items.get("shirt-m")
    assert item == shop.items.get("shirt")
    assert item == Item(**SHIRT).model_copy(update={"published_at": shop.now()})
    assert shop.items.get("nothing") is None
    with pytest.raises(knowingly.InputError, match="an item's id"):
        shop.items.get(["shirt"])


def test_a_hit_has_what_a_page_needs(shop):
    """Its title, its first image, and the price of the market asked for."""
    shop.items.upsert([SHIRT, {"id": "bare"}], strict=True)
    hits = {hit.item: hit for hit in shop.recommend(market="DE")}
    shirt, bare = hits["shirt"], hits["bare"]
    assert (shirt.title, shirt.price) == ("Shirt", 22.5)
    assert shirt.image == "https://cdn.example/shirt.jpg"
    assert (bare.title, bare.price, bare.image) == ("", None, None)
    assert {hit.price for hit in shop.recommend(market="FR")} == {20, None}
    assert {hit.price for hit in shop.recommend()} == {20, None}


def test_what_is_not_sold_in_a_market_is_not_shown_there(shop):
    """No markets at all means everywhere."""
    shop.items.upsert(
        [{"id": "de", "markets": ["DE", "AT"]}, {"id": "us", "markets": ["US"]}, {"id": "all"}],
        strict=True,
    )
    assert shown(shop) == {"de", "us", "all"}
    assert shown(shop, market="AT") == {"de", "all"}
    assert shown(shop, market="JP") == {"all"}
    shop.items.upsert({"id": "de", "markets": []})
    assert shown(shop, market="JP") == {"all", "de"}


@pytest.mark.parametrize("market", ["", "D E", 7, "x" * 21, "DE\n"])
def test_what_is_no_market_is_refused(shop, market):
    """Without repeating it."""
    with pytest.raises(knowingly.InputError, match=r"^market: expected a market"):
        shop.recommend(market=market)


def test_an_item_is_shown_while_it_is_published_and_at_no_other_time(shop, clock):
    """By the shop's clock; models and events keep it all the while."""
    now = clock()
    shop.items.upsert(
        [
            {"id": "coming", "published_at": now + timedelta(hours=1)},
            {"id": "going", "unpublished_at": now + timedelta(hours=1)},
            {"id": "gone", "unpublished_at": now},
        ],
        strict=True,
    )
    assert shown(shop) == {"going"}
    clock.forward(hours=1)
    assert shown(shop) == {"coming"}
    assert len(shop.items) == 3


def test_with_nothing_left_to_buy_an_item_is_out_of_stock(shop):
    """No unit, or no variant."""
    shop.items.upsert(
        [
            {"id": "none", "stock": 0},
            {"id": "no-variant", "variants": [{"id": "v1", "in_stock": False}]},
            {"id": "one", "variants": [{"id": "v2"}, {"id": "v3", "in_stock": False}]},
            {"id": "said-so", "in_stock": False, "stock": 3},
        ],
        strict=True,
    )
    assert shown(shop) == {"one"}
    assert shop.items.get("none").in_stock
    assert not shop.items.get("said-so").in_stock


def test_a_variant_stands_for_its_product(shop, house, clock):
    """In events, baskets and on the item's own page."""
    shop.items.upsert([SHIRT, {"id": "tea"}], strict=True)
    shop.consent.grant("ann", ["personalize"], notice="2026-01/en")
    assert shop.track("ann", "purchase", "shirt-s").kept == 1
    assert [one.item for one in shop.profiles.view("ann", "personalize").events] == ["shirt"]
    assert shown(shop, subject="ann") == {"tea"}
    assert shown(shop, basket=["shirt-m"]) == {"tea"}
    assert shown(shop, item="shirt-m") == {"tea"}
    # Another process has the variants as well, loaded and patched.
    other = house.open()
    assert "shirt-m" in other.items
    shop.items.upsert({"id": "tea", "variants": [{"id": "tea-50g"}]}, strict=True)
    assert shown(other, item="tea-50g") == {"shirt"}


def test_ids_of_items_and_variants_are_unique_together(shop):
    """The row that would take an id is refused, and the others go in."""
    shop.items.upsert([{"id": "tea"}, SHIRT], strict=True)
    rows = [
        {"id": "shirt-s"},
        {"id": "pot", "variants": [{"id": "tea"}]},
        {"id": "cup", "variants": [{"id": "new"}]},
        {"id": "new"},
        {"id": "a", "variants": [{"id": "shared"}]},
        {"id": "b", "variants": [{"id": "shared"}]},
        {"id": "self", "variants": [{"id": "self"}]},
    ]
    done = shop.items.upsert(rows)
    assert [(one.row, one.field) for one in done.refused] == [
        (0, "id"),
        (1, "variants.0.id"),
        (2, "variants.0.id"),
        (4, "variants.0.id"),
        (6, "row"),
    ]
    assert done.kept == 2
    assert "shared" in shop.items
    before = shop.items.view().epoch
    with pytest.raises(knowingly.InputError, match="row 1, id: expected an id that no variant"):
        shop.items.upsert([{"id": "x"}, {"id": "shirt-s"}], strict=True)
    assert shop.items.view().epoch == before


def test_a_variant_moves_to_the_product_that_lists_it(shop):
    """Later events name the new product; what was stored stays with the old."""
    shop.items.upsert([SHIRT, {"id": "blouse"}], strict=True)
    shop.consent.grant("ann", ["personalize"], notice="2026-01/en")
    shop.track("ann", "view", "shirt-m")
    shop.items.upsert({"id": "blouse", "variants": [{"id": "shirt-m"}]}, strict=True)
    shop.track("ann", "like", "shirt-m")
    events = shop.profiles.view("ann", "personalize").events
    assert {one.kind: one.item for one in events} == {"view": "shirt", "like": "blouse"}
    assert [one.id for one in shop.items.get("shirt").variants] == ["shirt-s"]
    assert [one.id for one in shop.items.get("blouse").variants] == ["shirt-m"]


def test_a_variant_that_is_no_longer_listed_still_stands_for_its_last_product(shop):
    """An old order, or an old page, may name it."""
    shop.items.upsert(SHIRT, strict=True)
    shop.items.upsert({"id": "shirt"}, strict=True)
    assert shop.items.get("shirt-s").variants == ()
    assert "shirt-s" in shop.items


BAD = {
    "image": ({"images": ["http://plain.example/x.jpg"]}, "images.0"),
    "image without host": ({"images": ["https://"]}, "images.0"),
    "too many images": ({"images": ["https://a.example/x"] * 251}, "images"),
    "price": ({"prices": {"DE": -1}}, "prices"),
    "market": ({"prices": {"secret key": 1}}, "prices"),
    "markets": ({"markets": ["D E"]}, "markets.0"),
    "attribute": ({"attributes": {"secret key": [1]}}, "attributes"),
    "endless attribute": ({"attributes": {"a": float("inf")}}, "attributes"),
    "no number": ({"attributes": {"a": float("nan")}}, "attributes"),
    "a number that no real one is": ({"attributes": {"a": 10**400}}, "attributes"),
    "and one that JSON does not write": ({"attributes": {"a": -(10**5000)}}, "attributes"),
    "NUL": ({"tags": ["a\0b"]}, "tags.0"),
    "stock": ({"stock": -1}, "stock"),
    "variant": ({"variants": [{"id": "x", "options": {"secret key": 3}}]}, "variants.0.options"),
    "twice": ({"variants": [{"id": "x"}, {"id": "x"}]}, "row"),
    "naive": ({"unpublished_at": "2026-01-01T00:00:00"}, "unpublished_at"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_part_is_named_and_never_repeated(shop, name):
    """Not even the key of a mapping, which is the caller's own."""
    part, field = BAD[name]
    (found,) = shop.items.upsert({"id": "x", **part}).refused
    assert found.field == field
    assert "secret" not in found.expected
    assert len(shop.items) == 0
