"""``file = "…"`` in a notice: its words, read from a text file beside the policy file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from knowingly.policy.fits import Misfits
from knowingly.policy.notices import MAX_NOTICE_CHARS

_MAX_BYTES = 4 * MAX_NOTICE_CHARS
_MAX_ALL_BYTES = 4_000_000
_INSIDE = 'expected a path inside the folder of the policy file, such as "notices/2026-01.en.txt"'
_TOO_LONG = f"is longer than {MAX_NOTICE_CHARS:,} characters: shorten the notice"
_TOO_MUCH = f"with it the files are larger than {_MAX_ALL_BYTES:,} bytes: shorten the notices"
_ELSEWHERE = "a policy that is not read from a file has no folder: write the words as text"


class _Unusable(Exception):  # noqa: N818 - never leaves this module
    """A file that gives no words, and what to do about it."""


def read_words(said: dict[str, Any], folder: Path | None) -> Misfits:
    """Put the words of each named file into what the policy says; what is wrong with which."""
    left = _MAX_ALL_BYTES
    for place, notice in _with_files(said):
        name, loc = notice.pop("file"), ("notices", place, "file")
        if "text" in notice:
            yield loc, "text stands beside it: write one of the two"
            continue
        # Without words the notice would be complained of a second time.
        notice["text"] = "-"
        try:
            raw = _bytes(folder, name)
            left -= len(raw)
            if left < 0:
                raise _Unusable(_TOO_MUCH)  # noqa: TRY301 - told like what is wrong with the file
            notice["text"] = _words(raw)
        except _Unusable as problem:
            yield loc, str(problem)


def _with_files(said: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    notices = said.get("notices")
    for place, notice in enumerate(notices if isinstance(notices, list) else []):
        if isinstance(notice, dict) and "file" in notice:
            yield place, notice


def _bytes(folder: Path | None, name: object) -> bytes:
    """What the file holds, read no further than a notice can be long."""
    if folder is None:
        raise _Unusable(_ELSEWHERE)
    if not isinstance(name, str):
        raise _Unusable(_INSIDE)
    try:
        home = folder.resolve()
        path = (home / name).resolve()
        if not path.is_relative_to(home):
            raise _Unusable(_INSIDE)
        # A pipe or a device would never end.
        if not path.is_file():
            raise _Unusable("there is no such file")
        with path.open("rb") as file:
            return file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        raise _Unusable(f"cannot be read: {why}") from None


def _words(raw: bytes) -> str:
    if len(raw) > _MAX_BYTES:
        raise _Unusable(_TOO_LONG)
    try:
        # Line ends as TOML has them: the same words have the same digest whatever wrote them.
        words = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise _Unusable("is not UTF-8 text: save it as UTF-8") from None
    if len(words) > MAX_NOTICE_CHARS:
        raise _Unusable(_TOO_LONG)
    if not words.strip():
        raise _Unusable("is blank: write the notice into it")
    return words
