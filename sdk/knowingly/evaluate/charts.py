"""Three small charts as inline SVG: dots with intervals, grouped bars, and lines.

Pure functions from numbers to text. Colours and type come from the page, by class: ``s0`` to ``s7``
are the series, so that a chart follows a dark page and a printer alike.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from knowingly.evaluate.results import Figure
from knowingly.evaluate.words import shown

SERIES = 8
_WIDE, _NARROW = 960, 460  # about as wide as a page shows them, so that type keeps its size
_LETTER = 7  # as wide as most letters are, and wider than the mean of them
_TICKS = 5


@dataclass(frozen=True, slots=True)
class Series:
    """One named row of figures; ``place`` says in which colour."""

    name: str
    place: int
    figures: Sequence[Figure]

    @property
    def colour(self) -> str:
        """The class that the page colours it by."""
        return f"s{self.place % SERIES}"


def dots(rows: Sequence[Series], *, label: str) -> str:
    """One dot with its interval for each row; each has one figure."""
    longest = max((len(row.name) for row in rows), default=0)
    left, right, step = max(150, 14 + longest * _LETTER), _WIDE - 70, 36
    height = len(rows) * step + 40
    scale = _Scale.up_to(_most(rows), left, right)
    parts = [
        _line((x, 8), (x, height - 28), "grid") + _text((x, height - 10), words, "tick middle")
        for x, words in scale.ticks()
    ]
    for number, row in enumerate(rows):
        y, figure = 26 + number * step, row.figures[0]
        parts.append(_text((left - 14, y + 4), row.name, "name end"))
        if figure.value is None:
            continue
        x = scale.at(figure.value)
        if figure.low is not None and figure.high is not None:
            ends = (scale.at(figure.low), y), (scale.at(figure.high), y)
            parts.append(_line(*ends, f"whisker {row.colour}"))
        parts.append(f'<circle class="dot {row.colour}" cx="{x:.1f}" cy="{y}" r="6"/>')
        parts.append(_text((right + 14, y + 4), shown(figure.value), "value"))
    return _svg(_WIDE, height, label, parts)


def bars(names: Sequence[str], rows: Sequence[Series], *, label: str) -> str:
    """A group of bars for each name, one bar of a group for each row."""
    top, bottom, left = 12, 224, 44
    scale = _Scale.up_to(_most(rows), bottom, top)
    parts = _levels(scale, left)
    room = (_NARROW - left) / max(len(names), 1)
    width = min(26.0, room * 0.78 / max(len(rows), 1))
    for group, name in enumerate(names):
        middle = left + room * (group + 0.5)
        parts.append(_text((middle, bottom + 20), name, "tick middle"))
        for number, row in enumerate(rows):
            x = middle + (number - len(rows) / 2) * width
            value = row.figures[group].value
            if value is None:
                parts.append(_text((x + width / 2, bottom - 5), shown(None), "tick middle"))
                continue
            y = scale.at(value)
            parts.append(
                f'<rect class="bar {row.colour}" x="{x + 1:.1f}" y="{y:.1f}" '
                f'width="{width - 2:.1f}" height="{max(bottom - y, 0.8):.1f}">'
                f"<title>{escape(f'{row.name}, {name}: {shown(value)}')}</title></rect>"
            )
    return _svg(_NARROW, bottom + 32, label, parts)


def lines(at: Sequence[float], names: Sequence[str], rows: Sequence[Series], *, label: str) -> str:
    """A line for each row over places on an axis, each dot with its interval.

    Args:
        at: Where the figures stand, ascending.
        names: What the axis says there.
        rows: A figure for each place.
        label: What the chart shows, for those who cannot see it.
    """
    top, bottom, left, right = 12, 224, 44, _NARROW
    up = _Scale.up_to(_most(rows), bottom, top)
    parts = _levels(up, left)
    first, last = at[0], at[-1]
    spread = (right - left - 60) / ((last - first) or 1.0)
    for x, name in zip(at, names, strict=True):
        parts.append(_text((left + 30 + (x - first) * spread, bottom + 20), name, "tick middle"))
    for number, row in enumerate(rows):
        # A little apart, so that intervals do not hide each other.
        shift = left + 30 + (number - (len(rows) - 1) / 2) * 7
        there = [
            (shift + (x - first) * spread, figure)
            for x, figure in zip(at, row.figures, strict=True)
            if figure.value is not None
        ]
        points = " ".join(f"{x:.1f},{up.at(one.value or 0):.1f}" for x, one in there)
        parts.append(f'<polyline class="line {row.colour}" points="{points}"/>')
        for x, one in there:
            if one.low is not None and one.high is not None:
                ends = (x, up.at(one.low)), (x, up.at(one.high))
                parts.append(_line(*ends, f"whisker thin {row.colour}"))
            parts.append(
                f'<circle class="dot {row.colour}" cx="{x:.1f}" '
                f'cy="{up.at(one.value or 0):.1f}" r="5"/>'
            )
    return _svg(_NARROW, bottom + 32, label, parts)


@dataclass(frozen=True, slots=True)
class _Scale:
    """From 0 to a round number, along a line of the picture."""

    most: float
    start: float
    end: float

    @classmethod
    def up_to(cls, value: float, start: float, end: float) -> "_Scale":
        return cls(_round_up(value), start, end)

    def at(self, value: float) -> float:
        return self.start + (self.end - self.start) * value / self.most

    def ticks(self) -> list[tuple[float, str]]:
        step = self.most / _TICKS
        digits = next(n for n in range(12) if n == 11 or math.isclose(round(step, n), step))
        return [(self.at(n * step), shown(n * step, digits)) for n in range(_TICKS + 1)]


def _round_up(value: float) -> float:
    """The next number that splits into five round steps."""
    if value <= 0:
        return 1.0
    size: float = 10.0 ** math.floor(math.log10(value / _TICKS))
    for factor in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8):
        if size * factor * _TICKS >= value - 1e-12:
            return size * factor * _TICKS
    return size * 10 * _TICKS


def _most(rows: Sequence[Series]) -> float:
    ends = [
        end
        for row in rows
        for figure in row.figures
        for end in (figure.value, figure.high)
        if end is not None
    ]
    return max(ends, default=0.0)


def _levels(scale: _Scale, left: float) -> list[str]:
    return [
        _line((left, y), (_NARROW, y), "grid") + _text((left - 8, y + 4), words, "tick end")
        for y, words in scale.ticks()
    ]


def _line(start: tuple[float, float], end: tuple[float, float], kind: str) -> str:
    return (
        f'<line class="{kind}" x1="{start[0]:.1f}" y1="{start[1]:.1f}" '
        f'x2="{end[0]:.1f}" y2="{end[1]:.1f}"/>'
    )


def _text(at: tuple[float, float], words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{at[0]:.1f}" y="{at[1]:.1f}">{escape(words)}</text>'


def _svg(width: int, height: float, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg role="img" aria-label="{escape(label, quote=True)}" '
        f'viewBox="0 0 {width} {height:.0f}">{"".join(parts)}</svg>'
    )
