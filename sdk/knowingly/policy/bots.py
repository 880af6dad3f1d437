"""Known bots are not people: which user agents belong to programs that fetch pages.

Plain parts of text are looked for, never patterns: no user agent can make the search slow. The list
ships with the package and is short; a shop adds its own in the policy file. Who hides is not found.
"""

from functools import cache
from importlib import resources

MAX_AGENT_CHARS = 1_000
_NO_BOTS = ("cubot",)
"""Makers of telephones whose names end like a bot's."""


def is_bot(agent: str, extra: tuple[str, ...] = ()) -> bool:
    """Whether a user agent says that it is no person's browser; looks at its beginning only."""
    text = f"{agent[:MAX_AGENT_CHARS].lower()} "
    for name in _NO_BOTS:
        text = text.replace(name, "")
    return any(part in text for part in _known()) or any(part.lower() in text for part in extra)


@cache
def _known() -> tuple[str, ...]:
    lines = resources.files(__package__).joinpath("bots.txt").read_text("utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))
