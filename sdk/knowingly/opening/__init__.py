"""Opening a shop: its two databases, and one tenant's parts in them."""
