"""Asking before what cannot be undone."""

import sys

import typer

from knowingly.cli.codes import Code
from knowingly.cli.failing import CommandError


def confirm(question: str, *, yes: bool, done: str) -> None:
    """Go on only where ``--yes`` was given, or somebody at a terminal says so.

    Raises:
        CommandError: Nobody does; ``done`` is what was therefore not done.
    """
    if yes:
        return
    if not _is_anybody_there():
        raise CommandError(
            f"nobody is here to confirm, so nothing was {done}: add --yes", code=Code.USAGE
        )
    if not typer.confirm(question, err=True):
        raise CommandError(f"not confirmed; nothing was {done}")


def _is_anybody_there() -> bool:
    return sys.stdin.isatty()
