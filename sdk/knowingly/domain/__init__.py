"""Frozen values that cross the door. They know nothing of SQL, keys or models."""
