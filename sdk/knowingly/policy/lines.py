"""On which line of a TOML text each key stands, for error messages.

``tomllib`` tells no lines once a text has parsed. This scanner runs on texts that did parse, so it
need not judge them: it follows strings, brackets and line ends, and notes where keys begin.
"""

import re
import tomllib
from collections.abc import Iterator

Loc = tuple[str | int, ...]

_TOKEN = re.compile(
    r'''
      (?P<text> """(?:\\.|[^\\])*?"{3,5} | \'\'\'.*?\'{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*' )
    | (?P<skip> \#[^\n]* | [ \t\r]+ )
    | (?P<end>  \n )
    | (?P<mark> [\[\]{}=.,] )
    | (?P<bare> [^\s\[\]{}=.,\#"']+ )
    ''',
    re.VERBOSE | re.DOTALL,
)


class KeyLines:
    """The line of every table and key of one TOML text, counted from 1."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Loc, int] = {(): 1}
        self._last_index: dict[Loc, int] = {}
        table: Loc = ()
        for brackets, keys, line in _statements(text):
            if brackets:
                table = self._place((), keys, line, new_entry=brackets > 1)
            else:
                self._place(table, keys, line)

    def of(self, loc: Loc) -> int:
        """The line of ``loc``, or of the nearest table or key around it that is written out."""
        while loc not in self._lines:
            loc = loc[:-1]
        return self._lines[loc]

    def _place(self, loc: Loc, keys: list[str], line: int, *, new_entry: bool = False) -> Loc:
        for position, key in enumerate(keys):
            loc = (*loc, key)
            self._lines.setdefault(loc, line)
            if new_entry and position == len(keys) - 1:
                self._last_index[loc] = self._last_index.get(loc, -1) + 1
            if loc in self._last_index:
                loc = (*loc, self._last_index[loc])
                self._lines.setdefault(loc, line)
        return loc


def _statements(text: str) -> Iterator[tuple[int, list[str], int]]:
    """Each header or key: opening brackets (0 for a key), its dotted parts, its line."""
    line, depth, brackets, in_value = 1, 0, 0, False
    keys: list[str] = []
    for match in _TOKEN.finditer(text + "\n"):
        kind, word = match.lastgroup, match.group()
        if kind == "end" and depth == 0:
            if keys:
                yield brackets, keys, line
            keys, brackets, in_value = [], 0, False
        elif kind == "mark" and in_value:
            depth += (word in "[{") - (word in "]}")
        elif kind == "mark":
            brackets += word == "["
            if word == "=":
                yield 0, keys, line
                keys, in_value = [], True
        elif kind in ("text", "bare") and not in_value:
            keys.append(_plain(word))
        line += word.count("\n")


def _plain(word: str) -> str:
    """A key without its quotes."""
    return str(tomllib.loads(f"key = {word}")["key"]) if word[0] in "\"'" else word
