"""How much of the log may be asked for at once."""

from knowingly.errors import InputError

MAX_SINCE = 2**62
MAX_LIMIT = 10_000


def check_page(since: int, limit: int, *, field: str = "since") -> None:
    """Refuse a page of the log that is out of bounds.

    Raises:
        InputError: It is.
    """
    check_int(since, field, 0, MAX_SINCE)
    check_int(limit, "limit", 1, MAX_LIMIT)


def check_int(value: object, field: str, least: int, most: int) -> None:
    """Refuse what is no whole number between two.

    Raises:
        InputError: It is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InputError(field, f"a whole number from {least} to {most}")
