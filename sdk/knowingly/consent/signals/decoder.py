"""What a decoder is, and the guard around it: whatever it is given, a signal comes out."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal

from knowingly.consent.signals.plain import plain, spelled
from knowingly.domain.signal import MAX_PROBLEM_CHARS, MAX_RAW_CHARS, Said, SignalContext
from knowingly.errors import SignalError

INTERFACE = 1
"""Of ``SignalDecoder``; a decoder written for another is not taken."""
MAX_TERMS = 1_000
MAX_PARTS = 10

logger = logging.getLogger("knowingly")


class SignalDecoder(ABC):
    """Decodes the signals of one standard: what they say, not what that counts for.

    ``source`` is what the policy file calls them; ``version`` that of the decoder, kept beside
    what it decoded. ``reads`` is ``"text"``, or ``"object"`` for JSON, which comes as dicts, lists
    and plain values. ``scope`` is ``"account"`` where the signal speaks of a signed-in person.

    Stability: plugin.
    """

    source: ClassVar[str]
    version: ClassVar[str]
    reads: ClassVar[Literal["text", "object"]] = "text"
    scope: ClassVar[Literal["device", "account"]] = "device"
    interface: ClassVar[int] = INTERFACE

    @abstractmethod
    def decode(self, raw: Any, context: SignalContext) -> Said:  # noqa: ANN401 - text or JSON, as reads says
        """What ``raw`` says, in the standard's own terms; no more than 16,384 characters come in.

        Pure: no clock but ``context.now``, no network, and never a string of its own making.

        Raises:
            SignalError: It cannot be understood; the message never repeats it.
        """


def decode(
    decoder: SignalDecoder, raw: object, context: SignalContext
) -> tuple[Said | None, str, str]:
    """``(what it says, the problem, the raw value as text)``; never raises.

    Where there is a problem nothing is said, and where there is none it is ``""``.
    """
    text = raw[:MAX_RAW_CHARS] if isinstance(raw, str) else ""
    try:
        if decoder.reads == "object":
            bounded = plain(raw)
            text = text or spelled(bounded)[:MAX_RAW_CHARS]
        else:
            bounded = _bounded(raw)
        return _checked(decoder.decode(bounded, context)), "", text
    except SignalError as error:
        return None, str(error)[:MAX_PROBLEM_CHARS], text
    except Exception as error:
        # Its words may hold the signal.
        logger.warning("decoder %r failed (%s)", decoder.source, type(error).__name__)
        return None, "could not be decoded", text


def _bounded(raw: object) -> str:
    if not isinstance(raw, str):
        raise SignalError("is no text")
    if len(raw) > MAX_RAW_CHARS:
        raise SignalError("is too long")
    return raw


def _checked(said: object) -> Said:
    """What a decoder returned, if it is what one returns."""
    if not isinstance(said, Said):
        raise TypeError
    if not isinstance(said.answers, Mapping) or len(said.answers) > MAX_TERMS:
        raise TypeError
    for term, answer in said.answers.items():
        if not isinstance(term, str) or answer not in {"yes", "no", ""}:
            raise TypeError
    if said.at is not None and (not isinstance(said.at, datetime) or said.at.utcoffset() is None):
        raise TypeError
    if not isinstance(said.parts, Mapping) or len(said.parts) > MAX_PARTS:
        raise TypeError
    if not all(isinstance(part, str) for pair in said.parts.items() for part in pair):
        raise TypeError
    return said
