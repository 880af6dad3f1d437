"""Figures as words, the same on a terminal and on a page."""

from knowingly.evaluate.results import Figure

NONE = "–"  # noqa: RUF001 - an en dash: nothing was measured


def shown(value: float | None, digits: int = 4) -> str:
    """A figure, or a dash where there is none."""
    return NONE if value is None else f"{value:.{digits}f}"


def interval(figure: Figure, digits: int = 4) -> str:
    """Both ends of an interval, or nothing where there is none."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{shown(figure.low, digits)} to {shown(figure.high, digits)}"


def p_value(p: float) -> str:
    """A p-value; one that says ``< 0.001`` is as small as is worth saying."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
