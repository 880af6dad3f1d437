"""From a request to a page: what may be read, the slot's sources, rules and reasons."""
