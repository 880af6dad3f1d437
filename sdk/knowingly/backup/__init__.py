"""Whole shops: moved to another database, backed up, and brought back."""
