"""The things in the shop: how they come in, and the catalogue that pages are made from."""
