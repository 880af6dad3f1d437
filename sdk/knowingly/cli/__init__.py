"""The command line."""

from knowingly.cli.app import main

__all__ = ["main"]
