"""What was trained and is served: its stored rows, and what was learned from whom."""
