"""Read a policy file: every error names the place and says what to write instead."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from knowingly.errors import PolicyError, PolicyProblem
from knowingly.policy.cures import cure
from knowingly.policy.lines import KeyLines, Loc
from knowingly.policy.model import Policy
from knowingly.policy.notice_files import read_words
from knowingly.policy.slots import STEP_KINDS

MAX_BYTES = 1_000_000
_NO_KEYS = frozenset({"[key]", *STEP_KINDS})
"""What stands in the place of a complaint and not in the file."""
_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")


def default_policy_text() -> str:
    """The shipped policy file, comments and all: what a new shop starts from.

    Stability: stable.
    """
    return resources.files(__package__).joinpath("default.toml").read_text(encoding="utf-8")


def load_policy(source: Path | str | None = None) -> Policy:
    """Read and check a policy file.

    Args:
        source: The file; the shipped default when None.

    Raises:
        PolicyError: It cannot be read, is no TOML, or says something a policy cannot say.

    Stability: stable.
    """
    if source is None:
        return parse_policy(default_policy_text(), "default.toml")
    path = Path(source)
    return parse_policy(read_policy_text(path), path.name, path.parent)


def read_policy_text(path: Path) -> str:
    """The text of a policy file.

    Raises:
        PolicyError: It cannot be read, is too large, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise PolicyError(
            "there is no such file: write one with 'knowingly init'", path=path.name
        ) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        raise PolicyError(f"cannot be read: {why}", path=path.name) from None
    if len(raw) > MAX_BYTES:
        raise _too_big(path.name)
    try:
        # Some editors begin a UTF-8 file with a byte-order mark; it means nothing.
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = "is not UTF-8 text: save it as UTF-8"
        raise _explained((PolicyProblem(path.name, line, "", what),)) from None


def parse_policy(text: str, origin: str = "policy.toml", folder: Path | None = None) -> Policy:
    """Check the text of a policy file.

    Args:
        text: TOML.
        origin: What errors call the file.
        folder: Where the files of notices are; without it none can be named.

    Raises:
        PolicyError: As ``load_policy``.
    """
    if len(text) > MAX_BYTES:
        raise _too_big(origin)
    said = _parse_toml(text, origin)
    found = list(read_words(said, folder))
    policy = None
    try:
        policy = Policy.model_validate(said)
    except ValidationError as error:
        found += _complaints(error)
    if policy is None or found:
        raise _explained(placed(found, text, origin))
    return policy


def placed(found: Iterable[tuple[Loc, str]], text: str, origin: str) -> tuple[PolicyProblem, ...]:
    """Where in the file each thing stands that is said of it, in the order of the file."""
    lines = KeyLines(text)
    problems = [PolicyProblem(origin, lines.of(loc), _dotted(loc), what) for loc, what in found]
    return tuple(sorted(problems, key=lambda problem: problem.line))


def _too_big(origin: str) -> PolicyError:
    return PolicyError(f"is larger than {MAX_BYTES:,} bytes: shorten the notices", path=origin)


def _parse_toml(text: str, origin: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what = str(error)
        place = _PLACE.search(what)
        line = int(place[1]) if place else text.count("\n") + 1
        where = f", column {place[2]}" if place else ""
        what = _PLACE.sub("", what).removesuffix(" (at end of document)")
        what = f"{what[:1].lower()}{what[1:]}"
        what = f'is not TOML{where}: {what}; write key = value, with text in "quotes"'
        raise _explained((PolicyProblem(origin, line, "", what),)) from None
    except (RecursionError, ValueError):
        # Brackets nested by the thousand, or a number of thousands of digits.
        raise PolicyError("holds a value no policy needs: remove it", path=origin) from None


def _complaints(error: ValidationError) -> Iterator[tuple[Loc, str]]:
    for complaint in error.errors(include_url=False, include_input=False):
        yield tuple(part for part in complaint["loc"] if part not in _NO_KEYS), cure(complaint)


def _explained(problems: tuple[PolicyProblem, ...]) -> PolicyError:
    """The complaint that stands first in the file, with a count of the others."""
    first = problems[0]
    others = f" ({len(problems) - 1} more after this one)" if len(problems) > 1 else ""
    return PolicyError(f"{first.message}{others}", path=first.place, problems=problems)


def _dotted(loc: Loc) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)[1:]
