"""Files of items, events and orders: read with bounds, and brought into a shop."""
