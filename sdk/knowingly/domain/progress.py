"""How callers are told how far long work has come."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Told ``(what is being done, done, in all)``."""

Counted = Callable[[int, int], None]
"""Told ``(done, in all)``."""
