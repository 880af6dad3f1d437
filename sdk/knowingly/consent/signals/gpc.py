"""Global Privacy Control: the request header, and what a site says of itself.

Source: W3C, Global Privacy Control (w3c/gpc).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import islice
from typing import Any

from knowingly.consent.signals.decoder import SignalDecoder
from knowingly.consent.signals.plain import parse
from knowingly.domain.signal import Said, SignalContext
from knowingly.errors import SignalError

MAX_HEADERS = 1_000


class Gpc(SignalDecoder):
    """The ``Sec-GPC`` header: exactly ``1``, or as good as absent."""

    source = "gpc"
    version = "1"

    def decode(self, raw: str, context: SignalContext) -> Said:  # noqa: ARG002 - the same for everybody
        """``gpc`` is ``"yes"`` where a person has opted out."""
        return Said({"gpc": "yes"} if raw == "1" else {})


def gpc_header(headers: object) -> str | None:
    """``"1"`` where one of the request's ``Sec-GPC`` headers is exactly that; else None.

    Args:
        headers: A mapping of names to values, or pairs of them, as frameworks have them: in any
            case, as text or bytes, or with the names of WSGI (``HTTP_SEC_GPC``).

    Raises:
        SignalError: They are no headers.
    """
    try:
        pairs = headers.items() if isinstance(headers, Mapping) else iter(headers)  # type: ignore[call-overload]  # context, not assumed
        for name, value in islice(pairs, MAX_HEADERS):
            if _text(name).lower().replace("_", "-").removeprefix("http-") == "sec-gpc" and any(
                _is_one(part) for part in _parts(value)
            ):
                return "1"
    except Exception:  # whatever a stranger's mapping raises
        raise SignalError("are no headers: expected names and values") from None
    return None


def _parts(value: object) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""


def _is_one(value: object) -> bool:
    # Several headers of one name may arrive as one, joined by commas (RFC 9110).
    return any(part.strip(" \t") == "1" for part in _text(value).split(","))


@dataclass(frozen=True, slots=True)
class GpcSupport:
    """What a site's ``/.well-known/gpc.json`` says: whether it abides by GPC, and since when.

    ``gpc`` is None where it does not say. It is a statement of that site, and of nobody's wishes.

    Stability: stable.
    """

    gpc: bool | None = None
    last_update: datetime | None = None


def gpc_support(raw: object) -> GpcSupport:
    """What the text of a ``gpc.json`` says; whatever is wrong with it, it then says nothing."""
    try:
        if isinstance(raw, bytes | bytearray):
            raw = raw.decode("utf-8-sig")
        said = parse(raw) if isinstance(raw, str) else None
    except (SignalError, ValueError):
        return GpcSupport()
    gpc = said.get("gpc") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(gpc, bool):
        return GpcSupport()
    return GpcSupport(gpc, _moment(said.get("lastUpdate")))


def _moment(said: object) -> datetime | None:
    """An RFC 3339 date, which is that day in UTC, or a date and time with its zone."""
    if not isinstance(said, str):
        return None
    try:
        if len(said) == len("2025-04-15"):
            return datetime.combine(date.fromisoformat(said), time(), UTC)
        found = datetime.fromisoformat(said)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
