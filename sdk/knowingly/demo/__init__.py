"""``knowingly demo``: a year of real shopping, from the first purchase to a verified log."""
