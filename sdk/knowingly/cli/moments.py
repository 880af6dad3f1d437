"""Moments on a command line: a time with a zone, or a day, which begins at midnight UTC."""

from contextlib import suppress
from datetime import UTC, date, datetime, time
from typing import Annotated

import typer

At = Annotated[
    str | None, typer.Option("--at", metavar="TIME", help="A moment; now when left out.")
]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="From this moment on.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before this moment.")]
_EXPECTED = "expected a time with a zone, such as 2026-03-01T12:00:00+01:00, or a day"


def moment(text: str | None, option: str) -> datetime | None:
    """The moment an option names; None where it was not given.

    Raises:
        typer.BadParameter: It is no time with a zone and no day; what it is is not repeated.
    """
    if text is None:
        return None
    with suppress(ValueError):
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    with suppress(ValueError):
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found
    raise typer.BadParameter(_EXPECTED, param_hint=option)
