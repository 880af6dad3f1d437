"""What an app does on a page view: read the choice, record the event, make the page.

Run it in a folder where ``knowingly init`` has been run::

    python examples/page_view.py
"""

import knowingly

NOTICE = "2026-01/en"  # the text this customer was shown; policy.toml has it


def stock(shop: knowingly.Shop) -> None:
    """Your own items come from a webhook, or from ``knowingly import items.csv``."""
    shop.items.upsert(
        [
            {"id": "kettle", "title": "Kettle", "categories": ["kitchen"], "price": 39.0},
            {"id": "teapot", "title": "Teapot", "categories": ["kitchen"], "price": 24.0},
            {"id": "cup", "title": "Cup", "categories": ["kitchen"], "price": 6.5},
        ]
    )


def page_view(shop: knowingly.Shop, customer: str | None, item: str) -> knowingly.Page:
    """One view of a product page, signed in or not."""
    if customer is not None:
        # Kept only for what the customer agreed to; dropped, and counted, otherwise.
        shop.track(customer, "view", item)
    return shop.recommend(customer, slot="product", item=item, k=2)


def main() -> None:
    """A stranger, then a customer who agrees, then one who changes their mind."""
    with knowingly.open("sqlite:///example.db") as shop:
        stock(shop)
        print("stranger:", page_view(shop, None, "kettle").basis)
        shop.consent.grant("customer-7", ["personalize"], notice=NOTICE)
        page = page_view(shop, "customer-7", "kettle")
        print("agreed:", page.basis, [(hit.item, hit.reason) for hit in page])
        print("seen:", len(shop.profiles.view("customer-7", "personalize").events), "event")
        shop.consent.withdraw("customer-7")
        print("withdrawn:", len(shop.profiles.view("customer-7", "personalize").events), "events")
        print("dropped so far:", shop.stats()["events_dropped"])


if __name__ == "__main__":
    main()
